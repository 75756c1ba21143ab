"""Wilson's interval against published values: Newcombe 1998, table I, method 3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.governance.intervals import difference, proportion


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_published_limits_are_met(part: int, whole: int, low: float, high: float) -> None:
    found = proportion(part, whole)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_of_nothing_there_is_no_share_and_of_too_much_none() -> None:
    assert proportion(0, 0) is None
    for part, whole in ((-1, 3), (4, 3)):
        with pytest.raises(ValueError, match="part"):
            proportion(part, whole)


@given(st.integers(1, 10**6), st.data())
def test_the_interval_holds_the_share_and_mirrors(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    found, mirrored = proportion(part, whole), proportion(whole - part, whole)
    assert found is not None and mirrored is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low == pytest.approx(1 - mirrored.high)


def test_the_difference_of_two_shares_is_that_of_the_paper() -> None:
    """Newcombe 1998, table II, (a) and (f) by method 10: 56/70 less 48/80, and 10/10 less 0/20."""
    first, last = difference((56, 70), (48, 80)), difference((10, 10), (0, 20))
    assert first is not None
    assert last is not None
    assert (first.value, first.low, first.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert (last.value, last.low, last.high) == pytest.approx((1.0, 0.6791, 1.0), abs=5e-5)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_a_difference_turned_round_has_the_same_interval_turned_round(a: int, b: int, c: int, d: int) -> None:
    one, other = (a, a + b), (c, c + d)
    there, back = difference(one, other), difference(other, one)
    if there is None or back is None:
        assert (there, back) == (None, None)
        assert 0 in (one[1], other[1])
        return
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert -1 <= there.low <= there.value + 1e-12
    assert there.value - 1e-12 <= there.high <= 1
