"""The person, findings, problems and procedures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from cds_hooks.fhir_writer.elements import HL7, Element, OrderContext, Resource, Told, coding, concept, kept, on, refer


def patient(*, id_: str, birth: date, sex: str, family: str = "", given: str = "") -> Resource:
    """A Patient; `sex` is the administrative gender as FHIR codes it."""
    name = kept(family=family, given=[given] if given else [])
    return kept(resourceType="Patient", id=id_, name=[name] if name else [], gender=sex, birthDate=on(birth))


def practitioner(*, id_: str, name: str) -> Resource:
    """A Practitioner with a name as plain words."""
    return kept(resourceType="Practitioner", id=id_, active=True, name=[{"text": name}])


def observation(
    *,
    id_: str,
    patient_id: str,
    code: Element,
    day: date,
    value: int | Element | None = None,
    category: str = "survey",
    status: str = "final",
    told: Told | None = None,
) -> Resource:
    """An Observation; an `int` value is a score (valueInteger), a Quantity a measurement (valueQuantity).

    `told` says who reported it and when.
    """
    return kept(
        resourceType="Observation",
        id=id_,
        identifier=told.identifier_elements() if told else None,
        status=status,
        category=[concept(coding(HL7 + "observation-category", category))],
        code=code,
        subject=refer("Patient", patient_id),
        effectiveDateTime=on(day),
        issued=on(told.at) if told else None,
        performer=[told.by] if told and told.by else None,
        valueInteger=value if isinstance(value, int) else None,
        valueQuantity=value if isinstance(value, dict) else None,
        note=told.note_elements() if told else None,
    )


def questionnaire_response(
    *,
    id_: str,
    patient_id: str,
    authored: date,
    answers: Mapping[str, Element | None],
    status: str = "completed",
) -> Resource:
    """A QuestionnaireResponse: one item per link id with its answer Coding, or without answer (None)."""
    items = [kept(linkId=link, answer=[{"valueCoding": answer}] if answer else []) for link, answer in answers.items()]
    return kept(
        resourceType="QuestionnaireResponse",
        id=id_,
        status=status,
        subject=refer("Patient", patient_id),
        authored=on(authored),
        item=items,
    )


def condition(
    *,
    id_: str,
    patient_id: str,
    code: Element,
    clinical: str = "active",
    verification: str = "confirmed",
    onset: date | None = None,
    recorded: date | None = None,
    abated: date | None = None,
) -> Resource:
    """A problem-list Condition; entered in error, it has no clinical status (FHIR constraint con-5)."""
    return kept(
        resourceType="Condition",
        id=id_,
        clinicalStatus=None
        if verification == "entered-in-error" or not clinical
        else concept(coding(HL7 + "condition-clinical", clinical)),
        verificationStatus=concept(coding(HL7 + "condition-ver-status", verification)) if verification else None,
        category=[concept(coding(HL7 + "condition-category", "problem-list-item"))],
        code=code,
        subject=refer("Patient", patient_id),
        onsetDateTime=on(onset),
        abatementDateTime=on(abated),
        recordedDate=on(recorded),
    )


def procedure(
    *,
    id_: str,
    patient_id: str,
    code: Element,
    day: date,
    until: date | None = None,
    sessions: tuple[str, int] | None = None,
    reason: Element | None = None,
    status: str = "completed",
) -> Resource:
    """A Procedure done on one day, or as a series `until` a later one; `sessions`: extension URL and their number."""
    counted = [{"url": sessions[0], "valueUnsignedInt": sessions[1]}] if sessions is not None else None
    return kept(
        resourceType="Procedure",
        id=id_,
        extension=counted,
        status=status,
        code=code,
        subject=refer("Patient", patient_id),
        performedDateTime=on(day) if until is None else None,
        performedPeriod=None if until is None else {"start": on(day), "end": on(until)},
        reasonCode=[reason] if reason is not None else None,
    )


def service_request(
    *,
    id_: str = "",
    patient_id: str,
    code: Element,
    status: str = "draft",
    intent: str = "order",
    authored: date | None = None,
    category: Element | None = None,
    context: OrderContext | None = None,
    notes: Iterable[str] = (),
) -> Resource:
    """A ServiceRequest, by default a draft order. `context` is what it refers to; without `id_` it is still to be
    created.
    """
    around = context or OrderContext()
    return kept(
        resourceType="ServiceRequest",
        id=id_,
        status=status,
        intent=intent,
        category=[category] if category is not None else None,
        code=code,
        subject=refer("Patient", patient_id),
        encounter=around.encounter_element(),
        authoredOn=on(authored),
        reasonReference=around.reason_elements(),
        supportingInfo=around.supporting_elements(),
        note=[{"text": note} for note in notes],
    )


def allergy(*, id_: str, patient_id: str, code: Element, recorded: date | None = None) -> Resource:
    """A confirmed, active AllergyIntolerance, or a recorded absence of any, as `code` says."""
    return kept(
        resourceType="AllergyIntolerance",
        id=id_,
        clinicalStatus=concept(coding(HL7 + "allergyintolerance-clinical", "active")),
        verificationStatus=concept(coding(HL7 + "allergyintolerance-verification", "confirmed")),
        code=code,
        patient=refer("Patient", patient_id),
        recordedDate=on(recorded),
    )
