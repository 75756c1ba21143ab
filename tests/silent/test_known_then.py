"""What was known on a past day: nothing that was written, or happened, later."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks.cohort.living import live
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.record import TYPES, record_of
from cds_hooks.silent.judging import judge_patient
from cds_hooks.silent.plan import RunPlan
from mappings.load import load
from plugin.ingest import Past, as_drafted, as_known

KNOWLEDGE = load()
KINDS = {kind.type: kind for kind in KNOWLEDGE.known_then.kinds}
DAY = date(2025, 6, 1)
BEFORE, AFTER = "2025-05-31", "2025-06-02"


def order(**changed: Any) -> dict[str, Any]:
    return {"resourceType": "MedicationRequest", "id": "o", "status": "active", "authoredOn": BEFORE, **changed}


def known(resource: dict[str, Any], **more: Any) -> Any:
    whole = copy.deepcopy(resource)
    found = as_known(resource, DAY, KINDS, **more)
    assert resource == whole  # nothing is changed in place
    return found


@pytest.mark.parametrize(
    ("resource", "there"),
    [
        ({"resourceType": "Observation", "effectiveDateTime": BEFORE}, True),
        ({"resourceType": "Observation", "effectiveDateTime": "2025-06-01"}, True),
        ({"resourceType": "Observation", "effectiveDateTime": AFTER}, False),
        ({"resourceType": "Observation", "effectiveDateTime": BEFORE, "issued": f"{AFTER}T08:00:00Z"}, False),
        ({"resourceType": "Observation", "effectiveDateTime": "2025-06"}, False),  # it may be the 30th
        ({"resourceType": "Observation"}, False),
        ({"resourceType": "QuestionnaireResponse", "authored": AFTER}, False),
        ({"resourceType": "MedicationDispense", "whenHandedOver": BEFORE}, True),
        ({"resourceType": "MedicationDispense", "whenHandedOver": "2025-06-01"}, False),  # of the order itself
        ({"resourceType": "AllergyIntolerance"}, True),  # when unsure, it is there
        ({"resourceType": "AllergyIntolerance", "recordedDate": AFTER}, False),
        ({"resourceType": "Condition", "recordedDate": AFTER, "onsetDateTime": BEFORE}, False),
        ({"resourceType": "Condition", "onsetDateTime": BEFORE}, True),
        ({"resourceType": "Patient", "birthDate": "1980-01-01"}, True),
        ({"resourceType": "Goal", "startDate": BEFORE}, False),
    ],
)
def test_whether_it_was_there(resource, there):
    assert (known(resource) is not None) is there


@pytest.mark.parametrize(
    ("written", "before", "there"),
    [
        ("2025-06-01T08:00:00Z", datetime(2025, 6, 1, 9, tzinfo=UTC), True),
        ("2025-06-01T10:00:00Z", datetime(2025, 6, 1, 9, tzinfo=UTC), False),
        ("2025-06-01T08:00:00", datetime(2025, 6, 1, 9, tzinfo=UTC), False),  # without an offset
        ("2025-06-01", datetime(2025, 6, 1, 9, tzinfo=UTC), False),
        ("2025-06-01T08:00:00Z", None, False),
    ],
)
def test_another_order_of_the_day_counts_only_when_it_came_first(written, before, there):
    assert (known(order(authoredOn=written), before=before) is not None) is there


@pytest.mark.parametrize("status", ["stopped", "completed", "cancelled", "on-hold"])
def test_an_order_that_ended_at_an_unknown_day_was_running(status):
    found = known(order(status=status, statusReason={"text": "no effect"}, note=[{"text": "switched", "time": AFTER}]))
    assert found == order()


def test_an_order_that_had_ended_had_ended():
    bounds = [{"timing": {"repeat": {"boundsPeriod": {"end": BEFORE}}}}]
    over = order(status="stopped", statusReason={"text": "rash"}, authoredOn="2025-01-01", dosageInstruction=bounds)
    assert known(over) == over


def test_the_end_of_a_later_stop_is_not_known_yet():
    bounds = [{"timing": {"repeat": {"frequency": 1, "boundsPeriod": {"start": BEFORE, "end": AFTER}}}}]
    found = known(order(status="stopped", dosageInstruction=bounds))
    assert found["status"] == "active"
    assert found["dosageInstruction"] == [{"timing": {"repeat": {"frequency": 1, "boundsPeriod": {"start": BEFORE}}}}]


def test_the_plan_of_a_running_order_was_known():
    bounds = [{"timing": {"repeat": {"boundsPeriod": {"end": AFTER}}}}]
    assert known(order(dosageInstruction=bounds)) == order(dosageInstruction=bounds)


def test_what_was_last_touched_before_stands_as_it_is():
    over = order(status="stopped", statusReason={"text": "no effect"}, meta={"lastUpdated": f"{BEFORE}T10:00:00Z"})
    assert known(over) == over


def test_what_was_touched_later_does_not():
    over = order(status="stopped", statusReason={"text": "no effect"}, meta={"lastUpdated": f"{AFTER}T10:00:00Z"})
    assert known(over)["status"] == "active"


def test_a_problem_that_resolved_later_was_open():
    code = {"coding": [{"code": "resolved"}]}
    problem = {"resourceType": "Condition", "recordedDate": BEFORE}
    assert known({**problem, "clinicalStatus": code, "abatementDateTime": AFTER}) == problem


@pytest.mark.parametrize("status", [None, "active", "inactive"])
def test_an_end_of_a_problem_that_lies_ahead_is_not_known_whatever_its_status(status):
    problem = {"resourceType": "Condition", "recordedDate": BEFORE}
    stated = {} if status is None else {"clinicalStatus": {"coding": [{"code": status}]}}
    assert known({**problem, **stated, "abatementDateTime": AFTER}) == problem


def test_a_draft_knows_nothing_of_its_end():
    drafted = as_drafted(order(status="stopped", statusReason={"text": "rash"}, authoredOn="2025-06-01"), DAY, KINDS)
    assert drafted == order(status="draft", authoredOn="2025-06-01")


PLAN = Plan(KNOWLEDGE)
END = PLAN.end


def rows_at(resources: list[dict[str, Any]], until: date, occasion: str) -> dict[str, Any]:
    plan = RunPlan(occasion=occasion, until=until, definition=KNOWLEDGE.default_definition, kinds=tuple(TYPES))
    rows = judge_patient("p", [orjson.dumps(one) for one in resources], plan=plan, knowledge=KNOWLEDGE)
    assert rows["patients"][0]["failed"] is None
    return rows


def lives(number: int) -> list[dict[str, Any]]:
    life = live(PLAN, 11, number)
    resources = [dict(one) for one in record_of(life, PLAN, seed=11, hidden=PLAN.hidden("complete"))]
    for one in resources:
        for named in ("subject", "patient"):
            if named in one:
                one[named] = {"reference": "Patient/p"}
        if one["resourceType"] == "Patient":
            one["id"] = "p"
    return resources


def running(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource as it was while it ran, made without the rule under test."""
    gone = {"MedicationRequest": ("statusReason", "note"), "Condition": ("clinicalStatus", "abatementDateTime")}
    kept = {key: value for key, value in resource.items() if key not in gone.get(resource["resourceType"], ())}
    if resource["resourceType"] == "MedicationRequest":
        kept["status"] = "active"
        lines = copy.deepcopy(resource.get("dosageInstruction", []))
        for line in lines:
            line.get("timing", {}).get("repeat", {}).pop("boundsPeriod", None)
        kept |= {"dosageInstruction": lines} if lines else {}
    return kept


@settings(max_examples=12, deadline=None)
@given(number=st.integers(0, 40), back=st.integers(1, 900), data=st.data())
def test_nothing_of_the_future_leaks_in(number, back, data):
    """The rows of a day are the same with and without everything that was written, changed or taken back after it."""
    resources, day = lives(number), END - timedelta(days=back)
    then = [running(one) for one in resources if as_known(one, day, KINDS) is not None]
    later = [one for one in resources if as_known(one, day, KINDS) is None]
    changed = []
    for one in then:
        touched = dict(one)
        after = (day + timedelta(days=data.draw(st.integers(1, 400)))).isoformat()
        if one["resourceType"] == "MedicationRequest" and data.draw(st.booleans()):
            touched |= {"status": "stopped", "statusReason": {"text": "no effect"}, "statusChanged": after}
            touched["note"] = [{"text": "stopped, it did not work", "time": after}]
        if one["resourceType"] == "Condition" and data.draw(st.booleans()):
            touched |= {"clinicalStatus": {"coding": [{"code": "resolved"}]}, "abatementDateTime": after}
        changed.append(touched)
    extra = data.draw(st.permutations(changed + later))
    before, after_ = rows_at(then, day, "date"), rows_at(extra, day, "date")
    for table in ("assessments", "definitions", "published_rules", "trials", "cards"):
        assert before[table] == after_[table], table


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 5_000), back=st.lists(st.integers(0, 2_500), min_size=2, max_size=6))
def test_the_states_kept_are_those_of_each_day(seed: int, back: list[int]) -> None:
    resources = list(record_of(live(PLAN, seed, 3), PLAN, seed=seed, hidden=PLAN.hidden("us-ehr")))
    past = Past(resources, KNOWLEDGE)
    for days in (*back, back[0]):
        day = PLAN.end - timedelta(days=days)
        before = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        for moment in (None, before):
            each = [as_known(one, day, KINDS, before=moment) for one in resources]
            assert past.on(day, before=moment) == [one for one in each if one is not None]
    first, again = past.on(DAY), past.on(DAY)
    assert all(one is other for one, other in zip(first, again, strict=True))
    left_out = past.on(DAY, but={id(first[0])})
    assert [id(one) for one in left_out] == [id(one) for one in first if one is not first[0]]
