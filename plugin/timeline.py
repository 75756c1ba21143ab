"""Days with a value each, kept as stretches of equal days so that years of supply cost as little as weeks.

A `Timeline` reads like a mapping from day to value; its operations (`between`, `where`, `changed`, `overlay`) work on
whole stretches. Nothing here knows what the values mean.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TypeVar

from plugin.spans import DateSpan

T = TypeVar("T")


def _first_of(stretch: tuple[int, int, object]) -> int:
    return stretch[0]


def _stop_of(stretch: tuple[int, int, object]) -> int:
    return stretch[1]


class Timeline(Mapping[date, T]):
    """An ordered, immutable map from day to value. `stretches` are disjoint, in order and never empty."""

    __slots__ = ("stretches",)

    def __init__(self, stretches: Iterable[tuple[int, int, T]] = ()) -> None:
        """Take stretches (first ordinal, stop ordinal, value) in order of time; neighbours of equal value are joined.

        Raises `ValueError` when two stretches overlap or are out of order. Empty ones are dropped.
        """
        joined: list[tuple[int, int, T]] = []
        for first, stop, value in stretches:
            if stop <= first:
                continue
            if joined:
                before = joined[-1]
                if first < before[1]:
                    raise ValueError("stretches overlap or are out of order")
                if first == before[1] and value == before[2]:
                    joined[-1] = (before[0], stop, value)
                    continue
            joined.append((first, stop, value))
        self.stretches: tuple[tuple[int, int, T], ...] = tuple(joined)

    @classmethod
    def _of(cls, stretches: Iterable[tuple[int, int, T]]) -> Timeline[T]:
        """Stretches known to be in order, not empty and not to be joined: those of a timeline, or parts of them."""
        made = cls.__new__(cls)
        made.stretches = tuple(stretches)
        return made

    @classmethod
    def from_days(cls, days: Mapping[date, T]) -> Timeline[T]:
        """The same map, written day by day."""
        ordered = sorted(days.items(), key=lambda item: item[0])
        return cls((day.toordinal(), day.toordinal() + 1, value) for day, value in ordered)

    def __getitem__(self, day: date) -> T:
        ordinal = day.toordinal()
        place = bisect_right(self.stretches, ordinal, key=_first_of) - 1
        if place < 0 or ordinal >= self.stretches[place][1]:
            raise KeyError(day)
        return self.stretches[place][2]

    def __iter__(self) -> Iterator[date]:
        for first, stop, _ in self.stretches:
            for ordinal in range(first, stop):
                yield date.fromordinal(ordinal)

    def __len__(self) -> int:
        return sum(stop - first for first, stop, _ in self.stretches)

    def __bool__(self) -> bool:
        return bool(self.stretches)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Timeline):
            return self.stretches == other.stretches
        return super().__eq__(other)

    def __hash__(self) -> int:
        return hash(self.stretches)

    def __repr__(self) -> str:
        told = ", ".join(
            f"{date.fromordinal(first)}..{date.fromordinal(stop - 1)}: {value!r}"
            for first, stop, value in self.stretches
        )
        return f"Timeline({told})"

    @property
    def first_day(self) -> date:
        """The first day; `IndexError` when there is none."""
        return date.fromordinal(self.stretches[0][0])

    @property
    def last_day(self) -> date:
        """The last day; `IndexError` when there is none."""
        return date.fromordinal(self.stretches[-1][1] - 1)

    def each(self) -> Iterator[T]:
        """The value of each stretch, in order of time."""
        return (value for _, _, value in self.stretches)

    def where(self, test: Callable[[T], bool]) -> Timeline[T]:
        """The days whose value passes."""
        return self._of(stretch for stretch in self.stretches if test(stretch[2]))

    def changed(self, change: Callable[[T], T]) -> Timeline[T]:
        """The same days, each value changed."""
        return Timeline((first, stop, change(value)) for first, stop, value in self.stretches)

    def before(self, day: date) -> Timeline[T]:
        """The days before `day`."""
        end = day.toordinal()
        if not self.stretches or self.stretches[-1][1] <= end:
            return self
        place = bisect_left(self.stretches, end, key=_first_of)
        kept = self.stretches[:place]
        if kept and kept[-1][1] > end:
            first, _, value = kept[-1]
            kept = (*kept[:-1], (first, end, value))
        return self._of(kept)

    def since(self, day: date) -> Timeline[T]:
        """The days from `day` on."""
        start = day.toordinal()
        if not self.stretches or self.stretches[0][0] >= start:
            return self
        place = bisect_right(self.stretches, start, key=_stop_of)
        kept = self.stretches[place:]
        if kept and kept[0][0] < start:
            _, stop, value = kept[0]
            kept = ((start, stop, value), *kept[1:])
        return self._of(kept)

    def between(self, first: date, last: date) -> Timeline[T]:
        """The days from `first` to `last`, both included."""
        return self.since(first).before(last + timedelta(days=1))

    def without(self, first: date, last: date) -> Timeline[T]:
        """The days outside `first` to `last` (both left out)."""
        return self.before(first).then(self.since(last + timedelta(days=1)))

    def then(self, later: Timeline[T]) -> Timeline[T]:
        """These days followed by later ones; `ValueError` when the later ones begin too early."""
        if not later.stretches:
            return self
        return Timeline((*self.stretches, *later.stretches)) if self.stretches else later

    def head(self, days: int) -> Timeline[T]:
        """The first `days` days."""
        kept: list[tuple[int, int, T]] = []
        for first, stop, value in self.stretches:
            if days <= 0:
                break
            kept.append((first, min(stop, first + days), value))
            days -= stop - first
        return self._of(kept)

    def moved(self, days: int) -> Timeline[T]:
        """Every day moved by `days`."""
        return self._of((first + days, stop + days, value) for first, stop, value in self.stretches)

    def first_from(self, day: date) -> date | None:
        """The first day on or after `day`, None if there is none."""
        place = max(0, bisect_right(self.stretches, day.toordinal(), key=_first_of) - 1)
        for first, stop, _ in self.stretches[place:]:
            if stop > day.toordinal():
                return date.fromordinal(max(first, day.toordinal()))
        return None

    def last_before(self, day: date) -> date | None:
        """The last day before `day`, None if there is none."""
        place = bisect_right(self.stretches, day.toordinal() - 1, key=_first_of) - 1
        if place < 0:
            return None
        return date.fromordinal(min(self.stretches[place][1], day.toordinal()) - 1)

    def is_near(self, day: date, window: int) -> bool:
        """Whether some day lies within `window` days of `day`, either side."""
        following = self.first_from(day - timedelta(days=window))
        return following is not None and (following - day).days <= window

    def spans(self, *, largest_gap: int = 0) -> tuple[DateSpan, ...]:
        """Runs of days, bridging holes of at most `largest_gap` uncovered days."""
        found: list[list[int]] = []
        for first, stop, _ in self.stretches:
            if found and first - found[-1][1] <= largest_gap:
                found[-1][1] = stop
            else:
                found.append([first, stop])
        return tuple(DateSpan(date.fromordinal(first), date.fromordinal(stop - 1)) for first, stop in found)


def _when(edge: tuple[int, bool, int, object]) -> tuple[int, bool, int]:
    """Order of edges: on one day what ends goes before what begins."""
    ordinal, begins, place, _ = edge
    return ordinal, begins, place


def overlay(timelines: Sequence[Timeline[T]], choose: Callable[[Sequence[tuple[int, T]]], T]) -> Timeline[T]:
    """One timeline from several: `choose` gets the (position, value) pairs that hold on a stretch, by position."""
    held = [(place, timeline) for place, timeline in enumerate(timelines) if timeline.stretches]
    if len(held) == 1:
        [(only, alone)] = held
        return Timeline((first, stop, choose([(only, value)])) for first, stop, value in alone.stretches)
    edges: list[tuple[int, bool, int, T]] = []
    for place, timeline in held:
        for first, stop, value in timeline.stretches:
            edges.append((first, True, place, value))
            edges.append((stop, False, place, value))
    edges.sort(key=_when)
    active: dict[int, T] = {}
    found: list[tuple[int, int, T]] = []
    since = 0
    for ordinal, begins, place, value in edges:
        if active and ordinal > since:
            found.append((since, ordinal, choose(sorted(active.items(), key=lambda item: item[0]))))
        if begins:
            active[place] = value
        else:
            del active[place]
        since = ordinal
    return Timeline(found)
