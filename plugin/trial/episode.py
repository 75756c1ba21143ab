"""The current depressive episode: when it began, what closed the one before, whether it may have ended.

Closing (P1, P2): two remission scores far enough apart with none at the line between; a full-remission code; a
depression condition ended long enough before the next opening; a long silence. Opening: a score at the line, a new
depression code, a new era of an antidepressant that reaches the lenient dose. Partial remission closes nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.schema import Reconstruction
from plugin.findings import Reason
from plugin.instruments import Instruments, is_at_line, is_remission
from plugin.record import ConditionFact, Score, Verification
from plugin.trial.episode_grounds import (
    DEPRESSION,
    REMISSION_CODES,
    Evidence,
    Grounds,
    Opening,
    events_of,
    grounds_of,
    is_depression_code,
    time_of,
)

_ENDED = {"resolved", "remission", "inactive"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """The episode judged. `start` is None when there is no evidence of any episode.

    `basis`: ``first-evidence``, ``score``, ``condition`` or ``antidepressant``. `uncertain` when the start is only the
    first evidence, a remission of unknown degree lies inside, or scores were not read (`plugin.resistance.rating`).
    `may_have_ended` caps the verdict.
    """

    start: date | None
    basis: str
    uncertain: bool
    may_have_ended: bool
    reasons: tuple[Reason, ...]


def current_episode(evidence: Evidence, *, rules: Reconstruction, instruments: Instruments, as_of: date) -> Episode:
    """Walk the openings and closings up to `as_of` and return the last episode."""
    return episode_on(grounds_of(evidence, rules=rules, instruments=instruments, as_of=as_of))


def episode_on(grounds: Grounds) -> Episode:
    """The last episode on these grounds."""
    coded = _coded_openings(grounds)
    first = _first_opening(grounds, coded)
    if first is None:
        return Episode(start=None, basis="none", uncertain=True, may_have_ended=False, reasons=())
    opened, basis = first, "first-evidence"
    reasons = [Reason(rule="P0", text=f"First evidence on {opened.day}.", uses=opened.uses)]
    closed: date | None = None
    for day, reason in sorted(_closings(grounds, coded), key=lambda c: c[0]):
        if day < opened.day:
            continue
        closed = day
        following = _first_opening(grounds, coded, after=day)
        reasons.append(reason)
        if following is None:
            break
        opened, closed = following, None
        basis = opened.basis
        reasons = [
            reason,
            Reason(rule="P1", text=f"New episode from {opened.day} ({basis}).", uses=opened.uses),
        ]
    last, silence = grounds.last_active, grounds.rules.episode_silence_days
    silent = last is not None and (grounds.as_of - last).days >= silence
    if silent:
        text = f"Nothing recorded for {silence} days or more: a current episode is not evidenced."
        reasons.append(Reason(rule="P2", text=text))
    ended = closed is not None or silent or _marked_ended(grounds.conditions)
    unspecified = _unspecified_remission(grounds.conditions, opened.day, grounds.as_of)
    return Episode(
        start=opened.day,
        basis=basis,
        uncertain=basis == "first-evidence" or unspecified,
        may_have_ended=ended,
        reasons=tuple(reasons),
    )


def _day_of(opening: Opening) -> date:
    return opening.day


def _first_opening(grounds: Grounds, coded: Iterable[Opening], after: date = date.min) -> Opening | None:
    """The first opening after a day: by a score, an era, or one of the `coded` conditions."""
    place = bisect_right(grounds.openings, after, key=_day_of)
    found = [*grounds.openings[place : place + 1], *(o for o in coded if o.day > after)]
    return min(found, key=time_of, default=None)


def _coded_openings(grounds: Grounds) -> list[Opening]:
    """The openings by conditions."""
    found = []
    for condition in grounds.conditions:
        started = condition.onset or condition.recorded
        opening = condition.categories & DEPRESSION and not condition.categories & REMISSION_CODES
        if not opening or started is None or started.earliest > grounds.as_of or not is_depression_code(condition):
            continue
        if not _in_remission_then(started.earliest, grounds.scores, grounds.rules, grounds.instruments):
            found.append(Opening(day=started.earliest, basis="condition", uses=(condition.reference,)))
    return found


def _in_remission_then(day: date, scores: Sequence[Score], rules: Reconstruction, instruments: Instruments) -> bool:
    """A carried-forward code while the latest recent score is in remission opens nothing (rule 51)."""
    place = bisect_right(scores, day, key=lambda score: score.day) - 1
    if place < 0 or (day - scores[place].day).days > rules.reopen_score_days:
        return False
    return is_remission(scores[place], instruments)


def _closings(grounds: Grounds, coded: Sequence[Opening]) -> list[tuple[date, Reason]]:
    rules, as_of = grounds.rules, grounds.as_of
    found = []
    if grounds.well and (grounds.well[-1] - grounds.well[0]).days >= rules.episode_remission_days:
        found = _by_scores(grounds.scores, rules, grounds.instruments)
    for condition in grounds.conditions:
        uses = (condition.reference,)
        if condition.verification is not Verification.CONFIRMED:
            continue
        if condition.categories & REMISSION_CODES:
            when = condition.recorded or condition.onset
            if when is not None and when.latest <= as_of:
                text = f"Full remission was coded on {when.latest}."
                found.append((when.latest, Reason(rule="P1", text=text, uses=uses)))
        elif condition.categories & DEPRESSION and condition.clinical in _ENDED and condition.abatement is not None:
            ended = condition.abatement.latest
            following = _first_opening(grounds, coded, after=ended)
            if ended <= as_of and (following is None or (following.day - ended).days >= rules.episode_remission_days):
                text = f"The recorded depression ended on {ended}."
                found.append((ended, Reason(rule="P1", text=text, uses=uses)))
    for before, after in grounds.silences:
        text = f"No depression code, score, drug or procedure between {before} and {after}."
        found.append((before, Reason(rule="P2", text=text)))
    return found


def _by_scores(scores: Sequence[Score], rules: Reconstruction, instruments: Instruments) -> list[tuple[date, Reason]]:
    found: list[tuple[date, Reason]] = []
    first: Score | None = None
    for score in scores:
        if is_at_line(score, instruments):
            first = None
        elif is_remission(score, instruments):
            first = first or score
            if (score.day - first.day).days >= rules.episode_remission_days:
                text = f"Scores in remission from {first.day} to {score.day}, none at the line between."
                uses = (*first.references, *score.references)
                found.append((score.day, Reason(rule="P1", text=text, uses=uses)))
    return found


def _marked_ended(conditions: Sequence[ConditionFact]) -> bool:
    """Whether every recorded depression is resolved, inactive or in full remission (rule 37)."""
    known = [c for c in conditions if is_depression_code(c) and c.verification is Verification.CONFIRMED]
    return bool(known) and all(c.clinical in _ENDED or c.categories & REMISSION_CODES for c in known)


def _unspecified_remission(conditions: Sequence[ConditionFact], start: date, as_of: date) -> bool:
    return any(
        "depression-remission-unspecified" in c.categories and any(start <= day <= as_of for day in events_of(c))
        for c in conditions
    )
