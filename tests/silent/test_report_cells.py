"""No count that is withheld can be computed from those that are shown."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_hooks.silent.report.cells import Cells, Key

LIMIT = 4


def table(counts: list[list[int]]) -> tuple[Cells, list[tuple[Key, list[Key]]]]:
    """A two-way table with both margins and the whole, and its sums."""
    cells, sums = Cells(), []
    rows, columns = range(len(counts)), range(len(counts[0]))
    for row, column in product(rows, columns):
        cells.put(("cell", str(row), str(column)), counts[row][column])
    for row in rows:
        parts = [("cell", str(row), str(column)) for column in columns]
        sums.append((cells.put(("row", str(row)), sum(counts[row]), spare=1), parts))
    for column in columns:
        parts = [("cell", str(row), str(column)) for row in rows]
        sums.append((cells.put(("column", str(column)), sum(counts[row][column] for row in rows), spare=1), parts))
    whole = cells.put(("all",), sum(map(sum, counts)), spare=2)
    sums.append((whole, [("row", str(row)) for row in rows]))
    sums.append((whole, [("column", str(column)) for column in columns]))
    for total, parts in sums:
        cells.adds_up(total, parts)
    return cells, sums


def possible(cells: Cells, sums: list[tuple[Key, list[Key]]], keys: list[Key], most: int) -> list[dict[Key, int]]:
    """Every whole table that readers could think of: all values for what is withheld that fit what is shown."""
    inner = [key for key in keys if key[0] == "cell"]
    choices = [range(most + 1) if cells.shown(key) is None else [cells.shown(key) or 0] for key in inner]
    found = []
    for values in product(*choices):
        filled = dict(zip(inner, values, strict=True))
        for total, parts in sums:
            filled[total] = sum(filled[part] for part in parts)
        shown = {key: cells.shown(key) for key in keys}
        if all(filled[key] == value for key, value in shown.items() if value is not None):
            found.append(filled)
    return found


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(0, 8), min_size=2, max_size=2), min_size=2, max_size=2))
def test_every_small_count_of_a_table_could_be_another(counts: list[list[int]]) -> None:
    cells, sums = table(counts)
    cells.settle(LIMIT)
    keys = [("cell", str(row), str(column)) for row in range(2) for column in range(2)]
    keys += [total for total, _ in sums[:-1]]
    small = [key for key in keys if 0 < cells.count(key) < LIMIT]
    assert all(cells.shown(key) is None for key in small)
    fits = possible(cells, sums, keys, 9)
    for key in small:
        assert len({one[key] for one in fits}) > 1


def test_one_small_part_takes_the_smallest_other_part_with_it_and_leaves_the_total() -> None:
    cells = Cells()
    whole = cells.put(("all",), 100, spare=2)
    cells.adds_up(whole, [cells.put((name,), count) for name, count in (("a", 5), ("b", 30), ("c", 65))])
    cells.settle(11)
    assert [cells.shown((name,)) for name in ("all", "a", "b", "c")] == [100, None, None, 65]


def test_two_small_parts_whose_sum_is_small_do_not_stay_alone() -> None:
    cells = Cells()
    whole = cells.put(("all",), 53, spare=2)
    cells.adds_up(whole, [cells.put((name,), count) for name, count in (("a", 1), ("b", 2), ("c", 20), ("d", 30))])
    cells.settle(11)
    assert [cells.shown((name,)) for name in "abcd"] == [None, None, None, 30]


def test_two_small_parts_with_a_large_sum_need_no_company() -> None:
    cells = Cells()
    whole = cells.put(("all",), 48, spare=2)
    cells.adds_up(whole, [cells.put((name,), count) for name, count in (("a", 8), ("b", 10), ("c", 30))])
    cells.settle(11)
    assert [cells.shown((name,)) for name in "abc"] == [None, None, 30]


def test_nothing_is_withheld_where_nothing_is_small_and_zero_is_shown() -> None:
    cells = Cells()
    whole = cells.put(("all",), 50)
    cells.adds_up(whole, [cells.put(("a",), 50), cells.put(("b",), 0)])
    cells.settle(11)
    assert [cells.shown(key) for key in (("all",), ("a",), ("b",))] == [50, 50, 0]
    assert cells.withheld == 0


def test_the_rest_that_a_reader_would_subtract_is_withheld_too() -> None:
    cells = Cells()
    whole = cells.put(("all",), 100, spare=2)
    cells.part_of(whole, ("fired",), 95)
    cells.settle(11)
    assert cells.shown(("fired",)) is None
    assert cells.shown(whole) == 100


def test_sums_that_do_not_hold_are_refused() -> None:
    cells = Cells()
    cells.put(("all",), 10)
    cells.put(("a",), 9)
    with pytest.raises(ValueError, match="do not make the total"):
        cells.adds_up(("all",), [("a",)])
    with pytest.raises(ValueError, match="two counts"):
        cells.put(("a",), 8)
    with pytest.raises(RuntimeError):
        cells.shown(("a",))
