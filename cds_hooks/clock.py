"""The only place that reads a clock. Everything else is handed the day of judgement, or a `Clock`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """What time it is, for the composition root to choose."""

    def now(self) -> datetime:
        """The present instant, with a zone."""
        ...

    def today(self, zone: str) -> date:
        """The calendar day at the present instant in the IANA zone `zone`: the `as_of` of a call (decision
        3).
        """
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant in UTC."""
        return datetime.now(tz=UTC)  # noqa: TID251 - the one permitted reading of the clock

    def today(self, zone: str) -> date:
        """Today in `zone`."""
        return self.now().astimezone(ZoneInfo(zone)).date()


@dataclass(frozen=True, slots=True)
class FixedClock:
    """A clock that stands still at `instant` (with a zone): tests, replay and ``--as-of``."""

    instant: datetime

    def __post_init__(self) -> None:
        if self.instant.tzinfo is None:
            raise ValueError("a fixed clock needs an instant with a time zone")

    def now(self) -> datetime:
        """Always `instant`."""
        return self.instant

    def today(self, zone: str) -> date:
        """The day of `instant` in `zone`."""
        return self.instant.astimezone(ZoneInfo(zone)).date()


def stopwatch() -> float:
    """Seconds on a monotonic scale: differences measure how long something took."""
    return time.perf_counter()
