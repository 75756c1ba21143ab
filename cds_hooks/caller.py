"""Who calls, as far as an answer depends on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from cds_hooks.modes import EVERYTHING_LIVE, Standing
from cds_hooks.outbound import AllowList
from cds_hooks.proposals import OrderStyle
from cds_hooks.suggesting import AT_MOST_ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What is known of the client that calls: from its registry entry, or from the settings in open mode; and how it
    stands at this call.
    """

    id: str
    allowed: AllowList
    time_zone: str
    jurisdiction: str
    selection: str = AT_MOST_ONE
    style: OrderStyle = field(default_factory=OrderStyle)
    standing: Standing = EVERYTHING_LIVE
