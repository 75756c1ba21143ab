"""The page with what was entered: judged with the record, labelled, and the change of the verdict told."""

from __future__ import annotations

import logging

import pytest

from cds_hooks.basis.page import Surroundings
from cds_hooks.basis.showing import Chart, Shown, Viewing, show
from cds_hooks.fhir_writer import concept, medication_statement
from cds_hooks.reported import Entered, read_form
from plugin.findings import Gap
from tests.reported.browsing import Form
from tests.reported.charts import AS_OF, AUTHOR, AVAILABLE, ESC, KNOWLEDGE, NOW, OPEN, counts, enter, judged, on

CHART = Chart(patient_id="p", resources=tuple(OPEN), availability=AVAILABLE)
VIEWING = Viewing(
    knowledge=KNOWLEDGE,
    now=NOW,
    time_zone="America/New_York",
    action="/app/patient",
    around=Surroundings(notices=("A notice of before.",)),
    author=AUTHOR,
    hidden={"session": "s"},
)
OUTCOME = {"kind": "outcome", "trial": ESC, "outcome": "no-response"}
ELSEWHERE = {"kind": "trial", "drug": "venlafaxine", "dose": "150", "start": on(95), "weeks": "8"}


def shown(*rows: dict[str, str]) -> Shown:
    return show(CHART, VIEWING, enter(*rows))


def test_without_facts_it_is_the_record_alone() -> None:
    alone = show(CHART, VIEWING)
    assert counts(alone.assessment) == counts(judged(OPEN))
    assert alone.resources_to_save == ()
    assert "Without what you entered" not in alone.html
    assert "A notice of before." in alone.html
    assert VIEWING.today == AS_OF


def test_the_verdict_before_and_now_is_told() -> None:
    told = shown(OUTCOME)
    assert told.assessment.verdict.value.value == "PROBABLE"
    assert "Without what you entered: cannot tell. With it: probable." in told.html
    assert [one["id"] for one in told.resources_to_save] == ["reported-1"]


def test_what_was_entered_is_labelled_and_what_is_recorded_is_not() -> None:
    label = "clinician-reported"
    alone, told = show(CHART, VIEWING).html, shown(ELSEWHERE).html
    assert told.count(label) > alone.count(label) + 1  # the list of the form, and the drawing or table beside it


def test_a_score_that_was_entered_is_labelled_wherever_it_decides() -> None:
    """In the table of scores, beside the trial that it rates, and where it is the severity of today."""
    label = "clinician-reported"
    alone = show(CHART, VIEWING).html
    told = shown({"kind": "score", "instrument": "phq9", "value": "16", "day": on(175)}).html
    rows = told.partition("<caption>Trials of this episode</caption>")[2].partition("</table>")[0]
    rated = {row.partition("<span")[0]: label in row for row in rows.split('scope="row">')[1:]}
    assert rated == {"sertraline": False, "escitalopram": True}
    assert f"({label})" in told and f"({label})" not in alone
    assert f"(moderately severe), {label}" in told


def test_what_was_saved_stays_labelled() -> None:
    told = shown(ELSEWHERE)
    saved = tuple({**one, "id": f"of-the-server-{place}"} for place, one in enumerate(told.resources_to_save))
    chart = Chart(patient_id="p", resources=(*OPEN, *saved), availability=AVAILABLE)
    again = show(chart, VIEWING)
    assert counts(again.assessment) == counts(told.assessment)
    row = again.html.partition('scope="row">venlafaxine')[2].partition("</th>")[0]
    assert "clinician-reported" in row
    assert "clinician-reported" not in again.html.partition('scope="row">sertraline')[2].partition("</th>")[0]


def test_the_form_carries_what_was_entered() -> None:
    entered = enter(OUTCOME, ELSEWHERE)
    form = Form(show(CHART, VIEWING, entered).html)
    assert ("session", "s") in form.fields
    again = read_form([*form.fields, ("do", "add")], knowledge=KNOWLEDGE, today=VIEWING.today)
    assert again == Entered(facts=entered.facts, wish="add")


def test_ids_that_the_record_uses_are_left_to_it() -> None:
    own = medication_statement(
        id_="reported-1", patient_id="p", medication=concept(text="mirtazapine"), status="unknown", asserted=AS_OF
    )
    chart = Chart(patient_id="p", resources=(*OPEN, own), availability=AVAILABLE)
    told = show(chart, VIEWING, enter(OUTCOME))
    assert [one["id"] for one in told.resources_to_save] == ["reported-1-here"]
    assert "MedicationStatement/reported-1" in told.assessment.record.received


def test_gaps_of_reading_are_named() -> None:
    gap = Gap(what="Medication", why="the server did not answer")
    chart = Chart(patient_id="p", resources=tuple(OPEN), availability=AVAILABLE, gaps=(gap,))
    assert "Could not be read: Medication (the server did not answer)." in show(chart, VIEWING).html


def test_nothing_entered_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        shown(OUTCOME, {**ELSEWHERE, "dose": "3141 mg"})
    assert not [word for word in ("venlafaxine", "escitalopram", "no-response", "3141", AUTHOR) if word in caplog.text]
    assert not [record for record in caplog.records if record.levelno >= logging.INFO]
