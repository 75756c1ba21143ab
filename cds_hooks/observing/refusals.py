"""Calls refused because too much comes at once: a line for each would be work where there is none to spare, so one
line tells of many.
"""

from __future__ import annotations

from collections.abc import Callable

from cds_hooks.clock import stopwatch

EVENT = "calls refused: more than can be answered in time"
_EVERY_SECONDS = 10.0


class RefusalsTold:
    """Counts refused calls and tells how many there were, at most once in `every` seconds."""

    def __init__(
        self,
        tell: Callable[[str, int], None],
        *,
        every: float = _EVERY_SECONDS,
        now: Callable[[], float] = stopwatch,
    ) -> None:
        self._tell = tell
        self._every = every
        self._now = now
        self._since_told = 0
        self._told_at: float | None = None

    def note(self) -> None:
        """One more call was refused."""
        self._since_told += 1
        self.tell()

    def tell(self) -> None:
        """Tell of those not yet told, if the last time is long enough ago; call it now and then."""
        now = self._now()
        if self._since_told and (self._told_at is None or now - self._told_at >= self._every):
            self._tell(EVENT, self._since_told)
            self._since_told, self._told_at = 0, now
