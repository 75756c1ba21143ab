"""How often a client may call: so many calls a minute, as its registry entry says.

Counted in the memory of this process: with several workers each counts for itself, so the whole may be their number
times as much. A minute begins with its first call.
"""

from __future__ import annotations

import math

from limits import RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from cds_hooks.clock import Clock
from cds_hooks.errors import TooManyCalls
from cds_hooks.trust.registry import RegisteredClient


class RateLimits:
    """The counts of all clients. Nothing is awaited inside, so that concurrent calls cannot miscount."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limiter = FixedWindowRateLimiter(Counts(clock))

    def check(self, client: RegisteredClient) -> None:
        """Count one call of `client`. Raises TooManyCalls, with the seconds to wait, when it is one too many."""
        minute = RateLimitItemPerMinute(client.entry.calls_per_minute)
        if self._limiter.hit(minute, client.entry.id):
            return
        ends = self._limiter.get_window_stats(minute, client.entry.id).reset_time
        raise TooManyCalls(max(1, math.ceil(ends - self._clock.now().timestamp())))


class Counts(Storage):
    """Counters that expire by the injected clock; the library's own read the machine's clock, and keep a thread."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[str, tuple[int, float]] = {}  # count, and when the window ends

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the library should take for a failing store: nothing here fails."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount`; a window that is over, or whose end a clock set back has moved too far off, begins anew."""
        now = self._clock.now().timestamp()
        count, ends = self._windows.get(key, (0, now))
        if not now < ends <= now + expiry:
            count, ends = 0, now + expiry
        self._windows[key] = (count + amount, ends)
        return count + amount

    def get(self, key: str) -> int:
        """The count of the present window."""
        count, ends = self._windows.get(key, (0, 0.0))
        return count if self._clock.now().timestamp() < ends else 0

    def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since 1970."""
        return self._windows.get(key, (0, self._clock.now().timestamp()))[1]

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def reset(self) -> int:
        """Forget all counts."""
        forgotten = len(self._windows)
        self._windows.clear()
        return forgotten

    def clear(self, key: str) -> None:
        """Forget one count."""
        self._windows.pop(key, None)
