"""FHIR dates of any precision as intervals of time, and their comparison under the search prefixes.

Source of the rules: FHIR R4, Search, "Prefixes" and "date". A time without a zone is UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

PREFIXES = ("eq", "ne", "gt", "ge", "lt", "le", "sa", "eb")
"""Prefixes understood; ``ap`` is not, as it depends on the moment of asking."""

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)


class Interval(NamedTuple):
    """From `start` up to, not including, `end`; both with a zone. An open side is the first or last moment
    there is.
    """

    start: datetime
    end: datetime


@lru_cache(maxsize=16_384)
def interval(text: str) -> Interval | None:
    """The interval that a date, dateTime or instant of any precision covers; None when it is none.

    >>> interval("2024-02").end.isoformat()
    '2024-03-01T00:00:00+00:00'
    >>> interval("2024-02-30") is None
    True
    """
    # A "+" in a URL that nobody encoded arrives as a space.
    found = _DATE.fullmatch(text.strip().replace(" ", "+"))
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        start = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=UTC,
        )
        start += timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6])) - _offset(zone)
    except (ValueError, OverflowError):
        return None
    try:
        if not day:
            return Interval(start, _next_month(start) if month else start.replace(year=start.year + 1))
        return Interval(start, start + _precision(hour, second, fraction))
    except (
        ValueError,
        OverflowError,
    ):  # 9999-12-31, which systems write for "no end": there is no day after it
        return Interval(start, _LATEST)


def intervals_of(value: Any) -> list[Interval]:
    """The intervals in a date, Period or Timing element; a Period without a start or end is open on that
    side.
    """
    if isinstance(value, str):
        found = interval(value)
        return [found] if found else []
    if not isinstance(value, Mapping):
        return []
    if "start" in value or "end" in value:
        return _period(value)
    events = value.get("event")
    found_events = [found for event in (events if isinstance(events, list) else ()) for found in intervals_of(event)]
    repeat = value.get("repeat")
    bounds = repeat.get("boundsPeriod") if isinstance(repeat, Mapping) else None
    return found_events + (_period(bounds) if isinstance(bounds, Mapping) else [])


def compare(prefix: str, wanted: Interval, actual: Interval) -> bool:
    """Whether `actual`, in a resource, meets `prefix` with `wanted`, in the search.

    >>> compare("ge", interval("2024"), interval("2024-05-01"))
    True
    >>> compare("gt", interval("2024"), interval("2024-05-01"))
    False
    """
    inside = wanted.start <= actual.start and actual.end <= wanted.end
    match prefix:
        case "eq":
            return inside
        case "ne":
            return not inside
        case "gt":
            return actual.end > wanted.end
        case "ge":
            return inside or actual.end > wanted.end
        case "lt":
            return actual.start < wanted.start
        case "le":
            return inside or actual.start < wanted.start
        case "sa":
            return actual.start >= wanted.end
        case "eb":
            return actual.end <= wanted.start
    raise ValueError("not a date prefix")


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta()
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return -ahead if zone[0] == "-" else ahead


def _next_month(start: datetime) -> datetime:
    return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)


def _precision(hour: str | None, second: str | None, fraction: str | None) -> timedelta:
    if hour is None:
        return timedelta(days=1)
    if second is None:
        return timedelta(minutes=1)
    return timedelta(microseconds=10 ** max(0, 6 - len(fraction or "")))


def _period(value: Mapping[str, Any]) -> list[Interval]:
    start, end = value.get("start"), value.get("end")
    first = interval(start) if isinstance(start, str) else None
    last = interval(end) if isinstance(end, str) else None
    if first is None and last is None:
        return []
    return [Interval(first.start if first else _EARLIEST, last.end if last else _LATEST)]
