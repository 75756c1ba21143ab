"""All records of one installation, opened together: database, key, and the books kept in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from cds_hooks.errors import RecordsUnavailable
from cds_hooks.storage.answered_findings import AnsweredFindings
from cds_hooks.storage.audit_chain import AuditChain
from cds_hooks.storage.call_book import CallEntry, CardEntry, keep_call
from cds_hooks.storage.database import HOOK_SECONDS, Database
from cds_hooks.storage.feedback_book import FeedbackBook, FeedbackItem, Kept
from cds_hooks.storage.keys import InstallationKeys
from cds_hooks.storage.replays import SharedReplays
from cds_hooks.storage.retention import Forgotten, Retention, forget_old
from cds_hooks.storage.schema_version import settle_key, upgrade
from cds_hooks.storage.session_book import SessionBook
from cds_hooks.storage.snapshot_book import SnapshotBook
from cds_hooks.storage.switchboard import Switch, Switchboard
from cds_hooks.storage.tables import installation

_TOKEN_GRACE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Records:
    """The books of one installation. Each method is one transaction, durable when it returns.

    All raise RecordsUnavailable when the database does not answer; then nothing of the transaction is kept.
    """

    database: Database
    keys: InstallationKeys
    audit: AuditChain
    replays: SharedReplays
    switchboard: Switchboard
    feedback: FeedbackBook
    answered: AnsweredFindings
    sessions: SessionBook
    snapshots: SnapshotBook
    retention: Retention

    @classmethod
    def of(cls, database: Database, keys: InstallationKeys, retention: Retention, *, keep_comments: bool) -> Records:
        """The books of `database`, whose tables are there (see `prepare`)."""
        audit = AuditChain(database, keys)
        return cls(
            database=database,
            keys=keys,
            audit=audit,
            replays=SharedReplays(database),
            switchboard=Switchboard(database),
            answered=AnsweredFindings(database),
            sessions=SessionBook(database, keys),
            snapshots=SnapshotBook(database, keys, audit),
            feedback=FeedbackBook(database, keys, keep_comments=keep_comments),
            retention=retention,
        )

    async def prepare(self, now: datetime) -> None:
        """Bring the tables to the newest form and bind them to the key. DatabaseError when that must not be."""
        await upgrade(self.database)
        await settle_key(self.database, self.keys, now)

    async def is_writable(self) -> bool:
        """Whether records would be kept: the database takes a change, under our key, and the trail is whole."""

        def work(connection: Connection) -> bool:
            connection.execute(update(installation).values(id=1))
            mark = connection.scalar(select(installation.c.key_mark))
            return mark in self.keys.known_marks and self.audit.is_sealed(connection)

        try:
            return await self.database.write(work, wait=HOOK_SECONDS)
        except RecordsUnavailable:
            return False

    async def count_call(self, call: CallEntry) -> None:
        """Write a call that concerned no patient: no card, no audit event."""
        await self.database.write(lambda connection: keep_call(connection, call, ()), wait=HOOK_SECONDS)

    async def keep_call(self, call: CallEntry, cards: Sequence[CardEntry], event: Mapping[str, Any]) -> int:
        """Write a call, its cards and its audit event; the event's number."""

        def work(connection: Connection) -> int:
            keep_call(connection, call, cards)
            return self.audit.append(connection, event, call.at)

        return await self.database.write(work, wait=HOOK_SECONDS)

    async def keep_feedback(
        self, items: Sequence[FeedbackItem], event: Mapping[str, Any], *, client: str, service: str, at: datetime
    ) -> Kept:
        """Write a batch of feedback and its audit event."""

        def work(connection: Connection) -> Kept:
            kept = self.feedback.keep(connection, items, client=client, service=service, at=at)
            self.audit.append(connection, event, at)
            return kept

        return await self.database.write(work)

    async def throw(self, switch: Switch, event: Mapping[str, Any]) -> None:
        """Write a switch and its audit event."""

        def work(connection: Connection) -> None:
            # The event first: it takes its turn among all, so that switches act in the order they are written down.
            self.audit.append(connection, event, switch.at)
            self.switchboard.add(connection, switch)

        await self.database.write(work)

    async def note(self, event: Mapping[str, Any], at: datetime) -> int:
        """Write an audit event alone; its number."""
        return await self.database.write(lambda connection: self.audit.append(connection, event, at))

    async def forget_old(self, now: datetime) -> Forgotten:
        """Remove what is past its time, a part at a time, so that calls come between.

        Tokens stay a little longer than they are valid.
        """
        oldest = now - timedelta(days=self.retention.audit_days)

        def work(connection: Connection) -> Forgotten:
            gone = forget_old(connection, self.retention, now)
            return replace(gone, audit_events=self.audit.forget(connection, oldest))

        gone = part = await self.database.write(work)
        while part.is_full:
            part = await self.database.write(work)
            gone += part
        return replace(
            gone,
            tokens=await self.replays.forget_expired(now - _TOKEN_GRACE),
            sessions=await self.sessions.forget_expired(now),
            snapshots=await self.snapshots.forget_expired(now),
        )
