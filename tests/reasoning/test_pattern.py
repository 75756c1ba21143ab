"""Mismatch plausible, matched failure, refractory pattern: each with what just suffices and what just does not."""

from __future__ import annotations

import pytest

from plugin.options.pattern import match_of, pattern_of
from plugin.options.tried import Tried
from plugin.trial.adequacy import Adequacy
from tests.reasoning.option_cases import (
    BETTER,
    DAY,
    KNOWLEDGE,
    PROXY,
    UNDETERMINED,
    UNKNOWN,
    course,
    profile,
    trial,
    tried,
)

ANH = profile("DOMINANT", "ANH")
NONE, MISMATCH, MATCHED, REFRACTORY = "none", "mismatch-plausible", "matched-failure", "refractory-pattern"


def pattern(history: Tried, who=ANH):
    return pattern_of(profile=who, tried=history, knowledge=KNOWLEDGE, as_of=DAY)


@pytest.mark.parametrize(
    ("drug", "grades"),
    [
        ("sertraline", {"ANH": -1, "ANX": 1, "COG": 0, "CIR": 0, "INF": 0}),
        ("duloxetine", {"ANX": 1, "COG": 2, "CIR": 0}),
        ("venlafaxine", {"ANX": 1, "COG": 0}),
        ("bupropion", {"ANH": 2, "ANX": -1, "INF": 2}),
        ("mirtazapine", {"CIR": 2, "ANX": 0}),
        ("mianserin", {"CIR": 2}),
        ("nortriptyline", {"INF": 2, "COG": -1}),
        ("quetiapine", {"ANX": 2, "CIR": 2, "COG": -1}),
        ("aripiprazole", {"ANX": 2, "ANH": 1}),
        ("vortioxetine", {"COG": 3}),
        ("agomelatine", {"CIR": 3, "ANX": 2}),
        ("trazodone", {"ANH": 0, "CIR": 0}),
    ],
)
def test_the_match_of_a_trial_by_drug_class_or_option(drug, grades) -> None:
    assert {domain: match_of(trial(drug), domain, KNOWLEDGE, DAY) for domain in grades} == grades


def test_the_match_of_courses() -> None:
    assert match_of(course("rtms"), "ANH", KNOWLEDGE, DAY) == 2
    assert match_of(course("esketamine-administration"), "ANH", KNOWLEDGE, DAY) == 2
    assert match_of(course("ect"), "COG", KNOWLEDGE, DAY) == -1
    assert match_of(course("tdcs"), "ANH", KNOWLEDGE, DAY) == 0


@pytest.mark.parametrize(
    ("who", "value"),
    [
        (ANH, MISMATCH),
        (profile("DOMINANT", "ANH", certainty="moderate"), MISMATCH),
        (profile("DOMINANT", "ANH", certainty="low"), NONE),
        (profile("LEANING", "ANH", certainty="low"), NONE),
        (profile("MIXED", "ANH", "CIR"), MISMATCH),
        (UNDETERMINED, NONE),
        (profile("UNDETERMINED", "ANH"), NONE),
    ],
)
def test_a_mismatch_needs_a_domain_and_certainty(who, value) -> None:
    found = pattern(tried("sertraline", "venlafaxine"), who)
    assert found.value == value
    assert bool(found.because) == (value != NONE)


def test_without_a_failed_trial_nothing_is_said() -> None:
    assert pattern(tried()).value == NONE
    assert pattern(tried(trial("sertraline", BETTER), trial("venlafaxine", UNKNOWN))).value == NONE


def test_a_mismatch_rests_on_the_failed_trials() -> None:
    [reason] = pattern(tried("sertraline", trial("venlafaxine", PROXY))).because
    assert reason.rule == "R1"
    assert set(reason.uses) == {"MedicationDispense/sertraline", "MedicationDispense/venlafaxine"}
    assert dict(reason.facts) == {"domains": "ANH", "certainty": "high", "failed": 2}


@pytest.mark.parametrize(
    ("history", "who"),
    [
        (tried("sertraline", "bupropion"), ANH),
        (tried("sertraline", trial("bupropion", PROXY)), ANH),
        (tried("sertraline", augmentations=[trial("cariprazine")]), ANH),
        (tried("sertraline", courses=[course("rtms")]), ANH),
        (tried("sertraline", courses=[course("esketamine-administration")]), ANH),
        (tried("duloxetine", "sertraline"), profile("DOMINANT", "COG")),
        (tried("mirtazapine"), profile("MIXED", "ANH", "CIR")),
        (tried("bupropion"), profile("LEANING", "ANH", certainty="low")),
    ],
)
def test_one_matched_failure_is_enough_at_any_certainty(history, who) -> None:
    found = pattern(history, who)
    assert found.value == MATCHED
    assert {reason.rule for reason in found.because} == {"R2"}


@pytest.mark.parametrize(
    "history",
    [
        tried("sertraline", trial("bupropion", BETTER)),
        tried("sertraline", trial("bupropion", UNKNOWN)),
        tried("sertraline", trial("bupropion", adequacy=Adequacy.BORDERLINE)),
        tried("sertraline", courses=[course("rtms", current=False)]),
        tried("venlafaxine", "sertraline", augmentations=[trial("aripiprazole")]),  # grade 1 is no match
    ],
)
def test_what_did_not_fail_adequately_is_no_matched_failure(history) -> None:
    assert pattern(history).value == MISMATCH


@pytest.mark.parametrize(
    ("drugs", "value"),
    [
        (("bupropion", "sertraline", "venlafaxine"), MATCHED),
        (("bupropion", "sertraline", "venlafaxine", "citalopram"), REFRACTORY),
        (("bupropion", "sertraline", "venlafaxine", "citalopram", "mirtazapine"), REFRACTORY),
        (("mirtazapine", "sertraline", "venlafaxine", "citalopram"), MISMATCH),  # four, none matched
    ],
)
def test_four_failures_with_a_matched_one_are_refractory(drugs, value) -> None:
    assert pattern(tried(*drugs)).value == value


def test_augmentations_and_courses_count_among_the_four() -> None:
    history = tried("sertraline", "venlafaxine", augmentations=[trial("lithium")], courses=[course("rtms")])
    found = pattern(history)
    assert found.value == REFRACTORY
    [reason] = [one for one in found.because if one.rule == "R3"]
    assert dict(reason.facts) == {"failed": 4, "needed": 4}
    twice = tried("sertraline", "venlafaxine", courses=[course("rtms"), course("rtms")])
    assert pattern(twice).value == MATCHED  # the same kind counts once


@pytest.mark.parametrize(
    ("courses", "value"),
    [
        ([course("ect")], REFRACTORY),
        ([course("ect", BETTER)], NONE),
        ([course("ect", UNKNOWN)], NONE),
        ([course("rtms")], NONE),
        ([course("esketamine-administration")], NONE),
        ([course("rtms"), course("esketamine-administration")], REFRACTORY),
        ([course("rtms"), course("ketamine-infusion")], REFRACTORY),
        ([course("esketamine-administration"), course("ketamine-infusion")], NONE),
    ],
)
def test_failed_brain_stimulation_is_refractory_whatever_the_domains(courses, value) -> None:
    found = pattern(tried(courses=courses), UNDETERMINED)
    assert found.value == value
    if value == REFRACTORY:
        assert {reason.rule for reason in found.because} == {"R3"}
        assert {use for reason in found.because for use in reason.uses} == {use for c in courses for use in c.sources}


def test_every_reason_is_cited_and_plain() -> None:
    history = tried("bupropion", "sertraline", "venlafaxine", "citalopram", courses=[course("ect")])
    for reason in pattern(history).because:
        assert set(reason.cites) <= set(KNOWLEDGE.sources)
        assert reason.uses
        assert reason.text.endswith(".")
