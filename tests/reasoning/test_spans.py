"""Written dates and spans of days."""

from __future__ import annotations

import pytest

from plugin.spans import DateSpan, PartialDate
from tests.reasoning.facts import on


@pytest.mark.parametrize(
    "written", ["2025-02-30", "2025-13", "0000", "2025-00-10", "0000-01-01", "25-01-01", "", None, 5]
)
def test_a_date_that_no_calendar_has_is_unreadable(written: object) -> None:
    assert PartialDate.parse(written) is None


@pytest.mark.parametrize(
    ("written", "earliest", "latest"),
    [
        ("2024", "2024-01-01", "2024-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2024-02-29T23:59:00-05:00", "2024-02-29", "2024-02-29"),
    ],
)
def test_a_partial_date_holds_every_day_it_may_mean(written: str, earliest: str, latest: str) -> None:
    read = PartialDate.parse(written)

    assert read is not None
    assert (read.earliest.isoformat(), read.latest.isoformat()) == (earliest, latest)


def test_a_span_that_ends_before_it_starts_is_refused() -> None:
    assert len(DateSpan(on(3), on(3))) == 1
    with pytest.raises(ValueError, match="before"):
        DateSpan(on(3), on(2))
