"""What one line of an export tells: whose it is, or what is wrong with it. The rule; grouping has a faster way."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from plugin.ingest import split_patients
from plugin.ingest.documents import flattened
from plugin.ingest.references import reference_of

MEDICATION = "Medication"
NOT_JSON = "not JSON"
NO_OBJECT = "not an object"
NO_TYPE = "no resourceType"
NO_PATIENT = "no patient named"
SEVERAL = "several patients"
TOO_LONG = "longer than 64 MiB"
ENDS_EARLY = "the packed file is damaged or ends early"
# A Reference, or the bare string that some send in its place.
_REFERENCE = re.compile(rb'"(?:reference|medicationReference|medication)"\s*:\s*("(?:[^"\\]|\\.)*")')


@dataclass(slots=True)
class Told:
    """`members` are (patient, line); `medications` (id, line) without a patient; `types` all resource types met.

    `fault` is the kind of fault of a line that cannot be used, else empty. `passed` is the number of resources that are
    about no patient and that the reasoning does not read, such as an Organization.
    """

    members: list[tuple[str, bytes]] = field(default_factory=list)
    medications: list[tuple[str, bytes]] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    passed: int = 0
    fault: str = ""


def told_by(written: bytes, read: Collection[str]) -> Told:
    """What a line, or a whole document, tells. `read` are the types that the reasoning reads. Never raises.

    A Bundle or array of one patient is taken apart and all of it is that patient's, Medications included; one of
    several patients is a fault. A resource that names no patient is a fault only where its type is one that is read.
    """
    try:
        document = orjson.loads(written)
    except orjson.JSONDecodeError:
        return Told(fault=NOT_JSON)
    if isinstance(document, dict) and document.get("resourceType") != "Bundle":
        return _one(document, written, read)
    if isinstance(document, dict) or (isinstance(document, list) and all(isinstance(one, dict) for one in document)):
        return _many(document if isinstance(document, list) else [document], read)
    return Told(fault=NO_OBJECT)


def _one(resource: dict[str, Any], written: bytes, read: Collection[str]) -> Told:
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or not kind.strip():
        return Told(fault=NO_TYPE)
    told = Told(types={kind})
    patients = split_patients([resource])
    if kind == MEDICATION:
        named = resource.get("id")
        if isinstance(named, str) and named.strip():
            told.medications.append((named.strip(), written))
        else:
            told.passed = 1
    elif patients:
        told.members.append((patients[0], written))
    elif kind in read:
        told.fault = NO_PATIENT
    else:
        told.passed = 1
    return told


def _many(documents: list[dict[str, Any]], read: Collection[str]) -> Told:
    resources = [one for document in documents for one in flattened(document)]
    patients = split_patients(resources)
    if len(patients) > 1:
        return Told(fault=SEVERAL)
    if patients:
        kinds = {one.get("resourceType") for one in resources}
        return Told(
            members=[(patients[0], orjson.dumps(one)) for one in resources],
            types={kind for kind in kinds if isinstance(kind, str)},
        )
    told = Told()
    for one in resources:
        each = _one(one, orjson.dumps(one), read)
        if each.fault:
            return Told(fault=each.fault)
        told.medications += each.medications
        told.types |= each.types
        told.passed += each.passed
    return told


def medications_named(line: bytes) -> Iterator[str]:
    """The ids of the Medications that a line may refer to, also by a bare ``urn:uuid:``; some may lead nowhere."""
    for found in _REFERENCE.finditer(line):
        try:
            reference = reference_of(orjson.loads(found.group(1)))
        except orjson.JSONDecodeError:
            continue
        kind, slash, name = reference.rpartition("/")
        if name and not name.startswith("#") and (not slash or kind == MEDICATION):
            yield name
