"""A drafted procedure: which failures support it, what is missing, and when nothing is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mappings.load import load
from plugin import assess
from plugin.advice.policy import CardDraft, advise
from plugin.assessment import Assessment
from plugin.record import DraftOrder, PatientRecord
from tests.reasoning.facts import ADULT, fill, on, phq9, product
from tests.reasoning.option_cases import course, hit
from tests.reasoning.test_advice import ALL_READ, DEPRESSION, SERTRALINE, TWO_FAILED, VENLAFAXINE, sentence

KNOWLEDGE = load()
ESCITALOPRAM = tuple(fill(20 + n, 180 + 30 * n, product=product("escitalopram", 20)) for n in range(3))
THREE = [*TWO_FAILED, phq9(250, 15)]


def drafted(
    kind: str, *medications: Any, scores: Any = TWO_FAILED, as_of: int = 190, drug: str = "", **more: Any
) -> Assessment:
    values: dict[str, Any] = {"conditions": (DEPRESSION,), "availability": ALL_READ, **more}
    known = PatientRecord(patient=ADULT, medications=medications, scores=tuple(scores), **values)
    made = product(drug) if drug else None
    order = DraftOrder(reference="ServiceRequest/new", product=made, procedure=kind or None)
    return assess(known, knowledge=KNOWLEDGE, as_of=on(as_of), orders=(order,))


def support(judged: Assessment) -> CardDraft | None:
    said = advise(judged, hook="order-sign", knowledge=KNOWLEDGE)
    return next((card for card in said if card.kind == "procedure-support"), None)


def told(judged: Assessment) -> CardDraft:
    card = support(judged)
    assert card is not None
    return card


@pytest.mark.parametrize(
    ("procedure", "medications", "scores", "have", "need", "line"),
    [
        ("rtms", SERTRALINE, TWO_FAILED[:2], 1, 2, "support-line-fewer"),
        ("rtms", (*SERTRALINE, *VENLAFAXINE), TWO_FAILED, 2, 2, "support-line-enough"),
        ("rtms", (*SERTRALINE, *VENLAFAXINE, *ESCITALOPRAM), THREE, 3, 2, "support-line-enough"),
        ("ect", (*SERTRALINE, *VENLAFAXINE), TWO_FAILED, 2, 3, "support-line-fewer"),
        ("ect", (*SERTRALINE, *VENLAFAXINE, *ESCITALOPRAM), THREE, 3, 3, "support-line-enough"),
        ("vns", (*SERTRALINE, *VENLAFAXINE, *ESCITALOPRAM), THREE, 3, 4, "support-line-fewer"),
        ("ketamine-infusion", (*SERTRALINE, *VENLAFAXINE), TWO_FAILED, 2, 2, "support-line-enough"),
        ("esketamine-administration", SERTRALINE, TWO_FAILED[:2], 1, 2, "support-line-fewer"),
    ],
)
def test_the_failures_on_record_are_counted_against_what_the_option_asks_for(
    procedure: str, medications: Any, scores: Any, have: int, need: int, line: str
) -> None:
    card = told(drafted(procedure, *medications, scores=scores, as_of=275 if have == 3 else 190))
    assert f"{have} of {need} failed adequate trials on record" in card.summary
    assert card.detail[0] == sentence(line)
    assert sum(one.startswith("**") for one in card.detail) == have
    assert (card.indicator, card.finding) == ("info", f"procedure-support:{procedure}")
    assert card.offers == ()


def test_a_drafted_esketamine_product_is_one_too() -> None:
    card = told(drafted("", *SERTRALINE, *VENLAFAXINE, drug="esketamine"))
    assert card.summary.startswith("Esketamine: 2 of 2 failed adequate trials on record (sertraline, venlafaxine)")


def test_failures_that_no_score_shows_are_told_as_probable() -> None:
    card = told(drafted("rtms", *SERTRALINE, *VENLAFAXINE, *ESCITALOPRAM, scores=(), as_of=275))
    assert "some only probable" in card.summary
    assert card.detail[0] == sentence("support-line-probable")


def test_what_is_missing_is_named_and_what_speaks_against_it() -> None:
    judged = drafted("rtms", *SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED[:2])
    step = judged.next_step
    against = replace(step.safety, blocked={"TMS": (hit("S35", "block"),)})
    card = told(replace(judged, next_step=replace(step, safety=against)))
    assert any(line.startswith("Missing: a symptom score") for line in card.detail)
    assert sentence("support-against", list="S35") in card.detail
    assert sentence("support-payers") in card.detail
    assert "rule:S35" in card.facts


def test_a_course_that_is_going_on_is_no_new_decision() -> None:
    judged = drafted("ect", *SERTRALINE, *VENLAFAXINE)
    tried = replace(judged.next_step.tried, running=(course("ect", ongoing=True),))
    assert support(judged) is not None
    assert support(replace(judged, next_step=replace(judged.next_step, tried=tried))) is None


def test_it_is_silent_for_whom_the_definitions_are_not_about_and_for_other_orders() -> None:
    bipolar = replace(DEPRESSION, reference="Condition/b", categories=frozenset({"bipolar"}))
    assert support(drafted("ect", *SERTRALINE, conditions=(DEPRESSION, bipolar))) is None
    assert support(drafted("tdcs", *SERTRALINE)) is None
    assert support(drafted("", *SERTRALINE, drug="tranylcypromine")) is None


def test_urgency_takes_the_place_of_a_number() -> None:
    psychotic = replace(DEPRESSION, reference="Condition/p", categories=frozenset({"psychotic-depression"}))
    card = told(drafted("ect", *SERTRALINE, scores=TWO_FAILED[:2], conditions=(DEPRESSION, psychotic)))
    assert card.detail[0] == sentence("support-line-urgent")
