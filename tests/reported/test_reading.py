"""Every field of the form, below, at and above what it takes; each problem stands at its field and repeats nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cds_hooks.reported import read_form
from cds_hooks.reported.entered import carried_value
from cds_hooks.reported.facts import ReportedTrial
from tests.reported.charts import AS_OF, ESC, KNOWLEDGE, enter, on

TRIAL = {"kind": "trial", "drug": "sertraline", "dose": "150", "start": "2025-01-15", "weeks": "8"}
SCORE = {"kind": "score", "instrument": "phq9", "value": "15", "day": "2025-03-14"}
OUTCOME = {"kind": "outcome", "trial": ESC, "outcome": "no-response"}
ADHERENCE = {"kind": "adherence", "trial": ESC, "taken": "until", "until": on(120)}
TODAY, TOMORROW = AS_OF.isoformat(), (AS_OF + timedelta(days=1)).isoformat()
REFUSED = "<refused>"


@pytest.mark.parametrize(
    ("row", "change"),
    [
        (TRIAL, {"dose": "0.5"}),
        (TRIAL, {"dose": "500"}),
        (TRIAL, {"dose": "37,5"}),
        (TRIAL, {"dose": ""}),
        (TRIAL, {"dose": " 150 "}),
        (TRIAL, {"weeks": "1"}),
        (TRIAL, {"start": "1990-01-15", "weeks": "1040"}),
        (TRIAL, {"start": f"{AS_OF.year - 70}", "weeks": "6"}),
        (TRIAL, {"start": (AS_OF - timedelta(days=55)).isoformat(), "weeks": "8"}),
        (TRIAL, {"weeks": "", "end": "2025-01-15"}),
        (TRIAL, {"weeks": "", "end": TODAY}),
        (TRIAL, {"weeks": "", "start": TODAY, "still": "yes"}),
        (TRIAL, {"start": "2025-01"}),
        (TRIAL, {"start": "2024", "about": "yes"}),
        (TRIAL, {"start": "2025-1-5"}),
        (TRIAL, {"drug": "paroxetine", "dose": "25", "release": "released"}),
        (TRIAL, {"outcome": "no-response", "reason": "side-effects", "purpose": "other"}),
        (SCORE, {"value": "0"}),
        (SCORE, {"value": "27"}),
        (SCORE, {"day": TODAY}),
        (SCORE, {"instrument": "promis-depression", "value": "62.4"}),
        (OUTCOME, {"outcome": "", "purpose": "depression"}),
        (OUTCOME, {"trial": f"escitalopram {on(90)} now MedicationDispense/esc-0", "outcome": "", "purpose": "other"}),
        (ADHERENCE, {"until": on(90)}),
        (ADHERENCE, {"until": on(178)}),
        (ADHERENCE, {"taken": "none", "until": ""}),
    ],
)
def test_taken(row: dict[str, str], change: dict[str, str]) -> None:
    entered = enter({**row, **change})
    assert not entered.problems
    [fact] = entered.facts
    again = read_form([("fact", carried_value(fact))], knowledge=KNOWLEDGE, today=AS_OF)
    assert again.facts == entered.facts
    assert not again.problems


@pytest.mark.parametrize(
    ("row", "change", "field"),
    [
        (TRIAL, {"drug": ""}, "drug"),
        (TRIAL, {"drug": REFUSED}, "drug"),
        (TRIAL, {"drug": "modafinil"}, "drug"),  # information only: never rated
        (TRIAL, {"dose": "0.4"}, "dose"),
        (TRIAL, {"dose": "501"}, "dose"),
        (TRIAL, {"dose": "150 mg"}, "dose"),
        (TRIAL, {"dose": "-150"}, "dose"),
        (TRIAL, {"dose": "1e2"}, "dose"),
        (TRIAL, {"weeks": "0"}, "weeks"),
        (TRIAL, {"start": "1990-01-15", "weeks": "1041"}, "weeks"),
        (TRIAL, {"weeks": "8.5"}, "weeks"),
        (TRIAL, {"weeks": ""}, "weeks"),
        (TRIAL, {"end": "2025-02-15"}, "weeks"),
        (TRIAL, {"still": "yes"}, "weeks"),
        (TRIAL, {"start": ""}, "start"),
        (TRIAL, {"start": "14.03.2025"}, "start"),
        (TRIAL, {"start": "2025-02-30"}, "start"),
        (TRIAL, {"start": "0000"}, "start"),
        (TRIAL, {"start": TOMORROW}, "start"),
        (TRIAL, {"start": TODAY[:7]}, "start"),
        (TRIAL, {"start": f"{AS_OF.year - 71}"}, "start"),
        (TRIAL, {"start": (AS_OF - timedelta(days=54)).isoformat(), "weeks": "8"}, "weeks"),
        (TRIAL, {"weeks": "", "end": "2025-01-14"}, "end"),
        (TRIAL, {"weeks": "", "end": TOMORROW}, "end"),
        (TRIAL, {"weeks": "", "end": "2025-03"}, "end"),
        (TRIAL, {"start": "2025-01", "weeks": "", "end": "2025-03-14"}, "end"),
        (TRIAL, {"release": "released"}, "release"),
        (TRIAL, {"about": REFUSED}, "about"),
        (TRIAL, {"outcome": REFUSED}, "outcome"),
        (TRIAL, {"outcome": "remission", "reason": "no-effect"}, "reason"),
        (TRIAL, {"weeks": "", "still": "yes", "outcome": "no-response"}, "outcome"),
        (TRIAL, {"weeks": "", "still": "yes", "reason": "other"}, "reason"),
        (SCORE, {"value": "28"}, "value"),
        (SCORE, {"value": "-1"}, "value"),
        (SCORE, {"value": "15.5"}, "value"),
        (SCORE, {"value": ""}, "value"),
        (SCORE, {"instrument": REFUSED}, "instrument"),
        (SCORE, {"day": TOMORROW}, "day"),
        (SCORE, {"day": "2025-03"}, "day"),
        (OUTCOME, {"outcome": "", "trial": ESC, "reason": "", "until": "x"}, "outcome"),
        (OUTCOME, {"trial": REFUSED}, "trial"),
        (OUTCOME, {"trial": "escitalopram"}, "trial"),
        (OUTCOME, {"trial": f"escitalopram {on(179)} {on(90)} MedicationDispense/esc-0"}, "trial"),
        (OUTCOME, {"trial": f"escitalopram {on(90)} {on(179)}"}, "trial"),
        (OUTCOME, {"trial": f"escitalopram {on(90)} {on(179)} <b>/x"}, "trial"),
        (OUTCOME, {"trial": f"escitalopram {on(90)} now MedicationDispense/esc-0"}, "outcome"),
        (ADHERENCE, {"until": on(89)}, "until"),
        (ADHERENCE, {"until": on(179)}, "until"),
        (ADHERENCE, {"until": ""}, "until"),
        (ADHERENCE, {"taken": ""}, "taken"),
        (ADHERENCE, {"taken": "none"}, "until"),
        ({"kind": REFUSED, "x": "y"}, {}, "kind"),
    ],
)
def test_refused_at_its_field(row: dict[str, str], change: dict[str, str], field: str) -> None:
    entered = enter({**row, **change})
    assert entered.facts == ()
    assert field in [problem.field for problem in entered.problems]
    assert all(problem.what.endswith(".") and REFUSED not in problem.what for problem in entered.problems)
    assert len(entered.drafts) == 1
    assert REFUSED not in repr(entered)


def test_no_fields_are_no_facts() -> None:
    assert read_form([], knowledge=KNOWLEDGE, today=AS_OF).facts == ()


def test_a_row_nobody_filled_in_is_no_row() -> None:
    blank = {"kind": "trial", "drug": "", "dose": " "}
    preset = {"kind": "score", "instrument": "phq9", "day": TODAY, "value": "", "preset": "day instrument"}
    assert enter(blank, preset) == read_form([], knowledge=KNOWLEDGE, today=AS_OF)
    assert len(enter({**preset, "value": "12"}).facts) == 1


def test_facts_are_carried_added_and_removed() -> None:
    first = enter(TRIAL, SCORE)
    carried = [("fact", carried_value(fact)) for fact in first.facts]
    added = read_form(
        [*carried, *((f"r0.{name}", value) for name, value in OUTCOME.items()), ("do", "add"), ("other", "x")],
        knowledge=KNOWLEDGE,
        today=AS_OF,
    )
    assert (len(added.facts), added.wish, added.facts[:2]) == (3, "add", first.facts)
    removed = read_form([*carried, ("do", "remove-0")], knowledge=KNOWLEDGE, today=AS_OF)
    assert (removed.facts, removed.wish) == (first.facts[1:], "remove")
    assert read_form([*carried, ("do", "save")], knowledge=KNOWLEDGE, today=AS_OF).wish == "save"
    assert read_form([*carried, ("do", "remove-7")], knowledge=KNOWLEDGE, today=AS_OF).facts == first.facts


def test_the_same_fact_twice_is_said_and_carried_twice_is_one() -> None:
    [fact] = enter(TRIAL).facts
    carried = ("fact", carried_value(fact))
    assert read_form([carried, carried], knowledge=KNOWLEDGE, today=AS_OF).facts == (fact,)
    twice = enter(TRIAL, TRIAL)
    assert (len(twice.facts), len(twice.problems)) == (1, 1)


def test_as_many_facts_as_the_knowledge_allows() -> None:
    most = int(KNOWLEDGE.reported.facts_at_most.on(AS_OF).amount)
    rows = [{**SCORE, "value": str(value)} for value in range(most + 1)]
    assert len(enter(*rows[:most]).facts) == most
    assert not enter(*rows[:most]).problems
    over = enter(*rows)
    assert (len(over.facts), len(over.problems)) == (most, 1)
    carried = [("fact", carried_value(fact)) for fact in over.facts]
    more = ReportedTrial(drug="sertraline", start="2025-01-15", weeks="8")
    assert read_form([*carried, ("fact", carried_value(more))], knowledge=KNOWLEDGE, today=AS_OF).problems


@pytest.mark.parametrize(
    "written",
    [
        "",
        "{",
        "[]",
        "7",
        '{"kind": 3}',
        '{"kind": "trial"}',
        "[" * 3000,
        '{"kind": "score", "value": "99"}',
        "x" * 3000,
    ],
)
def test_a_carried_fact_that_the_page_did_not_write(written: str) -> None:
    entered = read_form([("fact", written)], knowledge=KNOWLEDGE, today=AS_OF)
    assert (entered.facts, len(entered.problems)) == ((), 1)


def test_too_long_and_too_many() -> None:
    long = enter({**TRIAL, "dose": "1" * 1001})
    assert (long.facts, len(long.problems), long.drafts) == ((), 1, ({"kind": "trial"},))
    assert enter({"dose": "1" * 1001}).drafts == ({"kind": "trial"},)
    assert len(read_form([("x", "")] * 2001, knowledge=KNOWLEDGE, today=AS_OF).problems) == 1
