"""Trials, augmentations and courses as rows of a table: the drawing in words, and the reasons behind each row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from markupsafe import Markup

from cds_hooks.basis.citations import Register, Why
from cds_hooks.basis.lanes import WEAK, Lane, Stretch, course_lane, dose_stretches, outcome_words, trial_lane, unit_of
from cds_hooks.basis.telling import ADEQUACY, ADEQUACY_SIGN, STATUS, interval, line, spoken
from plugin.advice.wording import Wording
from plugin.assessment import Assessment
from plugin.document.dose_history import DoseStretch, stretches_of
from plugin.resistance.verdict import weight_of
from plugin.trial.measurement import Outcome
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial

_COUNTED = ("counts as failed", "counts with probable ones", "could still count", "does not count")
_MOST_STRETCHES = 60  # lines of the dose history of one trial


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseLine:
    """One stretch of the dose history in words, with its records."""

    when: str
    days: int
    dose: str
    certainty: str
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One trial or course. `id` is its fragment, `cells` what the table says, `reasons` what it opens to.

    `sentence` is the line that a card would carry. `more` counts the lines of the dose history that are not shown.
    """

    id: str
    name: str
    kind: str
    when: str
    dose: str
    adequacy: str
    sign: str
    judged: str
    enough: str
    outcome: str
    status: str
    stopped: str
    counts: str
    grade: str
    faded: bool
    reported: bool
    sentence: Markup
    reasons: tuple[Why, ...]
    doses: tuple[DoseLine, ...]
    more: int
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """Rows under one heading, with the lanes of those that have days."""

    title: str
    rows: tuple[Row, ...]
    lanes: tuple[Lane, ...]
    undated: tuple[Row, ...] = ()


def row_groups(assessment: Assessment, words: Wording, register: Register) -> tuple[RowGroup, ...]:
    """Every trial and course by what it is, those of the episode first; empty groups are left out."""
    groups = (
        _trials("Trials of this episode", "trial", assessment.trials, assessment, words, register),
        _trials("Added to a trial", "augmentation", assessment.augmentations, assessment, words, register),
        _courses(assessment, words, register),
        _trials("Earlier episodes", "earlier", assessment.earlier, assessment, words, register, faded=True),
    )
    return tuple(group for group in groups if group.rows)


def _trials(
    title: str,
    kind: str,
    trials: tuple[Trial, ...],
    assessment: Assessment,
    words: Wording,
    register: Register,
    *,
    faded: bool = False,
) -> RowGroup:
    rows, lanes = [], []
    for number, trial in enumerate(trials, start=1):
        row = _trial(trial, f"{kind}-{number}", assessment, words, register, counted=kind == "trial", faded=faded)
        rows.append(row)
        if not trial.undated and trial.judged.era.days:
            lanes.append(trial_lane(trial, words, target=row.id, faded=faded, reported=row.reported))
    undated = tuple(row for row, trial in zip(rows, trials, strict=True) if trial.undated)
    return RowGroup(title=title, rows=tuple(rows), lanes=tuple(lanes), undated=undated)


def _trial(
    trial: Trial,
    id_: str,
    assessment: Assessment,
    words: Wording,
    register: Register,
    *,
    counted: bool,
    faded: bool,
) -> Row:
    judged, outcome = trial.judged, trial.outcome
    known = "dates-ongoing" if trial.ongoing else "dates-known"
    when = words.say("dates-unknown") if trial.undated else words.say(known, start=judged.era.start, end=judged.era.end)
    again = [words.say("dates-known", start=one.era.start, end=one.era.end) for one, _ in trial.others]
    doses = tuple(_dose_lines(trial, words, register))
    every = (
        *judged.reasons,
        *outcome.reasons,
        *(one for other in trial.others for part in other for one in part.reasons),
    )
    return Row(
        id=id_,
        name=trial.drug.label,
        kind=trial.drug_class,
        when="; also ".join((when, *again)),
        dose=_doses(trial),
        adequacy=judged.adequacy.value,
        sign=ADEQUACY_SIGN[judged.adequacy.value],
        judged=ADEQUACY[judged.adequacy.value],
        enough=_enough(trial, assessment),
        outcome=outcome_words(outcome, judged.adequacy, words),
        status=STATUS[outcome.status.value],
        stopped=outcome.stop.label if outcome.stop is not None else "",
        counts=_counts(trial, augmentation=not counted, assessment=assessment, faded=faded),
        grade=trial.grade,
        faded=faded,
        reported=register.is_reported((*trial.sources, *_measured_by(outcome))),
        sentence=line(words.trial(trial, assessment.definition)),
        reasons=register.whys(every),
        doses=doses[:_MOST_STRETCHES],
        more=max(len(doses) - _MOST_STRETCHES, 0),
        flags=tuple(spoken(flag) for flag in dict.fromkeys((*judged.flags, *trial.flags, *outcome.flags))),
    )


def _courses(assessment: Assessment, words: Wording, register: Register) -> RowGroup:
    rows, lanes = [], []
    for number, course in enumerate(assessment.courses, start=1):
        row = _course(course, f"course-{number}", assessment, words, register)
        rows.append(row)
        lanes.append(course_lane(course, words, target=row.id, as_of=assessment.as_of, reported=row.reported))
    return RowGroup(title="Courses (ECT, TMS, …)", rows=tuple(rows), lanes=tuple(lanes))


def _course(course: Course, id_: str, assessment: Assessment, words: Wording, register: Register) -> Row:
    series, outcome = course.series, course.outcome
    sessions = f"{interval(series.sessions.lo, series.sessions.hi)} sessions"
    end = words.day(series.end) if series.end is not None else "end not recorded"
    told = outcome_words(outcome, course.adequacy, words)
    return Row(
        id=id_,
        name=course.label,
        kind=", ".join(sorted(series.traits)) or "course of sessions",
        when=words.say("dates-known", start=series.start, end=end),
        dose=sessions,
        adequacy=course.adequacy.value,
        sign=ADEQUACY_SIGN[course.adequacy.value],
        judged=ADEQUACY[course.adequacy.value],
        enough="",
        outcome=told,
        status=STATUS[outcome.status.value],
        stopped="",
        counts=_counts(course, augmentation=False, assessment=assessment, faded=not series.current),
        grade="",
        faded=not series.current,
        reported=register.is_reported((*course.sources, *_measured_by(outcome))),
        sentence=Markup("{}: {}, {}; {}").format(course.label, sessions, ADEQUACY[course.adequacy.value], told),
        reasons=(
            register.statement("The records of the sessions.", uses=course.sources),
            *register.whys((*course.reasons, *outcome.reasons)),
        ),
        doses=(),
        more=0,
        flags=tuple(spoken(flag) for flag in dict.fromkeys((*course.flags, *outcome.flags))),
    )


def _measured_by(outcome: Outcome) -> Iterator[str]:
    """The records of the scores that the outcome rests on."""
    for score in (outcome.baseline, outcome.endpoint):
        yield from score.references if score is not None else ()


def _counts(one: Trial | Course, *, augmentation: bool, assessment: Assessment, faded: bool) -> str:
    """What the row adds to the count of failed adequate trials under the definition in use."""
    definition = assessment.definition
    if faded:
        return "earlier episode"
    if augmentation and not definition.augmentation_counts:
        return "not a trial here"
    if isinstance(one, Course) and not (definition.neuromodulation_counts and one.counts_as_trial):
        return "not a trial here"
    weights = weight_of(one)
    return _COUNTED[weights.index(True)] if any(weights) else _COUNTED[-1]


def _doses(trial: Trial) -> str:
    """The doses of the course that is judged, in the order in which they were taken: ``50 → 100 mg a day``."""
    if trial.undated:
        low, high = f"{trial.stated_dose.low:.4g}", f"{trial.stated_dose.high:.4g}"
        stated = low if low == high else f"{low} to {high}"
        return f"{stated} {unit_of(trial)} a day" if trial.stated_dose.is_known else "dose not known"
    stretches = dose_stretches(replace(trial, others=()))
    if not stretches:
        return "dose not known"
    seen: list[Stretch] = []
    for one in stretches:
        if not seen or one.dose != seen[-1].dose:
            seen.append(one)
    steps = [one.dose for one in seen]
    shown = " → ".join(steps) if len(steps) <= 5 else f"{' → '.join(steps[:4])} … {steps[-1]}"
    return f"{shown} {unit_of(trial)} a day" if shown != "?" else "dose not known"


def _enough(trial: Trial, assessment: Assessment) -> str:
    """Days at an adequate dose against the days needed."""
    judged, need = trial.judged, assessment.definition.min_days_at_dose
    if judged.thresholds is None or trial.undated:
        return ""
    sure = judged.sure.days if judged.sure is not None else 0
    possible = max(judged.possible.days if judged.possible is not None else 0, sure)
    days = f"{sure}" if sure == possible else f"{sure} sure, {possible} possible"
    return f"{days} of {need} days at {judged.thresholds.default:g} {judged.thresholds.unit}"


def _dose_lines(trial: Trial, words: Wording, register: Register) -> Iterator[DoseLine]:
    alike: list[list[DoseStretch]] = []
    for one in () if trial.undated else stretches_of(trial):
        if alike and _is_same(alike[-1][-1], one):
            alike[-1].append(one)
        else:
            alike.append([one])
    for members in alike:
        first, last = members[0], members[-1]
        yield DoseLine(
            when=words.say("dates-known", start=first.start, end=last.end),
            days=(last.end - first.start).days + 1,
            dose=first.dose_text,
            certainty=f"{_certainty(first)}, grade {first.grade}, by {first.layer}",
            why=register.statement("", uses=[use for one in members for use in one.uses]),
        )


def _certainty(one: DoseStretch) -> str:
    if not one.sure:
        return "possible only"
    return "assumed" if one.grade == WEAK else "sure"


def _is_same(before: DoseStretch, after: DoseStretch) -> bool:
    """Whether a stretch goes on without a gap at the same dose, as surely, by the same kind of record."""
    parts = (before.dose, before.sure, before.grade, before.layer) == (after.dose, after.sure, after.grade, after.layer)
    return parts and after.start <= before.end + timedelta(days=1)
