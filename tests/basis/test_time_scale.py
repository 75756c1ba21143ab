"""Days to places: order, ends, the scale of its own before an episode, and ticks that can be read."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.basis.time_scale import TimeScale, scale_of

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
AS_OF = date(2026, 3, 1)
days = st.dates(min_value=date(1980, 1, 1), max_value=AS_OF)


def scale(first: date, episode: date | None = None) -> TimeScale:
    return scale_of(first, episode, AS_OF, left=100, right=900)


@given(days, st.none() | days, st.lists(days, min_size=2, max_size=8))
def test_later_days_never_lie_further_left(first: date, episode: date | None, several: list[date]) -> None:
    made = scale(first, episode)
    places = [made.at(day) for day in sorted(several)]
    assert places == sorted(places)
    assert all(100 <= place <= 900 for place in places)
    assert made.at(first) <= made.at(AS_OF) < 900


@given(days, st.none() | days)
def test_ticks_are_first_days_of_months_far_enough_apart(first: date, episode: date | None) -> None:
    made = scale(first, episode)
    ticks = made.ticks(MONTHS)
    assert all(100 <= tick.x <= 900 for tick in ticks)
    assert all(after.x - before.x > 25 for before, after in pairwise(ticks))
    assert len({tick.label for tick in ticks}) == len(ticks)


def test_the_episode_gets_room_when_much_lies_before_it() -> None:
    episode = AS_OF - timedelta(days=200)
    made = scale(date(2016, 3, 1), episode)
    assert made.change is not None
    assert made.at(episode) < 100 + 800 * 0.35
    assert scale(AS_OF - timedelta(days=300), episode).change is None


def test_a_single_day_can_still_be_seen() -> None:
    begin, end = scale(date(1990, 1, 1)).span(date(2000, 1, 1), date(2000, 1, 1))
    assert end - begin >= 1
