"""An attack on a report: the least and the most that each withheld count can be, by linear programming in fractions.

Readers know the sums, what is shown, and that a count is not negative. This asks more than the product does, which
bounds each count by one sum at a time: here all sums are held against each other at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from cds_hooks.disclosure.cells import Cells
from cds_hooks.disclosure.following import Key, Sums

Row = list[Fraction]


def leaks(cells: Cells, limit: int) -> list[tuple[Key, Fraction, Fraction | None]]:
    """The small counts of which readers could say that they are below `limit`, or what they are, with their ranges."""
    sums = Sums(cells.sums)
    withheld = {key for key in cells.keys if cells.shown(key) is None}
    found = []
    for key in sorted(key for key in withheld if 0 < cells.count(key) < limit):
        names, near = sums.tied(key, withheld)
        order = sorted(names)
        equations = []
        for one in near:
            row = [Fraction((name in one.parts) - (name == one.total)) for name in order]
            known = sum(cells.count(part) for part in one.parts if part not in names)
            whole = 0 if one.total in names else cells.count(one.total)
            equations.append([*row, Fraction(whole - known)])
        low, high = (extreme(equations, order.index(key), largest=largest) for largest in (False, True))
        assert low is not None
        if high is not None and high < limit:
            found.append((key, low, high))
    return found


def extreme(equations: Sequence[Row], place: int, *, largest: bool) -> Fraction | None:
    """The least or most of one variable that is not negative under `equations`; None where it has no bound.

    The simplex method in two phases, with Bland's rule against cycles.
    """
    rows = [[-value for value in row] if row[-1] < 0 else list(row) for row in equations]
    width = len(rows[0]) - 1 if rows else place + 1
    table = [
        row[:-1] + [Fraction(number == own) for number in range(len(rows))] + [row[-1]] for own, row in enumerate(rows)
    ]
    basis = [width + number for number in range(len(rows))]
    first = [Fraction(0)] * width + [Fraction(1)] * len(rows)
    assert minimum(table, basis, first) == 0, "the true counts fit, so there is a solution"
    for own, variable in enumerate(list(basis)):
        if variable >= width:
            column = next((at for at in range(width) if table[own][at]), None)
            if column is not None:
                pivot(table, basis, own, column)
    kept = [own for own, variable in enumerate(basis) if variable < width]
    table = [table[own][:width] + table[own][-1:] for own in kept]
    basis = [basis[own] for own in kept]
    sign = -1 if largest else 1
    best = minimum(table, basis, [Fraction(sign * (at == place)) for at in range(width)])
    return None if best is None else sign * best


def minimum(table: list[Row], basis: list[int], costs: Row) -> Fraction | None:
    while True:
        prices = [costs[variable] for variable in basis]
        reduced = {
            at: costs[at] - sum(price * row[at] for price, row in zip(prices, table, strict=True) if price)
            for at in range(len(costs))
            if at not in basis
        }
        column = next((at for at, value in reduced.items() if value < 0), None)
        if column is None:
            return sum((price * row[-1] for price, row in zip(prices, table, strict=True)), Fraction(0))
        ratios = [(row[-1] / row[column], basis[own], own) for own, row in enumerate(table) if row[column] > 0]
        if not ratios:
            return None
        pivot(table, basis, min(ratios)[2], column)


def pivot(table: list[Row], basis: list[int], own: int, column: int) -> None:
    leading = table[own][column]
    table[own] = [value / leading for value in table[own]]
    for other, row in enumerate(table):
        if other != own and row[column]:
            times = row[column]
            table[other] = [value - times * mine for value, mine in zip(row, table[own], strict=True)]
    basis[own] = column


def told(report: Mapping[str, object]) -> list[int]:
    """Every whole number that a document holds, to search for one that must not be there."""
    found: list[int] = []

    def walk(value: object) -> None:
        if isinstance(value, Mapping):
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)
        elif isinstance(value, int) and not isinstance(value, bool):
            found.append(value)

    walk(report)
    return found
