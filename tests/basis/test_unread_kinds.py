"""What was not read is never shown as absent, nor counted as none, nor as nothing against an order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cds_hooks.basis.page import Surroundings, basis_page
from cds_hooks.stories import Story, load_stories
from mappings.load import Knowledge
from plugin import assess
from plugin.ingest import read_orders, read_record
from plugin.record import LABORATORY, Availability, Read
from tests.basis.conftest import COMPLETE, TODAY
from tests.basis.page_reader import read_page

REFUSED = Availability(read=Read.UNREAD, why="search refused: 403")
DRUGS = ("MedicationRequest", "MedicationDispense", "MedicationStatement", "MedicationAdministration")
NONE_RECORDED = "Psychosisnone recorded"  # label and value, as the text of the page has them
NO_FINDING = "Nothing in the history, and no named hard stop, concerns it"
FOUND_IN_WHAT_WAS_READ = "Nothing was found against it in what was read"
MAYBE_AN_ANSWER = "an answer may be among them"


@pytest.fixture(scope="module")
def story(knowledge: Knowledge) -> Story:
    """A patient with a drafted order of which nothing is to be said."""
    return next(one for one in load_stories(TODAY, knowledge) if one.id == "two-failed-trials")


def told(story: Story, knowledge: Knowledge, missing: Sequence[str]) -> str:
    """The text of the page where some kinds of data were refused."""
    record = read_record(
        [one for one in story.resources if one["resourceType"] not in missing],
        knowledge=knowledge,
        patient_id=story.patient_id,
        availability={**COMPLETE, **dict.fromkeys(missing, REFUSED)},
    )
    found = assess(
        record, knowledge=knowledge, as_of=TODAY, orders=read_orders([story.suggested_order], knowledge=knowledge)
    )
    return read_page(basis_page(found, knowledge=knowledge, around=Surroundings())).text


def test_where_all_was_read_nothing_is_qualified(story: Story, knowledge: Knowledge) -> None:
    text = told(story, knowledge, ())
    assert NONE_RECORDED in text and NO_FINDING in text
    assert "found in what was read" not in text and MAYBE_AN_ANSWER not in text and "not all was read" not in text


def test_unread_conditions_are_no_absence_of_modifiers_and_gates(story: Story, knowledge: Knowledge) -> None:
    text = told(story, knowledge, ["Condition"])
    assert NONE_RECORDED not in text
    assert "Psychosisnone found, but not all was read" in text
    assert "Gates shutnone found, but not all was read" in text


def test_an_unread_history_is_no_count_of_none(story: Story, knowledge: Knowledge) -> None:
    text = told(story, knowledge, DRUGS)
    assert "Failed adequate trials 0 found in what was read; 2 needed" in text
    assert "No antidepressant trial is on record" not in text
    assert "No antidepressant trial was found in what was read of the drug history" in text


@pytest.mark.parametrize(
    "missing",
    [DRUGS, ["MedicationDispense"], ["MedicationStatement"], ["AllergyIntolerance"], ["Condition"], [LABORATORY]],
)
def test_nothing_is_cleared_that_was_not_checked(story: Story, knowledge: Knowledge, missing: Sequence[str]) -> None:
    text = told(story, knowledge, missing)
    assert NO_FINDING not in text
    assert FOUND_IN_WHAT_WAS_READ in text


@pytest.mark.parametrize("missing", ["Observation", "QuestionnaireResponse"])
def test_not_assessed_is_not_said_of_answers_that_were_not_read(
    story: Story, knowledge: Knowledge, missing: str
) -> None:
    assert MAYBE_AN_ANSWER in told(story, knowledge, [missing]).partition("Over time")[0]


def test_a_rule_that_only_the_drafted_drug_makes_hold_is_told_apart(knowledge: Knowledge) -> None:
    """As on the card: the patient does not take it."""
    stories = {one.id: one for one in load_stories(TODAY, knowledge)}
    text = told(stories["gaps-between-refills"], knowledge, ())
    assert "until it has washed out (drafted only)" in text


def test_nothing_is_cleared_outside_the_scope_of_the_rules(knowledge: Knowledge) -> None:
    """An order for a patient of sixteen years."""
    stories = {one.id: one for one in load_stories(TODAY, knowledge)}
    text = told(stories["sixteen-years-old"], knowledge, ())
    assert NO_FINDING not in text and "that nothing is said here clears nothing" in text


def test_days_on_weak_evidence_are_drawn_and_told_as_assumed(knowledge: Knowledge) -> None:
    """Single orders: what was prescribed, and not what was taken. Table, drawing and card sentence agree."""
    stories = {one.id: one for one in load_stories(TODAY, knowledge)}
    text = told(stories["orders-only"], knowledge, ())
    assert "100 mg a day, assumed or only possible" in text
    assert "assumed, grade C, by order" in text and "sure, grade C" not in text
    assert "90 days at 50 mg a day or more, but on weak evidence that it was taken (42 needed)" in text
    assert "surely" not in text
