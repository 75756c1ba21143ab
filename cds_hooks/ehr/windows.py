"""Windows of time, applied to what was read: a server may ignore a date parameter that it does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from cds_hooks.envelope import Resource

_MOMENTS = (
    "effectiveDateTime", "effectiveInstant", "issued", "performedDateTime", "authoredOn", "authored", "dateAsserted",
    "whenHandedOver", "whenPrepared", "onsetDateTime", "abatementDateTime", "recordedDate",
)  # fmt: skip
_PERIODS = ("effectivePeriod", "performedPeriod", "onsetPeriod", "abatementPeriod", "period")
# Dates of a shape that is not compared: such a resource is kept.
_OTHER_TIMES = ("effectiveTiming", "performedString", "performedAge", "performedRange", "onsetString", "onsetAge")
_DAY = re.compile(r"\s*(\d{4}(?:-\d{2}(?:-\d{2}(?=T|\s|$))?)?)(?=T|\s|$)")


def within(resource: Resource, since: date | None) -> bool:
    """Whether `resource` belongs to the window that begins on `since`: False only when every date it has is older.

    A date known to the month or year is older when all of it is; a period without end reaches to this day. Undated
    and unreadable: True.
    """
    if since is None or any(resource.get(name) for name in _OTHER_TIMES):
        return True
    days = list(_days(resource))
    return not days or any(day is None or day >= since.isoformat()[: len(day)] for day in days)


def _days(resource: Resource) -> Iterator[str | None]:
    """The dates of `resource` as written, to the day at most; None for one that is open or cannot be read."""
    for name in _MOMENTS:
        if resource.get(name):
            yield _day(resource[name])
    for name in _PERIODS:
        period = resource.get(name)
        if period:
            yield _day(period.get("end")) if isinstance(period, dict) else None


def _day(written: object) -> str | None:
    match = _DAY.match(written) if isinstance(written, str) else None
    return match[1] if match is not None else None
