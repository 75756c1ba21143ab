"""What is reported of an MAO inhibitor and the hard stop on it: a report opens no wash-out that the record keeps shut,
and keeps none shut that is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from cds_hooks.fhir_writer import Resource, concept, medication_request
from plugin import assess
from plugin.ingest import read_orders, read_record
from plugin.record import Availability, Read
from tests.reported.charts import AS_OF, AVAILABLE, FIRST, KNOWLEDGE, PERSON, enter, fills, judged, made_of, on

TODAY = (AS_OF - FIRST).days
WHOLE = {**AVAILABLE, "AllergyIntolerance": Availability(read=Read.COMPLETE)}
VENLAFAXINE = medication_request(
    id_="draft", patient_id="p", medication=concept(text="venlafaxine 75 mg extended release capsule"), status="draft"
)


def stop_on_an_maoi(resources: list[Resource], *rows: Mapping[str, str]) -> str:
    """What the critical stop of a drafted venlafaxine says; empty where there is none."""
    record = read_record([*resources, *made_of(enter(*rows))], knowledge=KNOWLEDGE, patient_id="p", availability=WHOLE)
    orders = read_orders([VENLAFAXINE], knowledge=KNOWLEDGE)
    found = assess(record, knowledge=KNOWLEDGE, as_of=AS_OF, orders=orders, suppose=False)
    blocked = {one.id for one in found.next_step.options.blocked if "S10" in one.rules}
    stops = [stop for stop in found.next_step.orders[0].stops if (stop.rule, stop.level) == ("S10", "critical")]
    assert ("SNRI" in blocked) is bool(stops)
    return stops[0].reasons[0].text if stops else ""


def phenelzine(first: int, count: int = 3) -> list[Resource]:
    return [*PERSON, *fills("phe", "phenelzine", 60, first, count)]


def course(first: int, last: str, count: int = 3) -> str:
    return f"phenelzine {on(first)} {last} MedicationDispense/phe-0 MedicationDispense/phe-{count - 1}"


def test_what_was_handed_over_keeps_its_wash_out_although_it_is_said_not_to_have_been_taken() -> None:
    """The trial is gone, the stop is not, and it says that both are on record."""
    row = {"kind": "adherence", "trial": course(TODAY - 70, "now"), "taken": "none"}
    record = phenelzine(TODAY - 70)
    assert "phenelzine" in stop_on_an_maoi(record)
    assert "reported as not taken, but supplied to" in stop_on_an_maoi(record, row)
    assert all(one.ingredient != "phenelzine" for one in judged(record, row).trials)


@pytest.mark.parametrize(("last_fill", "stopped"), [(49, False), (50, True), (51, True)])
def test_a_fill_after_the_reported_end_speaks_against_it(last_fill: int, stopped: bool) -> None:
    """Taken until 51 days ago by report; another fill one day before that denial begins, on the day, after it."""
    begin = TODAY - 100
    record = [*phenelzine(begin, 1), *fills("again", "phenelzine", 60, begin + last_fill, 1)]
    until = {"kind": "adherence", "trial": course(begin, "now", 1), "taken": "until", "until": on(begin + 49)}
    long = [{**one, "daysSupply": {**one["daysSupply"], "value": 90}} if "daysSupply" in one else one for one in record]
    assert bool(stop_on_an_maoi(long, until)) is stopped


@pytest.mark.parametrize("said", [{"outcome": "no-response"}, {"reason": "side-effects"}, {"purpose": "depression"}])
def test_how_a_course_went_moves_no_wash_out(said: dict[str, str]) -> None:
    """The report is of today; the course that it tells of ended months ago."""
    over = phenelzine(0, 2)
    row = {"kind": "outcome", "trial": course(0, on(59), 2), **said}
    assert stop_on_an_maoi(over) == stop_on_an_maoi(over, row) == ""


@pytest.mark.parametrize(("weeks", "stopped"), [("12", False), ("13", False), ("14", True), ("15", True)])
def test_a_reported_length_ends_the_wash_out_from_the_latest_start_it_may_mean(weeks: str, stopped: bool) -> None:
    """From August 31 at the latest: 13 weeks reach 19 days short of today, 14 weeks 12 days."""
    row = {"kind": "trial", "drug": "phenelzine", "dose": "60", "start": "2025-08", "weeks": weeks}
    assert FIRST + timedelta(days=TODAY) == AS_OF and AS_OF.isoformat() == "2025-12-18"
    assert bool(stop_on_an_maoi(PERSON, row)) is stopped


@pytest.mark.parametrize(
    "length", [{"still": "yes"}, {"end": on(TODAY - 1)}, {"end": on(TODAY)}], ids=["still", "yesterday", "today"]
)
@pytest.mark.parametrize("dose", ["60", ""], ids=["dose", "no-dose"])
def test_a_reported_mao_inhibitor_stops_what_must_not_meet_it(length: dict[str, str], dose: str) -> None:
    row = {"kind": "trial", "drug": "phenelzine", "dose": dose, "start": on(100), **length}
    assert "phenelzine" in stop_on_an_maoi(PERSON, row)


@pytest.mark.parametrize("doses", [("100", "25"), ("25", "100")])
def test_reports_of_the_same_days_that_contradict_each_other_prove_no_dose(doses: tuple[str, str]) -> None:
    """In whichever order they were entered."""
    rows = [{"kind": "trial", "drug": "sertraline", "dose": dose, "start": on(0), "end": on(89)} for dose in doses]
    [trial] = judged(PERSON, *rows).trials
    assert trial.judged.adequacy.value == "BORDERLINE" and trial.judged.sure is None
    assert {(day.dose.low, day.dose.high) for day in trial.judged.era.days.each()} == {(25, 100)}
