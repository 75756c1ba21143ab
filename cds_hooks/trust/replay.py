"""Tokens are used once: the memory of the `jti`s seen, until their tokens expire."""

from __future__ import annotations

import hashlib
import heapq
from datetime import datetime
from typing import Protocol

from cds_hooks.errors import RecordsUnavailable


class ReplayMemory(Protocol):
    """Knows which tokens were used."""

    async def first_use(self, issuer: str, jti: str, *, expires: datetime, now: datetime) -> bool:
        """Record one use until `expires`; False when this token was used before.

        Raises RecordsUnavailable when it cannot be told, which answers 503: neither yes nor no would be right.
        """
        ...


class LocalReplays:
    """The memory of one process, bounded for each issuer; kept are digests.

    Only what has expired is ever forgotten: an entry dropped sooner would let its token in again. An issuer whose
    share is full is answered 503 until tokens expire, and takes no room from any other.
    """

    def __init__(self, capacity_per_issuer: int = 100_000) -> None:
        self._capacity = capacity_per_issuer
        self._shares: dict[str, _Share] = {}

    async def first_use(self, issuer: str, jti: str, *, expires: datetime, now: datetime) -> bool:
        """Record one use; False when used before. Nothing is awaited, so no other call comes between."""
        share = self._shares.setdefault(issuer, _Share())
        share.forget(now)
        mark = hashlib.blake2b(jti.encode(errors="surrogatepass"), digest_size=16).digest()
        if mark in share.seen:
            return False
        if len(share.seen) >= self._capacity:
            raise RecordsUnavailable
        share.add(mark, expires)
        return True


class _Share:
    """What is remembered of one issuer."""

    __slots__ = ("by_expiry", "seen")

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self.by_expiry: list[tuple[float, bytes]] = []

    def forget(self, now: datetime) -> None:
        until = now.timestamp()
        while self.by_expiry and self.by_expiry[0][0] < until:
            self.seen.discard(heapq.heappop(self.by_expiry)[1])

    def add(self, mark: bytes, expires: datetime) -> None:
        self.seen.add(mark)
        heapq.heappush(self.by_expiry, (expires.timestamp(), mark))
