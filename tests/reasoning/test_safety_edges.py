"""Edges of safety that deliberate faults have shown to rest on no test: what is taken, what was asked, what is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mappings.decision_tables import ALL_OPTIONS
from mappings.load import load
from plugin.record import PatientRecord
from plugin.safety.taken import takings
from tests.reasoning.facts import ADULT, on, order
from tests.reasoning.test_modifiers import modifiers
from tests.reasoning.test_safety import said
from tests.reasoning.test_suicidality import of, screen, told

KNOWLEDGE = load()
# The intents of an order that somebody is to carry out, and those of one that is only thought of.
CARRIED_OUT = ("", "order", "original-order", "reflex-order", "filler-order", "instance-order")
THOUGHT_OF = ("proposal", "plan", "option")


@pytest.mark.parametrize("intent", [*CARRIED_OUT, *THOUGHT_OF])
def test_an_active_order_of_any_kind_is_taken_and_one_only_proposed_is_not(intent: str) -> None:
    record = PatientRecord(patient=ADULT, medications=(order(1, 10, intent=intent),))
    found = takings(record, (), KNOWLEDGE, on(400))
    assert [taking.label for taking in found] == (["sertraline"] if intent in CARRIED_OUT else [])


@pytest.mark.parametrize(("day", "level"), [(399, "low"), (400, "low"), (401, "high")])
def test_a_level_recorded_up_to_today_takes_the_place_of_older_answers(day: int, level: str) -> None:
    """A recorded overall level is a complete asking, on the day of judgement itself as well."""
    assert of(screen(5, True, 395), told("low", day)).level == level


@pytest.mark.parametrize(
    ("status", "value", "opening"), [("active", "present", "Recorded: "), ("provisional", "possible", "Possible: ")]
)
def test_what_is_only_possible_is_not_told_as_recorded(status: str, value: str, opening: str) -> None:
    found = modifiers(conditions=[f"F31.9 {status}, recorded day 300"])
    [reason] = [reason for reason in found.reasons if reason.rule == "MIX"]
    assert found.values["MIX"] == value
    assert reason.text.startswith(opening)


@pytest.mark.parametrize(
    ("rule", "story"),
    [
        ("S42", {"answers": ["cssrs-screener item 5 yes on day 400"]}),
        ("S06", {"conditions": ["G40.909 active, recorded day 0"]}),
    ],
)
def test_a_rule_that_holds_brings_what_its_row_means(rule: str, story: dict[str, Any]) -> None:
    plain = KNOWLEDGE.clinical.safety[rule]
    rows = tuple(
        row.model_copy(update={"means": {ALL_OPTIONS: f"sign {number}"}}) for number, row in enumerate(plain.rows)
    )
    noted = {**KNOWLEDGE.clinical.safety, rule: plain.model_copy(update={"rows": rows})}
    found = said(replace(KNOWLEDGE, clinical=replace(KNOWLEDGE.clinical, safety=noted)), **story).safety
    hits = [hit for group in (found.blocked, found.cautions) for one in group.values() for hit in one]
    mine = [(hit.means, hit.reasons) for hit in hits if hit.rule == rule]
    assert mine
    for means, reasons in mine:
        assert means.startswith("sign ")
        assert all(f" {means.capitalize()}." in reason.text for reason in reasons)


def test_a_drug_unreadable_in_dose_and_limited_twice_is_told_with_both_limits() -> None:
    """One stop of one name, with the note of each row that holds: by age, and beside an inhibitor."""
    both = said(patient={"age": 61, "sex": "male"}, draft_text="citalopram", more_drafts=["omeprazole 20 mg capsule"])
    [stop] = [stop for order in both.orders for stop in order.stops if stop.rule == "citalopram-max-dose"]
    notes = [row.note for row in KNOWLEDGE.clinical.safety["H01"].rows if row.note]
    assert len(notes) == len(set(notes)) == len(stop.reasons)
    assert stop.note == "; ".join(notes)
