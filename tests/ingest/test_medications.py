from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from plugin.record import Layer, MedicationFact, PatientRecord
from plugin.spans import PartialDate
from tests.ingest.shorthand import (
    RXNORM,
    SERTRALINE,
    SERTRALINE_50,
    SUBJECT,
    administration,
    coded,
    dispense,
    one_daily,
    order,
    statement,
)

Reader = Callable[..., PatientRecord]


def only(record: PatientRecord) -> MedicationFact:
    (fact,) = record.medications
    return fact


def day(text: str) -> PartialDate:
    found = PartialDate.parse(text)
    assert found is not None
    return found


def reasons(record: PatientRecord) -> dict[str, str]:
    return {entry.reference: entry.reason for entry in record.set_aside}


@pytest.mark.parametrize(
    "status",
    ["active", "on-hold", "cancelled", "completed", "stopped", "draft", "unknown"],
)
def test_all_statuses_of_orders_are_kept(read: Reader, status: str) -> None:
    assert only(read(order(status=status))).status == status


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (None, "unknown"),
        ("Ana was here", "unknown"),
        ("ACTIVE", "active"),
        ("canceled", "cancelled"),
        (["x"], "unknown"),
    ],
)
def test_status_never_carries_free_text(read: Reader, sent: object, status: str) -> None:
    assert only(read(order(status=sent))).status == status


@pytest.mark.parametrize("build", [order, dispense, statement, administration])
def test_entered_in_error_is_set_aside(read: Reader, build: Callable[..., dict[str, Any]]) -> None:
    record = read(build("e", status="entered-in-error"))
    assert not record.medications
    assert list(reasons(record).values()) == ["entered in error"]


ASPIRIN = {"text": "Acetylsalicylic acid 100 mg"}


def test_unknown_drugs_are_set_aside_but_dispenses_prove_a_live_feed(read: Reader) -> None:
    record = read(order(medicationCodeableConcept=ASPIRIN), dispense(medicationCodeableConcept=ASPIRIN))
    assert only(record).reference == "MedicationDispense/d1"
    assert only(record).product is None
    assert reasons(record) == {"MedicationRequest/o1": "not a medication this version judges"}


def test_an_order_without_a_medication_is_set_aside(read: Reader) -> None:
    bare = order()
    del bare["medicationCodeableConcept"]
    assert reasons(read(bare)) == {"MedicationRequest/o1": "names no medication"}


MEDICATION = {"resourceType": "Medication", "id": "m1", "code": SERTRALINE}


@pytest.mark.parametrize(
    ("reference", "others", "contained"),
    [
        ({"reference": "Medication/m1"}, [MEDICATION], []),
        ({"reference": "https://ehr.example/fhir/r4/Medication/m1"}, [MEDICATION], []),
        ({"reference": "Medication/m1/_history/3"}, [MEDICATION], []),
        ({"reference": "urn:uuid:m1"}, [MEDICATION], []),
        ({"reference": "#m1"}, [], [MEDICATION]),
        ({"reference": "#m1"}, [{**MEDICATION, "code": ASPIRIN}], [MEDICATION]),
        ({"reference": "Medication/gone", "display": "sertraline 50 MG tablet"}, [], []),
    ],
)
def test_the_drug_is_found_by_reference(
    read: Reader, reference: dict[str, str], others: list[dict[str, Any]], contained: list[dict[str, Any]]
) -> None:
    resource = order(medicationReference=reference, contained=contained)
    del resource["medicationCodeableConcept"]
    product = only(read(resource, *others)).product
    assert product is not None
    assert product.ingredients == ("sertraline",)


def test_a_medication_read_by_reference_is_accounted_for(read: Reader) -> None:
    resource = order(medicationReference={"reference": "Medication/m1"})
    del resource["medicationCodeableConcept"]
    record = read(resource, MEDICATION, {**MEDICATION, "id": "m2"})
    assert reasons(record) == {
        "Medication/m1": "read through the records that refer to it",
        "Medication/m2": "no record read refers to it",
    }


def test_order_fields(read: Reader) -> None:
    fact = only(
        read(
            order(
                intent="filler-order",
                doNotPerform=True,
                identifier=[{"system": "urn:rx", "value": "7"}, {"value": " "}],
                basedOn=[{"reference": "https://ehr.example/MedicationRequest/parent"}],
                priorPrescription={"reference": "MedicationRequest/before"},
                dosageInstruction=[one_daily(2)],
                dispenseRequest={
                    "quantity": {"value": "30", "unit": "Tablet (oral)"},
                    "expectedSupplyDuration": {"value": 2, "unit": "wk", "code": "wk"},
                    "numberOfRepeatsAllowed": 3,
                    "validityPeriod": {"start": "2025-01-11", "end": "2026-01-11"},
                    "initialFill": {"quantity": {"value": 7}},
                },
            )
        )
    )
    assert fact.layer is Layer.ORDER
    assert (fact.intent, fact.do_not_perform, fact.reported) == ("filler-order", True, False)
    assert fact.identifiers == {"urn:rx|7"}
    assert fact.based_on == ("MedicationRequest/parent",)
    assert fact.replaces == "MedicationRequest/before"
    assert fact.written == day("2025-01-10")
    assert fact.start == fact.validity_start == day("2025-01-11")
    assert fact.validity_end == day("2026-01-11")
    assert fact.end is None
    assert (fact.quantity, fact.days_supply, fact.repeats) == (30, 14, 3)
    assert (fact.initial_quantity, fact.initial_days) == (7, None)
    assert fact.flags == ("initial-fill",)


def test_bounds_give_start_and_end_only_when_every_instruction_ends(read: Reader) -> None:
    bounded = one_daily()
    bounded["timing"]["repeat"]["boundsPeriod"] = {"start": "2025-02-01", "end": "2025-03-01"}
    both = only(read(order(dosageInstruction=[bounded])))
    assert (both.start, both.end) == (day("2025-02-01"), day("2025-03-01"))
    open_ended = only(read(order(dosageInstruction=[bounded, one_daily()])))
    assert (open_ended.start, open_ended.end) == (day("2025-02-01"), None)


@pytest.mark.parametrize(
    ("sent", "days", "flags"),
    [
        ({"value": 30, "unit": "days"}, 30, ()),
        ({"value": "30", "code": "d"}, 30, ()),
        ({"value": 30}, 30, ()),
        ({"value": 4, "unit": "Weeks"}, 28, ()),
        ({"value": 1, "code": "mo"}, 30, ()),
        ({"value": 3, "unit": "fortnights"}, None, ("supply-unit-unknown",)),
        ({"value": -3, "unit": "d"}, None, ()),
        (28, 28, ()),
        ("soon", None, ()),
    ],
)
def test_days_supply(read: Reader, sent: object, days: float | None, flags: tuple[str, ...]) -> None:
    fact = only(read(dispense(daysSupply=sent)))
    assert (fact.days_supply, fact.flags) == (days, flags)


@pytest.mark.parametrize(
    ("sent", "quantity", "flags"),
    [
        ({"value": 30}, 30, ()),
        ({"value": 30.0, "unit": "TAB"}, 30, ()),
        ({"value": 120, "code": "mL"}, 120, ()),
        ({"value": 1, "unit": "bottle"}, None, ("quantity-unit-unknown",)),
        ({"value": 1500, "code": "mg"}, None, ("quantity-unit-unknown",)),
        ({"value": True}, None, ()),
        (None, None, ()),
    ],
)
def test_quantity(read: Reader, sent: object, quantity: float | None, flags: tuple[str, ...]) -> None:
    fact = only(read(dispense(quantity=sent)))
    assert (fact.quantity, fact.flags) == (quantity, flags)


def test_dispense_dates(read: Reader) -> None:
    handed = only(read(dispense(whenPrepared="2025-01-11T10:00:00Z", whenHandedOver="2025-01-12T23:30:00-05:00")))
    assert (handed.start, handed.prepared_only) == (day("2025-01-12"), False)
    prepared = only(read(dispense(whenPrepared="2025-01-11", whenHandedOver=None)))
    assert (prepared.start, prepared.prepared_only) == (day("2025-01-11"), True)
    linked = only(read(dispense(authorizingPrescription=[{"reference": "MedicationRequest/o1"}])))
    assert linked.based_on == ("MedicationRequest/o1",)


def test_statement_and_reported_order_are_reports(read: Reader) -> None:
    fact = only(read(statement(effectivePeriod={"start": "2024-05", "end": "2024-09-30"}, dateAsserted="2025-01-01")))
    assert (fact.layer, fact.start, fact.end) == (Layer.REPORT, day("2024-05"), day("2024-09-30"))
    assert fact.written == day("2025-01-01")
    for reported in ({"reportedBoolean": True}, {"reportedReference": SUBJECT}):
        fact = only(read(order(intent="plan", **reported)))
        assert (fact.layer, fact.reported, fact.intent) == (Layer.REPORT, True, "plan")
    assert only(read(order(reportedBoolean=False))).layer is Layer.ORDER


def test_an_administration_is_one_intake_on_its_days(read: Reader) -> None:
    fact = only(read(administration(dosage={"dose": {"value": 100, "code": "mg"}})))
    assert (fact.start, fact.end, fact.inpatient) == (day("2025-01-12"), day("2025-01-12"), True)
    (line,) = fact.dosage
    assert (line.dose_low, line.unit, line.times_low, line.times_high) == (100, "mg", 1, 1)
    spread = administration(effectivePeriod={"start": "2025-01-12", "end": "2025-01-20"})
    del spread["effectiveDateTime"]
    assert (only(read(spread)).start, only(read(spread)).end) == (day("2025-01-12"), day("2025-01-20"))


@pytest.mark.parametrize(
    "category", [coded("urn:c", "inpatient"), [coded("urn:c", "inpatient")], [{"text": "Inpatient"}]]
)
def test_category_as_object_or_list(read: Reader, category: object) -> None:
    assert only(read(order(category=category))).inpatient


def test_outpatient_administration(read: Reader) -> None:
    assert not only(read(administration(category=coded("urn:c", "outpatient")))).inpatient


def test_fingerprint_tells_apart_all_but_id_and_meta(read: Reader) -> None:
    one, twin, other = read(
        order("a", meta={"versionId": "1"}),
        order("b", text={"status": "generated"}),
        order("c", authoredOn="2025-01-11"),
    ).medications
    assert one.fingerprint == twin.fingerprint != other.fingerprint
    numbered = only(read(order("d", identifier=[{"value": "9"}])))
    assert numbered.fingerprint != one.fingerprint


def test_partial_dates_stay_partial(read: Reader) -> None:
    fact = only(read(order(authoredOn="2025-02")))
    assert fact.written == PartialDate(date(2025, 2, 1), date(2025, 2, 28))


def test_several_codings_of_different_levels(read: Reader) -> None:
    concept = {
        "coding": [
            {"system": "urn:oid:2.16.840.1.113883.6.68", "code": "58160070100310"},
            {"system": RXNORM, "code": "36437"},
            {"system": RXNORM, "code": SERTRALINE_50},
        ]
    }
    product = only(read(order(medicationCodeableConcept=concept))).product
    assert product is not None
    assert (product.ingredients, product.components[0].amount) == (("sertraline",), 50)
