"""A patient's compartment: what belongs to one patient, and nobody else's.

A resource belongs to a patient when its ``subject`` or ``patient`` is that patient. What it refers to comes
along when it is nobody's own, such as a Medication or a Practitioner.
"""

from __future__ import annotations

from cds_hooks.sandbox.criteria import Place
from cds_hooks.sandbox.elements import Document, references_in, walk
from cds_hooks.sandbox.parameters import SEARCHABLE
from cds_hooks.sandbox.references import Local, key_of, local
from cds_hooks.sandbox.store import Held


def owned_by(patient: Held, place: Place) -> list[Held]:
    """The patient, and all that belongs to the patient, in order of arrival."""
    here = Local(patient.kind, patient.id)
    candidates = place.store.referring_to([key_of(here)])
    return [patient, *(held for held in candidates if here in owners_of(held.document, place.base))]


def referred_to(owned: list[Held], place: Place) -> list[Held]:
    """What `owned` refer to directly and no patient owns, each once."""
    found: dict[tuple[str, str], Held] = {}
    for held in owned:
        for reference in references_in(held.document):
            target = local(reference, place.base)
            other = place.store.find(*target) if target else None
            if other is not None and other.kind != "Patient" and not owners_of(other.document, place.base):
                found.setdefault((other.kind, other.id), other)
    return list(found.values())


def has_owner(kind: str) -> bool:
    """Whether resources of `kind` are somebody's: the patient, and what can be searched by patient."""
    return kind == "Patient" or "patient" in SEARCHABLE.get(kind, {})


def owners_of(document: Document, base: str) -> set[Local]:
    """The patients of the server at `base` whose `document` is; a Patient is its own."""
    if document.get("resourceType") == "Patient":
        return {Local("Patient", str(document.get("id", "")))}
    paths = ("subject.reference", "patient.reference")
    references = [value for path in paths for value in walk(document, path) if isinstance(value, str)]
    return {owner for owner in (local(value, base) for value in references) if owner and owner.kind == "Patient"}
