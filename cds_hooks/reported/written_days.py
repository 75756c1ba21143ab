"""Days as a person writes them into the form, and what they can mean."""

from __future__ import annotations

import re
from datetime import date, timedelta

from plugin.spans import PartialDate

_WRITTEN = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
HOW = "Write year, month and day, such as 2025-03-14"


class DayError(ValueError):
    """A day that cannot be used; the message says why and how to mend it, without repeating it."""


def read_day(written: str, *, today: date, years_back: float) -> str:
    """A day, month or year in the form of FHIR. Raises DayError when it is none, in the future or too old."""
    found = _WRITTEN.fullmatch(written.strip())
    if found is None:
        raise DayError(f"This is no date. {HOW}; the day, or day and month, may be left out where only that is known.")
    tidy = "-".join(part if place == 0 else part.zfill(2) for place, part in enumerate(found.groups()) if part)
    read = PartialDate.parse(tidy)
    if read is None:
        raise DayError(f"There is no such day in the calendar. {HOW}.")
    if read.earliest > today:
        raise DayError("This lies in the future. Enter what has happened up to today.")
    if read.earliest.year < today.year - years_back:
        raise DayError("This lies too far back. Check the year.")
    return tidy


def read_exact_day(written: str, *, today: date, years_back: float) -> date:
    """The same, to the day."""
    read = PartialDate.parse(read_day(written, today=today, years_back=years_back))
    if read is None or read.day is None:
        raise DayError(f"The day itself is needed here. {HOW}.")
    return read.day


def meant_by(start: str, *, about: bool) -> PartialDate:
    """What a start can mean: a day that is only about right means its month. ValueError when unreadable."""
    read = PartialDate.parse(start[: len("2025-03")] if about else start)
    if read is None:
        raise ValueError("not a date of the form")
    return read


def last_of(first: date, weeks: int) -> date:
    """The last day of so many weeks from `first` on; the last day of the calendar where they go beyond."""
    try:
        return first + timedelta(weeks=weeks, days=-1)
    except OverflowError:
        return date.max
