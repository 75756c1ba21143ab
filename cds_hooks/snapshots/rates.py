"""How many links one worker looks up a minute for one address: links can be guessed at without end.

A look-up is one read by primary key. What a client's clinicians may open is counted beside this (`LaunchRates`).
"""

from __future__ import annotations

from cds_hooks.clock import Clock
from cds_hooks.snapshots.refusals import SnapshotRefused
from cds_hooks.trust.rates import AddressRates

LINKS_PER_MINUTE = 1_200


class LinkRates:
    """The counts of one worker."""

    def __init__(self, clock: Clock) -> None:
        self._calls = AddressRates(clock)

    def check(self, address: str | None) -> None:
        """Count one from `address`. SnapshotRefused when it is one too many."""
        if not self._calls.take(LINKS_PER_MINUTE, address, "link"):
            raise SnapshotRefused("too-many")
