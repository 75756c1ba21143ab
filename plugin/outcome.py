"""Did the trial fail? (rules O1 to O10)

An endpoint score long enough after the first at-dose day decides, against a baseline on the same scale. Without one: a
coded stop for inefficacy, a report that it did not help, or a switch within the window. Everything else is UNKNOWN, and
unknown is never a failure. A measured non-response stands whatever the stop reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from mappings.schema import Definition, Reconstruction
from plugin.adequacy import Adequacy, Judged
from plugin.findings import Missing, Reason
from plugin.instruments import Instruments, improvement, is_at_line, is_plain, is_remission
from plugin.measurement import Outcome, Status, Window, measured_outcome, share, window_of
from plugin.record import Layer, MedicationFact, Score, StopReason

_STOP_ORDER = {"inefficacy": 0, "intolerance": 2, "other": 3, "completed": 4}


def judge_outcome(
    judged: Judged,
    *,
    scores: Sequence[Score],
    definition: Definition,
    rules: Reconstruction,
    instruments: Instruments,
    next_start: date | None,
    additions: Sequence[tuple[date, str, tuple[str, ...]]],
) -> Outcome:
    """Rate one era. `additions` are starts of other antidepressants, augmenters or procedures (day, name, uses)."""
    stop = applicable_stop(judged, rules)
    if judged.adequacy not in (Adequacy.ADEQUATE, Adequacy.BORDERLINE):
        category = "intolerance" if stop is not None and stop[0].meaning == "intolerance" else None
        reasons = (_stop_reason(stop),) if stop is not None else ()
        return Outcome(
            status=Status.UNKNOWN,
            basis="none",
            category=category,
            stop=stop[0] if stop else None,
            reasons=reasons,
        )
    window = window_of(judged, definition=definition, rules=rules, next_start=next_start)
    measured = measured_outcome(scores, window, definition, rules, instruments)
    if judged.adequacy is Adequacy.BORDERLINE:
        outcome = measured if measured is not None and measured.status is Status.NOT_FAILED else _unrated(measured)
    elif measured is not None:
        outcome = measured
    else:
        outcome = _without_score(judged, stop, scores, window, definition, rules, instruments, additions)
    missing = () if outcome.endpoint is not None else (_missing_score(window, judged.era.key.ingredient),)
    extra = (_stop_reason(stop),) if stop is not None and outcome.stop is None else ()
    return _with(outcome, stop[0] if stop else None, missing, extra)


def _with(
    outcome: Outcome, stop: StopReason | None, missing: tuple[Missing, ...], extra: tuple[Reason, ...]
) -> Outcome:
    unsettled = outcome.status in (Status.UNKNOWN, Status.FAILED_PROXY)
    return replace(
        outcome,
        stop=outcome.stop or stop,
        missing=(*outcome.missing, *(missing if unsettled else ())),
        reasons=(*outcome.reasons, *extra),
    )


def _unrated(measured: Outcome | None) -> Outcome:
    """A borderline trial without response stays unknown, with its scores shown."""
    text = "Dose or duration is only borderline: without a response the outcome counts as unknown."
    reason = Reason(rule="O9", text=text)
    if measured is None:
        return Outcome(status=Status.UNKNOWN, basis="none", reasons=(reason,))
    return replace(measured, status=Status.UNKNOWN, reasons=(*measured.reasons, reason))


def _missing_score(window: Window, ingredient: str) -> Missing:
    what = f"a symptom score between {window.endpoint_from} and {window.endpoint_to}"
    if window.endpoint_to < window.endpoint_from:
        what = f"a symptom score on or after {window.endpoint_from}, before another treatment began"
    return Missing(what=what, would_affect=f"outcome of {ingredient}")


def _without_score(
    judged: Judged,
    stop: tuple[StopReason, MedicationFact] | None,
    scores: Sequence[Score],
    window: Window,
    definition: Definition,
    rules: Reconstruction,
    instruments: Instruments,
    additions: Sequence[tuple[date, str, tuple[str, ...]]],
) -> Outcome:
    """Step 5: stop reasons, reports and switches where no endpoint score exists."""
    if stop is not None:
        reason, told = stop[0], _stop_reason(stop)
        if reason.meaning == "inefficacy" and reason.by == "code":
            return Outcome(status=Status.FAILED_MEASURED, basis="coded-reason", stop=reason, reasons=(told,))
        if reason.meaning == "inefficacy":
            return Outcome(status=Status.FAILED_PROXY, basis="reported", stop=reason, reasons=(told,))
        if reason.meaning == "intolerance":
            return Outcome(status=Status.UNKNOWN, basis="none", category="intolerance", stop=reason, reasons=(told,))
        if reason.meaning in ("other", "completed"):
            return Outcome(status=Status.UNKNOWN, basis="none", stop=reason, reasons=(told,))
    said = [f for f in judged.era.facts if f.reported_ineffective]
    if said:
        text = "Recorded as not helping, without a score: probable failure only."
        return Outcome(
            status=Status.FAILED_PROXY,
            basis="reported",
            reasons=(Reason(rule="O5", text=text, uses=tuple(f.reference for f in said)),),
        )
    return _by_switch(scores, window, definition, rules, instruments, additions)


def _by_switch(
    scores: Sequence[Score],
    window: Window,
    definition: Definition,
    rules: Reconstruction,
    instruments: Instruments,
    additions: Sequence[tuple[date, str, tuple[str, ...]]],
) -> Outcome:
    """O7: another treatment begun between the end of the minimum duration and some weeks after the end."""
    good = _last_early_response(scores, window, definition, rules, instruments)
    if good is not None:
        text = f"A response was measured on {good.day} with no later score: a switch does not make it a failure."
        return Outcome(
            status=Status.UNKNOWN, basis="none", reasons=(Reason(rule="O7", text=text, uses=good.references),)
        )
    first = window.start + timedelta(days=min(rules.switch_window_before_days, definition.min_days_at_dose))
    last = window.end + timedelta(days=rules.switch_window_after_days)
    for day, name, uses in sorted(additions):
        if first <= day <= last:
            text = f"{name} was started on {day}, no score recorded: probable failure only."
            return Outcome(
                status=Status.FAILED_PROXY, basis="switch", reasons=(Reason(rule="O7", text=text, uses=uses),)
            )
    text = "No score, stop reason or following treatment: stopping is not failing."
    return Outcome(status=Status.UNKNOWN, basis="none", reasons=(Reason(rule="O7", text=text),))


def _last_early_response(
    scores: Sequence[Score],
    window: Window,
    definition: Definition,
    rules: Reconstruction,
    instruments: Instruments,
) -> Score | None:
    since = window.start + timedelta(days=rules.early_response_from_days)
    plain = sorted((s for s in scores if is_plain(s) and s.day <= window.endpoint_to), key=lambda s: (s.day, s.order))
    later = [s for s in plain if s.day >= since]
    if not later:
        return None
    last = later[-1]
    base = [s for s in plain if s.instrument == last.instrument and window.baseline_from <= s.day <= window.baseline_to]
    change = improvement(base[-1], last) if base and is_at_line(base[-1], instruments) else None
    responded = change is not None and change >= share(definition.response)
    return last if is_remission(last, instruments) or responded else None


def applicable_stop(judged: Judged, rules: Reconstruction) -> tuple[StopReason, MedicationFact] | None:
    """The stop record that applies to an era (rule 101): the latest authored shortly before or during it."""
    era = judged.era
    earliest = era.start - timedelta(days=rules.stop_before_era_days)
    found = []
    for fact in era.facts:
        authored = fact.written or fact.start
        if fact.layer is Layer.ADMINISTRATION or authored is None or not earliest <= authored.latest <= era.end:
            continue
        for reason in fact.stop_reasons:
            rank = 1 if reason.meaning == "inefficacy" and reason.by == "text" else _STOP_ORDER[reason.meaning]
            found.append((-authored.latest.toordinal(), rank, fact.reference, reason, fact))
    if not found:
        return None
    best = min(found, key=lambda f: f[:3])
    return best[3], best[4]


def _stop_reason(stop: tuple[StopReason, MedicationFact]) -> Reason:
    reason, fact = stop
    how = "coded" if reason.by == "code" else "written"
    return Reason(rule="O6", text=f"Stop reason {how}: {reason.label}.", uses=(fact.reference,))
