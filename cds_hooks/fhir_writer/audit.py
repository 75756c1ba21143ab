"""AuditEvents: who did what, for whom, and which rules answered. FHIR R4, without a patient value.

The patient is an identifier in a system of our own whose value is a pseudonym. People and clients are identified, not
referenced: their resources live in the client's system, not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

_TYPES = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_ENTITY_TYPES = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLES = "http://terminology.hl7.org/CodeSystem/object-role"
PSEUDONYMS = "https://trd-cds.github.io/fhir/sid/pseudonym"
USERS = "https://trd-cds.github.io/fhir/sid/user"
CLIENTS = "https://trd-cds.github.io/fhir/sid/client"
EVENTS = "https://trd-cds.github.io/fhir/CodeSystem/audit-events"

Kind = Literal["hook", "feedback", "switch", "retention", "export", "page", "app", "app-write-attempt", "app-write"]
Outcome = Literal["0", "4", "8"]
_ACTIONS: Mapping[Kind, str] = {
    "hook": "E",
    "feedback": "C",
    "switch": "U",
    "retention": "D",
    "export": "R",
    "page": "R",
    "app": "R",
    "app-write-attempt": "C",
    "app-write": "C",
}
_DISPLAYS: Mapping[Kind, str] = {
    "hook": "A hook was answered",
    "feedback": "Feedback was taken",
    "switch": "A client or rule was switched",
    "retention": "Records past their time were removed",
    "export": "Records were exported",
    "page": "The governance page was read",
    "app": "The basis of an assessment was shown",
    "app-write-attempt": "Writing to the EHR what a clinician reported was begun",
    "app-write": "Writing to the EHR what a clinician reported has ended",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What an audit event tells. Every text is ours, or a reference to a user; `patient` is a pseudonym.

    `outcome` is FHIR's: ``0`` success, ``4`` the request could not be served, ``8`` our own fault. `details` are names
    and values such as rule ids and counts.
    """

    kind: Kind
    at: datetime
    site: str
    client: str = ""
    user: str = ""
    patient: str = ""
    outcome: Outcome = "0"
    details: Sequence[tuple[str, str]] = ()


def audit_event(told: Happening) -> dict[str, Any]:
    """The AuditEvent resource of `told`."""
    agents = []
    if told.user:
        agents.append({"who": {"identifier": {"system": USERS, "value": told.user}}, "requestor": True})
    if told.client:
        source = {"coding": [{"system": _DICOM, "code": "110153", "display": "Source Role ID"}]}
        client = {"identifier": {"system": CLIENTS, "value": told.client}}
        agents.append({"type": source, "who": client, "requestor": not told.user})
    entities: list[dict[str, Any]] = []
    if told.patient:
        entities.append(
            {
                "what": {"identifier": {"system": PSEUDONYMS, "value": told.patient}},
                "type": {"system": _ENTITY_TYPES, "code": "1", "display": "Person"},
                "role": {"system": _ROLES, "code": "1", "display": "Patient"},
            }
        )
    if told.details:
        entities.append(
            {
                "type": {"system": _ENTITY_TYPES, "code": "2", "display": "System Object"},
                "detail": [{"type": name, "valueString": value} for name, value in told.details if value],
            }
        )
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "type": {"system": _TYPES, "code": "rest", "display": "RESTful Operation"},
        "subtype": [{"system": EVENTS, "code": told.kind, "display": _DISPLAYS[told.kind]}],
        "action": _ACTIONS[told.kind],
        "recorded": told.at.isoformat(timespec="milliseconds"),
        "outcome": told.outcome,
        "agent": agents or [{"who": {"display": "trd-cds"}, "requestor": False}],
        "source": {"site": told.site, "observer": {"display": "trd-cds"}},
    }
    if entities:
        event["entity"] = entities
    return event
