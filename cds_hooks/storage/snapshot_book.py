"""Snapshots of the basis of cards: one row each, for minutes, readable for nobody who has the database alone.

Kept are a digest of the random secret in the link, a digest of the clinician keyed by that secret, the client, two
instants, and the page encrypted under the installation's key and that secret together. A row is deleted by the
transaction that gives it out. A clinician who is another uses nothing up, or anybody on a shared workstation could
spoil a snapshot; after `ATTEMPTS` of them it is deleted, or accounts could be tried one by one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from cds_hooks.storage.audit_chain import AuditChain
from cds_hooks.storage.database import HOOK_SECONDS, Database
from cds_hooks.storage.keys import InstallationKeys
from cds_hooks.storage.retention import AT_ONCE
from cds_hooks.storage.tables import snapshots

ATTEMPTS = 3
MOST_KEPT = 5_000  # at about 25 kB each; beyond, cards go out without the link
User = tuple[str, str]  # issuer of the sign-in, and reference of the clinician


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of taking a snapshot: its content, or that it was another's, or that there is none.

    `audit` is the number of the audit event.
    """

    content: str | None = field(default=None, repr=False)
    wrong_user: bool = False
    audit: int = 0


class SnapshotBook:
    """The snapshots that all workers and replicas on one database share. `secret` is that of the link."""

    def __init__(self, database: Database, keys: InstallationKeys, audit: AuditChain) -> None:
        self._database = database
        self._keys = keys
        self._audit = audit

    async def keep(self, secret: str, content: str, *, client: str, user: User, now: datetime, ends: datetime) -> bool:
        """Keep `content` for `user` until `ends`; False, and nothing is kept, while there are too many."""
        row = {
            "mark": _mark(secret),
            "client": client,
            "user": _marked_user(secret, client, user),
            "attempts": 0,
            "sealed": self._keys.seal_for(secret, content),
            "created_at": now,
            "expires_at": ends,
        }

        def work(connection: Connection) -> bool:
            forget_snapshots(connection, now)
            if (connection.scalar(select(func.count()).select_from(snapshots)) or 0) >= MOST_KEPT:
                return False
            connection.execute(insert(snapshots).values(row))
            return True

        return await self._database.write(work, wait=HOOK_SECONDS)

    async def client_of(self, secret: str, *, now: datetime) -> str | None:
        """The client that a snapshot was made for; None when there is none, or it is over."""
        wanted = select(snapshots.c.client).where(snapshots.c.mark == _mark(secret), snapshots.c.expires_at > now)
        found = await self._database.read(lambda connection: connection.scalar(wanted), wait=HOOK_SECONDS)
        return str(found) if found is not None else None

    async def take(
        self,
        secret: str,
        *,
        client: str,
        user: User,
        now: datetime,
        event: Callable[[str | None], Mapping[str, Any]],
    ) -> Taken:
        """Take a snapshot out for `user` of `client`: of many at once, one gets it.

        `event` makes the audit event from the content, or from None for a clinician who is another.
        """
        this = snapshots.c.mark == _mark(secret)

        def work(connection: Connection) -> Taken:
            row = connection.execute(select(snapshots).where(this).with_for_update()).one_or_none()
            if row is None:
                return Taken()
            if row.expires_at <= now:
                connection.execute(delete(snapshots).where(this))
                return Taken()
            marked = _marked_user(secret, client, user)
            if row.client != client or not hmac.compare_digest(row.user.encode(), marked.encode()):
                if row.attempts + 1 >= ATTEMPTS:
                    connection.execute(delete(snapshots).where(this))
                else:
                    connection.execute(update(snapshots).where(this).values(attempts=row.attempts + 1))
                return Taken(wrong_user=True, audit=self._audit.append(connection, event(None), now))
            content = self._keys.unseal_for(secret, row.sealed)
            connection.execute(delete(snapshots).where(this))
            if content is None:  # sealed under a key that the file holds no more
                return Taken()
            return Taken(content=content, audit=self._audit.append(connection, event(content), now))

        return await self._database.write(work)

    async def forget_expired(self, now: datetime) -> int:
        """Remove what is over at `now`; how many that were."""
        gone = part = await self._database.write(lambda connection: forget_snapshots(connection, now))
        while part == AT_ONCE:
            part = await self._database.write(lambda connection: forget_snapshots(connection, now))
            gone += part
        return gone


def forget_snapshots(connection: Connection, now: datetime) -> int:
    """Remove snapshots that are over, `AT_ONCE` at most, inside the caller's transaction; how many."""
    past = select(snapshots.c.mark).where(snapshots.c.expires_at <= now).limit(AT_ONCE)
    return int(connection.execute(delete(snapshots).where(snapshots.c.mark.in_(past))).rowcount)


def _mark(secret: str) -> str:
    """The digest under which a snapshot is kept. The secret is random and long, so a plain digest tells nothing."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _marked_user(secret: str, client: str, user: User) -> str:
    """The clinician as kept: different in every snapshot, and nobody's without the secret."""
    parts = [part.encode(errors="surrogatepass") for part in (client, *user)]
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(secret.encode(errors="surrogatepass"), message, hashlib.sha256).hexdigest()
