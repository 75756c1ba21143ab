"""Calendar dates as FHIR writes them, and runs of days.

FHIR dates may stop at the year or the month. `PartialDate` keeps what was written as the interval of days it can
mean, so that nothing downstream guesses. Days are `datetime.date`; there is no clock in this package.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

_WRITTEN = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T.*)?)?)?$")

_WHOLE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[^\n]*)?\Z")
_WHOLE_LENGTH = len("YYYY-MM-DD")


@dataclass(frozen=True, slots=True, order=True)
class PartialDate:
    """A date known to the day, the month or the year, as the closed interval of days it can mean."""

    earliest: date
    latest: date

    @property
    def is_exact(self) -> bool:
        """Whether the day itself is known."""
        return self.earliest == self.latest

    @property
    def day(self) -> date | None:
        """The day, or None when only month or year were written."""
        return self.earliest if self.is_exact else None

    @classmethod
    def exactly(cls, day: date) -> PartialDate:
        """A date known to the day."""
        return cls(day, day)

    @classmethod
    def parse(cls, text: object) -> PartialDate | None:
        """Read a FHIR `date` or `dateTime`; the day is the one written, whatever the zone. None if unreadable.

        >>> PartialDate.parse("2024-02").latest
        datetime.date(2024, 2, 29)
        >>> PartialDate.parse("DB_6decce7d") is None
        True
        """
        if not isinstance(text, str):
            return None
        known = _DAYS.get(text)  # as most are: spared the taking apart
        if known is not None:
            return known
        if _WHOLE.match(text):
            try:
                return _day_written(text[:_WHOLE_LENGTH])
            except ValueError:
                return None
        match = _WRITTEN.match(text.strip())
        if match is None:
            return None
        year, month, day = (int(part) if part else None for part in match.groups())
        try:
            if year is None or month is None:
                return cls(date(year or 0, 1, 1), date(year or 0, 12, 31))
            if day is None:
                return cls(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))
            return cls.exactly(date(year, month, day))
        except ValueError:
            return None


_DAYS: dict[str, PartialDate] = {}
_DAYS_MAX = 16_384  # days of the calendar written in full, about forty years of them; nothing else is kept


def _day_written(day: str) -> PartialDate:
    """A day written in full, made once for all. Raises ValueError for a day that no calendar has."""
    known = _DAYS.get(day)
    if known is None:
        known = PartialDate.exactly(date.fromisoformat(day))
        if len(_DAYS) >= _DAYS_MAX:
            _DAYS.clear()
        _DAYS[day] = known
    return known


@dataclass(frozen=True, slots=True, order=True)
class DateSpan:
    """A closed run of days, both ends included."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("a span ends before it starts")

    def __len__(self) -> int:
        return (self.end - self.start).days + 1

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.start <= day <= self.end


def months_between(start: date, day: date) -> int:
    """Calendar months from `start` to `day`, a month begun counting whole; 0 on the first day itself.

    >>> months_between(date(2025, 1, 31), date(2026, 1, 31)), months_between(date(2025, 1, 31), date(2026, 2, 1))
    (12, 13)
    """
    whole = (day.year - start.year) * 12 + day.month - start.month
    return whole + (day.day > start.day)
