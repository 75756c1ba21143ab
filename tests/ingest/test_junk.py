"""Whatever arrives, reading never raises and every reference is accounted for exactly once."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mappings.load import Knowledge
from plugin.ingest import read_orders, read_record, split_patients
from plugin.record import PatientRecord
from tests.ingest.shorthand import (
    ICD10CM,
    LOINC,
    PHQ9_ITEMS,
    PHQ9_PANEL,
    SNOMED,
    administration,
    coded,
    condition,
    dispense,
    item_observations,
    observation,
    one_daily,
    order,
    patient,
    procedure,
    questionnaire,
    statement,
    total,
)

WORDS = (
    "",
    " ",
    "x",
    "active",
    "mg",
    "2025-01-10",
    "2025-02-30",
    "0000",
    "Patient/p1",
    "#m",
    "urn:uuid:p1",
    "1e400",
    "-1",
    "NaN",
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**308, max_value=10**310),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=8),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(
                    ("resourceType", "id", "coding", "code", "system", "value", "reference", "text", "start", "end")
                ),
                st.text(max_size=4),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)

FULL = [
    patient(),
    order(
        reasonCode=[coded(ICD10CM, "F33.1")],
        reasonReference=[{"reference": "Condition/c1"}],
        dosageInstruction=[one_daily(50, "mg", text="daily")],
        dispenseRequest={
            "quantity": {"value": 30, "unit": "TAB"},
            "expectedSupplyDuration": {"value": 30, "code": "d"},
            "numberOfRepeatsAllowed": 2,
            "validityPeriod": {"start": "2025-01-10", "end": "2026-01-10"},
        },
        statusReason=coded(SNOMED, "395007004"),
        note=[{"text": "no benefit", "time": "2025-02-02"}],
        identifier=[{"system": "urn:x", "value": "1"}],
        contained=[{"resourceType": "Medication", "id": "m"}],
    ),
    dispense(daysSupply={"value": 30, "unit": "d"}, quantity={"value": 30}, dosageInstruction=[one_daily()]),
    statement(effectivePeriod={"start": "2024-01-01", "end": "2024-03-01"}, dosage=[one_daily()]),
    administration(dosage={"dose": {"value": 50, "code": "mg"}}),
    total("t", 12),
    *item_observations([1] * 9, day="2025-04-01"),
    observation("p", PHQ9_PANEL, valueInteger=9, hasMember=[{"reference": "Observation/t"}]),
    observation("k", PHQ9_PANEL, component=[{"code": coded(LOINC, code), "valueInteger": 1} for code in PHQ9_ITEMS]),
    questionnaire("q", [1] * 9),
    condition("c1", clinicalStatus=coded("urn:c", "active"), onsetPeriod={"start": "2020"}),
    procedure(performedPeriod={"start": "2025-01-01"}),
    {
        "resourceType": "Medication",
        "id": "m1",
        "code": {"text": "x"},
        "ingredient": [{"itemCodeableConcept": {"text": "y"}}],
    },
    {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Encounter"}}]},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every element inside `value`."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in inner for place in places(child, (*path, key)))]


PLACES = [(number, path) for number, resource in enumerate(FULL) for path in places(resource)]


def with_junk(resource: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    changed = copy.deepcopy(resource)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = junk
    return changed


def assert_balanced(record: PatientRecord) -> None:
    used = [fact.reference for facts in (record.medications, record.conditions, record.procedures) for fact in facts]
    used += [record.patient.reference] if record.patient else []
    used += {
        *(reference for score in record.scores for reference in score.references),
        *(fact.reference for fact in (*record.answers, *record.laboratory)),
    }
    aside = [entry.reference for entry in record.set_aside]
    assert sorted([*used, *aside]) == sorted(record.received)
    assert len(set(record.received)) == len(record.received)
    assert "could not be read" not in {entry.reason for entry in record.set_aside}


@given(st.lists(JSON, max_size=5))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_pure_junk(knowledge: Knowledge, resources: list[Any]) -> None:
    assert_balanced(read_record(resources, knowledge=knowledge))
    read_orders(resources, knowledge=knowledge, selections=resources)
    split_patients(resources)


@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON), min_size=1, max_size=4))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_junk_in_any_element(knowledge: Knowledge, changes: list[tuple[tuple[int, tuple[Any, ...]], Any]]) -> None:
    resources = list(FULL)
    for (number, path), junk in changes:
        if resources[number] is FULL[number]:
            resources[number] = with_junk(FULL[number], path, junk)
    assert_balanced(read_record(resources, knowledge=knowledge, patient_id="p1"))
    assert_balanced(read_record(resources, knowledge=knowledge))
    read_orders(resources, knowledge=knowledge)


@pytest.mark.parametrize("junk", [None, True, 0, 1.5, "", "x", [], {}, [[]], [{}], {"x": 1}, "Infinity", 10**400])
def test_each_kind_of_junk_in_each_element(knowledge: Knowledge, junk: Any) -> None:
    """Every element of every resource replaced once by `junk`, the whole record read each time one resource changes."""
    for number, resource in enumerate(FULL):
        changed = [with_junk(resource, path, junk) for path in places(resource)]
        for version in changed:
            assert_balanced(read_record([patient(), version], knowledge=knowledge, patient_id="p1"))
        assert changed, number


def test_the_untouched_record_is_read(knowledge: Knowledge) -> None:
    record = read_record(FULL, knowledge=knowledge)
    assert_balanced(record)
    assert len(record.medications) == 4
    assert {score.value for score in record.scores} == {12, 9}
    assert (len(record.conditions), len(record.procedures)) == (1, 1)


def test_deep_nesting_costs_one_resource(knowledge: Knowledge) -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    record = read_record([patient(), {**order("deep"), "extension": deep}, total("t", 3)], knowledge=knowledge)
    assert [entry.reference for entry in record.set_aside] == ["MedicationRequest/deep"]
    assert [score.value for score in record.scores] == [3]


def test_the_order_of_arrival_does_not_matter(knowledge: Knowledge) -> None:
    forward, backward = (read_record(given, knowledge=knowledge) for given in (FULL, FULL[::-1]))
    assert set(forward.medications) == set(backward.medications)
    assert set(forward.set_aside) == set(backward.set_aside)
    assert [(s.instrument, s.day, s.value, s.flags) for s in forward.scores] == [
        (s.instrument, s.day, s.value, s.flags) for s in backward.scores
    ]


def test_reading_changes_nothing_of_what_was_sent(knowledge: Knowledge) -> None:
    before = json.dumps(FULL)
    read_record(FULL, knowledge=knowledge)
    read_orders(FULL, knowledge=knowledge)
    assert json.dumps(FULL) == before
