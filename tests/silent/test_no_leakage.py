"""What reaches the record after an order was signed changes nothing of what would have been said at it.

Each kind of record is given twice: as it came in the day after, and, to show that it would have mattered, the day
before. Whatever day it is *about* lies before the order.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cds_hooks.cohort.living import live
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.record import TYPES, record_of
from cds_hooks.silent.judging import judge_patient
from cds_hooks.silent.plan import RunPlan
from cds_hooks.silent.tables import TABLES
from mappings.load import load

KNOWLEDGE = load()
PLAN = Plan(KNOWLEDGE)
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SERTRALINE, ESCITALOPRAM, VENLAFAXINE = "312941", "349332", "313585"
ORDERED, BEFORE, AFTER = "2025-06-01", "2025-05-31", "2025-06-02"
SUBJECT = {"subject": {"reference": "Patient/p"}}
Resource = dict[str, Any]
# The row of a patient counts what the whole input holds; it says nothing of a moment.
TOLD = tuple(name for name in TABLES if name != "patients")


def drug(code: str) -> Resource:
    return {"medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": code}]}}


def order(id_: str, day: str, code: str, **more: Any) -> Resource:
    dose = {
        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
    }
    supply = {"value": 180, "code": "d", "system": "http://unitsofmeasure.org"}
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        "status": "active",
        "intent": "order",
        **SUBJECT,
        "authoredOn": day,
        **drug(code),
        "dosageInstruction": [dose],
        "dispenseRequest": {"expectedSupplyDuration": supply},
        **more,
    }


def score(id_: str, day: str, value: int, **more: Any) -> Resource:
    code = {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]}
    told = {"resourceType": "Observation", "id": id_, "status": "final", "code": code, "valueInteger": value}
    return {**told, **SUBJECT, "effectiveDateTime": day, **more}


def problem(id_: str, code: str, **more: Any) -> Resource:
    coding = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}
    return {"resourceType": "Condition", "id": id_, **SUBJECT, "code": {"coding": [coding]}, **more}


def session(id_: str, day: str) -> Resource:
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "23835007"}]}
    told = {"resourceType": "Procedure", "id": id_, "status": "completed", **SUBJECT}
    return {**told, "code": code, "performedDateTime": day}


INEFFECTIVE = {"coding": [{"system": "http://snomed.info/sct", "code": "395007004"}]}
HISTORY = (
    {"resourceType": "Patient", "id": "p", "birthDate": "1980-05-05", "gender": "female"},
    problem("depression", "F33.1", recordedDate="2025-01-01"),
    problem("dementia", "G30.9", recordedDate="2025-02-01"),
    order("o1", "2025-01-01", SERTRALINE),
    score("s1", "2025-01-01", 20),
    *(session(f"ect-{day}", f"2025-05-{day}") for day in (12, 14, 16, 19, 21, 23)),
)
NOW = order("now", ORDERED, ESCITALOPRAM)


def replaced(id_: str, **changed: Any) -> list[Resource]:
    return [{**one, **changed} if one["id"] == id_ else one for one in HISTORY]


def added(resource: Resource) -> list[Resource]:
    return [*HISTORY, resource]


CAME_IN: dict[str, Callable[[str], list[Resource]]] = {
    "a diagnosis recorded late": lambda day: added(
        problem("x", "F31.81", recordedDate=day, onsetDateTime="2020-01-01")
    ),
    "a score issued late": lambda day: added(score("x", "2025-03-25", 4, issued=f"{day}T09:00:00Z")),
    "a score measured": lambda day: added(score("x", day, 4)),
    "an order of another drug": lambda day: added(order("x", day, VENLAFAXINE)),
    "a dispense": lambda day: added(
        {"resourceType": "MedicationDispense", "id": "x", "status": "completed", **SUBJECT, **drug(SERTRALINE)}
        | {"whenHandedOver": day, "daysSupply": {"value": 30, "code": "d"}}
    ),
    "an administration": lambda day: added(
        {"resourceType": "MedicationAdministration", "id": "x", "status": "completed", **SUBJECT}
        | {**drug(VENLAFAXINE), "effectiveDateTime": day}
    ),
    "what the patient says was taken": lambda day: added(
        {"resourceType": "MedicationStatement", "id": "x", "status": "completed", **SUBJECT, **drug(VENLAFAXINE)}
        | {"effectivePeriod": {"start": "2024-06-01", "end": "2024-12-01"}, "dateAsserted": day}
    ),
    "an allergy recorded late": lambda day: added(
        {"resourceType": "AllergyIntolerance", "id": "x", "patient": {"reference": "Patient/p"}, "recordedDate": day}
        | {"code": {"coding": [{"system": RXNORM, "code": "321988", "display": "escitalopram"}]}}
        | {"onsetDateTime": "2020-01-01"}
    ),
    "an order that was stopped": lambda day: replaced(
        "o1", status="stopped", statusReason=INEFFECTIVE, statusChanged=day
    ),
    "an order that was touched as stopped": lambda day: replaced(
        "o1", status="stopped", statusReason=INEFFECTIVE, meta={"lastUpdated": f"{day}T10:00:00Z"}
    ),
    "a period that was ended": lambda day: replaced(
        "o1",
        status="stopped",
        statusReason=INEFFECTIVE,
        dosageInstruction=[
            {**line, "timing": {"repeat": {**line["timing"]["repeat"], "boundsPeriod": {"end": day}}}}
            for line in HISTORY[3]["dosageInstruction"]
        ],
    ),
    "a problem that was resolved": lambda day: replaced(
        "dementia", clinicalStatus={"coding": [{"code": "resolved"}]}, abatementDateTime=day
    ),
    "the seventh session of electroconvulsive therapy": lambda day: added(session("x", day)),
}


def rows_of(resources: list[Resource], until: date, occasion: str = "orders") -> dict[str, Any]:
    plan = RunPlan(
        occasion=occasion,  # type: ignore[arg-type]
        until=until,
        definition=KNOWLEDGE.default_definition,
        kinds=(*TYPES, "MedicationAdministration"),
    )
    rows = judge_patient("p", [orjson.dumps(one) for one in resources], plan=plan, knowledge=KNOWLEDGE)
    assert rows["patients"][0]["failed"] is None
    return rows


def told_at(rows: dict[str, Any], moment: str) -> dict[str, Any]:
    """What the tables say of one moment, the cards among it."""
    return {name: [row for row in rows[name] if row.get("moment") == moment] for name in TOLD}


@pytest.mark.parametrize("what", CAME_IN)
def test_what_came_in_after_the_order_was_not_known_at_it(what: str) -> None:
    moment, day = f"{ORDERED} now", date.fromisoformat(ORDERED)
    without = told_at(rows_of([*HISTORY, NOW], day), moment)
    assert len(without["assessments"]) == 1
    assert told_at(rows_of([*CAME_IN[what](AFTER), NOW], day), moment) == without
    assert told_at(rows_of([*CAME_IN[what](BEFORE), NOW], day), moment) != without  # it would have mattered


def lives(number: int) -> list[Resource]:
    """The record of a generated patient under the id "p"."""
    life = live(PLAN, 11, number)
    written = [dict(one) for one in record_of(life, PLAN, seed=11, hidden=PLAN.hidden("complete"))]
    for one in written:
        if "subject" in one:
            one["subject"] = {"reference": "Patient/p"}
        else:
            one["id"] = "p"
    return written


def later(resource: Resource, day: str) -> Resource:
    """The same event on a later day."""
    moved = copy.deepcopy(resource)
    for name in ("authoredOn", "whenHandedOver", "issued", "authored", "recordedDate", "performedDateTime"):
        if name in moved:
            moved[name] = day
    if "effectiveDateTime" in moved:
        moved["effectiveDateTime"] = day
    if "period" in moved:
        moved["period"] = {"start": day, "end": day}
    return moved


@settings(max_examples=4, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(number=st.integers(0, 40), back=st.integers(200, 700), data=st.data())
def test_appending_any_later_event_changes_no_row_of_an_earlier_order(number: int, back: int, data: Any) -> None:
    """Any event of the record once more on any later day: no row of any table about an earlier moment changes."""
    day = PLAN.end - timedelta(days=back)
    resources = lives(number)
    before = rows_of(resources, day)
    events = [one for one in resources if one["resourceType"] != "Patient"]
    again = data.draw(st.lists(st.sampled_from(events), min_size=1, max_size=8))
    after = [
        later(one, (day + timedelta(days=data.draw(st.integers(1, 300)))).isoformat()) | {"id": f"later-{place}"}
        for place, one in enumerate(again)
    ]
    with_them = rows_of(data.draw(st.permutations([*resources, *after])), day)
    for name in TOLD:
        known = [row for row in with_them[name] if not _is_of(row, after)]
        assert known == before[name], name


def _is_of(row: dict[str, Any], appended: list[Resource]) -> bool:
    """Whether a row tells of an appended order itself, as an order outside the days of the run."""
    ids = {one["id"] for one in appended}
    return row.get("order") in ids and row.get("moment") is None
