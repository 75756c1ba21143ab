"""Wilson's interval against published values: Newcombe 1998, table I, method 3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.governance.intervals import proportion


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
