"""What is true of one simulated patient. Days are whole numbers, day 0 the last day anything is recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from mappings.cohort_schema import Diagnosis, OtherUse


@dataclass(slots=True)
class Fill:
    """What one hand-over supplies: from `day`, for `days` days at `dose` mg a day."""

    day: int
    days: int
    dose: float


@dataclass(slots=True)
class Course:
    """One drug from `start` to the day before `stop` (None: still taken).

    `doses` are the days from which a dose in mg a day holds. `taken` are closed stretches of days on which it was
    taken, empty for an order never filled. `ending` is why it stopped: ``inefficacy``, ``intolerance``, ``drop-out``,
    ``recovery``, ``completed``, or empty while it goes on. `episode` counts from 0, None for another use.
    """

    drug: str
    release: str
    use: str  # "antidepressant" | "augmentation" | "other"
    start: int
    doses: list[tuple[int, float]]
    stop: int | None = None
    ending: str = ""
    filled: bool = True
    episode: int | None = None
    other: OtherUse | None = None
    fills: list[Fill] = field(default_factory=list)
    taken: list[tuple[int, int]] = field(default_factory=list)

    def dose_on(self, day: int) -> float:
        """The dose in mg a day that holds on `day`."""
        return [dose for since, dose in self.doses if since <= day][-1]

    def stretches(self, today: int) -> list[tuple[int, int, float]]:
        """First day, last day and dose of each stretch taken at one dose, up to `today`."""
        changes = [since for since, _ in self.doses]
        found = []
        for first, last in self.taken:
            cuts = [first, *(day for day in changes if first < day <= last), last + 1]
            found += [(one, min(other - 1, today), self.dose_on(one)) for one, other in pairwise(cuts)]
        return [(first, last, dose) for first, last, dose in found if first <= last]


@dataclass(slots=True)
class Spell:
    """One depressive episode; `end` is the first day of remission, None while it lasts."""

    start: int
    end: int | None = None


@dataclass(slots=True)
class Life:
    """Everything true of one patient. `curve` are the turning points of severity in PHQ-9 points, in order of days."""

    number: int
    age: int
    sex: str
    instrument: str = ""
    adherent: bool = True
    spells: list[Spell] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)
    curve: list[tuple[int, float]] = field(default_factory=list)
    visits: list[int] = field(default_factory=list)
    sessions: list[tuple[int, str]] = field(default_factory=list)  # day and kind of procedure
    diagnoses: list[tuple[int, Diagnosis]] = field(default_factory=list)

    def severity(self, day: int) -> float:
        """PHQ-9 points on `day`, on a straight line between two turning points."""
        before = [point for point in self.curve if point[0] <= day]
        after = [point for point in self.curve if point[0] > day]
        if not before:
            return self.curve[0][1]
        if not after:
            return before[-1][1]
        (first, low), (second, high) = before[-1], after[0]
        return low + (high - low) * (day - first) / (second - first)
