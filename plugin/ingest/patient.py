"""Who the record is about, and which resources speak of somebody else."""

from __future__ import annotations

from collections.abc import Iterable

from plugin.ingest.references import Member, Received, bare_id, reference_of
from plugin.ingest.resources import ClosedList, Json, obj, text, truth, written_date
from plugin.record import PatientFact

_SEXES = ClosedList("male", "female", "other", "unknown")
_SUBJECT_KEYS = ("subject", "patient")
# Lookup targets that belong to no patient.
_SHARED = frozenset({"Medication", "OperationOutcome", "Questionnaire", "Practitioner", "Organization", "Substance"})


def read_patient(reference: str, resource: Json) -> PatientFact:
    """Birth date as written, administrative gender, and whether a death is recorded."""
    deceased = truth(resource.get("deceasedBoolean")) or bool(text(resource.get("deceasedDateTime")))
    return PatientFact(
        reference=reference,
        birth=written_date(resource.get("birthDate")),
        sex=_SEXES.word(resource.get("gender"), "unknown"),
        deceased=deceased,
    )


def subject_of(resource: Json) -> str:
    """The reference of the patient a resource is about: ``Patient/id``, another ``Type/id``, or empty when
    not stated.
    """
    for key in _SUBJECT_KEYS:
        reference = reference_of(obj(resource.get(key)))
        if reference and not reference.startswith("#"):
            return reference if "/" in reference else f"Patient/{reference}"
    return ""


def with_subjects(received: Received) -> list[tuple[Member, str]]:
    """What was received and whom each is about; the same reference is taken apart once."""
    known: dict[str, str] = {}
    told = []
    for member in received:
        sent = member.resource.get("subject")
        written = sent.get("reference") if isinstance(sent, dict) else None
        about = known.get(written) if isinstance(written, str) else None
        if about is None:
            about = subject_of(member.resource)
            if about and isinstance(written, str) and "patient" not in member.resource:
                known[written] = about
        told.append((member, about))
    return told


def patients_among(received: Received) -> tuple[str, ...]:
    """The ids of all patients that are sent or spoken of, in order of appearance; a Patient without id has
    none.
    """
    return patients_of(with_subjects(received))


def patients_of(told: Iterable[tuple[Member, str]]) -> tuple[str, ...]:
    """As `patients_among`, from what was received and whom each is about."""
    found: dict[str, None] = {}
    for (reference, kind, resource), subject in told:
        about = reference if kind == "Patient" and text(resource.get("id")) else subject
        if about.startswith("Patient/"):
            found.setdefault(bare_id(about))
    return tuple(found)


def split_patients(resources: Iterable[object]) -> tuple[str, ...]:
    """The ids of all patients in `resources`, sent as Patient or only named as subject, in order of
    appearance.

    More than one means that the caller has to ask which is meant (decision 9).
    """
    return patients_among(Received(resources))


def why_not_about(member: Member, about: str, patient_id: str, *, alone: bool) -> str | None:
    """Why a resource is not about the patient, None when it is; `about` as `subject_of` says.

    A resource that names no subject is taken to be about the patient only when there is no other (`alone`).
    """
    kind = member.kind
    if kind in _SHARED:
        return None
    if kind == "Patient":
        named = text(member.resource.get("id"))
        return None if named == patient_id or (alone and not named) else "another patient"
    if not about:
        return None if alone else "names no patient although several are in the input"
    if not about.startswith("Patient/"):
        return "not about a patient"
    return None if bare_id(about) == patient_id else "about another patient"
