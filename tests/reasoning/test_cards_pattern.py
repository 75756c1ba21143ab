"""How the failures so far relate to the domain that predominates: three cards, one thought each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import pytest

from mappings.load import load
from plugin.assessment import Assessment
from plugin.options.pattern import Pattern, pattern_of
from tests.reasoning.option_cases import course
from tests.reasoning.test_next_step_cards import TODAY, cards, text

KNOWLEDGE = load()
KINDS = ("mismatch-plausible", "matched-failure", "refractory-pattern")
Change = Callable[[Assessment], Assessment]


def certainty(value: str) -> Change:
    """The same case with another certainty of the profile."""

    def changed(judged: Assessment) -> Assessment:
        step = judged.next_step
        profile = replace(step.profile, certainty=value)
        pattern = pattern_of(profile=profile, tried=step.tried, knowledge=KNOWLEDGE, as_of=judged.as_of)
        return replace(judged, next_step=replace(step, profile=profile, pattern=pattern))

    return changed


def with_ect(judged: Assessment) -> Assessment:
    """The same case with a failed course of ECT."""
    step = judged.next_step
    tried = replace(step.tried, failed_courses=(course("ect"),))
    pattern = pattern_of(profile=step.profile, tried=tried, knowledge=KNOWLEDGE, as_of=judged.as_of)
    return replace(judged, next_step=replace(step, tried=tried, pattern=pattern))


@pytest.mark.parametrize(("value", "told"), [("low", False), ("moderate", True), ("high", True)])
def test_a_mismatch_is_told_from_moderate_certainty_on(value: str, told: bool) -> None:
    said = cards(change=certainty(value))
    assert ("mismatch-plausible" in said) is told


def test_a_mismatch_names_the_trials_the_domain_and_the_certainty() -> None:
    card = cards()["mismatch-plausible"]
    for words in ("sertraline, venlafaxine", "anhedonic", "certainty high"):
        assert words in card.summary
    assert sum(line.startswith("**") for line in card.detail) == 2
    assert KNOWLEDGE.sentences["option-proposal"].text in card.detail
    assert (card.indicator, card.finding, card.rules) == ("info", "mismatch-plausible", ("R1",))
    assert card.offers == ()


def test_that_trials_missed_a_domain_is_not_told_where_the_history_was_not_read_completely() -> None:
    assert not set(KINDS) & set(cards(unread="AllergyIntolerance"))


def test_a_failure_that_matched_is_told_and_its_drug_is_not_offered_again() -> None:
    history = [
        "sertraline 200 mg daily, dispensed 70 on day 20",
        "bupropion xl 300 mg daily, dispensed 56 on day 90",
    ]
    assert not set(KINDS) & set(cards(medications=[]))
    told = cards(history=history)
    card = told["matched-failure"]
    assert card.summary.startswith("Bupropion targeted what stands out now (anhedonic domain) and failed")
    assert [line.startswith("**bupropion") for line in card.detail if line.startswith("**")] == [True]
    assert "BUP" not in told["trd-options"].offers


def test_a_refractory_pattern_puts_a_fresh_look_and_referral_before_any_drug() -> None:
    said = cards(change=with_ect)
    assert list(said) == ["trd-status", "refractory-pattern", "trd-options"]
    card = said["refractory-pattern"]
    assert "A fresh look at the diagnosis and a referral come first" in card.summary
    assert card.detail[0] == KNOWLEDGE.sentences["refractory-further"].text
    assert card.offers == ()
    assert said["trd-options"].detail[0] == KNOWLEDGE.sentences["refractory-first"].text
    assert any(line.startswith("**electroconvulsive therapy**") for line in card.detail)


def test_a_refractory_pattern_is_kept_where_there_is_no_room_for_the_options_too() -> None:
    said = cards(change=with_ect, draft="sertraline 100 mg daily")
    assert list(said) == ["trd-status", "already-failed", "refractory-pattern"]


def test_under_psychosis_no_pattern_of_domains_is_told() -> None:
    assert not set(KINDS) & set(cards(conditions=["F33.3 active confirmed"], change=with_ect))


def test_without_a_domain_a_refractory_pattern_is_told_all_the_same() -> None:
    def bare(judged: Assessment) -> Assessment:
        step = with_ect(judged).next_step
        profile = replace(step.profile, label="UNDETERMINED", domains=(), certainty="none", scores=MappingProxyType({}))
        pattern = Pattern(value="refractory-pattern", because=step.pattern.because)
        return replace(judged, next_step=replace(step, profile=profile, pattern=pattern))

    assert "What stands out" not in text(cards(change=bare)["refractory-pattern"])


def test_the_facts_of_a_pattern_are_the_trials_and_the_profile() -> None:
    facts = cards()["mismatch-plausible"].facts
    assert any(fact.startswith("profile:DOMINANT:ANH:") for fact in facts)
    assert any(fact.startswith("sertraline:ADEQUATE:FAILED_MEASURED") for fact in facts)
    assert not any(str(TODAY) == fact for fact in facts)
