"""Sessions of the SMART app: one row each, for minutes, and nothing in it that the database alone could tell.

Kept are a digest of the random id that the browser's cookie holds, what the session is about (encrypted under the
installation's key and that id together) and when it ends. A row past its end is never given out; it is removed when it
is met, when another session begins, and by the hourly removal.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from cds_hooks.storage.database import HOOK_SECONDS, Database
from cds_hooks.storage.keys import InstallationKeys
from cds_hooks.storage.retention import AT_ONCE
from cds_hooks.storage.tables import app_sessions


class SessionBook:
    """The sessions that all workers and replicas on one database share. `secret` is the id in the cookie."""

    def __init__(self, database: Database, keys: InstallationKeys) -> None:
        self._database = database
        self._keys = keys

    async def begin(self, secret: str, content: str, *, ends: datetime, now: datetime, instead_of: str = "") -> None:
        """Keep a new session until `ends`; the one of `instead_of` in the same browser is over."""
        row = {"mark": mark_of(secret), "sealed": self._keys.seal_for(secret, content), "expires_at": ends}

        def work(connection: Connection) -> None:
            forget_sessions(connection, now)
            if instead_of:
                connection.execute(delete(app_sessions).where(app_sessions.c.mark == mark_of(instead_of)))
            connection.execute(insert(app_sessions).values(row))

        await self._database.write(work, wait=HOOK_SECONDS)

    async def find(self, secret: str, *, now: datetime) -> str | None:
        """What the session holds; None when there is none, it is over, or the key does not open it."""
        wanted = select(app_sessions).where(app_sessions.c.mark == mark_of(secret))
        row = await self._database.read(lambda connection: connection.execute(wanted).one_or_none(), wait=HOOK_SECONDS)
        if row is None:
            return None
        content = self._keys.unseal_for(secret, row.sealed) if row.expires_at > now else None
        if content is None:
            await self.end(secret)
        return content

    async def renew(self, secret: str, content: str, *, ends: datetime) -> bool:
        """Keep what has changed in a session, and its new end; False when it was ended meanwhile: it stays so."""
        changed = {"sealed": self._keys.seal_for(secret, content), "expires_at": ends}
        renewed = update(app_sessions).where(app_sessions.c.mark == mark_of(secret)).values(changed)
        return await self._database.write(
            lambda connection: connection.execute(renewed).rowcount == 1, wait=HOOK_SECONDS
        )

    async def end(self, secret: str) -> None:
        """Remove a session."""
        gone = delete(app_sessions).where(app_sessions.c.mark == mark_of(secret))
        await self._database.write(lambda connection: connection.execute(gone), wait=HOOK_SECONDS)

    async def forget_expired(self, now: datetime) -> int:
        """Remove what is over at `now`; how many that were."""
        gone = part = await self._database.write(lambda connection: forget_sessions(connection, now))
        while part == AT_ONCE:
            part = await self._database.write(lambda connection: forget_sessions(connection, now))
            gone += part
        return gone


def forget_sessions(connection: Connection, now: datetime) -> int:
    """Remove sessions that are over, `AT_ONCE` at most, inside the caller's transaction; how many."""
    past = select(app_sessions.c.mark).where(app_sessions.c.expires_at <= now).limit(AT_ONCE)
    return int(connection.execute(delete(app_sessions).where(app_sessions.c.mark.in_(past))).rowcount)


def mark_of(secret: str) -> str:
    """The digest under which a session is kept. The id is random and long, so a plain digest tells nothing."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
