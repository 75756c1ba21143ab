"""Milligrams a day as an interval, and how they follow one another: the values that `plugin.exposure.dose` works out.

What cannot be known is `UNKNOWN`, the interval from nothing to infinity, never a guess.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DailyDose:
    """Milligrams a day of the reference product, lowest and highest reading. Unknown reaches to infinity."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ValueError("a daily dose needs 0 <= low <= high")

    @property
    def is_known(self) -> bool:
        """Whether an upper end is known."""
        return math.isfinite(self.high)

    @property
    def is_exact(self) -> bool:
        """Whether both ends are one known value."""
        return self.is_known and math.isclose(self.low, self.high)

    def is_close(self, other: DailyDose) -> bool:
        """Whether both ends are the same but for the last digits of the arithmetic."""
        return math.isclose(self.low, other.low) and math.isclose(self.high, other.high)

    def plus(self, other: DailyDose) -> DailyDose:
        """Both taken on the same day."""
        return DailyDose(self.low + other.low, self.high + other.high)

    def spanning(self, other: DailyDose) -> DailyDose:
        """Either may be true: the smallest interval holding both."""
        return DailyDose(min(self.low, other.low), max(self.high, other.high))

    def at_most(self, cap: float) -> DailyDose:
        """The same under a cap: never more than it, unless all of the dose lies above; then either may be true."""
        return DailyDose(self.low, min(self.high, cap)) if cap >= self.low else DailyDose(cap, self.high)


UNKNOWN = DailyDose(0.0, math.inf)
NOTHING = DailyDose(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class DoseStep:
    """A daily dose kept for `days` days; None: until the supply ends."""

    days: int | None
    dose: DailyDose


Steps = tuple[DoseStep, ...]


@dataclass(frozen=True, slots=True)
class DoseSchedule:
    """The doses of one record in the order taken. `scheduled` is False when everything is as needed (E8).

    `weak` marks a dose known from free text alone, with no supply to hold it against: exposure grade C at best.
    `stated_total` is the total in mg a day that the directions name for all supplies taken together. `flags`:
    ``dose_text_conflict`` (structure and text differ: the interval spans both), ``dose_text_disagrees`` (a dose from
    text that the supply contradicts: unknown), ``dose_above_cap``, ``directions_unclear``.
    """

    steps: Steps
    scheduled: bool = True
    weak: bool = False
    stated_total: float | None = None
    flags: tuple[str, ...] = ()

    def profile(self, days: int) -> tuple[DailyDose, ...]:
        """The dose of each of `days` days; the last step lasts as long as the supply."""
        doses: list[DailyDose] = []
        for step in self.steps:
            length = days - len(doses) if step.days is None else step.days
            doses.extend([step.dose] * max(0, min(length, days - len(doses))))
        last = self.steps[-1].dose if self.steps else UNKNOWN
        doses.extend([last] * (days - len(doses)))
        return tuple(doses)


def together(columns: Sequence[Steps]) -> Steps:
    """Taken side by side: the doses add; what has ended adds nothing any more."""
    return tuple(DoseStep(days, _sum(doses)) for days, doses in _aligned(columns, ending=True))


def either(columns: Sequence[Steps]) -> Steps:
    """One of them is true: day by day the interval that holds all."""
    return tuple(DoseStep(days, span(doses)) for days, doses in _aligned(columns, ending=False))


def span(doses: Sequence[DailyDose]) -> DailyDose:
    """The smallest interval holding all of one or more doses."""
    return DailyDose(min(dose.low for dose in doses), max(dose.high for dose in doses))


def whole_span(steps: Steps) -> DailyDose:
    """The interval of a schedule of which the days of change are not known."""
    return span([step.dose for step in steps])


def length_of(steps: Steps) -> int | None:
    """How many days all steps last, None when one is open."""
    lengths = [step.days for step in steps if step.days is not None]
    return sum(lengths) if len(lengths) == len(steps) else None


def _sum(doses: Sequence[DailyDose]) -> DailyDose:
    total = NOTHING
    for dose in doses:
        total = total.plus(dose)
    return total


def _aligned(columns: Sequence[Steps], *, ending: bool) -> Iterator[tuple[int | None, list[DailyDose]]]:
    """Stretches over which no column changes. The last one is open unless all of them end."""
    bounds: set[int] = set()
    for column in columns:
        day = 0
        for step in column:
            if step.days is None:
                break
            day += step.days
            bounds.add(day)
    bounded = all(length_of(column) is not None for column in columns)
    if bounded and not ending:
        bounds.discard(max(bounds))
    ends: list[int | None] = [*sorted(bounds - {0})]
    if not (bounded and ending and ends):
        ends.append(None)
    begin = 0
    for end in ends:
        yield (None if end is None else end - begin), [_on(column, begin, ending=ending) for column in columns]
        begin = end if end is not None else begin


def _on(column: Steps, day: int, *, ending: bool) -> DailyDose:
    passed = 0
    for step in column:
        if step.days is None or day < passed + step.days:
            return step.dose
        passed += step.days
    return NOTHING if ending else column[-1].dose
