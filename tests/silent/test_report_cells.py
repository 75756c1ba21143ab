"""No count that is withheld can be computed from those that are shown."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cds_hooks.disclosure.cells import Cells
from cds_hooks.disclosure.folding import folded, neighbours
from cds_hooks.disclosure.following import Key
from tests.silent.attack import leaks

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


@example([[1, 0, 11], [0, 11, 1], [0, 1, 1]])  # one sum at a time tells nothing of it, all of them do
@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 25), min_size=3, max_size=3), min_size=2, max_size=4))
def test_no_small_count_of_a_table_with_margins_can_be_said_to_be_small(counts: list[list[int]]) -> None:
    """By linear programming over all sums at once, for which nothing short of the limit may come out."""
    cells, _ = table(counts)
    cells.settle(11)
    assert leaks(cells, 11) == []


def test_the_attack_finds_what_is_not_protected() -> None:
    cells, _ = table([[3, 30], [30, 30]])
    cells.settle(11)
    assert leaks(cells, 11) == []
    careless, _ = table([[3, 30], [30, 30]])
    careless.settle(1)  # nothing is withheld
    careless._withheld = {("cell", "0", "0"), ("cell", "0", "1")}  # the row keeps its secret, the column does not
    assert [(key, low, high) for key, low, high in leaks(careless, 11)] == [(("cell", "0", "0"), 3, 3)]


def test_many_orders_of_few_people_are_withheld_like_a_small_count() -> None:
    cells = Cells()
    whole = cells.put(("moments",), 500, spare=2)
    cells.part_of(whole, ("critical",), 30, people=2)
    cells.part_of(whole, ("other",), 300, people=120)
    cells.settle(11)
    assert cells.shown(("critical",)) is None
    assert cells.shown(("critical", "rest")) is None
    assert (cells.shown(whole), cells.shown(("other",))) == (500, 300)


def test_company_that_turned_out_needless_is_shown() -> None:
    """Two tables share a count: what one needs withheld serves the other too."""
    cells = Cells()
    first, second = cells.put(("first",), 100, spare=2), cells.put(("second",), 90, spare=2)
    shared, a, b = cells.put(("shared",), 40), cells.put(("a",), 5), cells.put(("b",), 6)
    cells.adds_up(first, (shared, a, cells.put(("c",), 55)))
    cells.adds_up(second, (shared, b, cells.put(("d",), 44)))
    cells.settle(11)
    assert [cells.shown(key) for key in (first, second)] == [100, 90]
    assert leaks(cells, 11) == []
    assert cells.withheld == 3  # the two small ones and what they share


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 40)), st.integers(3, 12))
def test_folded_groups_hide_each_other_and_leave_groups_to_compare(counts: dict[str, int], limit: int) -> None:
    taken = folded(counts, limit)
    used = {name: count for name, count in counts.items() if count}
    if not taken:
        return
    inside = [counts[name] for name in taken]
    assert len(taken) >= 2
    assert sum(inside) >= limit
    assert set(taken) < set(used)
    assert all(counts[name] >= limit for name in used if name not in taken)
    if max(inside) < limit:  # all small, as readers may guess: each could be one less or one more
        assert len(inside) < sum(inside) < len(inside) * (limit - 1)


def test_groups_are_folded_only_where_that_tells_more() -> None:
    assert folded({"a": 50, "b": 3, "c": 4, "d": 60}, 11) == ("b", "c", "a")
    assert folded({"a": 50, "b": 6, "c": 7, "d": 60}, 11) == ("b", "c")
    assert folded({"a": 50, "b": 20}, 11) == ()
    assert folded({"a": 50, "b": 2}, 11) == ()  # both together would be everybody
    assert folded({"a": 50, "b": 10, "c": 10, "d": 90}, 11) == ("b", "c", "a")  # 20 can only be 10 and 10
    assert folded({"a": 50, "b": 2}, 11, adds_up=False) == ()
    assert folded({"a": 50, "b": 2, "c": 1}, 11, adds_up=False) == ("c", "b")


def test_ages_are_joined_with_their_neighbours() -> None:
    bands = [("18", 4), ("25", 30), ("35", 5), ("45", 5), ("55", 20), ("65", 3)]
    assert neighbours(bands, 11) == [("18", "25"), ("35", "45", "55", "65")]
    assert neighbours([("18", 30), ("25", 2)], 11) == [("18", "25")]
    assert neighbours([("18", 3)], 11) == [("18",)]
