"""What groups a Patient states to belong to, for asking whether a service treats groups alike.

Nothing of it reaches the reasoning, which is why it is not read with the record. US Core writes race and ethnicity as
extensions with an `ombCategory`.
"""

from __future__ import annotations

from collections.abc import Iterable

from plugin.ingest.codings import concept_of
from plugin.ingest.resources import Json, obj, objects, text

_EXTENSIONS = {
    "race": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
    "ethnicity": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity",
}


def demographics_of(resources: Iterable[object]) -> dict[str, str | None]:
    """``race``, ``ethnicity`` and ``language`` as codes of the first Patient; None where it states none or several."""
    patient = next((one for one in map(obj, resources) if text(one.get("resourceType")) == "Patient"), None)
    if patient is None:
        return {"race": None, "ethnicity": None, "language": None}
    spoken = [
        code.code for one in objects(patient.get("communication")) for code in concept_of(one.get("language")).codings
    ]
    stated = {name: _categories(patient, url) for name, url in _EXTENSIONS.items()} | {"language": spoken}
    return {name: codes[0] if len(set(codes)) == 1 else None for name, codes in stated.items()}


def _categories(patient: Json, url: str) -> list[str]:
    parts = (
        part
        for one in objects(patient.get("extension"))
        if one.get("url") == url
        for part in objects(one.get("extension"))
    )
    return [
        code
        for part in parts
        if part.get("url") == "ombCategory" and (code := text(obj(part.get("valueCoding")).get("code")))
    ]
