"""A sign-in that waits for the provider's answer, sealed in a cookie of the browser that opened the link.

As with a launch of the app, nothing is kept here meanwhile. The secret of the link is in it, so that the address that
the provider's answer comes back to names no snapshot.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime

from cds_hooks.smart.pending import PendingLaunch
from cds_hooks.storage.keys import InstallationKeys

COOKIE = "trd-snapshot-"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSignIn(PendingLaunch):
    """What an answer is held against. `ehr` is the client's registry id, `snapshot` the secret of its link."""

    snapshot: str = field(repr=False)

    @classmethod
    def of(cls, snapshot: str, client: str, scope: str, now: datetime) -> PendingSignIn:
        """A sign-in with fresh random values."""
        return cls(**asdict(PendingLaunch.new(client, scope, now)), snapshot=snapshot)


def opened(sealed: str, keys: InstallationKeys) -> PendingSignIn | None:
    """The sign-in in a cookie; None when this service did not make it, or made it for something else."""
    found = PendingSignIn.opened(sealed, keys)
    return found if isinstance(found, PendingSignIn) else None
