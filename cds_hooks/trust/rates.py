"""How often a client may call: so many calls a minute, as its registry entry says; and how often an address may.

Counted in the memory of this process: with several workers each counts for itself, so the whole may be their number
times as much. A minute begins with its first call.
"""

from __future__ import annotations

import math
from ipaddress import IPv4Address, IPv6Network, ip_address

from limits import RateLimitItemPerMinute
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from cds_hooks.clock import Clock
from cds_hooks.errors import TooManyCalls
from cds_hooks.trust.registry import RegisteredClient

MOST_ADDRESSES = 10_000
_OTHERS = "others"


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


class AddressRates:
    """Counts by the address that a call came from, so that a stranger uses up what is theirs and nobody else's.

    IPv6 addresses of one /64 are one, as whoever has one of them has them all. At most `MOST_ADDRESSES` are counted
    apart at a time; those that come then share one count, and so do those that cannot be told.
    """

    def __init__(self, clock: Clock) -> None:
        self._counts = Counts(clock)
        self._limiter = FixedWindowRateLimiter(self._counts)

    def take(self, per_minute: int, address: str | None, *about: str) -> bool:
        """Count one call of `address`, about something of ours; whether it was not one too many."""
        minute = RateLimitItemPerMinute(per_minute)
        place = _place(address)
        if not self._counts.has_room(minute.key_for(*about, place), MOST_ADDRESSES):
            place = _OTHERS
        return self._limiter.hit(minute, *about, place)

    @property
    def held(self) -> int:
        """How many counts are in memory."""
        return self._counts.held


def _place(address: str | None) -> str:
    """The address or network that is counted as one.

    >>> _place("2001:db8::7"), _place("::ffff:192.0.2.1"), _place(None)
    ('2001:db8::/64', '192.0.2.1', 'others')
    """
    try:
        told = ip_address((address or "").partition("%")[0])
    except ValueError:
        return _OTHERS
    if isinstance(told, IPv4Address):
        return str(told)
    if told.ipv4_mapped is not None:
        return str(told.ipv4_mapped)
    return str(IPv6Network((told, 64), strict=False))


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

    def has_room(self, key: str, most: int) -> bool:
        """Whether `key` is counted already, or there are fewer than `most`; those that are over are forgotten first."""
        if key not in self._windows and len(self._windows) >= most:
            now = self._clock.now().timestamp()
            self._windows = {name: window for name, window in self._windows.items() if now < window[1]}
        return key in self._windows or len(self._windows) < most

    @property
    def held(self) -> int:
        """How many counts are in memory, those that are over included."""
        return len(self._windows)

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
