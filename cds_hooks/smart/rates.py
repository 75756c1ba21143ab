"""How often an EHR's configuration is asked for by launches, and how many answers to launches one address may send.

Counted like the calls of clients (`cds_hooks.trust.rates`), by worker. Anybody can begin a launch and answer it with an
invented code: beginning one costs nothing while the configuration is known and is not counted then, and answers are
counted by where they come from, so that a stranger keeps no clinician from the page. Behind a proxy that does not say
who called (or is not believed), all come from one place.
"""

from __future__ import annotations

from typing import Literal

from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from cds_hooks.clock import Clock
from cds_hooks.smart.refusals import SmartRefused
from cds_hooks.smart.registration import RegisteredEhr
from cds_hooks.trust.rates import AddressRates, Counts


class LaunchRates:
    """The counts of all EHRs. Nothing is awaited inside, so that launches at once cannot miscount."""

    def __init__(self, clock: Clock) -> None:
        self._readings = FixedWindowRateLimiter(Counts(clock))
        self._calls = AddressRates(clock)

    def check_reading(self, ehr: RegisteredEhr) -> None:
        """Count one reading of the EHR's configuration, whoever is behind it. SmartRefused when it is one too many."""
        if not self._readings.hit(RateLimitItemPerMinute(ehr.entry.launches_per_minute), ehr.entry.id):
            raise SmartRefused("too-many")

    def check(self, ehr: RegisteredEhr, what: Literal["launch", "answer"], address: str | None) -> None:
        """Count one from `address`. SmartRefused when it is one too many."""
        if not self._calls.take(ehr.entry.launches_per_minute, address, what, ehr.entry.id):
            raise SmartRefused("too-many")

    @property
    def held(self) -> int:
        """How many counts by address are in memory."""
        return self._calls.held
