"""A launch that waits for the EHR's answer: what must match then, sealed in a cookie of the browser that began it.

Nothing is kept here meanwhile, so nobody can fill the database by beginning launches. The cookie's name comes from the
state, so that two launches of one browser do not disturb each other; it can only be opened by this service, and each
state is taken once by any worker (`SharedReplays`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from cds_hooks.storage.keys import InstallationKeys

LIFETIME = timedelta(minutes=10)
_BYTES = 32  # 256 bits; RFC 6749 asks for 128
_HOLDER = "smart launch"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLaunch:
    """What an answer is held against. `begun` is in seconds since 1970."""

    ehr: str
    scope: str
    begun: int
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)

    @classmethod
    def new(cls, ehr: str, scope: str, now: datetime) -> PendingLaunch:
        """A launch with fresh random values."""
        state, verifier, nonce = (secrets.token_urlsafe(_BYTES) for _ in range(3))
        return cls(ehr=ehr, scope=scope, begun=int(now.timestamp()), state=state, verifier=verifier, nonce=nonce)

    def sealed(self, keys: InstallationKeys) -> str:
        """The value of the cookie."""
        return keys.seal_for(_HOLDER, orjson.dumps(asdict(self)).decode()).decode()

    @classmethod
    def opened(cls, sealed: str, keys: InstallationKeys) -> PendingLaunch | None:
        """The launch in a cookie; None when this service did not make it."""
        content = keys.unseal_for(_HOLDER, sealed.encode(errors="replace"))
        told: Any = orjson.loads(content) if content is not None else None
        names = {one.name for one in fields(cls)}
        return cls(**told) if isinstance(told, dict) and set(told) == names else None

    def matches(self, state: str) -> bool:
        """Whether `state` is that of this launch."""
        return hmac.compare_digest(self.state.encode(), state.encode(errors="replace"))

    def in_time(self, now: datetime) -> bool:
        """Whether the answer comes soon enough."""
        return -1 <= now.timestamp() - self.begun < LIFETIME.total_seconds()

    @property
    def ends(self) -> datetime:
        """When the launch is no longer taken."""
        return datetime.fromtimestamp(self.begun, tz=UTC) + LIFETIME


def cookie_suffix(state: str) -> str:
    """The part of the cookie's name that tells launches apart."""
    return hashlib.sha256(state.encode(errors="replace")).hexdigest()[:16]
