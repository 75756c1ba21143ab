"""Trials, courses and other drugs as lanes of the drawing: what is known of each day, and what is written beside it.

A lane speaks in days and milligrams; where it lies on the page is the business of `drawing`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from cds_hooks.basis.telling import ADEQUACY, ADEQUACY_SIGN, number
from mappings.load import Knowledge
from plugin.advice.wording import Wording
from plugin.document.dose_history import DoseStretch, stretches_of
from plugin.record import OtherMedication, PatientRecord
from plugin.trial.adequacy import Adequacy
from plugin.trial.measurement import Outcome, Status
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial

_OTHER = "OTHER"
WEAK = "C"  # a single order, a report without dates: nothing shows that it was taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Days on one dose, both ends included; `low` and `high` a day in the unit of the lane, None where not known.

    `sure`: the records prove the days; else they are only possible, or assumed on weak evidence (grade C).
    """

    first: date
    last: date
    low: float | None
    high: float | None
    sure: bool

    @property
    def dose(self) -> str:
        """The dose as a number or a range; a question mark where it is not known."""
        if self.low is None or self.high is None:
            return "?"
        return number(self.low) if number(self.low) == number(self.high) else f"{number(self.low)}–{number(self.high)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One line of the drawing.

    `adequacy` is the name of the class that colours it, `sign` and `judged` the same as a sign and a word. `threshold`
    is the adequate daily dose, None where there is none. `caption` is written below the bar. `marks` are single days
    (sessions). `target` is the fragment that the name links to, empty for none. `faded`: of an earlier episode.
    """

    name: str
    aside: str
    adequacy: str
    sign: str
    judged: str
    unit: str
    stretches: tuple[Stretch, ...]
    caption: str
    target: str = ""
    threshold: float | None = None
    marks: tuple[date, ...] = ()
    faded: bool = False
    reported: bool = False

    @property
    def first(self) -> date:
        """The first day on the lane."""
        return min(stretch.first for stretch in self.stretches)

    @property
    def last(self) -> date:
        """The last day on the lane."""
        return max(stretch.last for stretch in self.stretches)


def trial_lane(trial: Trial, words: Wording, *, target: str, faded: bool = False, reported: bool = False) -> Lane:
    """The lane of a dated trial or augmentation."""
    judged = trial.judged
    beside = [words.say("in-combination", names=words.names(judged.era.in_combination_with))]
    beside = beside if judged.era.in_combination_with else []
    beside += [words.say("augmented", names=words.names(trial.augmented_by))] if trial.augmented_by else []
    caption = [outcome_words(trial.outcome, judged.adequacy, words), *beside]
    if trial.outcome.stop is not None and trial.outcome.basis == "score":
        caption.append(words.say("stopped", label=trial.outcome.stop.label))
    return Lane(
        name=trial.drug.label,
        aside=trial.drug_class,
        adequacy=judged.adequacy.value,
        sign=ADEQUACY_SIGN[judged.adequacy.value],
        judged=ADEQUACY[judged.adequacy.value],
        unit=unit_of(trial),
        stretches=dose_stretches(trial),
        caption="; ".join(caption),
        target=target,
        threshold=judged.thresholds.default if judged.thresholds is not None else None,
        faded=faded,
        reported=reported,
    )


def course_lane(course: Course, words: Wording, *, target: str, as_of: date, reported: bool = False) -> Lane:
    """The lane of a course of sessions; its days are sure where an end is recorded."""
    series = course.series
    low, high = series.sessions.lo, series.sessions.hi
    count = f"{low}" if low == high else f"{low} to {high}"
    whole = Stretch(
        first=series.start,
        last=min(series.end or series.last, as_of),
        low=None,
        high=None,
        sure=series.end is not None,
    )
    return Lane(
        name=course.label,
        aside=f"{count} sessions",
        adequacy=course.adequacy.value,
        sign=ADEQUACY_SIGN[course.adequacy.value],
        judged=ADEQUACY[course.adequacy.value],
        unit="",
        stretches=(whole,),
        caption=outcome_words(course.outcome, course.adequacy, words),
        target=target,
        marks=series.days,
        faded=not series.current,
        reported=reported,
    )


def other_lanes(record: PatientRecord, knowledge: Knowledge, as_of: date) -> tuple[Lane, ...]:
    """Lanes of drugs that are not judged but matter to safety or cause, those of one group together."""
    by_name: dict[str, list[Stretch]] = {}
    for fact in record.other_medications:
        stretch = _other(fact, as_of)
        if stretch is not None:
            by_name.setdefault(_group_names(fact, knowledge), []).append(stretch)
    return tuple(
        Lane(
            name=name,
            aside="other drug",
            adequacy=_OTHER,
            sign="",
            judged="",
            unit="",
            stretches=_merged(stretches),
            caption="",
        )
        for name, stretches in sorted(by_name.items())
    )


def outcome_words(outcome: Outcome, adequacy: Adequacy, words: Wording) -> str:
    """The outcome in one short line: the scores with their change, the reason for stopping, or that it is not known."""
    if adequacy is Adequacy.EXCLUDED:
        return words.say("outcome-not-rated")
    if outcome.category == "intolerance":
        label = outcome.stop.label if outcome.stop is not None else ""
        return words.say("outcome-intolerance-for", label=label) if label else words.say("outcome-intolerance")
    if outcome.endpoint is not None:
        return _scores(outcome, words)
    if adequacy is Adequacy.IN_PROGRESS:
        return words.say("outcome-not-due")
    if adequacy is Adequacy.INADEQUATE:
        return words.say("outcome-not-rated")
    return words.say(f"outcome-{outcome.basis if outcome.basis != 'score' else 'none'}")


def dose_stretches(trial: Trial) -> tuple[Stretch, ...]:
    """The days of a trial, other eras of the drug in the episode included."""
    every = [trial, *(replace(trial, judged=judged, outcome=outcome) for judged, outcome in trial.others)]
    found = [_stretch(one) for each in every for one in stretches_of(each)]
    return joined(sorted(found, key=lambda one: one.first))


def joined(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Stretches that follow each other without a gap and are alike, as one."""
    found: list[Stretch] = []
    for one in stretches:
        before = found[-1] if found else None
        alike = before is not None and (one.low, one.high, one.sure) == (before.low, before.high, before.sure)
        if before is not None and alike and one.first <= before.last + timedelta(days=1):
            found[-1] = replace(before, last=max(before.last, one.last))
        else:
            found.append(one)
    return tuple(found)


def unit_of(trial: Trial) -> str:
    """The unit of the daily dose without the day."""
    return trial.judged.thresholds.unit.removesuffix("/d") if trial.judged.thresholds is not None else "mg"


def _scores(outcome: Outcome, words: Wording) -> str:
    endpoint, baseline = outcome.endpoint, outcome.baseline
    if endpoint is None:
        return words.say("outcome-none")
    label = words.knowledge.instruments[endpoint.instrument].label
    category = _category(outcome, words)
    if baseline is None or outcome.change is None:
        return f"{label} {number(endpoint.value)}: {category}"
    percent = round(float(-outcome.change) * 100)
    change = f"{percent:+d}".replace("-", "\u2212") if percent else "0"
    return f"{label} {number(baseline.value)} → {number(endpoint.value)} ({change} %): {category}"


def _category(outcome: Outcome, words: Wording) -> str:
    if outcome.category == "lost-response" or (outcome.status is not Status.UNKNOWN and outcome.category):
        return words.say(f"category-{outcome.category}")
    return words.say("category-probable" if outcome.status is Status.FAILED_PROXY else "category-unclear")


def _stretch(one: DoseStretch) -> Stretch:
    low, high = (one.dose.low, one.dose.high) if one.dose.is_known else (None, None)
    return Stretch(first=one.start, last=one.end, low=low, high=high, sure=one.sure and one.grade != WEAK)


def _other(fact: OtherMedication, as_of: date) -> Stretch | None:
    if fact.start is None or fact.start.earliest > as_of:
        return None
    last = fact.end.latest if fact.end is not None else None
    if last is None and fact.days_supply is not None:
        last = fact.start.latest + timedelta(days=max(int(fact.days_supply) - 1, 0))
    known = last is not None or fact.ongoing
    end = as_of if fact.ongoing else last or fact.start.latest
    return Stretch(
        first=fact.start.earliest, last=max(min(end, as_of), fact.start.earliest), low=None, high=None, sure=known
    )


def _merged(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Overlapping stretches as one."""
    found: list[Stretch] = []
    for one in sorted(stretches, key=lambda each: (each.first, each.last)):
        if found and one.first <= found[-1].last + timedelta(days=1):
            found[-1] = replace(found[-1], last=max(found[-1].last, one.last), sure=found[-1].sure and one.sure)
        else:
            found.append(one)
    return tuple(found)


def _group_names(fact: OtherMedication, knowledge: Knowledge) -> str:
    groups = knowledge.clinical.drug_groups
    return groups[min(fact.groups)].label if fact.groups and min(fact.groups) in groups else "other drug"
