"""Openings and closings of the current episode, at their edges."""

from __future__ import annotations

import pytest

from plugin.record import ConditionFact, Score, Verification
from plugin.spans import DateSpan
from plugin.trial.episode import Episode, current_episode
from plugin.trial.episode_grounds import Evidence
from tests.reasoning.facts import INSTRUMENTS, RULES, offset_of, on, phq9, when


def condition(
    *categories: str,
    onset: int | None = None,
    recorded: int | None = None,
    abatement: int | None = None,
    clinical: str = "active",
) -> ConditionFact:
    return ConditionFact(
        reference=f"Condition/{onset}-{recorded}-{abatement}",
        categories=frozenset(categories or ("depression",)),
        verification=Verification.CONFIRMED,
        clinical=clinical,
        onset=when(onset),
        recorded=when(recorded),
        abatement=when(abatement),
    )


def episode(
    scores: list[Score],
    conditions: list[ConditionFact] | None = None,
    drugs: list[tuple[int, int]] | None = None,
    as_of: int = 400,
) -> Episode:
    spans = drugs or []
    evidence = Evidence(
        scores=scores,
        conditions=conditions or [],
        procedures=[],
        era_starts=[(on(first), ()) for first, _ in spans],
        active_spans=[DateSpan(on(first), on(last)) for first, last in spans],
    )
    return current_episode(evidence, rules=RULES, instruments=INSTRUMENTS, as_of=on(as_of))


def start_of(result: Episode) -> int:
    assert result.start is not None
    return offset_of(result.start)


@pytest.mark.parametrize(("apart", "start"), [(55, 0), (56, 300)])
def test_remission_scores_close_when_far_enough_apart(apart: int, start: int) -> None:
    scores = [phq9(0, 18), phq9(100, 4), phq9(100 + apart, 3), phq9(300, 17)]

    assert start_of(episode(scores, drugs=[(0, 400)])) == start


def test_a_score_at_the_line_between_keeps_the_episode_open() -> None:
    scores = [phq9(0, 18), phq9(100, 4), phq9(130, 10), phq9(160, 3), phq9(300, 17)]

    assert start_of(episode(scores, drugs=[(0, 400)])) == 0


def test_a_mild_score_between_does_not_undo_remission() -> None:
    scores = [phq9(0, 18), phq9(100, 4), phq9(130, 9), phq9(160, 3), phq9(300, 17)]

    assert start_of(episode(scores, drugs=[(0, 400)])) == 300


@pytest.mark.parametrize(("gap", "start"), [(179, 0), (180, 281)])
def test_a_silence_inside_closes_at_180_uncovered_days(gap: int, start: int) -> None:
    second = 100 + gap + 1
    result = episode([], drugs=[(0, 100), (second, second + 50)], as_of=second + 50)

    assert start_of(result) == (start if gap == 180 else 0)


@pytest.mark.parametrize(("silent", "ended"), [(179, False), (180, True)])
def test_silence_up_to_the_day_of_judgement_marks_the_episode(silent: int, ended: bool) -> None:
    assert episode([], drugs=[(0, 100)], as_of=100 + silent).may_have_ended is ended


def test_a_refill_does_not_open_an_episode_but_a_new_era_does() -> None:
    closed = [phq9(0, 18), phq9(60, 4), phq9(120, 3)]

    assert start_of(episode(closed, drugs=[(0, 400)])) == 0
    assert episode(closed, drugs=[(0, 400)]).may_have_ended
    assert start_of(episode(closed, drugs=[(0, 200), (260, 400)])) == 260


def test_a_carried_forward_code_does_not_reopen_while_in_remission() -> None:
    scores = [phq9(0, 18), phq9(60, 4), phq9(120, 3)]
    soon, late = condition(recorded=120 + 90), condition(recorded=120 + 91)

    assert start_of(episode(scores, [soon], drugs=[(0, 400)])) == 0
    assert start_of(episode(scores, [late], drugs=[(0, 400)])) == 120 + 91


def test_full_remission_code_closes_and_partial_does_not() -> None:
    full = condition("depression-remission-full", recorded=200)
    partial = condition("depression", "depression-remission-partial", recorded=200)
    drugs = [(0, 180), (300, 400)]

    assert start_of(episode([], [full], drugs)) == 300
    assert start_of(episode([], [partial], drugs)) == 0


@pytest.mark.parametrize(("days", "start"), [(55, 0), (56, 1)])
def test_an_abated_condition_closes_when_the_next_opening_is_late_enough(days: int, start: int) -> None:
    ended = condition(onset=0, abatement=200, clinical="resolved")
    result = episode([], [ended], [(0, 190), (200 + days, 400)])

    assert start_of(result) == (200 + days if start else 0)


def test_no_evidence_no_episode() -> None:
    assert episode([]).start is None


@pytest.mark.parametrize(("recorded", "onset"), [(None, None), (401, None), (None, 401)])
def test_a_full_remission_code_without_a_day_or_of_a_later_day_closes_nothing(
    recorded: int | None, onset: int | None
) -> None:
    remission = condition("depression-remission-full", recorded=recorded, onset=onset)
    scores = [phq9(0, 18), phq9(300, 17)]

    assert start_of(episode(scores, [remission], drugs=[(0, 400)])) == 0
    dated = condition("depression-remission-full", recorded=200)
    assert start_of(episode(scores, [dated], drugs=[(0, 400)])) == 300
