"""From days to places on one axis that everything drawn shares, and the days that are named on it.

The axis is linear. Where what happened before the current episode would push the episode into a corner, the time before
it gets a scale of its own on the left, and the place where the scale changes is marked in the drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

_EARLIER_SHARE = 0.24  # of the width, for the time before the episode where it has a scale of its own
_BREAK_ABOVE = 0.42  # the share it would take on a common scale from which on it gets one of its own
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120)
_LEAST_GAP = 54.0  # between two named days, in units of the drawing
_MONTHS = 12
_LEAST_DAYS = 60  # a shorter history is drawn as if it had so many days


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of time with one scale: from the day `first` at `left` to the day `last` at `right`."""

    first: date
    last: date
    left: float
    right: float

    def at(self, day: date) -> float:
        """The place of the beginning of `day`."""
        return self.left + (day - self.first).days / (self.last - self.first).days * (self.right - self.left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A named day on the axis; `strong` where a year begins."""

    x: float
    label: str
    strong: bool


@dataclass(frozen=True, slots=True)
class TimeScale:
    """One or two pieces in order of time."""

    pieces: tuple[Piece, ...]

    @property
    def first(self) -> date:
        """The first day shown."""
        return self.pieces[0].first

    @property
    def last(self) -> date:
        """The last day shown."""
        return self.pieces[-1].last

    @property
    def left(self) -> float:
        """Where the axis begins."""
        return self.pieces[0].left

    @property
    def right(self) -> float:
        """Where the axis ends."""
        return self.pieces[-1].right

    @property
    def change(self) -> float | None:
        """Where the scale changes; None where it does not."""
        return self.pieces[-1].left if len(self.pieces) > 1 else None

    def at(self, day: date) -> float:
        """The place of the beginning of `day`; a day outside lies on the end of the axis that is nearer."""
        within = min(max(day, self.first), self.last)
        piece = next(piece for piece in reversed(self.pieces) if within >= piece.first)
        return round(piece.at(within), 1)

    def span(self, first: date, last: date) -> tuple[float, float]:
        """Begin and end of the days `first` to `last`, both included; never narrower than can be seen."""
        begin, end = self.at(first), self.at(last + timedelta(days=1))
        return begin, max(end, begin + 1.5)

    def ticks(self, months: Sequence[str]) -> tuple[Tick, ...]:
        """First days of months, as many as can be read beside each other; `months` are the names of the twelve."""
        return tuple(tick for piece in self.pieces for tick in _ticks(piece, months, last=piece is self.pieces[-1]))


def scale_of(first: date, episode: date | None, as_of: date, *, left: float, right: float) -> TimeScale:
    """The scale from `first` to somewhat after `as_of`, where `episode` is the day the current episode began."""
    first = min(first, as_of - timedelta(days=_LEAST_DAYS))
    whole = (as_of - first).days
    margin = max(3, whole // 60)
    begin, end = first - timedelta(days=margin), as_of + timedelta(days=margin)
    if episode is not None and first < episode < as_of:
        before = (episode - begin).days / (end - begin).days
        lead = min(max(7, (as_of - episode).days // 40), (episode - begin).days - 1)
        if before > _BREAK_ABOVE and lead > 0:
            change = left + _EARLIER_SHARE * (right - left)
            meet = episode - timedelta(days=lead)
            return TimeScale(
                (
                    Piece(first=begin, last=meet, left=left, right=change),
                    Piece(first=meet, last=end, left=change, right=right),
                )
            )
    return TimeScale((Piece(first=begin, last=end, left=left, right=right),))


def _ticks(piece: Piece, months: Sequence[str], *, last: bool) -> list[Tick]:
    days = (piece.last - piece.first).days
    per_month = (piece.right - piece.left) / max(days, 1) * 30.4
    step = next((months for months in _MONTH_STEPS if months * per_month >= _LEAST_GAP), _MONTH_STEPS[-1])
    found, month = [], piece.first.year * _MONTHS + piece.first.month - 1
    month += -month % step
    while month < date.max.year * _MONTHS:
        day = date(month // _MONTHS, month % _MONTHS + 1, 1)
        if day > piece.last:
            break
        if day >= piece.first and (piece.right - piece.at(day) > (_LEAST_GAP / 4 if last else _LEAST_GAP / 2)):
            label = str(day.year) if step >= _MONTHS else f"{months[day.month - 1]} {day.year}"
            found.append(Tick(x=round(piece.at(day), 1), label=label, strong=day.month == 1))
        month += step
    return found
