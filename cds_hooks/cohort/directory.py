"""A cohort as a directory: one NDJSON file for each resource type, a manifest, and the truth in a folder of its own.

The files are named as a Bulk Data export names them. The truth is never among them: whoever reads the directory as a
record cannot meet it by accident. Beside it stands what each record does not tell, kind by kind (`lacks`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from cds_hooks.cohort.living import live
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.prescribers import clinic_of, practitioners_of
from cds_hooks.cohort.record import TYPES, patient_id_of, scribe_of
from cds_hooks.cohort.truth import truth_of
from cds_hooks.fhir_writer import Resource

MANIFEST = "manifest.json"
TRUTH = Path("truth") / "truth.ndjson"
PRACTITIONER = "Practitioner"
LACKS = Path("truth") / "lacks.ndjson"


def files_of(directory: Path) -> list[Path]:
    """Every file that a cohort writes, the manifest last."""
    names = [*(Path(f"{kind}.ndjson") for kind in (*TYPES, PRACTITIONER)), TRUTH, LACKS, Path(MANIFEST)]
    return [directory / name for name in names]


def write_cohort(
    directory: Path, plan: Plan, *, patients: int, seed: int, profile: str, engine: str
) -> Generator[int, None, None]:
    """Write a cohort into `directory`, which exists, yielding after each patient how many there are.

    The manifest comes last: a directory without one was not finished. The same arguments and knowledge give the same
    bytes. The prescribers of a clinic are written with its first patient. Raises KeyError for an unknown `profile` and
    OSError when the disk refuses.
    """
    hidden = plan.hidden(profile)
    counts = dict.fromkeys((*TYPES, PRACTITIONER), 0)
    (directory / MANIFEST).unlink(missing_ok=True)
    (directory / TRUTH).parent.mkdir(exist_ok=True)
    with ExitStack() as stack:
        files = {kind: stack.enter_context((directory / f"{kind}.ndjson").open("wb")) for kind in counts}
        truth = stack.enter_context((directory / TRUTH).open("wb"))
        lacks = stack.enter_context((directory / LACKS).open("wb"))
        for number in range(patients):
            life = live(plan, seed, number)
            scribe = scribe_of(life, plan, seed=seed, hidden=hidden)
            for resource in (*_newly_met(plan, seed, number), *scribe.resources):
                counts[resource["resourceType"]] += 1
                _line(files[resource["resourceType"]], resource)
            _line(truth, truth_of(life, plan, patient_id_of(seed, number)))
            _line(lacks, {"patient": f"Patient/{scribe.patient_id}", "lacks": scribe.lacks})
            yield number + 1
    made = _manifest(plan, patients=patients, seed=seed, profile=profile, engine=engine, counts=counts)
    (directory / MANIFEST).write_bytes(orjson.dumps(made, option=orjson.OPT_INDENT_2) + b"\n")


def _newly_met(plan: Plan, seed: int, number: int) -> list[Resource]:
    """The prescribers of a clinic, with its first patient."""
    clinic = clinic_of(plan, number)
    return practitioners_of(plan, seed, clinic) if number == 0 or clinic_of(plan, number - 1) != clinic else []


def _line(file: BinaryIO, document: dict[str, Any]) -> None:
    file.write(orjson.dumps(document) + b"\n")


def _manifest(
    plan: Plan, *, patients: int, seed: int, profile: str, engine: str, counts: dict[str, int]
) -> dict[str, Any]:
    return {
        "synthetic": True,
        "note": "Invented histories. Shares computed from them describe the generator, not patients.",
        "patients": patients,
        "seed": seed,
        "missingness": profile,
        "endOfRecords": plan.end.isoformat(),
        "engine": {
            "version": engine,
            "knowledge": {"version": plan.knowledge.version, "hash": plan.knowledge.content_hash},
        },
        "resources": counts,
        "truth": TRUTH.as_posix(),
        "lacks": LACKS.as_posix(),
        "parameters": {
            "numbers": plan.number,
            "remissionByStep": plan.remission,
            "missing": plan.hidden(profile),
        },
    }


def directory_in_use(directory: Path) -> Iterable[Path]:
    """What already stands in `directory`; nothing when it does not exist."""
    return sorted(directory.iterdir()) if directory.is_dir() else ()
