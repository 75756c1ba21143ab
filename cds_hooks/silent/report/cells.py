"""Which counts a report may show: no small one, nor any from which a small one could be computed.

Every count is a cell, and every sum that readers know (a total and its parts) is told. Counts from 1 up to the limit
are withheld. Then, as long as a withheld small count would follow from what is shown, one more count is withheld
beside it (complementary suppression: Cox LH. J Am Stat Assoc 1980;75:377-385). Two tests decide that. A count follows
exactly when the known sums, as linear equations in the withheld counts, have only one solution for it. And its range,
as the sums bound it among whole numbers that are not negative, must reach the limit, so that two small counts whose
small sum is known do not stay alone. Zero is shown: nobody is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf

SMALLEST_CELL = 11
KEPT = 3  # so spare that any other count goes first
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sum:
    """`total` is the sum of `parts`; the first of `cells` is the total."""

    total: Key
    parts: tuple[Key, ...]

    @property
    def cells(self) -> tuple[Key, ...]:
        """All of them."""
        return (self.total, *self.parts)


class Cells:
    """The counts of one report. First all are put, then `settle` decides, then they are shown."""

    def __init__(self) -> None:
        self._counts: dict[Key, int] = {}
        self._sums: dict[_Sum, None] = {}
        self._spare: dict[Key, int] = {}
        self._withheld: set[Key] | None = None

    def put(self, key: Key, count: int, *, spare: int = 0) -> Key:
        """Add a count and return its key; the same key always stands for the same count. ValueError otherwise.

        Counts that are more `spare` than others are withheld for the sake of others only where nothing else helps.
        """
        self._spare[key] = max(spare, self._spare.get(key, 0))
        if self._counts.setdefault(key, count) != count:
            raise ValueError("one key stands for two counts")
        return key

    def count(self, key: Key) -> int:
        """The true count, to make other cells of; never to be shown."""
        return self._counts[key]

    def has(self, key: Key) -> bool:
        """Whether the key stands for a count."""
        return key in self._counts

    def adds_up(self, total: Key, parts: Iterable[Key]) -> None:
        """Say that readers know `total` to be the sum of `parts`. ValueError where it is not."""
        known = _Sum(total, tuple(parts))
        if self._counts[total] != sum(self._counts[part] for part in known.parts):
            raise ValueError("the parts do not make the total")
        self._sums[known] = None

    def part_of(self, total: Key, part: Key, count: int) -> Key:
        """Add `count` of `total`, and the rest, which a reader can subtract."""
        self.put(part, count)
        rest = self.put((*part, "rest"), self._counts[total] - count)
        self.adds_up(total, (part, rest))
        return part

    def settle(self, limit: int = SMALLEST_CELL) -> None:
        """Decide what is withheld: nothing from 1 to below `limit` is shown, or follows."""
        small = {key for key, count in self._counts.items() if 0 < count < limit}
        withheld = set(small)
        while exposed := sorted(small & self._exposed(withheld, limit)):
            company = self._company(exposed[0], withheld, limit)
            withheld = withheld | {company} if company is not None else set(self._counts)
            if company is None:
                break
        self._withheld = withheld

    def shown(self, key: Key) -> int | None:
        """The count, or None where it is withheld. RuntimeError before `settle`."""
        if self._withheld is None:
            raise RuntimeError("the counts are not settled yet")
        return None if key in self._withheld else self._counts[key]

    @property
    def withheld(self) -> int:
        """How many counts are withheld."""
        return len(self._withheld or ())

    def _exposed(self, withheld: set[Key], limit: int) -> set[Key]:
        sums = [one for one in self._sums if any(key in withheld for key in one.cells)]
        low, high = self._bounds(sums, withheld)
        tight = {key for key in withheld if high[key] < limit or low[key] == high[key]} if sums else set()
        bounded = {key for one in sums for key in one.cells}
        return (tight & bounded) | set(_determined(sums, withheld))

    def _bounds(self, sums: Sequence[_Sum], withheld: set[Key]) -> tuple[dict[Key, float], dict[Key, float]]:
        """The least and the most that each count can be, as the sums bound it one by one."""
        least = 0 if any(self._counts[key] == 0 for key in withheld) else 1
        low: dict[Key, float] = {key: least if key in withheld else count for key, count in self._counts.items()}
        high: dict[Key, float] = {key: inf if key in withheld else count for key, count in self._counts.items()}
        moved = True
        while moved:
            moved = False
            for one in sums:
                least_sum, most_sum = sum(low[key] for key in one.parts), sum(high[key] for key in one.parts)
                news = [(one.total, least_sum, most_sum)]
                for key in one.parts:
                    others_most = sum(high[part] for part in one.parts if part != key)
                    news.append((key, low[one.total] - others_most, high[one.total] - (least_sum - low[key])))
                for key, lower, upper in news:
                    if lower > low[key]:
                        low[key], moved = lower, True
                    if upper < high[key]:
                        high[key], moved = upper, True
        return low, high

    def _company(self, exposed: Key, withheld: set[Key], limit: int) -> Key | None:
        """The count to withhold beside `exposed`; None where there is none left.

        Only counts tied to it by sums, through other withheld counts, can help. The first that does is taken, details
        before totals and small before large; where a single one does not help, the first of them.
        """
        tied, near = {exposed}, set[_Sum]()
        while wider := [one for one in self._sums if one not in near and not tied.isdisjoint(one.cells)]:
            near.update(wider)
            tied |= {key for one in wider for key in one.cells if key in withheld}
        totals = {one.total for one in near}
        free = {key for one in near for key in one.cells} - withheld
        kept = {key for key in free if self._spare[key] >= KEPT}
        for wanted in (free - kept, kept):
            candidates = sorted(
                wanted,
                key=lambda key: (self._counts[key] == 0, self._spare[key], key in totals, self._counts[key], key),
            )
            for key in candidates:
                if exposed not in self._exposed(withheld | {key}, limit):
                    return key
            if candidates and self._counts[candidates[0]]:
                return candidates[0]
        return min(free) if free else None


def _determined(sums: Sequence[_Sum], withheld: set[Key]) -> Iterator[Key]:
    """The withheld counts that the sums fix: after elimination, those that stand alone in an equation."""
    rows: dict[Key, dict[Key, Fraction]] = {}
    for one in sums:
        row: dict[Key, Fraction] = {}
        for sign, keys in ((1, one.parts), (-1, (one.total,))):
            for key in keys:
                if key in withheld:
                    row[key] = row.get(key, Fraction(0)) + sign
        row = {key: value for key, value in row.items() if value}
        for pivot in [key for key in row if key in rows]:
            _subtract(row, rows[pivot], row[pivot])
        if not row:
            continue
        pivot = min(row)
        leading = row[pivot]
        row = {key: value / leading for key, value in row.items()}
        for other in rows.values():
            if pivot in other:
                _subtract(other, row, other[pivot])
        rows[pivot] = row
    return (pivot for pivot, row in rows.items() if len(row) == 1)


def _subtract(row: dict[Key, Fraction], other: dict[Key, Fraction], times: Fraction) -> None:
    for key, value in other.items():
        left = row.get(key, Fraction(0)) - times * value
        if left:
            row[key] = left
        else:
            row.pop(key, None)
