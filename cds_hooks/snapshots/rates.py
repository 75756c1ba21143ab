"""How many links one worker looks up a minute, whoever asks: an address can be guessed at without end.

A look-up is one read by primary key. What a client's clinicians may open is counted beside this (`LaunchRates`).
"""

from __future__ import annotations

from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from cds_hooks.clock import Clock
from cds_hooks.snapshots.refusals import SnapshotRefused
from cds_hooks.trust.rates import Counts

LINKS_PER_MINUTE = 1_200


class LinkRates:
    """The count of one worker."""

    def __init__(self, clock: Clock) -> None:
        self._limiter = FixedWindowRateLimiter(Counts(clock))

    def check(self) -> None:
        """Count one. SnapshotRefused when it is one too many."""
        if not self._limiter.hit(RateLimitItemPerMinute(LINKS_PER_MINUTE), "link"):
            raise SnapshotRefused("too-many")
