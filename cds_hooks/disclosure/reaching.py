"""Whether a withheld count could be as large as the limit, all sums held against each other at once.

Bounding counts by one sum at a time (`following.bounds`) misses what only several sums together tell. Here the largest
value that a count can have is sought by linear programming in fractions, until it is known to reach the limit: the
simplex method in two phases, with Bland's rule against cycles (Bland RG. Math Oper Res 1977;2:103–107). Counts need not
be whole here; that a count could reach the limit only as a fraction is not told apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

from cds_hooks.disclosure.following import Key, Sum, least_of


def reaches(counts: Mapping[Key, int], cells: Collection[Key], near: Sequence[Sum], key: Key, limit: int) -> bool:
    """Whether `key`, one of the withheld `cells` tied by the sums `near`, can be `limit` or more."""
    least, order = least_of(counts, cells), sorted(cells)
    rows = []
    for one in near:
        row = [Fraction((cell in one.parts) - (cell == one.total)) for cell in order]
        known = sum(counts[part] for part in one.parts if part not in cells)
        whole = 0 if one.total in cells else counts[one.total]
        rows.append([*row, whole - known - least * sum(row, Fraction(0))])
    return _Simplex(rows, len(order)).exceeds(order.index(key), limit - least)


class _Simplex:
    """Variables that are not negative under equations, each a row of coefficients that ends with its right side."""

    def __init__(self, equations: Sequence[Sequence[Fraction]], width: int) -> None:
        self._width = width
        signed = [[-value for value in row] if row[-1] < 0 else list(row) for row in equations]
        slack = [[Fraction(own == number) for own in range(len(signed))] for number in range(len(signed))]
        self._rows = [row[:-1] + extra + row[-1:] for row, extra in zip(signed, slack, strict=True)]
        self._basis = [width + number for number in range(len(signed))]

    def exceeds(self, place: int, value: int) -> bool:
        """Whether the variable at `place` can be `value` or more. The equations have a solution."""
        self._climb({at: Fraction(-1) for at in self._basis}, 0)
        for own, variable in enumerate(list(self._basis)):
            column = next((at for at in range(self._width) if self._rows[own][at]), None)
            if variable >= self._width and column is not None:
                self._pivot(own, column)
        kept = [own for own, variable in enumerate(self._basis) if variable < self._width]  # others say nothing new
        self._rows = [self._rows[own][: self._width] + self._rows[own][-1:] for own in kept]
        self._basis = [self._basis[own] for own in kept]
        return self._climb({place: Fraction(1)}, value)

    def _climb(self, gains: Mapping[int, Fraction], until: int) -> bool:
        """Raise the weighted sum of the variables in `gains` to `until`, or as far as it goes; whether it got there."""
        while True:
            prices = [(gains[at], row) for at, row in zip(self._basis, self._rows, strict=True) if at in gains]
            if sum((price * row[-1] for price, row in prices), Fraction(0)) >= until:
                return True
            basic = set(self._basis)
            column = next(
                (
                    at
                    for at in range(self._width)
                    if at not in basic and gains.get(at, 0) > sum(price * row[at] for price, row in prices)
                ),
                None,
            )
            if column is None:
                return False
            ratios = [
                (row[-1] / row[column], self._basis[own], own) for own, row in enumerate(self._rows) if row[column] > 0
            ]
            if not ratios:
                return True
            self._pivot(min(ratios)[2], column)

    def _pivot(self, own: int, column: int) -> None:
        leading = self._rows[own][column]
        pivot = self._rows[own] = [value / leading for value in self._rows[own]]
        for other, row in enumerate(self._rows):
            if other != own and row[column]:
                times = row[column]
                self._rows[other] = [
                    value - times * mine if mine else value for value, mine in zip(row, pivot, strict=True)
                ]
        self._basis[own] = column
