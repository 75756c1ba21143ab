"""The form as HTML: prefilled where something is missing, the same when sent again, safe whatever is in it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cds_hooks.fhir_writer import concept, medication_statement
from cds_hooks.reported import Entered, form_html, note_text, read_form, to_resources
from plugin.assessment import Assessment
from tests.reported.browsing import Form
from tests.reported.charts import AS_OF, AUTHOR, ESC, FAILED, KNOWLEDGE, NOW, OPEN, PERSON, enter, fills, judged, on

UNCLEAR = judged(OPEN, suppose=True)
TRIAL = {"kind": "trial", "drug": "venlafaxine", "dose": "150", "start": "2025-01-15", "weeks": "8"}
SCORE = {"kind": "score", "instrument": "phq9", "value": "15", "day": on(175)}
OUTCOME = {"kind": "outcome", "trial": ESC, "outcome": "no-response"}
ADHERENCE = {"kind": "adherence", "trial": ESC, "taken": "until", "until": on(120)}
BAD = {**TRIAL, "dose": "<script>", "weeks": "x"}


def html_of(entered: Entered, assessment: Assessment = UNCLEAR, **more: Any) -> str:
    given: dict[str, Any] = {"action": "/app/patient", "hidden": {"session": 'a"<b'}, "can_save": False, **more}
    return str(form_html(entered, assessment=assessment, knowledge=KNOWLEDGE, **given))


def sent_again(form: Form, **typed: str) -> Entered:
    fields = [(name, typed.get(name.replace(".", "_"), value)) for name, value in form.fields]
    return read_form([*fields, ("do", "add")], knowledge=KNOWLEDGE, today=AS_OF)


def rows_of(form: Form, kind: str) -> list[dict[str, str]]:
    """The rows of one kind with the fields that hold something, and their prefix."""
    rows: dict[str, dict[str, str]] = {}
    for name, value in form.fields:
        prefix, dot, field = name.partition(".")
        if dot and value:
            rows.setdefault(prefix, {"n": prefix})[field] = value
    return [row for row in rows.values() if row["kind"] == kind]


def test_cannot_tell_is_no_dead_end() -> None:
    form = Form(html_of(Entered()))
    scores = [row for row in rows_of(form, "score") if "preset" in row]
    assert scores
    assert {row["instrument"] for row in scores} == {"phq9"}
    days = {change.day.isoformat() for change in UNCLEAR.changes if change.day is not None}
    assert {row["day"] for row in scores} == days
    outcomes = [row for row in rows_of(form, "outcome") if "preset" in row]
    assert [row["trial"] for row in outcomes] == [ESC]
    assert sent_again(form) == Entered(wish="add")  # prefilled rows alone say nothing
    one = sent_again(form, **{f"{scores[0]['n']}_value": "15"})
    assert [type(fact).__name__ for fact in one.facts] == ["ReportedScore"]


def test_every_kind_of_missing_fact_has_a_row_or_says_where_it_is_settled() -> None:
    for offer in KNOWLEDGE.reported.offers:
        assert offer.rows or "record" in offer.say or "registration" in offer.say or "access" in offer.say


def test_open_trials_are_asked_about_where_no_single_fact_would_decide() -> None:
    two = [*PERSON, *fills("ser", "sertraline", 100, 0), *fills("esc", "escitalopram", 20, 90, count=4)]
    three = judged([*two, *fills("ven", "venlafaxine", 75, 100, count=2)], suppose=True)
    assert three.verdict.value.value == "INDETERMINATE"
    form = Form(html_of(Entered(), three))
    asked = {row["trial"].split()[0] for row in rows_of(form, "outcome") if "preset" in row}
    assert {trial.ingredient for trial in three.trials if trial.outcome.status.value == "UNKNOWN"} <= asked


def test_a_trial_without_dates_is_asked_for_with_its_drug() -> None:
    named = medication_statement(
        id_="s", patient_id="p", medication=concept(text="mirtazapine"), status="unknown", asserted=AS_OF
    )
    form = Form(html_of(Entered(), judged([*PERSON, *FAILED, named], suppose=True)))
    [row] = [row for row in rows_of(form, "trial") if "preset" in row]
    assert (row["drug"], row["preset"]) == ("mirtazapine", "drug")


def test_what_was_entered_is_not_offered_as_a_trial_of_the_record() -> None:
    found = judged(OPEN, TRIAL, suppose=True)
    assert "venlafaxine 2025" in html_of(Entered(), found)
    assert "venlafaxine 2025" not in html_of(Entered(), found, reported=frozenset({"MedicationStatement/reported-1"}))


def test_a_trial_entered_here_is_entered_again_and_not_spoken_about() -> None:
    found = judged([*PERSON, *FAILED], TRIAL | {"start": on(95)}, suppose=True)
    html = html_of(Entered(), found, reported=frozenset({"MedicationStatement/reported-1"}))
    assert KNOWLEDGE.reported.again in html
    assert KNOWLEDGE.reported.again not in html_of(Entered())


def test_the_form_sent_again_is_the_same() -> None:
    entered = enter(TRIAL, SCORE, OUTCOME, ADHERENCE)
    assert len(entered.facts) == 4
    again = sent_again(Form(html_of(entered, can_save=True, note="x")))
    assert again == Entered(facts=entered.facts, wish="add")
    assert html_of(again) == html_of(entered)


def test_a_refused_row_is_shown_as_typed_with_its_problems() -> None:
    entered = enter({**BAD, "dose": "15 0"}, SCORE)
    html = html_of(entered)
    form = Form(html)
    again = sent_again(form)
    assert again.problems == entered.problems
    assert [dict(draft) for draft in again.drafts] == _full(again, entered)
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="r0-dose-hint r0-dose-problem"' in html
    assert '<a href="#r0-dose">' in html
    assert 'role="alert"' in html


def _full(again: Entered, entered: Entered) -> list[dict[str, str]]:
    """The drafts as first typed, with the fields the browser sends empty."""
    return [{**dict.fromkeys(sent, ""), **typed} for sent, typed in zip(again.drafts, entered.drafts, strict=True)]


def test_everything_is_labelled_and_every_id_stands_once() -> None:
    form = Form(html_of(enter(BAD, SCORE, OUTCOME), can_save=True, note="note"))
    assert len(form.ids) == len(set(form.ids))
    assert form.referred <= set(form.ids)
    assert form.named <= form.labels | {one for one in form.named if one.endswith(("-about", "-still"))}
    assert not {"script", "style", "iframe", "img"} & set(form.tags)
    assert form.action == "/app/patient#reported"
    assert ("session", 'a"<b') in form.fields
    assert form.buttons[0] == ("do", "add")  # what the return key presses


def test_what_can_be_done_with_what_was_entered() -> None:
    entered = enter(TRIAL)
    assert ("do", "save") in Form(html_of(entered, can_save=True)).buttons
    assert ("do", "save") not in Form(html_of(entered)).buttons
    assert ("do", "remove-0") in Form(html_of(entered)).buttons
    assert ("do", "save") not in Form(html_of(Entered(), can_save=True)).buttons
    assert "readonly" in html_of(entered, note="a note")
    assert "clinician-reported" in html_of(entered)


def test_the_note_says_when_who_and_one_line_each() -> None:
    rows = [
        {**TRIAL, "outcome": "no-response", "reason": "side-effects", "purpose": "depression"},
        SCORE,
        OUTCOME,
        ADHERENCE,
    ]
    rows += [{**TRIAL, "start": "2024-01", "dose": ""}, {**ADHERENCE, "taken": "none", "until": ""}]
    rows += [{**TRIAL, "weeks": "", "still": "yes", "drug": "paroxetine", "dose": "25", "release": "released"}]
    note = note_text(enter(*rows).facts, author=AUTHOR, at=NOW, knowledge=KNOWLEDGE)
    assert note.splitlines() == [
        "Antidepressant history as reported, entered 2025-12-18 12:00+00:00 by Practitioner/dr-1.",
        "Clinician-reported; not verified by the record.",
        "- venlafaxine, 150 mg a day, from 2025-01-15, for 8 weeks: "
        "no response, stopped: side effects, taken for depression.",
        f"- PHQ-9 15 on {on(175)}.",
        f"- escitalopram on record from {on(90)}, to {on(179)}: no response.",
        f"- escitalopram on record from {on(90)}, to {on(179)}: taken only until {on(120)}.",
        "- venlafaxine, daily dose not known, from 2024-01, for 8 weeks.",
        f"- escitalopram on record from {on(90)}, to {on(179)}: not taken.",
        "- paroxetine extended release, 25 mg a day, from 2025-01-15, still taken.",
    ]
    assert note_text((), author=AUTHOR, at=NOW, knowledge=KNOWLEDGE) == ""


FIELDS = ("kind", "preset", "drug", "dose", "start", "about", "weeks", "end", "still", "outcome", "reason", "purpose")
FIELDS += ("trial", "instrument", "value", "day", "taken", "until", "release")
WORDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["trial", "outcome", "score", "adherence", "sertraline", "150", "8", "2025-01-15", "2025-01", "yes"]
    ),
    st.sampled_from(
        [ESC, "no-response", "phq9", "none", "until", on(120), '"><script>alert(1)</script>', "\ud800", "9" * 30]
    ),
)
NAMES = st.one_of(
    st.text(max_size=8),
    st.just("fact"),
    st.just("do"),
    st.builds("r{}.{}".format, st.integers(0, 3), st.sampled_from(FIELDS)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(NAMES, WORDS), max_size=30))
@example([("r0.kind", "trial"), ("r0.drug", '"><script>'), ("fact", '{"kind": "trial", "drug": "\\ud800"}')])
@example([("r0.kind", "score"), ("r0.value", "٣"), ("r0.day", "2025-03-1٣"), ("r0.instrument", "phq9")])
def test_no_input_raises_is_logged_or_leaves_unescaped(
    caplog: pytest.LogCaptureFixture, fields: list[tuple[str, str]]
) -> None:
    with caplog.at_level(logging.DEBUG):
        entered = read_form(fields, knowledge=KNOWLEDGE, today=AS_OF)
        html = html_of(entered)
        to_resources(entered.facts, patient_id="p", author=AUTHOR, at=NOW, knowledge=KNOWLEDGE)
    html.encode()
    assert not caplog.records
    assert "<script" not in html
    form = Form(html)
    assert len(form.ids) == len(set(form.ids))
    again = sent_again(form)
    assert again.facts == entered.facts
    assert sent_again(Form(html_of(again))).facts == again.facts
