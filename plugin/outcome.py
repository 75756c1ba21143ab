"""Did the trial fail? (rules O1 to O10)

An endpoint score long enough after the first at-dose day decides, against a baseline on the same scale. Without one: a
coded stop for inefficacy, a report that it did not help, or a switch within the window. Everything else is UNKNOWN, and
unknown is never a failure. A measured non-response stands whatever the stop reason.
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
from plugin.record import Layer, MedicationFact, Score, StopReason

_PARTIAL = Fraction(1, 4)
_STOP_ORDER = {"inefficacy": 0, "intolerance": 2, "other": 3, "completed": 4}


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
    measured = _by_score(scores, window, definition, rules, instruments)
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


def _by_score(
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
        readings.append(_one_scale(instrument, scores, inside, window, definition, instruments))
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

    ties = [_tied(endpoint, inside), _tied(baseline, before) if baseline is not None else False]
    if any(ties):
        text = f"Different {scale.label} totals on one day without a time: outcome unknown."
        return replace(told(Status.UNKNOWN, None, "O8", text), flags=(*flags, "conflict"))
    end = f"{scale.label} {endpoint.value:g} on {endpoint.day}"
    if is_remission(endpoint, instruments):
        return told(Status.NOT_FAILED, "remission", "O3", f"{end}: remission.")
    if baseline is not None and is_at_line(baseline, instruments) and change is not None:
        pair = f"{scale.label} {baseline.value:g} on {baseline.day} to {endpoint.value:g} on {endpoint.day}"
        text = f"{pair}: {_percent(change)} change."
        if change >= _share(definition.response):
            return told(Status.NOT_FAILED, "response", "O3", f"{text} Response.")
        if _lost(mine, baseline, endpoint, window, definition, instruments):
            return told(Status.UNKNOWN, "lost-response", "O3", f"{text} An earlier response in the trial was lost.")
        return told(Status.FAILED_MEASURED, _degree(change), "O3", f"{text} Less than the response asked for.")
    if baseline is None and is_at_line(endpoint, instruments):
        text = f"{end} is still at the illness line, but no baseline on the same scale: probable failure only."
        return told(Status.FAILED_PROXY, None, "O5", text)
    text = f"{end}: mild, or mild at baseline; this neither shows nor excludes failure."
    return told(Status.UNKNOWN, None, "O5", text)


def _tied(score: Score, among: Sequence[Score]) -> bool:
    """Whether another total of the same scale and moment differs."""
    same = (score.instrument, score.day, score.order)
    return any((s.instrument, s.day, s.order) == same and s.value != score.value for s in among if is_plain(s))


def _share(value: float) -> Fraction:
    return Fraction(str(value))


def _percent(change: Fraction) -> str:
    return f"{float(-change * 100):+.0f} %".replace("-", "\u2212")


def _degree(change: Fraction) -> str:
    if change < 0:
        return "worse"
    return "partial-response" if change >= _PARTIAL else "no-response"


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
        if is_remission(score, instruments) or (change is not None and change >= _share(definition.response)):
            return True
    return False


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
    responded = change is not None and change >= _share(definition.response)
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
