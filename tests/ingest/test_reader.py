from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plugin.ingest import split_patients
from plugin.record import Availability, PatientRecord, Read
from tests.ingest.shorthand import condition, dispense, order, patient, total

Reader = Callable[..., PatientRecord]


def reasons(record: PatientRecord) -> dict[str, str]:
    return {entry.reference: entry.reason for entry in record.set_aside}


def test_every_type_not_read_is_set_aside_by_name(read: Reader) -> None:
    record = read(
        patient(),
        {"resourceType": "AllergyIntolerance", "id": "a"},
        {"resourceType": "Encounter", "id": "e"},
        {"resourceType": "OperationOutcome"},
        {"resourceType": "x y"},
        {},
        "Observation",
    )
    assert reasons(record) == {
        "AllergyIntolerance/a": "names no medication this version judges",
        "Encounter/e": "a resource type not read in this version",
        "OperationOutcome/unnamed-1": "a message of the server, not data",
        "Unknown/unnamed-1": "not a FHIR resource: its resourceType is missing or unreadable",
        "Unknown/unnamed-2": "not a FHIR resource: its resourceType is missing or unreadable",
        "Unknown/unnamed-3": "not a FHIR resource: its resourceType is missing or unreadable",
    }


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ({}, {}, 1),
        ({"meta": {"lastUpdated": "2025-01-01T00:00:00Z"}}, {"meta": {"lastUpdated": "2025-01-02T00:00:00Z"}}, 2),
        ({"meta": {"lastUpdated": "2025-01-02T01:00:00+02:00"}}, {"meta": {"lastUpdated": "2025-01-02T00:00:00Z"}}, 2),
        ({"meta": {"lastUpdated": "2025-01-03"}}, {"meta": {"lastUpdated": "2025-01-02"}}, 1),
        ({}, {"meta": {"lastUpdated": "2025-01-02"}}, 2),
        ({"meta": {"versionId": "9"}}, {"meta": {"versionId": "10"}}, 2),
        ({"meta": 5}, {"meta": []}, 1),
    ],
)
def test_a_resource_received_twice_is_one(
    read: Reader, first: dict[str, Any], second: dict[str, Any], kept: int
) -> None:
    record = read(total("t", 1, **first), total("t", 2, **second))
    assert record.received == ("Observation/t",)
    assert [score.value for score in record.scores] == [kept]


def test_unnamed_resources_do_not_collide(read: Reader) -> None:
    nameless = {key: value for key, value in total("x", 3).items() if key != "id"}
    record = read(total("unnamed-1", 1, "2025-01-01"), nameless, {**nameless, "effectiveDateTime": "2025-02-02"})
    assert record.received == ("Observation/unnamed-1", "Observation/unnamed-2", "Observation/unnamed-3")


def test_ids_are_echoed_unchanged(read: Reader) -> None:
    long = "e" + "A.b-_7" * 40
    assert read(order(long)).medications[0].reference == f"MedicationRequest/{long}"


OTHER = {"subject": {"reference": "Patient/p2"}}


def test_several_patients(read: Reader) -> None:
    resources = [patient(), patient(id="p2"), order("a"), order("b", **OTHER), order("c", subject=None)]
    assert split_patients(resources) == ("p1", "p2")
    chosen = read(*resources, patient_id="p1")
    assert [fact.reference for fact in chosen.medications] == ["MedicationRequest/a"]
    assert reasons(chosen) == {
        "Patient/p2": "another patient",
        "MedicationRequest/b": "about another patient",
        "MedicationRequest/c": "names no patient although several are in the input",
    }
    undecided = read(*resources)
    assert undecided.patient is None
    assert set(reasons(undecided).values()) == {"several patients in the input and none chosen"}
    assert len(undecided.set_aside) == len(undecided.received)


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/p1"},
        {"reference": "https://ehr.example/fhir/Patient/p1"},
        {"reference": "urn:uuid:p1"},
        {"reference": "p1"},
        {"display": "Ana"},
        "Patient/p1",
        None,
        5,
    ],
)
def test_subjects_of_any_shape(read: Reader, subject: object) -> None:
    assert read(patient(), order(subject=subject)).medications


def test_a_group_is_no_patient(read: Reader) -> None:
    record = read(patient(), order(subject={"reference": "Group/g"}))
    assert reasons(record) == {"MedicationRequest/o1": "not about a patient"}


def test_the_context_patient_wins_over_what_was_sent(read: Reader) -> None:
    record = read(patient(id="someone-else"), order(), patient_id="Patient/p1")
    assert record.patient is None
    assert record.medications
    assert reasons(record) == {"Patient/someone-else": "another patient"}


def test_a_patient_without_id(read: Reader) -> None:
    nameless = {key: value for key, value in patient().items() if key != "id"}
    record = read(nameless, order())
    assert record.patient is not None
    assert record.patient.sex == "female"
    doubled = read(nameless, patient())
    assert reasons(doubled) == {"Patient/p1": "a second Patient resource"}


def test_bundles_inside_the_list_are_opened(read: Reader) -> None:
    inner = {"resourceType": "Bundle", "entry": [{"resource": order()}, {"resource": None}, {"resource": 5}, 6, {}]}
    record = read(patient(), {"resourceType": "Bundle", "entry": [{"resource": inner}]})
    assert [fact.reference for fact in record.medications] == ["MedicationRequest/o1"]
    assert list(reasons(record)) == ["Unknown/unnamed-1", "Unknown/unnamed-2"]


def test_availability_of_a_file(read: Reader) -> None:
    record = read(patient(), order())
    assert record.read("MedicationRequest") is Read.COMPLETE
    assert record.read("MedicationDispense") is Read.UNREAD
    assert read({"resourceType": "AllergyIntolerance", "id": "a"}).read("AllergyIntolerance") is Read.COMPLETE


def test_nobody_asked_for_the_orders_of_a_file_of_dispenses(read: Reader) -> None:
    assert "MedicationRequest" not in read(patient(), dispense()).availability
    nothing_taken = read(patient(), condition()).availability["MedicationRequest"]
    assert (nothing_taken.read, nothing_taken.feed) == (Read.UNREAD, False)


def test_availability_of_one_patient_is_not_that_of_another(read: Reader) -> None:
    record = read(patient(), patient(id="p2"), {**condition(), **OTHER}, patient_id="p1")
    assert record.read("Condition") is Read.UNREAD


def test_availability_as_gathered(read: Reader) -> None:
    stated = {"MedicationRequest": Availability(read=Read.PARTIAL, why="page 2 missing")}
    record = read(patient(), order(), dispense(), availability=stated)
    assert record.read("MedicationRequest") is Read.PARTIAL
    assert record.read("MedicationDispense") is Read.UNKNOWN
    assert record.read("Condition") is Read.UNREAD
