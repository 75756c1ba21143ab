"""Tokens that were used, so that none is taken twice by any worker or replica.

Kept is a digest of issuer and `jti`, until the token has expired; neither can be read from it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import delete

from cds_hooks.storage.database import HOOK_SECONDS, Database
from cds_hooks.storage.tables import tokens_used


class SharedReplays:
    """The memory of used tokens that all workers and replicas on one database share."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = database.insert_if_new(tokens_used)

    async def first_use(self, issuer: str, jti: str, *, expires: datetime, now: datetime) -> bool:
        """Record one use; False when this token was used before. RecordsUnavailable when that cannot be told."""
        row = {"mark": _mark(issuer, jti), "expires_at": expires}
        insert = self._insert.values(row)
        return await self._database.write(
            lambda connection: connection.execute(insert).rowcount == 1, wait=HOOK_SECONDS
        )

    async def forget_expired(self, now: datetime) -> int:
        """Remove what expired before `now`: an expired token is refused for that alone."""
        expired = delete(tokens_used).where(tokens_used.c.expires_at < now)
        return await self._database.write(lambda connection: connection.execute(expired).rowcount)


def _mark(issuer: str, jti: str) -> str:
    raw = issuer.encode(errors="surrogatepass")
    return hashlib.sha256(len(raw).to_bytes(8, "big") + raw + jti.encode(errors="surrogatepass")).hexdigest()
