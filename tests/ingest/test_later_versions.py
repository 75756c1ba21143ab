"""Shapes of later FHIR versions, which servers mix into R4 answers, are read for what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plugin.record import MedicationFact, PatientRecord
from plugin.spans import PartialDate
from tests.ingest.shorthand import ICD10CM, SERTRALINE, SNOMED, coded, condition, dispense, order, statement

Reader = Callable[..., PatientRecord]
ADHERENCE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medication-adherence"


def only(record: PatientRecord) -> MedicationFact:
    [fact] = record.medications
    return fact


def without_medication(resource: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "medicationCodeableConcept"} | more


@pytest.mark.parametrize(
    "medication",
    [
        {"concept": SERTRALINE},
        {"reference": {"reference": "Medication/m"}},
        {"reference": "Medication/m"},
        SERTRALINE,
    ],
)
def test_a_medication_given_as_concept_or_reference(read: Reader, medication: dict[str, Any]) -> None:
    known = {"resourceType": "Medication", "id": "m", "code": SERTRALINE}
    fact = only(read(without_medication(order(), medication=medication), known))

    assert fact.product is not None
    assert fact.product.ingredients == ("sertraline",)


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ({"concept": coded(ICD10CM, "F41.1")}, ("anxiety",)),
        ({"reference": {"reference": "Condition/c1"}}, ("depression",)),
        (
            [{"concept": coded(ICD10CM, "F41.1")}, {"reference": {"reference": "Condition/c1"}}],
            ("anxiety", "depression"),
        ),
    ],
)
def test_a_reason_given_as_concept_or_reference(read: Reader, reason: Any, found: tuple[str, ...]) -> None:
    assert only(read(order(reason=reason), condition("c1"))).indications == found


def test_adherence_given_as_an_element(read: Reader) -> None:
    taken = statement(adherence={"code": coded(SNOMED, "715036001")}, dateAsserted="2025-02-01")
    fact = only(read(taken))

    assert (fact.adherence, fact.adherence_asserted) == ("not-taking", PartialDate.parse("2025-02-01"))
    assert only(read(statement(adherence={"code": coded(SNOMED, "1")}))).adherence == ""


def test_the_adherence_extension_is_found_among_others(read: Reader) -> None:
    other = {"url": "http://a.example/pill-count", "valueInteger": 3}
    told = {
        "url": ADHERENCE,
        "extension": [{"url": "medicationAdherence", "valueCodeableConcept": coded(SNOMED, "275928001")}],
    }
    assert only(read(order(extension=[other, told]))).adherence == "partial"
    assert only(read(order(extension=[other]))).adherence == ""


@pytest.mark.parametrize(("status", "day"), [("stopped", "2025-02-03"), ("completed", "2025-02-03"), ("active", None)])
def test_the_day_the_status_changed_is_that_of_the_stop(read: Reader, status: str, day: str | None) -> None:
    fact = only(read(order(status=status, statusChanged="2025-02-03T10:00:00Z")))

    assert fact.stop_noted == (None if day is None else PartialDate.parse(day))


def test_a_later_note_outranks_the_day_the_status_changed(read: Reader) -> None:
    note = {"text": "Stopped, ineffective", "time": "2025-02-10"}
    fact = only(read(order(status="stopped", statusChanged="2025-02-03", note=[note])))

    assert fact.stop_noted == PartialDate.parse("2025-02-10")


def test_a_dispense_is_read_by_the_same_shapes(read: Reader) -> None:
    fact = only(read(without_medication(dispense(), medication={"concept": SERTRALINE})))

    assert fact.product is not None
