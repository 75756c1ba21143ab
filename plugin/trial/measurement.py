"""What the scores say about a trial: windows for baseline and endpoint, and whether the scales agree (O1 to O5, O8).

Each scale is read for itself (`scale_reading`); here the readings are held together. Scales that disagree, suspect
totals and totals that contradict each other leave the outcome unknown; a scale without an illness line and a global
rating speak only where no scale with a line measures the outcome, and never overrule one into a failure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction

from mappings.schema import Definition, Reconstruction
from plugin.findings import Reason
from plugin.instruments import Instruments, is_good_rating
from plugin.trial.adequacy import Adequacy, Judged
from plugin.trial.ordered_scores import CONFLICT, OrderedScores
from plugin.trial.scale_reading import BASELINE_CONFLICT, Outcome, Status, Window, reading_of

__all__ = ["Outcome", "Status", "Window", "measured_outcome", "window_of"]


def first_at_dose(judged: Judged) -> date:
    """The first day of the run by which the trial is rated; without any at-dose day the first covered one."""
    adequate = judged.adequacy is Adequacy.ADEQUATE
    run = (judged.sure if adequate else judged.possible) or judged.sure
    return run.span.start if run else judged.era.start


def window_of(
    judged: Judged,
    *,
    definition: Definition,
    rules: Reconstruction,
    next_start: date | None,
    min_days: int | None = None,
) -> Window:
    """O1, O2: baseline around the first at-dose day (or titration), endpoint up to just after the end.

    `min_days`: so many days to the first endpoint instead of those of the definition.
    """
    era, at_dose = judged.era, first_at_dose(judged)
    titration = era.days.first_from(at_dose - timedelta(days=rules.titration_before_days)) or at_dose
    last = era.end + timedelta(days=rules.outcome_after_end_days)
    if next_start is not None:
        last = min(last, next_start + timedelta(days=rules.outcome_after_next_start_days))
    return Window(
        baseline_from=titration - timedelta(days=rules.baseline_before_days),
        baseline_to=at_dose + timedelta(days=rules.baseline_after_days),
        endpoint_from=at_dose + timedelta(days=definition.min_days_at_dose if min_days is None else min_days),
        endpoint_to=last,
        start=at_dose,
        end=era.end,
    )


def measured_outcome(
    scores: OrderedScores,
    window: Window,
    *,
    response: Fraction,
    rules: Reconstruction,
    instruments: Instruments,
    cites: tuple[str, ...] = (),
) -> Outcome | None:
    """Steps 1 to 4: what the scores say, per scale, and whether the scales agree. None without any endpoint.

    `response` is the improvement that is no failure, `cites` what asks for it.
    """
    readings: Mapping[str, Outcome] = {
        instrument: reading_of(mine, window, response=response, rules=rules, instruments=instruments, cites=cites)
        for instrument, mine in scores.by_scale.items()
        if mine.tells_between(window.endpoint_from, window.endpoint_to)
    }
    suspects = [s for s in scores.suspects if window.holds_endpoint(s)]
    if not readings and not suspects:
        return None
    readings = _without_parts(readings, instruments)
    rated = [r for key, r in readings.items() if instruments[key].line is not None]
    if suspects and not any(r.endpoint is not None for r in rated):
        text = "The only score in the window cannot be taken as a total: outcome unknown."
        reason = Reason(rule="O8", text=text, uses=tuple(dict.fromkeys(r for s in suspects for r in s.references)))
        return Outcome(status=Status.UNKNOWN, basis="none", flags=("total_suspect",), reasons=(reason,))
    weak = [r for key, r in readings.items() if instruments[key].line is None]
    return _agreed(rated, weak, instruments)


def _without_parts(readings: Mapping[str, Outcome], instruments: Instruments) -> Mapping[str, Outcome]:
    """Leave out a scale whose items are all in another one that tells the outcome: it would say it twice."""
    telling = {key for key, r in readings.items() if r.status in (Status.NOT_FAILED, Status.FAILED_MEASURED)}
    telling |= {key for key, r in readings.items() if r.category == "lost-response"}
    return {key: r for key, r in readings.items() if not telling & {*instruments[key].part_of}}


def _agreed(rated: Sequence[Outcome], weak: Sequence[Outcome], instruments: Instruments) -> Outcome:
    """The reading that decides, or UNKNOWN with the flag ``conflict`` where readings exclude each other."""
    readings = [*rated, *weak]
    contested = [r for r in rated if CONFLICT in r.flags and BASELINE_CONFLICT not in r.flags]
    good = [r for r in readings if r.status is Status.NOT_FAILED or r.category == "lost-response"]
    rated_good = [r for r in weak if r.endpoint is not None and is_good_rating(r.endpoint, instruments)]
    measured = [r for r in rated if r.status is Status.FAILED_MEASURED]
    if contested:
        return contested[0] if len(readings) == 1 else _unclear(readings)
    if measured:
        return _unclear(readings) if good or rated_good else measured[0]
    settled = [r for r in rated if r.status is Status.NOT_FAILED]
    if settled:
        return settled[0]
    lost = [r for r in rated if r.category == "lost-response"]
    if lost:
        return lost[0]
    probable = [r for r in readings if r.status is Status.FAILED_PROXY]
    if probable:
        mild = [r for r in rated if r.status is Status.UNKNOWN]
        if good or rated_good or (mild and probable[0] not in rated):
            return _unclear(readings)
        return probable[0]
    return (good or readings)[0]


def _unclear(readings: Sequence[Outcome]) -> Outcome:
    """Readings that exclude each other, with the reasons of all."""
    reasons = tuple(reason for r in readings for reason in r.reasons)
    uses = tuple(dict.fromkeys(use for reason in reasons for use in reason.uses))
    text = "Scales disagree about this trial: outcome unknown."
    return Outcome(
        status=Status.UNKNOWN,
        basis="score",
        flags=(CONFLICT,),
        reasons=(*reasons, Reason(rule="O4", text=text, uses=uses)),
    )
