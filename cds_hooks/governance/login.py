"""HTTP Basic login of readers: slow by design, limited, and answered alike whatever was wrong.

A name is always checked against some hash, so that an unknown one takes as long as a wrong password. Attempts are
limited for each reader and in all; what is beyond the limit is refused like a wrong password, without being checked.
The counts are in the memory of this process.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets

from argon2.exceptions import Argon2Error, InvalidHashError
from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from cds_hooks.clock import Clock
from cds_hooks.governance.readers import HASHER, Reader, Readers
from cds_hooks.trust.rates import Counts

_FOR_ONE = RateLimitItemPerMinute(5)
_IN_ALL = RateLimitItemPerMinute(60)
_LONGEST_HEADER = 2_000
_AT_ONCE = 2  # each check takes the memory that argon2 is set to
_NOBODY = "*"


class Login:
    """Checks who asks."""

    def __init__(self, readers: Readers, clock: Clock) -> None:
        self._readers = readers
        self._counts = Counts(clock)
        self._limits = FixedWindowRateLimiter(self._counts)
        self._nobody = HASHER.hash(secrets.token_urlsafe())
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def reader(self, header: str | None) -> Reader | None:
        """The reader whose name and password the Authorization `header` holds; None for whatever else."""
        given = _credentials(header)
        if given is None:
            return None
        name, password = given
        known = self._readers.by_name(name)
        key = known.name if known is not None else _NOBODY
        if not (self._limits.hit(_IN_ALL, "all") and self._limits.hit(_FOR_ONE, "reader", key)):
            return None
        async with self._room:
            right = await asyncio.to_thread(_verify, known.password_hash if known else self._nobody, password)
        if known is None or not right:
            return None
        self._limits.clear(_FOR_ONE, "reader", key)
        return known


def _verify(hashed: str, password: str) -> bool:
    try:
        return HASHER.verify(hashed, password)
    except (Argon2Error, InvalidHashError):
        return False


def _credentials(header: str | None) -> tuple[str, str] | None:
    if header is None or len(header) > _LONGEST_HEADER:
        return None
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon and name and password else None
