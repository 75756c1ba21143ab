"""Courses of ECT, TMS, vagus nerve stimulation and supervised esketamine: long enough, and did they help? (C1, C2)

An adequate course has the published number of sessions in one acute series. Its outcome is the last score around its
end, judged as for a trial but without the weeks that a drug needs; without such a score it is unknown: a drug started
after a course is as often meant to keep a good result. By default no course counts as a trial.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from mappings.schema import ContinuousRules, CourseRules, CourseWindows, DatedValue, Definition, ProcedureKind
from plugin.findings import Missing, Reason
from plugin.instruments import exact
from plugin.record import PatientRecord, Score
from plugin.trial.adequacy import Adequacy
from plugin.trial.episode import Episode
from plugin.trial.lifetime import Setting
from plugin.trial.measurement import Outcome, Status, Window, measured_outcome
from plugin.trial.ordered_scores import OrderedScores
from plugin.trial.sessions import Interval, Series, series_of

_OPEN = (Adequacy.ADEQUATE, Adequacy.BORDERLINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One series with its judgement. `ongoing`: its last session is recent enough for another to follow."""

    series: Series
    adequacy: Adequacy
    outcome: Outcome
    ongoing: bool
    flags: tuple[str, ...]
    reasons: tuple[Reason, ...]

    @property
    def kind(self) -> str:
        """The id of the procedure kind."""
        return self.series.kind.id

    @property
    def label(self) -> str:
        """The name of the procedure kind."""
        return self.series.kind.label

    @property
    def sources(self) -> tuple[str, ...]:
        """References of every record behind the course."""
        return self.series.sources

    @property
    def counts_as_trial(self) -> bool:
        """Whether a definition that counts neuromodulation counts this course: of a counted kind, in the episode."""
        return self.series.kind.counts_as_trial and self.series.current

    def is_bilateral(self) -> bool | None:
        """Whether electrodes are stated on both sides, on one, or neither (None)."""
        if "bilateral" in self.series.traits:
            return True
        return False if "unilateral" in self.series.traits else None


def episode_series(
    record: PatientRecord, kinds: Iterable[ProcedureKind], *, episode: Episode, as_of: date
) -> tuple[Series, ...]:
    """All series; those before an episode that followed an earlier one are not current (T7).

    An episode that starts with the first evidence has nothing before it: all series belong to it.
    """
    since = episode.start if episode.basis != "first-evidence" else None
    return series_of(record, kinds, as_of=as_of, since=since)


def courses_of(
    series: Sequence[Series],
    scores: Sequence[Score],
    *,
    windows: CourseWindows,
    definition: Definition,
    setting: Setting,
) -> tuple[Course, ...]:
    """Every series judged under one definition, in order of start."""
    if not series:
        return ()
    known = OrderedScores.of(s for s in scores if s.day <= setting.as_of)
    return tuple(_course(one, known, windows, definition, setting) for one in series)


def _course(
    series: Series, scores: OrderedScores, windows: CourseWindows, definition: Definition, setting: Setting
) -> Course:
    rules = series.kind.course
    if isinstance(rules, ContinuousRules):
        series = replace(series, end=None)  # an implanted device goes on
    ongoing = series.end is None
    if isinstance(rules, CourseRules):
        ongoing = (setting.as_of - series.last).days <= rules.gap.on(setting.as_of).amount
    adequacy, reason = _adequacy(series, setting.as_of, ongoing=ongoing)
    outcome = Outcome(status=Status.UNKNOWN, basis="none")
    if adequacy in _OPEN:
        outcome = _outcome(series, adequacy, scores, windows, definition, setting)
    flags = [flag for flag, holds in _flags(series) if holds]
    return Course(
        series=series,
        adequacy=adequacy,
        outcome=outcome,
        ongoing=ongoing,
        flags=tuple(flags),
        reasons=(*series.reasons, reason),
    )


def _flags(series: Series) -> tuple[tuple[str, bool], ...]:
    return (
        ("maintenance", series.is_maintenance),
        ("accelerated", "accelerated" in series.traits),
        ("earlier_episode", not series.current),
        ("sessions_unknown", series.sessions.lo != series.sessions.hi),
        ("end_unknown", series.end is None),
    )


def _adequacy(series: Series, as_of: date, *, ongoing: bool) -> tuple[Adequacy, Reason]:
    """C1: sessions against the number the kind asks for; what is only told is EXCLUDED."""
    kind, rules = series.kind, series.kind.course
    label = kind.label.capitalize()

    def told(adequacy: Adequacy, text: str, **facts: str | int | float) -> tuple[Adequacy, Reason]:
        cites = rules.cites if rules is not None else kind.cites
        return adequacy, Reason(rule="C1", text=text, facts=tuple(facts.items()), cites=cites, uses=series.sources)

    if rules is None:
        return told(Adequacy.EXCLUDED, f"{label}: no agreed minimum, shown for information only.")
    if series.is_maintenance:
        return told(Adequacy.EXCLUDED, f"{label}: maintenance sessions are not an acute series.")
    if series.intent == "other":
        return told(Adequacy.EXCLUDED, f"{label}: done for another condition.")
    if isinstance(rules, ContinuousRules):
        return _by_duration(series, rules, as_of)
    need, counted = _needed(series, rules, as_of)
    seen = _told(counted)
    facts = {"sessions_lo": counted.lo, "sessions_hi": counted.hi, "needed": need}
    if counted.lo >= need and series.intent == "depression":
        return told(Adequacy.ADEQUATE, f"{seen} in one series; {need} needed.", **facts)
    if counted.lo >= need:
        text = f"{seen} in one series, {need} needed; what for is not certain, so borderline at most."
        return told(Adequacy.BORDERLINE, text, **facts)
    if counted.hi >= need:
        return told(Adequacy.BORDERLINE, f"{seen} in one series; {need} needed: the number is not certain.", **facts)
    if ongoing:
        return told(Adequacy.IN_PROGRESS, f"{seen} so far; {need} needed: the series may be going on.", **facts)
    return told(Adequacy.INADEQUATE, f"{seen} in one series; {need} needed.", **facts)


def _told(counted: Interval) -> str:
    return f"{counted.lo} sessions" if counted.lo == counted.hi else f"{counted.lo} to {counted.hi} sessions"


def _needed(series: Series, rules: CourseRules, as_of: date) -> tuple[int, Interval]:
    """The number asked for and what there is of it: sessions, or for an accelerated protocol days of treatment."""
    days, many = rules.accelerated_days, rules.accelerated_sessions
    if "accelerated" in series.traits and days is not None and many is not None:
        stated = int(many.on(as_of).amount)
        if series.sessions.lo >= stated:
            return stated, series.sessions
        return int(days.on(as_of).amount), Interval(series.proven_days, max(series.proven_days, series.sessions.hi))
    return int(rules.sessions.on(as_of).amount), series.in_window


def _by_duration(series: Series, rules: ContinuousRules, as_of: date) -> tuple[Adequacy, Reason]:
    """Continuous stimulation. The records show that a device was put in, not that it worked: borderline at most."""
    value = rules.duration.on(as_of)
    need, longest = int(value.amount), (as_of - series.start).days
    facts = (("days_at_most", longest), ("needed", need), ("confidence", value.confidence))
    text = f"{longest} days since the first record; {need} needed, a figure not verified."
    enough = longest >= need
    adequacy = Adequacy.BORDERLINE if enough else Adequacy.IN_PROGRESS
    text += " Whether stimulation went on is not recorded: borderline at most." if enough else " Still too short."
    return adequacy, Reason(rule="C1", text=text, facts=facts, cites=rules.cites, uses=series.sources)


def _outcome(
    series: Series,
    adequacy: Adequacy,
    scores: OrderedScores,
    windows: CourseWindows,
    definition: Definition,
    setting: Setting,
) -> Outcome:
    """C2: the last score from shortly before to shortly after the end, against one from before the first session."""
    if series.end is None:
        text = "The end of the course is not recorded: its outcome is unknown."
        missing = Missing(what=f"the last session of {series.kind.label}", would_affect=f"outcome of {series.kind.id}")
        reason = Reason(rule="C2", text=text, uses=series.sources)
        return Outcome(status=Status.UNKNOWN, basis="none", missing=(missing,), reasons=(reason,))

    def days(length: DatedValue) -> timedelta:
        return timedelta(days=int(length.on(setting.as_of).amount))

    window = Window(
        baseline_from=series.start - days(windows.baseline_before),
        baseline_to=series.start,
        endpoint_from=max(series.start + timedelta(days=1), series.end - days(windows.outcome_before)),
        endpoint_to=series.end + days(windows.outcome_after),
        start=series.start,
        end=series.end,
    )
    measured = measured_outcome(
        scores,
        window,
        response=exact(definition.response),
        rules=setting.rules,
        instruments=setting.instruments,
        cites=definition.cites,
    )
    lacking = Missing(
        what=f"a symptom score between {window.endpoint_from} and {window.endpoint_to}",
        would_affect=f"outcome of {series.kind.id}",
    )
    if measured is None:
        text = "No score around the end of the course: its outcome is unknown, whatever followed."
        reason = Reason(rule="C2", text=text, cites=windows.cites)
        return Outcome(status=Status.UNKNOWN, basis="none", missing=(lacking,), reasons=(reason,))
    if adequacy is Adequacy.BORDERLINE and measured.status is not Status.NOT_FAILED:
        text = "The course is only borderline: without a response the outcome counts as unknown."
        return replace(measured, status=Status.UNKNOWN, reasons=(*measured.reasons, Reason(rule="O9", text=text)))
    return measured
