"""What the scores on one scale say about a trial (steps 1 to 4 of the decision order; rules O3, O5, O8).

The last plain total in the endpoint window is held against the latest one in the baseline window. A scale with an
illness line can measure a failure; one without a line, and a clinician's global rating, can at most make one
probable. Totals of one moment that contradict each other say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fractions import Fraction

from mappings.schema import Reconstruction
from plugin.findings import Missing, Reason
from plugin.instruments import (
    Instruments,
    exact,
    has_line,
    improvement,
    is_at_line,
    is_baseline,
    is_good_rating,
    is_remission,
)
from plugin.record import Score, StopReason
from plugin.trial.ordered_scores import CONFLICT, OnScale, moment

BASELINE_CONFLICT = "baseline_conflict"
GLOBAL_RATING = "global_rating"
NO_LINE = "no_illness_line"


class Status(StrEnum):
    """Whether the trial failed."""

    FAILED_MEASURED = "FAILED_MEASURED"
    FAILED_PROXY = "FAILED_PROXY"
    NOT_FAILED = "NOT_FAILED"
    UNKNOWN = "UNKNOWN"


Addition = tuple[date, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of one trial.

    `basis`: ``score``, ``coded-reason``, ``switch``, ``reported`` or ``none``. `category`: ``remission``, ``response``,
    ``partial-response``, ``no-response``, ``worse``, ``lost-response``, ``intolerance`` or None. `change` is the share
    of the baseline gone at the endpoint (negative when worse). `best` is the lowest total on the endpoint's scale from
    the first at-dose day to the endpoint. `strict` is what the stricter reading says, which calls only an improvement
    below the partial one a failure. `next_start` is the start of another antidepressant that it was rated with.
    """

    status: Status
    basis: str
    category: str | None = None
    baseline: Score | None = None
    endpoint: Score | None = None
    best: Score | None = None
    change: Fraction | None = None
    strict: tuple[Status, str | None] | None = None
    stop: StopReason | None = None
    flags: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    reasons: tuple[Reason, ...] = ()
    next_start: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where baseline and endpoint of one trial may lie; both ends included. `start`, `end`: at-dose day, last day."""

    baseline_from: date
    baseline_to: date
    endpoint_from: date
    endpoint_to: date
    start: date
    end: date

    def holds_endpoint(self, score: Score) -> bool:
        """Whether the score lies in the endpoint window."""
        return self.endpoint_from <= score.day <= self.endpoint_to


def reading_of(
    mine: OnScale,
    window: Window,
    *,
    response: Fraction,
    rules: Reconstruction,
    instruments: Instruments,
    cites: tuple[str, ...] = (),
) -> Outcome:
    """What `mine`, all scores on one scale, say; some of them lie in the endpoint window.

    `response` is the improvement that is no failure. Flag ``conflict``: the totals at the endpoint (or, with
    ``baseline_conflict``, only those at the baseline) contradict each other.
    """
    ends = mine.plain.between(window.endpoint_from, window.endpoint_to)
    starts = mine.plain.between(window.baseline_from, window.baseline_to)
    endpoint, baseline = (ends[-1] if ends else None), (starts[-1] if starts else None)
    scale = instruments[mine.instrument]
    of_scale = tuple(dict.fromkeys((*scale.cites, *cites)))
    since = endpoint.day if endpoint is not None else window.endpoint_from
    contested = [s for s in mine.clashes if since <= s.day <= window.endpoint_to]
    if endpoint is None or contested or _tied(endpoint, ends):
        uses = tuple(dict.fromkeys(r for s in (*contested, *ends[-1:]) for r in s.references))
        text = f"{scale.label} totals of one day contradict each other: outcome unknown."
        reason = Reason(rule="O8", text=text, cites=of_scale, uses=uses)
        return Outcome(status=Status.UNKNOWN, basis="score", endpoint=endpoint, flags=(CONFLICT,), reasons=(reason,))
    before = baseline.day if baseline is not None else window.baseline_from
    torn = any(before <= s.day <= window.baseline_to for s in mine.clashes)
    torn = torn or (baseline is not None and _tied(baseline, starts))
    change = improvement(baseline, endpoint, instruments) if baseline is not None else None
    during = mine.plain.between(window.start, endpoint.day)  # of its own day none comes after the endpoint
    told = _Told(baseline=baseline, endpoint=endpoint, change=change, during=during, cites=of_scale)
    end = f"{scale.label} {endpoint.value:g} on {endpoint.day}"
    if is_remission(endpoint, instruments):
        return told.outcome(Status.NOT_FAILED, "remission", "O3", f"{end}: remission.")
    if torn:
        text = f"{scale.label} totals at the baseline contradict each other: outcome unknown."
        outcome = told.outcome(Status.UNKNOWN, None, "O8", text)
        return replace(outcome, flags=(*outcome.flags, CONFLICT, BASELINE_CONFLICT))
    if scale.is_global:
        return _global(told, end, response, rules, instruments)
    usable = baseline is not None and change is not None and is_baseline(baseline, instruments)
    if usable and change is not None and change >= response:
        return told.outcome(Status.NOT_FAILED, "response", "O3", f"{told.pair(scale.label)} Response.")
    if _lost(told, baseline if usable else None, response, instruments):
        text = f"{told.pair(scale.label)} An earlier response in the trial was lost."
        return told.outcome(Status.UNKNOWN, "lost-response", "O3", text)
    if usable and change is not None and baseline is not None:
        if has_line(baseline, instruments):
            text = f"{told.pair(scale.label)} Less than the response asked for."
            return told.outcome(Status.FAILED_MEASURED, _degree(change, rules), "O3", text)
        text = f"{told.pair(scale.label)} Less than a response, on a scale without an illness line: probable only."
        outcome = told.outcome(Status.FAILED_PROXY, _degree(change, rules), "O3", text)
        return replace(outcome, flags=(*outcome.flags, NO_LINE))
    if baseline is None and is_at_line(endpoint, instruments):
        text = f"{end} is still at the illness line, but no baseline on the same scale: probable failure only."
        return told.outcome(Status.FAILED_PROXY, None, "O5", text)
    if not has_line(endpoint, instruments):
        text = f"{end}: this scale has no absolute rule, so a total by itself says nothing."
        outcome = told.outcome(Status.UNKNOWN, None, "O5", text)
        return replace(outcome, flags=(*outcome.flags, NO_LINE))
    text = f"{end}: mild, or mild at baseline; this neither shows nor excludes failure."
    return told.outcome(Status.UNKNOWN, None, "O5", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """The scores a reading rests on: `during` are those from the first at-dose day to the endpoint."""

    baseline: Score | None
    endpoint: Score
    change: Fraction | None
    during: Sequence[Score]
    cites: tuple[str, ...]

    def outcome(self, status: Status, category: str | None, rule: str, text: str) -> Outcome:
        """The reading with its scores, and a reason naming them."""
        ends = [score for score in (self.baseline, self.endpoint) if score is not None]
        facts: list[tuple[str, str | int | float]] = [("instrument", self.endpoint.instrument)]
        if self.baseline is not None:
            facts += [("baseline", self.baseline.value), ("baseline date", self.baseline.day.isoformat())]
        facts += [("endpoint", self.endpoint.value), ("endpoint date", self.endpoint.day.isoformat())]
        if self.change is not None:
            facts.append(("percent change", round(float(-self.change) * 100, 1)))
        return Outcome(
            status=status,
            basis="score",
            category=category,
            baseline=self.baseline,
            endpoint=self.endpoint,
            best=min(self.during, key=lambda s: (s.value, moment(s))),
            change=self.change,
            flags=tuple(dict.fromkeys(flag for score in ends for flag in score.flags)),
            reasons=(
                Reason(
                    rule=rule,
                    text=text,
                    facts=tuple(facts),
                    cites=self.cites,
                    uses=tuple(dict.fromkeys(r for score in ends for r in score.references)),
                ),
            ),
        )

    def pair(self, label: str) -> str:
        """The scores compared, in words."""
        end = f"{self.endpoint.value:g} on {self.endpoint.day}"
        if self.baseline is None or self.change is None:
            return f"{label} {end}."
        percent = f"{float(-self.change * 100):+.0f} %".replace("-", "\u2212")
        return f"{label} {self.baseline.value:g} on {self.baseline.day} to {end}: {percent} change."


def _global(told: _Told, end: str, response: Fraction, rules: Reconstruction, instruments: Instruments) -> Outcome:
    """A clinician's global rating: a good one speaks against failure, a poor one makes it probable."""
    scale = instruments[told.endpoint.instrument]
    told = replace(told, change=None)
    status, category, text = Status.UNKNOWN, None, f"{end}: a global rating by itself settles nothing."
    if is_good_rating(told.endpoint, instruments):
        text = f"{end}: rated as improved or well, which is no measured outcome and no failure."
    elif scale.rated_partial is not None and told.endpoint.value <= scale.rated_partial:
        if response > exact(rules.partial_response):
            status, category = Status.FAILED_PROXY, "partial-response"
            text = f"{end}: rated as little improved: probable failure only."
    elif scale.rated_response is not None:
        status, category = Status.FAILED_PROXY, "no-response"
        text = f"{end}: rated as not improved: probable failure only."
    outcome = told.outcome(status, category, "O5", text)
    return replace(outcome, flags=(*outcome.flags, GLOBAL_RATING))


def _tied(score: Score, among: Sequence[Score]) -> bool:
    """Whether another total of the same moment differs."""
    return any(moment(s) == moment(score) and s.value != score.value for s in among)


def _degree(change: Fraction, rules: Reconstruction) -> str:
    if change < 0:
        return "worse"
    return "partial-response" if change >= exact(rules.partial_response) else "no-response"


def _lost(told: _Told, baseline: Score | None, response: Fraction, instruments: Instruments) -> bool:
    """Whether an earlier score of the same trial met remission, or response against a usable baseline."""
    for score in told.during:
        if moment(score) >= moment(told.endpoint):
            continue
        if told.baseline is not None and moment(score) <= moment(told.baseline):
            continue
        change = improvement(baseline, score, instruments) if baseline is not None else None
        if is_remission(score, instruments) or (change is not None and change >= response):
            return True
    return False
