"""How many launches, and answers to them, one worker takes a minute, by EHR.

Counted like the calls of clients (`cds_hooks.trust.rates`). Where somebody comes from is not asked: behind a proxy all
come from there.
"""

from __future__ import annotations

from typing import Literal

from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from cds_hooks.clock import Clock
from cds_hooks.smart.refusals import SmartRefused
from cds_hooks.smart.registration import RegisteredEhr
from cds_hooks.trust.rates import Counts


class LaunchRates:
    """The counts of all EHRs. Nothing is awaited inside, so that launches at once cannot miscount."""

    def __init__(self, clock: Clock) -> None:
        self._limiter = FixedWindowRateLimiter(Counts(clock))

    def check(self, ehr: RegisteredEhr, what: Literal["launch", "answer"]) -> None:
        """Count one. SmartRefused when it is one too many."""
        minute = RateLimitItemPerMinute(ehr.entry.launches_per_minute)
        if not self._limiter.hit(minute, what, ehr.entry.id):
            raise SmartRefused("too-many")
