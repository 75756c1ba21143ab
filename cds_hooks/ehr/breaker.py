"""A host that fails is left in peace for a moment: nobody waits for it, and it is not pressed further.

The states are those of the circuit breaker (Nygard, Release It!). What counts as failing is decided by the caller from
the classified outcome (`FhirFailure.ill`), because an exception says too little: a 404 is a failure of the request and
proof of a host that is well.
"""

from __future__ import annotations


class Breaker:
    """Closed; open for `rest` seconds after `failures` in a row; then one request tries for all.

    All times are event-loop times in seconds, passed in.
    """

    def __init__(self, *, failures: int = 5, rest: float = 10.0) -> None:
        self._failures = failures
        self._rest = rest
        self._row = 0
        self._opened_until: float | None = None
        self._trying = False
        self._paused_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the host failed and has not answered well since."""
        return self._opened_until is not None

    def resting(self, now: float) -> bool:
        """Whether a request would be refused. Unlike `admits` this takes nothing."""
        return now < self._paused_until or (self._opened_until is not None and now < self._opened_until)

    def admits(self, now: float) -> bool:
        """Whether a request may go out now.

        The first one after the rest is the trial. All others are refused until its end is reported, and should that
        never happen, for another rest.
        """
        if self.resting(now):
            return False
        if self._opened_until is not None:
            self._trying = True
            self._opened_until = now + self._rest
        return True

    def report(self, *, well: bool, now: float) -> None:
        """A request that was admitted has ended, and the host seems `well` or not."""
        if well:
            self._row, self._opened_until, self._trying = 0, None, False
            return
        self._row += 1
        # Requests that were under way when it opened end later: they must not prolong the rest.
        if self._trying or (self._opened_until is None and self._row >= self._failures):
            self._opened_until, self._trying = now + self._rest, False

    def withdraw(self, now: float) -> None:
        """A request that was admitted ended without saying anything about the host: the next one may try."""
        if self._trying:
            self._opened_until, self._trying = now, False

    def pause(self, until: float) -> None:
        """The host itself asked to be left in peace until `until`, for every call."""
        self._paused_until = max(self._paused_until, until)
