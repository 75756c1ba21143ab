"""Cannot tell: the one fact that would settle most, its one-click order, and what is said where no single fact does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import MappingProxyType

import pytest

from mappings.load import load
from plugin.advice.card_facts import score_facts
from plugin.advice.decisive_fact import decisive_fact
from plugin.advice.wording import Wording
from plugin.assessment import Assessment
from plugin.resistance.counterfactual import Change
from plugin.resistance.verdict import Counts, Value
from tests.reasoning.facts import phq9
from tests.reasoning.test_advice import DEPRESSION, SERTRALINE, TWO_FAILED, VENLAFAXINE, cards, judge, sentence

KNOWLEDGE = load()
WORDS = Wording(KNOWLEDGE)
EFFORTS = [one.kind for one in KNOWLEDGE.missing_facts]


def open_case() -> Assessment:
    """One measured failure, and a second trial without an outcome."""
    judged = judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED[:2])
    assert judged.verdict.value is Value.INDETERMINATE
    return judged


def change(kind: str, value: Value, *, trial: int | None = 1, instrument: str | None = None) -> Change:
    return Change(
        kind=kind,
        fact=f"{kind} {value}",
        verdict=value,
        effort=EFFORTS.index(kind),
        trial=trial,
        ingredient="venlafaxine" if trial is not None else None,
        day=date(2025, 6, 1) if instrument is not None else None,
        instrument=instrument,
    )


def asked(*changes: Change) -> tuple[str, tuple[str, ...]] | None:
    fact = decisive_fact(replace(open_case(), changes=changes), WORDS)
    return (fact.text, fact.collects) if fact is not None else None


def test_a_fact_whose_every_answer_settles_comes_before_one_that_is_easier_to_learn() -> None:
    easier = change("stop-reason", Value.MET)
    both = [change("dose", Value.MET), change("dose", Value.NOT_MET)]
    assert asked(easier, *both) == ("the dose of venlafaxine", ())


def test_of_facts_that_settle_as_much_the_one_of_least_effort_comes_first() -> None:
    later, sooner = (
        change("score-past", Value.MET, instrument="phq9"),
        change("score-now", Value.MET, instrument="phq9"),
    )
    assert asked(sooner, later) == ("a PHQ-9 score today", ("phq9",))
    assert asked(later) == ("a PHQ-9 score from around 01 Jun 2025", ())


def test_what_leaves_the_verdict_open_in_another_way_settles_nothing() -> None:
    assert asked(change("dose", Value.PROBABLE)) is None
    assert asked() is None


@pytest.mark.parametrize("kind", EFFORTS)
def test_every_kind_of_missing_fact_has_its_words(kind: str) -> None:
    said = asked(change(kind, Value.MET, instrument="phq9"))
    assert said is not None
    assert said[0]
    assert (said[1] != ()) is (kind == "score-now")


def test_the_card_names_the_fact_in_its_summary_and_offers_it_for_one_click() -> None:
    card = cards(open_case())["trd-status"]
    assert card.summary == sentence("settle-summary", fact="a PHQ-9 score today")
    assert card.detail[1] == "What would settle most: a PHQ-9 score today (measure today)"
    assert card.collects == ("phq9",)


def test_where_no_single_fact_settles_it_the_count_is_told_and_nothing_offered() -> None:
    card = cards(replace(open_case(), changes=()))["trd-status"]
    assert card.summary == sentence("unclear-summary", low=1, high=2)
    assert card.collects == ()


def test_a_verdict_held_back_says_why_unless_a_fact_would_settle_it() -> None:
    provisional = replace(DEPRESSION, categories=frozenset({"depression-possible"}))
    judged = judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED, conditions=(provisional,))
    assert judged.verdict.capped is Value.MET
    assert cards(judged)["trd-status"].summary == sentence("settle-summary", fact="if the diagnosis in doubt is right")
    told = cards(replace(judged, changes=()))["trd-status"].summary
    assert told.startswith("Cannot tell if this is treatment-resistant depression. Depression is recorded only as")


def test_a_met_verdict_asks_for_nothing() -> None:
    card = cards(judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED))["trd-status"]
    assert card.collects == ()
    assert not any(line.startswith("What would settle most") for line in card.detail)


def test_one_definition_alone_neither_agrees_nor_disagrees() -> None:
    judged = judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED)
    alone = {"TRD-6W-50": judged.by_definition["TRD-6W-50"], "ATHF4W": None}
    first = cards(replace(judged, by_definition=MappingProxyType(alone)))["trd-status"].detail[0]
    assert first.startswith("**sertraline**")


def test_several_definitions_that_differ_are_told_by_their_ids() -> None:
    judged = judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED)
    none = Counts(lo=0, lo_proxy=0, hi=0)
    other = dict.fromkeys(("ATHF4W", "ESM-CLASS"), (none, Value.NOT_MET))
    first = cards(replace(judged, by_definition=MappingProxyType({**judged.by_definition, **other})))["trd-status"]
    assert first.detail[0] == "The definitions do not agree: not met by ATHF4W, ESM-CLASS. 4 of 6 say the same as here"


def test_a_score_without_a_reference_is_a_fact_by_its_day() -> None:
    assert score_facts(None) == []
    assert score_facts(replace(phq9(75, 16), references=())) == ["phq9 2025-03-17=16"]
