"""Whether a withheld count follows from those that are shown, by the sums that readers know.

The sums are linear equations in the withheld counts. A small count is exposed where they have only one solution for it
(elimination), or where its range does not reach the limit: the sums bound it among whole numbers that are not
negative, so that two small counts whose small sum is known do not stay alone. Withheld counts that no sum ties
together are looked at apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

Key = tuple[str, ...]
_PRIME = (1 << 61) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """`total` is the sum of `parts`, and readers know it. A sum equals itself only."""

    total: Key
    parts: tuple[Key, ...]

    @property
    def cells(self) -> tuple[Key, ...]:
        """All of them, the total first."""
        return (self.total, *self.parts)


def is_small(count: int, limit: int) -> bool:
    """Whether nobody may know this count: somebody is in it, and fewer than `limit`."""
    return 0 < count < limit


class Sums:
    """The sums of a report, found by their cells."""

    def __init__(self, known: Iterable[Sum]) -> None:
        self.all = tuple(known)
        self._of: dict[Key, list[Sum]] = defaultdict(list)
        for one in self.all:
            for key in dict.fromkeys(one.cells):
                self._of[key].append(one)

    def of(self, key: Key) -> Sequence[Sum]:
        """The sums in which a cell stands."""
        return self._of.get(key, ())

    def tied(self, key: Key, withheld: Collection[Key]) -> tuple[set[Key], list[Sum]]:
        """The withheld cells that sums tie to `key`, directly or through each other, and these sums."""
        cells, near, ahead = {key}, dict[Sum, None](), [key]
        while ahead:
            for one in self.of(ahead.pop()):
                if one in near:
                    continue
                near[one] = None
                new = [cell for cell in one.cells if cell in withheld and cell not in cells]
                cells.update(new)
                ahead += new
        return cells, list(near)


def exposed(
    counts: Mapping[Key, int], sums: Sums, withheld: Collection[Key], limit: int, secret: Collection[Key]
) -> set[Key]:
    """Those of `secret`, all of them withheld, that readers could work out."""
    left, found = set(secret), set[Key]()
    while left:
        cells, near = sums.tied(min(left), withheld)
        found |= left & exposed_together(counts, cells, near, limit)
        left -= cells
    return found


def exposed_together(counts: Mapping[Key, int], cells: set[Key], near: Sequence[Sum], limit: int) -> set[Key]:
    """Those of the withheld `cells`, tied by the sums `near`, that are exposed; `counts` are the true ones."""
    if not near:
        return set()
    ranges = bounds(counts, cells, near)
    tight = {key for key, (low, high) in ranges.items() if high < limit or low == high}
    return tight | set(determined(near, cells))


def bounds(counts: Mapping[Key, int], cells: set[Key], near: Sequence[Sum]) -> dict[Key, tuple[float, float]]:
    """The least and the most that each withheld cell can be, as the sums bound it one by one."""
    least = least_of(counts, cells)
    low: dict[Key, float] = dict.fromkeys(cells, least)
    high: dict[Key, float] = dict.fromkeys(cells, inf)
    uses: dict[Key, list[Sum]] = defaultdict(list)
    for one in near:
        for key in one.cells:
            if key in cells:
                uses[key].append(one)
    ahead = dict.fromkeys(near)
    while ahead:
        one = next(iter(ahead))
        del ahead[one]
        for key, lower, upper in _tightened(one, counts, low, high):
            if lower > low[key] or upper < high[key]:
                low[key], high[key] = max(lower, low[key]), min(upper, high[key])
                ahead.update(dict.fromkeys(uses[key]))
    return {key: (low[key], high[key]) for key in cells}


def least_of(counts: Mapping[Key, int], cells: Iterable[Key]) -> int:
    """The least that each of the withheld `cells` can be: where zeros are shown whatever happens, it is one."""
    return 0 if any(counts[key] == 0 for key in cells) else 1


def _tightened(
    one: Sum, counts: Mapping[Key, int], low: Mapping[Key, float], high: Mapping[Key, float]
) -> Iterator[tuple[Key, float, float]]:
    """What one sum says of each withheld cell in it."""
    known = sum(counts[key] for key in one.parts if key not in low)
    open_ = [key for key in one.parts if key in low]
    least = known + sum(low[key] for key in open_)
    unbounded = [key for key in open_ if high[key] == inf]
    most = known + sum(high[key] for key in open_ if high[key] != inf)
    whole = one.total in low
    total = (low[one.total], high[one.total]) if whole else (counts[one.total], counts[one.total])
    if whole:
        yield one.total, least, inf if unbounded else most
    for key in open_:
        others = inf if len(unbounded) > (key in unbounded) else most - (0 if key in unbounded else high[key])
        yield key, total[0] - others, total[1] - (least - low[key])


def determined(near: Sequence[Sum], cells: Collection[Key]) -> Iterator[Key]:
    """The withheld cells that the sums fix: after elimination, those that stand alone in an equation.

    The equations are solved modulo a prime. That finds the same cells as fractions would, unless the prime divides a
    minor of the equations, whose coefficients are 0, 1 and -1.
    """
    rows: dict[Key, dict[Key, int]] = {}
    uses: dict[Key, set[Key]] = defaultdict(set)  # the pivots of the rows in which a cell stands
    for one in near:
        row: dict[Key, int] = {}
        for sign, keys in ((1, one.parts), (-1, (one.total,))):
            for key in keys:
                if key in cells:
                    row[key] = (row.get(key, 0) + sign) % _PRIME
        row = {key: value for key, value in row.items() if value}
        for pivot in [key for key in row if key in rows]:
            _subtract(row, rows[pivot], row[pivot])
        if not row:
            continue
        pivot = min(row)
        inverse = pow(row[pivot], -1, _PRIME)
        row = {key: value * inverse % _PRIME for key, value in row.items()}
        for other in list(uses[pivot]):
            before = set(rows[other])
            _subtract(rows[other], row, rows[other][pivot])
            for key in before ^ set(rows[other]):
                uses[key] ^= {other}
        rows[pivot] = row
        for key in row:
            uses[key].add(pivot)
    return (pivot for pivot, row in rows.items() if len(row) == 1)


def _subtract(row: dict[Key, int], other: Mapping[Key, int], times: int) -> None:
    for key, value in other.items():
        left = (row.get(key, 0) - times * value) % _PRIME
        if left:
            row[key] = left
        else:
            row.pop(key, None)
