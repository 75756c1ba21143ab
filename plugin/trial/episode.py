"""The current depressive episode: when it began, what closed the one before, whether it may have ended.

Closing (P1, P2): two remission scores far enough apart with none at the line between; a full-remission code; a
depression condition ended long enough before the next opening; a long silence. Opening: a score at the line, a new
depression code, a new era of an antidepressant that reaches the lenient dose. Partial remission closes nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from mappings.schema import Reconstruction
from plugin.findings import Reason
from plugin.instruments import Instruments, is_at_line, is_plain, is_remission
from plugin.record import ConditionFact, ProcedureFact, Score, Verification
from plugin.spans import DateSpan, joined, uncovered_between

_ENDED = {"resolved", "remission", "inactive"}
_PERFORMED = {"completed", "in-progress", "unknown"}
_DEPRESSION = {"depression", "depression-possible"}
_REMISSION_CODES = {"depression-remission-full"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Something that starts an episode when none is open."""

    day: date
    basis: str  # "score" | "condition" | "antidepressant"
    uses: tuple[str, ...]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the episode is read from. `era_starts`: new eras at the lenient dose."""

    scores: Sequence[Score]
    conditions: Sequence[ConditionFact]
    procedures: Sequence[ProcedureFact]
    era_starts: Sequence[tuple[date, tuple[str, ...]]]
    active_spans: Sequence[DateSpan]


def current_episode(evidence: Evidence, *, rules: Reconstruction, instruments: Instruments, as_of: date) -> Episode:
    """Walk the openings and closings up to `as_of` and return the last episode."""
    scores = sorted((s for s in evidence.scores if s.day <= as_of and is_plain(s)), key=lambda s: (s.day, s.order))
    openings = _openings(evidence, scores, rules, instruments, as_of)
    if not openings:
        return Episode(start=None, basis="none", uncertain=True, may_have_ended=False, reasons=())
    activity = _activity(evidence, scores, as_of)
    closings = sorted(_closings(evidence, scores, openings, activity, rules, instruments, as_of), key=lambda c: c[0])
    opened = openings[0]
    basis, reasons = (
        "first-evidence",
        [Reason(rule="P0", text=f"First evidence on {opened.day}.", uses=opened.uses)],
    )
    closed: date | None = None
    for day, reason in closings:
        if day < opened.day:
            continue
        closed = day
        following = [o for o in openings if o.day > day]
        reasons.append(reason)
        if not following:
            break
        opened, closed = following[0], None
        basis = opened.basis
        reasons = [
            reason,
            Reason(rule="P1", text=f"New episode from {opened.day} ({basis}).", uses=opened.uses),
        ]
    silent = bool(activity) and (as_of - activity[-1].end).days >= rules.episode_silence_days
    if silent:
        text = f"Nothing recorded for {rules.episode_silence_days} days or more: a current episode is not evidenced."
        reasons.append(Reason(rule="P2", text=text))
    ended = closed is not None or silent or _marked_ended(evidence.conditions)
    uncertain = basis == "first-evidence" or _unspecified_remission(evidence.conditions, opened.day, as_of)
    return Episode(start=opened.day, basis=basis, uncertain=uncertain, may_have_ended=ended, reasons=tuple(reasons))


def _events(condition: ConditionFact) -> list[date]:
    return [d.earliest for d in (condition.onset, condition.recorded, condition.abatement) if d is not None]


def _is_depression(condition: ConditionFact) -> bool:
    families = _DEPRESSION | _REMISSION_CODES | {"depression-remission-partial", "depression-remission-unspecified"}
    return bool(condition.categories & families) and condition.verification is not Verification.REFUTED


def _openings(
    evidence: Evidence, scores: Sequence[Score], rules: Reconstruction, instruments: Instruments, as_of: date
) -> list[Opening]:
    found = [Opening(day=s.day, basis="score", uses=s.references) for s in scores if is_at_line(s, instruments)]
    for condition in evidence.conditions:
        started = condition.onset or condition.recorded
        opening = condition.categories & _DEPRESSION and not condition.categories & _REMISSION_CODES
        if not opening or started is None or not _is_depression(condition):
            continue
        if not _in_remission_then(started.earliest, scores, rules, instruments):
            found.append(Opening(day=started.earliest, basis="condition", uses=(condition.reference,)))
    found += [Opening(day=day, basis="antidepressant", uses=uses) for day, uses in evidence.era_starts]
    return sorted((o for o in found if o.day <= as_of), key=lambda o: (o.day, o.basis))


def _in_remission_then(day: date, scores: Sequence[Score], rules: Reconstruction, instruments: Instruments) -> bool:
    """A carried-forward code while the latest recent score is in remission opens nothing (rule 51)."""
    place = bisect_right(scores, day, key=lambda score: score.day) - 1
    if place < 0 or (day - scores[place].day).days > rules.reopen_score_days:
        return False
    return is_remission(scores[place], instruments)


def _activity(evidence: Evidence, scores: Sequence[Score], as_of: date) -> tuple[DateSpan, ...]:
    """Days with anything about the depression, up to `as_of`, as runs in order of time."""
    days = [s.day for s in scores]
    for condition in evidence.conditions:
        if _is_depression(condition):
            days += _events(condition)
    days += [p.start.earliest for p in evidence.procedures if p.start is not None and p.status in _PERFORMED]
    spans = [DateSpan(day, day) for day in days] + list(evidence.active_spans)
    return joined(DateSpan(span.start, min(span.end, as_of)) for span in spans if span.start <= as_of)


def _closings(
    evidence: Evidence,
    scores: Sequence[Score],
    openings: Sequence[Opening],
    activity: Sequence[DateSpan],
    rules: Reconstruction,
    instruments: Instruments,
    as_of: date,
) -> list[tuple[date, Reason]]:
    found = _by_scores(scores, rules, instruments)
    for condition in evidence.conditions:
        uses = (condition.reference,)
        if condition.verification is not Verification.CONFIRMED:
            continue
        if condition.categories & _REMISSION_CODES:
            when = condition.recorded or condition.onset
            if when is not None and when.latest <= as_of:
                text = f"Full remission was coded on {when.latest}."
                found.append((when.latest, Reason(rule="P1", text=text, uses=uses)))
        elif condition.categories & _DEPRESSION and condition.clinical in _ENDED and condition.abatement is not None:
            ended = condition.abatement.latest
            following = [o.day for o in openings if o.day > ended]
            if ended <= as_of and (not following or (following[0] - ended).days >= rules.episode_remission_days):
                text = f"The recorded depression ended on {ended}."
                found.append((ended, Reason(rule="P1", text=text, uses=uses)))
    for earlier, later in pairwise(activity):
        if uncovered_between(earlier.end, later.start) >= rules.episode_silence_days:
            text = f"No depression code, score, drug or procedure between {earlier.end} and {later.start}."
            found.append((earlier.end, Reason(rule="P2", text=text)))
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
    known = [c for c in conditions if _is_depression(c) and c.verification is Verification.CONFIRMED]
    return bool(known) and all(c.clinical in _ENDED or c.categories & _REMISSION_CODES for c in known)


def _unspecified_remission(conditions: Sequence[ConditionFact], start: date, as_of: date) -> bool:
    return any(
        "depression-remission-unspecified" in c.categories and any(start <= day <= as_of for day in _events(c))
        for c in conditions
    )
