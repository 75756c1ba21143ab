"""What the store holds does not change from outside, and one patient is found fast among many."""

from __future__ import annotations

from typing import Any

import pytest

from cds_hooks.sandbox.criteria import Place
from cds_hooks.sandbox.query import read_query
from cds_hooks.sandbox.search import search
from cds_hooks.sandbox.store import ResourceStore


def test_what_goes_in_is_copied() -> None:
    given: dict[str, Any] = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Grey"}]}
    store = ResourceStore([given])
    given["name"][0]["family"] = "changed"
    out = store.read("Patient", "p1")
    assert out is not None
    assert out["name"] == [{"family": "Grey"}]
    out["name"].clear()
    assert store.read("Patient", "p1") == {"resourceType": "Patient", "id": "p1", "name": [{"family": "Grey"}]}
    assert store.read("Patient", "p2") is None


@pytest.mark.parametrize(
    "resource",
    [
        None,
        "text",
        {},
        {"resourceType": "Patient"},
        {"id": "x"},
        {"resourceType": "Patient", "id": 7},
        {"resourceType": "Patient", "id": ""},
        {"resourceType": "Patient", "id": "a/b"},
        {"resourceType": "Patient", "id": "x" * 65},
        {"resourceType": "patient", "id": "x"},
    ],
)
def test_a_resource_needs_a_type_and_an_id(resource: Any) -> None:
    with pytest.raises(ValueError, match="resource"):
        ResourceStore([resource])


def test_the_same_may_come_twice_but_not_two_of_one_name() -> None:
    drug = {"resourceType": "Medication", "id": "m", "status": "active"}
    assert len(ResourceStore([drug, dict(reversed(drug.items()))])) == 1
    with pytest.raises(ValueError, match="Medication/m"):
        ResourceStore([drug, {**drug, "status": "inactive"}])


@pytest.mark.parametrize(
    "junk", [7, True, None, "x", [], [[]], {}, {"coding": 3}, [{"coding": [None, 4, {}]}], {"start": 5}]
)
def test_a_search_survives_elements_of_any_shape(junk: Any) -> None:
    odd = {
        "resourceType": "MedicationRequest",
        "id": "odd",
        **dict.fromkeys(
            ("status", "subject", "authoredOn", "medicationCodeableConcept", "identifier", "contained"), junk
        ),
        "medicationReference": {"reference": "#x"},
        "dosageInstruction": [{"timing": junk}, junk],
        "meta": junk,
    }
    place = Place(ResourceStore([odd]), "http://ehr.test/fhir")
    for name, value in (
        ("patient", "p1"),
        ("subject", "p1"),
        ("subject:identifier", "p1"),
        ("code", "urn:x|y"),
        ("authoredon", "ge2024"),
        ("date", "2024"),
        ("medication.code", "urn:x|y"),
        ("identifier", "y"),
        ("_lastUpdated", "lt2000"),
    ):
        query = read_query(
            "MedicationRequest",
            [(name, value), ("_sort", "-authoredon,status,code,patient"), ("_include", "*"), ("_elements", "status")],
            place,
            strict=True,
            page_size=10,
        )
        assert search(query, place).total == 0
