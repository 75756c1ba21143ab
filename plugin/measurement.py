"""What the scores say about a trial: windows for baseline and endpoint, change on one scale, agreement of scales.

Steps 1 to 4 of the decision order (O1 to O5, O8). A percentage is only ever taken on one scale; scales that disagree,
suspect totals and totals that contradict each other leave the outcome unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

from mappings.schema import Definition, Reconstruction
from plugin.adequacy import Adequacy, Judged
from plugin.findings import Missing, Reason
from plugin.instruments import Instruments, improvement, is_at_line, is_plain, is_remission
from plugin.record import Score, StopReason


class Status(StrEnum):
    """Whether the trial failed."""

    FAILED_MEASURED = "FAILED_MEASURED"
    FAILED_PROXY = "FAILED_PROXY"
    NOT_FAILED = "NOT_FAILED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of one trial.

    `basis`: ``score``, ``coded-reason``, ``switch``, ``reported`` or ``none``. `category`: ``remission``, ``response``,
    ``partial-response``, ``no-response``, ``worse``, ``lost-response``, ``intolerance`` or None. `change` is the share
    of the baseline gone at the endpoint (negative when worse).
    """

    status: Status
    basis: str
    category: str | None = None
    baseline: Score | None = None
    endpoint: Score | None = None
    change: Fraction | None = None
    stop: StopReason | None = None
    flags: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where baseline and endpoint of one trial may lie; both ends included."""

    baseline_from: date
    baseline_to: date
    endpoint_from: date
    endpoint_to: date
    start: date
    end: date


def window_of(judged: Judged, *, definition: Definition, rules: Reconstruction, next_start: date | None) -> Window:
    """O1, O2: baseline around the first at-dose day (or titration), endpoint up to just after the end."""
    era = judged.era
    adequate = judged.adequacy is Adequacy.ADEQUATE
    run = (judged.sure if adequate else judged.possible) or judged.sure
    at_dose = run.span.start if run else era.start
    earliest = at_dose - timedelta(days=rules.titration_before_days)
    titration = next((day for day in era.days if earliest <= day <= at_dose), at_dose)
    last = era.end + timedelta(days=rules.outcome_after_end_days)
    if next_start is not None:
        last = min(last, next_start + timedelta(days=rules.outcome_after_next_start_days))
    return Window(
        baseline_from=titration - timedelta(days=rules.baseline_before_days),
        baseline_to=at_dose + timedelta(days=rules.baseline_after_days),
        endpoint_from=at_dose + timedelta(days=definition.min_days_at_dose),
        endpoint_to=last,
        start=at_dose,
        end=era.end,
    )


def measured_outcome(
    scores: Sequence[Score],
    window: Window,
    definition: Definition,
    rules: Reconstruction,
    instruments: Instruments,
) -> Outcome | None:
    """Steps 1 to 4: what the scores say, per scale, and whether the scales agree. None without any endpoint."""
    inside = [s for s in scores if window.endpoint_from <= s.day <= window.endpoint_to]
    suspect = [s for s in inside if "suspect-total" in s.flags]
    clashing = [s for s in inside if "conflict" in s.flags]
    readings = []
    for instrument in sorted({s.instrument for s in inside if is_plain(s)}):
        readings.append(_one_scale(instrument, scores, inside, window, definition, rules, instruments))
    if not readings:
        if suspect or clashing:
            flag = "total_suspect" if suspect else "conflict"
            odd = (suspect or clashing)[-1]
            text = "The only score in the window cannot be taken as a total: outcome unknown."
            reason = Reason(rule="O8", text=text, uses=odd.references)
            return Outcome(status=Status.UNKNOWN, basis="none", flags=(flag,), reasons=(reason,))
        return None
    statuses = {r.status for r in readings}
    failed = [r for r in readings if r.status is Status.FAILED_MEASURED]
    good = [r for r in readings if r.status is Status.NOT_FAILED or r.category == "lost-response"]
    if failed and good:
        text = "Scales disagree about this trial: outcome unknown."
        reasons = tuple(reason for r in readings for reason in r.reasons)
        return Outcome(
            status=Status.UNKNOWN,
            basis="score",
            flags=("conflict",),
            reasons=(*reasons, Reason(rule="O4", text=text)),
        )
    for wanted in (Status.NOT_FAILED, Status.FAILED_MEASURED, Status.FAILED_PROXY, Status.UNKNOWN):
        if wanted in statuses:
            return next(r for r in readings if r.status is wanted)
    return None


def _one_scale(
    instrument: str,
    scores: Sequence[Score],
    inside: Sequence[Score],
    window: Window,
    definition: Definition,
    rules: Reconstruction,
    instruments: Instruments,
) -> Outcome:
    mine = sorted((s for s in scores if s.instrument == instrument and is_plain(s)), key=lambda s: (s.day, s.order))
    endpoint = max((s for s in inside if s.instrument == instrument and is_plain(s)), key=lambda s: (s.day, s.order))
    before = [s for s in mine if window.baseline_from <= s.day <= window.baseline_to]
    baseline = before[-1] if before else None
    flags = tuple(dict.fromkeys(f for s in (baseline, endpoint) if s is not None for f in s.flags))
    uses = tuple(dict.fromkeys(r for s in (baseline, endpoint) if s is not None for r in s.references))
    change = improvement(baseline, endpoint) if baseline is not None else None
    scale = instruments[instrument]

    def told(status: Status, category: str | None, rule: str, text: str) -> Outcome:
        reason = Reason(rule=rule, text=text, cites=tuple(dict.fromkeys((*scale.cites, *definition.cites))), uses=uses)
        return Outcome(
            status=status,
            basis="score",
            category=category,
            baseline=baseline,
            endpoint=endpoint,
            change=change,
            flags=flags,
            reasons=(reason,),
        )

    clashes = [s for s in scores if s.instrument == instrument and "conflict" in s.flags]
    clash = any(endpoint.day <= s.day <= window.endpoint_to for s in clashes) or any(
        (baseline.day if baseline is not None else window.baseline_from) <= s.day <= window.baseline_to for s in clashes
    )
    if clash or _tied(endpoint, inside) or (baseline is not None and _tied(baseline, before)):
        text = f"{scale.label} totals of one day contradict each other: outcome unknown."
        return replace(told(Status.UNKNOWN, None, "O8", text), flags=(*flags, "conflict"))
    end = f"{scale.label} {endpoint.value:g} on {endpoint.day}"
    if is_remission(endpoint, instruments):
        return told(Status.NOT_FAILED, "remission", "O3", f"{end}: remission.")
    if baseline is not None and is_at_line(baseline, instruments) and change is not None:
        pair = f"{scale.label} {baseline.value:g} on {baseline.day} to {endpoint.value:g} on {endpoint.day}"
        text = f"{pair}: {_percent(change)} change."
        if change >= share(definition.response):
            return told(Status.NOT_FAILED, "response", "O3", f"{text} Response.")
        if _lost(mine, baseline, endpoint, window, definition, instruments):
            return told(Status.UNKNOWN, "lost-response", "O3", f"{text} An earlier response in the trial was lost.")
        return told(Status.FAILED_MEASURED, _degree(change, rules), "O3", f"{text} Less than the response asked for.")
    if baseline is None and is_at_line(endpoint, instruments):
        text = f"{end} is still at the illness line, but no baseline on the same scale: probable failure only."
        return told(Status.FAILED_PROXY, None, "O5", text)
    text = f"{end}: mild, or mild at baseline; this neither shows nor excludes failure."
    return told(Status.UNKNOWN, None, "O5", text)


def _tied(score: Score, among: Sequence[Score]) -> bool:
    """Whether another total of the same scale and moment differs."""
    same = (score.instrument, score.day, score.order)
    return any((s.instrument, s.day, s.order) == same and s.value != score.value for s in among if is_plain(s))


def share(value: float) -> Fraction:
    """A share of the knowledge as an exact fraction, so that a change of exactly one half is one half."""
    return Fraction(str(value))


def _percent(change: Fraction) -> str:
    return f"{float(-change * 100):+.0f} %".replace("-", "\u2212")


def _degree(change: Fraction, rules: Reconstruction) -> str:
    if change < 0:
        return "worse"
    return "partial-response" if change >= share(rules.partial_response) else "no-response"


def _lost(
    mine: Sequence[Score],
    baseline: Score,
    endpoint: Score,
    window: Window,
    definition: Definition,
    instruments: Instruments,
) -> bool:
    """Whether an earlier score of the same trial met response or remission."""
    for score in mine:
        if not (window.start <= score.day and (score.day, score.order) < (endpoint.day, endpoint.order)):
            continue
        if (score.day, score.order) <= (baseline.day, baseline.order):
            continue
        change = improvement(baseline, score)
        if is_remission(score, instruments) or (change is not None and change >= share(definition.response)):
            return True
    return False
