"""What became of a trial: scores first, then recorded reasons, then what followed (trials 5.2, 5.3)."""

from __future__ import annotations

from dataclasses import dataclass

from mappings.schema import Definition
from plugin.record import MedicationFact, Score
from tests.reference.adequacy import Rating, Run
from tests.reference.eras import Context, Era

MEASURED, PROXY, FINE, UNKNOWN = "FAILED_MEASURED", "FAILED_PROXY", "NOT_FAILED", "UNKNOWN"


@dataclass(frozen=True)
class Outcome:
    """Status, and whether a failure was measured by scores (a recorded reason is not)."""

    status: str
    by_score: bool = False


def outcome_of(
    era: Era, rating: Rating, everything: list[Era], scores: tuple[Score, ...], definition: Definition, context: Context
) -> Outcome:
    """The outcome of one rated era; what is neither ADEQUATE nor BORDERLINE has none."""
    if rating.adequacy not in ("ADEQUATE", "BORDERLINE") or rating.run is None:
        return Outcome(UNKNOWN)
    found = _judge(era, rating.run, everything, scores, definition, context)
    if rating.adequacy == "BORDERLINE" and found.status != FINE:
        return Outcome(UNKNOWN)
    return found


def _judge(
    era: Era,
    run: Run,
    everything: list[Era],
    scores: tuple[Score, ...],
    definition: Definition,
    context: Context,
) -> Outcome:
    rules = context.rules
    s1 = run.first
    s0 = min(day for day in era.days if s1 - rules.titration_before_days <= day <= s1)
    others = [e for e in everything if e.key[0] != era.key[0] and e.reaches]
    antidepressants = [e for e in others if context.knowledge.drugs[e.key[0]].role == "antidepressant"]
    following = [e.start for e in antidepressants if e.start > s1]
    last_day = min(era.last + rules.outcome_after_end_days, context.today)
    if following:
        last_day = min(last_day, min(following) + rules.outcome_after_next_start_days)
    window = range(s1 + definition.min_days_at_dose, last_day + 1)
    told = [s for s in scores if s.day.toordinal() <= context.today]
    usable = [s for s in told if "suspect-total" not in s.flags]
    findings = []
    for instrument in sorted({s.instrument for s in usable}):
        own = sorted((s for s in usable if s.instrument == instrument), key=lambda s: (s.day, s.order))
        findings.append(
            _on_one_scale(
                own,
                s1,
                range(s0 - rules.baseline_before_days, s1 + rules.baseline_after_days + 1),
                window,
                definition,
                context,
            )
        )
    said = {finding for finding in findings if finding}
    if "conflict" in said or ({"fine", "lost"} & said and "failed" in said):
        return Outcome(UNKNOWN)
    if "fine" in said:
        return Outcome(FINE)
    if "failed" in said:
        return Outcome(MEASURED, by_score=True)
    if "lost" in said:
        return Outcome(UNKNOWN)
    if "ill" in said:
        return Outcome(PROXY)
    if "mild" in said:
        return Outcome(UNKNOWN)
    if any("suspect-total" in s.flags and s.day.toordinal() in window for s in told):
        return Outcome(UNKNOWN)
    return _without_scores(era, run, others, usable, window, definition, context)


def _on_one_scale(
    own: list[Score], first_at_dose: int, around_start: range, window: range, definition: Definition, context: Context
) -> str:
    """``fine``, ``failed``, ``lost``, ``ill`` (at the line, no baseline), ``mild``, ``conflict``, or nothing told."""
    scale = context.knowledge.instruments_on(context.as_of)[own[0].instrument]
    endpoints = [s for s in own if s.day.toordinal() in window]
    if not endpoints:
        return ""
    endpoint = endpoints[-1]
    if (
        "conflict" in endpoint.flags
        or len({s.value for s in own if s.day == endpoint.day and s.order == endpoint.order}) > 1
    ):
        return "conflict"
    if scale.remission is not None and endpoint.value <= scale.remission:
        return "fine"
    baselines = [s for s in own if s.day.toordinal() in around_start and s.day < endpoint.day]
    baseline = baselines[-1] if baselines else None
    pair = baseline is not None and (scale.line is None or baseline.value >= scale.line) and baseline.value > 0

    def improved(score: Score) -> bool:
        if scale.remission is not None and score.value <= scale.remission:
            return True
        return pair and baseline is not None and (baseline.value - score.value) >= definition.response * baseline.value

    if pair and improved(endpoint):
        return "fine"
    earlier = [
        s
        for s in own
        if first_at_dose <= s.day.toordinal() and s.day < endpoint.day and (baseline is None or s.day > baseline.day)
    ]
    if any(improved(s) for s in earlier):
        return "lost"
    if pair:
        return "failed"
    if baseline is None and scale.line is not None and endpoint.value >= scale.line:
        return "ill"
    return "mild"


def _without_scores(
    era: Era, run: Run, others: list[Era], usable: list[Score], window: range, definition: Definition, context: Context
) -> Outcome:
    reason = _stop_reason(era, context)
    if reason == "inefficacy":
        return Outcome(MEASURED)
    if reason == "reported" or any(fact.reported_ineffective for fact in era.facts):
        return Outcome(PROXY)
    if reason is not None:
        return Outcome(UNKNOWN)
    if _better_and_nothing_later(era, run, usable, window, definition, context):
        return Outcome(UNKNOWN)
    rules = context.rules
    earliest = max(rules.switch_window_before_days, definition.min_days_at_dose)
    switch = range(run.first + earliest, era.last + rules.switch_window_after_days + 1)
    return Outcome(PROXY if any(other.start in switch for other in others) else UNKNOWN)


def _better_and_nothing_later(
    era: Era, run: Run, usable: list[Score], window: range, definition: Definition, context: Context
) -> bool:
    """A response or remission from day 14 on with no later score (of any scale, to the end of the window)."""
    rules, scales = context.rules, context.knowledge.instruments_on(context.as_of)
    s0 = min(day for day in era.days if run.first - rules.titration_before_days <= day <= run.first)
    upto = [s for s in usable if s.day.toordinal() < window.stop]
    for score in upto:
        day, scale = score.day.toordinal(), scales[score.instrument]
        if day < run.first + rules.early_response_from_days or any(s.day > score.day for s in upto):
            continue
        if scale.remission is not None and score.value <= scale.remission:
            return True
        around = range(s0 - rules.baseline_before_days, run.first + rules.baseline_after_days + 1)
        bases = [s for s in usable if s.instrument == score.instrument and s.day.toordinal() in around]
        base = max(bases, key=lambda s: (s.day, s.order), default=None)
        enough = base is not None and (scale.line is None or base.value >= scale.line) and base.day < score.day
        if enough and base is not None and base.value - score.value >= definition.response * base.value:
            return True
    return False


def _stop_reason(era: Era, context: Context) -> str | None:
    """The latest recorded reason from 30 days before the era to its end; ties: inefficacy, text, intolerance, other."""
    told: list[tuple[int, int, str]] = []
    for fact in era.facts:
        for why in fact.stop_reasons:
            day = _authored(fact)
            if day is not None and era.first - context.rules.stop_before_era_days <= day <= era.last:
                if why.meaning == "inefficacy":
                    told.append((day, 0 if why.by == "code" else -1, "inefficacy" if why.by == "code" else "reported"))
                else:
                    told.append((day, -2 if why.meaning == "intolerance" else -3, why.meaning))
    return max(told)[2] if told else None


def _authored(fact: MedicationFact) -> int | None:
    for when in (fact.written, fact.start):
        if when is not None:
            return when.latest.toordinal()
    return None
