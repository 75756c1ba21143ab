"""What has been tried in this episode, as options and patterns see it: what failed, what is being taken, what runs.

A strategy has failed when it was adequate and its outcome is a failure, measured or by proxy (decision 4). The count
that opens an option holds antidepressant trials only; courses and augmentations close their own option (decision 69).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.option_schema import Option as Treatment
from mappings.schema import Drug
from plugin.resistance.verdict import weight_of
from plugin.safety.taken import Taking
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Why an option is not open: it is ``current``, or it has ``failed``. `uses` are the records that say so."""

    how: str
    uses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Failures of the episode, what is taken on the day of judgement (drug ids), and courses that are going on."""

    failed_trials: tuple[Trial, ...] = ()
    failed_augmentations: tuple[Trial, ...] = ()
    failed_courses: tuple[Course, ...] = ()
    taken: tuple[Taking, ...] = ()
    running: tuple[Course, ...] = ()

    @property
    def measured(self) -> int:
        """How many antidepressants failed by measurement."""
        return len({trial.ingredient for trial in self.failed_trials if weight_of(trial)[0]})

    @property
    def with_proxy(self) -> int:
        """The same with those that failed by proxy."""
        return len({trial.ingredient for trial in self.failed_trials})

    @property
    def strategies(self) -> tuple[Trial | Course, ...]:
        """Everything that failed."""
        return (*self.failed_trials, *self.failed_augmentations, *self.failed_courses)

    @property
    def strategies_failed(self) -> int:
        """How many different drugs and kinds of procedure failed."""
        return len({one.kind if isinstance(one, Course) else one.ingredient for one in self.strategies})

    @property
    def uses(self) -> tuple[str, ...]:
        """The records behind the failed trials."""
        return tuple(dict.fromkeys(use for trial in self.failed_trials for use in trial.sources))


def tried_of(
    *,
    trials: Sequence[Trial],
    augmentations: Sequence[Trial],
    courses: Sequence[Course],
    taken: Iterable[Taking],
    as_of: date,
) -> Tried:
    """Sort what is known of one episode; `taken` are the takings of the whole life (`plugin.safety.taken.takings`)."""
    return Tried(
        failed_trials=tuple(trial for trial in trials if weight_of(trial)[1]),
        failed_augmentations=tuple(trial for trial in augmentations if weight_of(trial)[1]),
        failed_courses=tuple(course for course in courses if course.series.current and weight_of(course)[1]),
        taken=tuple(taking for taking in taken if taking.meets(as_of, as_of)),
        running=tuple(course for course in courses if course.ongoing),
    )


def closed(treatment: Treatment, tried: Tried, drugs: Mapping[str, Drug]) -> Closed | None:
    """Whether an option is being taken or has failed, by ingredient or class (decision 68); being taken comes first."""
    closes = treatment.closes
    current = [
        use
        for taking in tried.taken
        if not taking.groups.isdisjoint(closes.drugs)
        or not taking.groups.isdisjoint(closes.while_taking)
        or (closes.classes and not _classes(taking, drugs).isdisjoint(closes.classes))
        for use in taking.uses
    ]
    current += [use for course in tried.running if _is_of(course, treatment) for use in course.sources]
    if current:
        return Closed(how="current", uses=tuple(dict.fromkeys(current)))
    failed = [use for one in tried.strategies if is_of(one, treatment) for use in one.sources]
    return Closed(how="failed", uses=tuple(dict.fromkeys(failed))) if failed else None


def is_of(strategy: Trial | Course, treatment: Treatment) -> bool:
    """Whether a trial or course was one of this option."""
    if isinstance(strategy, Course):
        return _is_of(strategy, treatment)
    return strategy.ingredient in treatment.closes.drugs or strategy.drug_class in treatment.closes.classes


def _is_of(course: Course, treatment: Treatment) -> bool:
    closes = treatment.closes
    return course.kind in closes.procedures and set(closes.traits) <= course.series.traits


def _classes(taking: Taking, drugs: Mapping[str, Drug]) -> set[str]:
    return {drugs[group].drug_class for group in taking.groups if group in drugs}
