"""A small export with everything that may be in one: packings, a Bundle, Medications of nobody, broken lines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa

from cds_hooks.cohort.directory import write_cohort
from cds_hooks.cohort.plan import Plan
from mappings.load import Knowledge


def write_mixed_export(place: Path, knowledge: Knowledge, *, patients: int) -> None:
    """Synthetic patients in `place`: every fourth order names its drug by a Medication, one patient is a Bundle."""
    for _ in write_cohort(place, Plan(knowledge), patients=patients, seed=7, profile="complete", engine="0"):
        pass
    (place / "manifest.json").unlink()
    alone = json.loads((place / "Patient.ndjson").read_bytes().splitlines()[0])["id"]
    bundle: list[dict[str, object]] = []
    medications: list[bytes] = []
    for file in sorted(place.glob("*.ndjson")):
        kept = []
        for number, line in enumerate(file.read_bytes().splitlines()):
            told = json.loads(line)
            if alone in (told["id"], told.get("subject", told.get("patient", {})).get("reference", "")[8:]):
                bundle.append(told)
                continue
            if told["resourceType"] == "MedicationRequest" and number % 4 == 0:
                name = f"m{number % 8}"  # some Medications share an id: each of them goes to whoever names it
                medication = {"resourceType": "Medication", "id": name, "code": told.pop("medicationCodeableConcept")}
                told["medicationReference"] = {"reference": f"Medication/{name}" if number % 3 else f"urn:uuid:{name}"}
                medications.append(json.dumps(medication).encode())
            kept.append(json.dumps(told).encode())
        file.write_bytes(b"".join(line + b"\n" for line in kept))
    (place / "Medication.ndjson").write_bytes(b"\n".join(medications))
    entries = [{"resource": one} for one in bundle]
    (place / "one.json").write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    (place / "broken.json").write_text('{"resourceType":\n "Bundle",')
    observations = place / "Observation.ndjson"
    packed = gzip.compress(observations.read_bytes() + b'\n{"resourceType":"Observation"}\n{\n', mtime=0)
    (place / "Observation.ndjson.gz").write_bytes(packed)
    (place / "Condition.2.ndjson.gz").write_bytes(gzip.compress((place / "Condition.ndjson").read_bytes())[:-9])
    observations.unlink()
    with pa.output_stream(str(place / "Procedure.ndjson.zst"), compression="zstd") as written:
        written.write((place / "Procedure.ndjson").read_bytes())
    (place / "Procedure.ndjson").unlink()
    with (place / "MedicationRequest.ndjson").open("ab") as requests:
        requests.write(b'5\n{"resourceType":"MedicationRequest","subject":{"reference":"Patient/\xff"}}\n')
