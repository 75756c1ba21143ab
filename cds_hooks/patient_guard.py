"""No two patients are ever mixed: everything received must be about the patient in context.

A resource names its patient in `subject` or `patient`; a Patient names itself by its id. What names nobody (a
Medication, a logical reference) is accepted. A ``urn:`` that leads to no Patient in hand is not accepted:
nothing shows whose data it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cds_hooks.errors import PatientMismatch
from cds_hooks.references import reference_of, type_and_id

_REMEDY = (
    "Nothing was computed. Send data of the patient named by context.patientId only, and an access token for "
    "that patient."
)


def refuse_other_patient(
    resources: Iterable[Mapping[str, Any]],
    patient_id: str,
    *,
    where: str,
    full_urls: Mapping[str, str] | None = None,
) -> None:
    """Raise PatientMismatch when any of `resources` names a patient other than `patient_id`.

    `full_urls` maps Bundle ``fullUrl``s to ids of Patient resources, to follow ``urn:`` references.
    """
    urls = full_urls or {}
    right = set[str]()  # references already found to lead to the patient: thousands of resources write the same one
    for resource in resources:
        subject = resource.get("subject")
        written = subject.get("reference") if isinstance(subject, dict) else None
        if isinstance(written, str) and written in right and resource.get("resourceType") != "Patient":
            continue
        named = patient_named(resource, urls)
        if named is not None and named != patient_id:
            raise PatientMismatch("Received data are not those of the patient in context.", _REMEDY, where=where)
        if isinstance(written, str) and patient_named({"subject": subject}, urls) == patient_id:
            right.add(written)


def refuse_other_token(token_patient: str | None, patient_id: str) -> None:
    """Raise PatientMismatch when the access token was issued for another patient."""
    if token_patient is not None and token_patient != patient_id:
        raise PatientMismatch(
            "The access token was issued for another patient than the one in context.",
            _REMEDY,
            where="fhirAuthorization.patient",
        )


def patient_named(resource: Mapping[str, Any], full_urls: Mapping[str, str]) -> str | None:
    """The id of the patient that `resource` names as the one it is about; None where it names none."""
    if resource.get("resourceType") == "Patient":
        identifier = resource.get("id")
        return identifier if isinstance(identifier, str) and identifier else None
    for element in ("subject", "patient"):
        reference = reference_of(resource.get(element)).strip()
        if reference in full_urls:
            return full_urls[reference]
        kind, identifier = type_and_id(reference) if reference else ("", "")
        if identifier and kind in {"", "Patient"}:
            return identifier
    return None
