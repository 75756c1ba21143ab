"""Medication resources: what was ordered, dispensed, reported and administered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from cds_hooks.fhir_writer.elements import Element, OrderContext, Resource, Told, days, kept, on, refer

_ADHERENCE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medication-adherence"


def _adherence(how: Element, asserted: date) -> list[Element]:
    parts = [
        {"url": "medicationAdherence", "valueCodeableConcept": how},
        {"url": "dateAsserted", "valueDateTime": on(asserted)},
    ]
    return [{"url": _ADHERENCE, "extension": parts}]


def medication_request(
    *,
    id_: str = "",
    patient_id: str,
    medication: Element,
    status: str,
    intent: str = "order",
    authored: date | None = None,
    dosages: Iterable[Element] = (),
    fill: Element | None = None,
    fill_days: float | None = None,
    repeats: int | None = None,
    reasons: Iterable[Element] = (),
    status_reason: Element | None = None,
    do_not_perform: bool = False,
    reported: bool = False,
    adherence: tuple[Element, date] | None = None,
    context: OrderContext | None = None,
    requester: str = "",
    notes: Iterable[str] = (),
) -> Resource:
    """A MedicationRequest. `fill` is the quantity of one fill, `fill_days` the days it is meant to last.

    `adherence` says how it is taken, and when that was asserted (US Core's medication adherence extension). `context`
    is what the order refers to, `requester` the id of the Practitioner who signed it. Without `id_` it is a resource
    still to be created.
    """
    around = context or OrderContext()
    return kept(
        resourceType="MedicationRequest",
        id=id_,
        extension=_adherence(*adherence) if adherence else [],
        status=status,
        statusReason=status_reason,
        intent=intent,
        doNotPerform=do_not_perform or None,
        reportedBoolean=reported or None,
        medicationCodeableConcept=medication,
        subject=refer("Patient", patient_id),
        encounter=around.encounter_element(),
        supportingInformation=around.supporting_elements(),
        authoredOn=on(authored),
        requester=refer("Practitioner", requester) if requester else None,
        reasonCode=list(reasons),
        reasonReference=around.reason_elements(),
        note=[{"text": note} for note in notes],
        dosageInstruction=list(dosages),
        dispenseRequest=kept(
            numberOfRepeatsAllowed=repeats,
            quantity=fill,
            expectedSupplyDuration=days(fill_days) if fill_days is not None else None,
        ),
    )


def medication_dispense(
    *,
    id_: str,
    patient_id: str,
    medication: Element,
    status: str = "completed",
    handed_over: date | None = None,
    prepared: date | None = None,
    supply: Element | None = None,
    supply_days: float | None = None,
    dosages: Iterable[Element] = (),
    request_id: str | None = None,
) -> Resource:
    """A MedicationDispense; `request_id` is the MedicationRequest that authorised it."""
    return kept(
        resourceType="MedicationDispense",
        id=id_,
        status=status,
        medicationCodeableConcept=medication,
        subject=refer("Patient", patient_id),
        authorizingPrescription=[refer("MedicationRequest", request_id)] if request_id else [],
        quantity=supply,
        daysSupply=days(supply_days) if supply_days is not None else None,
        whenPrepared=on(prepared),
        whenHandedOver=on(handed_over),
        dosageInstruction=list(dosages),
    )


def medication_statement(
    *,
    id_: str,
    patient_id: str,
    medication: Element,
    status: str,
    effective: Element | None = None,
    asserted: date | None = None,
    dosages: Iterable[Element] = (),
    reasons: Iterable[Element] = (),
    status_reasons: Iterable[Element] = (),
    derived_from: Iterable[str] = (),
    told: Told | None = None,
) -> Resource:
    """A MedicationStatement; `effective` is the Period in which the drug was taken.

    `told` says who asserted it and when, in place of `asserted`. `derived_from` are references ``Type/id`` of the
    records it is about.
    """
    return kept(
        resourceType="MedicationStatement",
        id=id_,
        identifier=told.identifier_elements() if told else None,
        status=status,
        statusReason=list(status_reasons),
        medicationCodeableConcept=medication,
        subject=refer("Patient", patient_id),
        effectivePeriod=effective,
        dateAsserted=on(told.at if told else asserted),
        informationSource=told.by if told else None,
        derivedFrom=[{"reference": one} for one in derived_from],
        reasonCode=list(reasons),
        note=told.note_elements() if told else None,
        dosage=list(dosages),
    )


def medication_administration(
    *,
    id_: str,
    patient_id: str,
    medication: Element,
    given: date,
    status: str = "completed",
    dose: Element | None = None,
) -> Resource:
    """A MedicationAdministration: one dose given on one day."""
    return kept(
        resourceType="MedicationAdministration",
        id=id_,
        status=status,
        medicationCodeableConcept=medication,
        subject=refer("Patient", patient_id),
        effectiveDateTime=on(given),
        dosage=kept(dose=dose),
    )


def medication(*, id_: str, code: Element) -> Resource:
    """A Medication that a request or dispense may refer to."""
    return kept(resourceType="Medication", id=id_, code=code)
