"""Stretches of days behave as the day-by-day mapping they stand for."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.timeline import Timeline, overlay

DAY_0 = date(2024, 1, 1)
VALUES = st.sampled_from(["a", "b", "c"])
DAYS = st.dictionaries(st.integers(0, 40).map(lambda n: DAY_0 + timedelta(days=n)), VALUES, max_size=25)
POINTS = st.integers(-3, 44).map(lambda n: DAY_0 + timedelta(days=n))


def of(days: dict[date, str]) -> Timeline[str]:
    return Timeline.from_days(days)


def kept(days: dict[date, str], first: date, last: date) -> dict[date, str]:
    return {day: value for day, value in days.items() if first <= day <= last}


@given(DAYS)
def test_it_reads_like_the_mapping(days: dict[date, str]) -> None:
    line = of(days)
    assert dict(line) == days
    assert list(line) == sorted(days)
    assert len(line) == len(days)
    assert bool(line) is bool(days)
    assert line == days
    if days:
        assert (line.first_day, line.last_day) == (min(days), max(days))


@given(DAYS, POINTS)
def test_a_day_is_found_or_missing(days: dict[date, str], day: date) -> None:
    assert of(days).get(day) == days.get(day)
    assert (day in of(days)) is (day in days)


@given(DAYS, POINTS, POINTS)
def test_parts(days: dict[date, str], one: date, other: date) -> None:
    line, (first, last) = of(days), sorted((one, other))
    assert dict(line.before(first)) == kept(days, date.min, first - timedelta(days=1))
    assert dict(line.since(first)) == kept(days, first, date.max)
    assert dict(line.between(first, last)) == kept(days, first, last)
    outside = {day: value for day, value in days.items() if not first <= day <= last}
    assert dict(line.without(first, last)) == outside
    assert line.before(first).then(line.since(first)) == line
    assert line.first_from(first) == min((day for day in days if day >= first), default=None)
    assert line.last_before(first) == max((day for day in days if day < first), default=None)


@given(DAYS, st.integers(0, 30))
def test_head_and_moved(days: dict[date, str], count: int) -> None:
    line = of(days)
    assert list(line.head(count)) == sorted(days)[:count]
    assert dict(line.moved(count)) == {day + timedelta(days=count): value for day, value in days.items()}


@given(DAYS)
def test_where_and_changed(days: dict[date, str]) -> None:
    line = of(days)
    assert dict(line.where(lambda value: value == "a")) == {d: v for d, v in days.items() if v == "a"}
    same = line.changed(lambda value: "x" if value == "a" else "y")
    assert dict(same) == {d: "x" if v == "a" else "y" for d, v in days.items()}
    assert line.changed(lambda value: "z").stretches == Timeline.from_days(dict.fromkeys(days, "z")).stretches


@given(DAYS, POINTS, st.integers(0, 6))
def test_nearness(days: dict[date, str], day: date, window: int) -> None:
    assert of(days).is_near(day, window) is any(abs((other - day).days) <= window for other in days)


@given(DAYS, st.integers(0, 5))
def test_spans_bridge_holes_up_to_the_gap(days: dict[date, str], gap: int) -> None:
    ordered = sorted(days)
    expected = [[day] for day in ordered[:1]]
    for earlier, later in pairwise(ordered):
        if (later - earlier).days - 1 > gap:
            expected.append([])
        expected[-1].append(later)
    assert [(s.start, s.end) for s in of(days).spans(largest_gap=gap)] == [(e[0], e[-1]) for e in expected]


@given(st.lists(DAYS, max_size=4))
def test_overlay_sees_every_day_of_every_line(lines: list[dict[date, str]]) -> None:
    found = overlay([of(days) for days in lines], lambda active: "".join(f"{n}{value}" for n, value in active))
    expected = {
        day: "".join(f"{n}{days[day]}" for n, days in enumerate(lines) if day in days) for days in lines for day in days
    }
    assert dict(found) == expected


def test_stretches_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        Timeline([(10, 12, "a"), (11, 13, "b")])


def test_a_stretch_is_cut_where_asked() -> None:
    line = Timeline([(10, 20, "a"), (20, 30, "b")])
    assert line.before(date.fromordinal(15)).stretches == ((10, 15, "a"),)
    assert line.since(date.fromordinal(25)).stretches == ((25, 30, "b"),)
    assert list(line.each()) == ["a", "b"]


def test_empty_stretches_are_dropped() -> None:
    assert not Timeline([(10, 10, "a")])


def test_equal_lines_are_equal_and_hash_alike() -> None:
    one, other = Timeline([(1, 3, "a"), (3, 5, "a")]), Timeline([(1, 5, "a")])
    assert one == other
    assert hash(one) == hash(other)
    assert one != Timeline([(1, 5, "b")])
    assert repr(one) == "Timeline(0001-01-01..0001-01-04: 'a')"
