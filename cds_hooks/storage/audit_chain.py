"""The audit trail: events in one unbroken row, each marked with a keyed digest over itself and the one before.

Whoever changes, removes, reorders or inserts an event breaks every mark from there on, and cannot make new ones
without the installation's key. `audit_head` names the last event and the first one kept under a seal of the same key,
so that a trail cut short at either end is seen too. What is broken stays so: a head whose seal does not hold is never
sealed again, and events from a break on are never removed as past their time. Appending takes its turn among all
workers and replicas by locking the head.

One thing no key can show: the whole database replaced by an older copy of itself. A head noted elsewhere does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, Connection, delete, func, insert, or_, select, type_coerce, update

from cds_hooks.errors import RecordsUnavailable
from cds_hooks.storage.database import Database
from cds_hooks.storage.keys import InstallationKeys
from cds_hooks.storage.retention import AT_ONCE
from cds_hooks.storage.tables import audit_events, audit_head, installation, microseconds

START = "0" * 64
_BATCH = 1_000
_HEAD = "head"
# The instant as it is kept: what somebody else wrote there need not be one.
_ROW = select(
    audit_events.c.seq,
    type_coerce(audit_events.c.at, BigInteger).label("at"),
    audit_events.c.record,
    audit_events.c.previous,
    audit_events.c.mark,
).order_by(audit_events.c.seq)


@dataclass(frozen=True, slots=True)
class ChainState:
    """What a check of the trail found: how many events hold, the head, and the first break in our words or ``""``."""

    events: int
    first_seq: int
    head_seq: int
    head_mark: str
    broken: str = ""
    broken_at: int = 0


def canonical(record: Mapping[str, Any]) -> str:
    """`record` as the JSON text whose digest goes into the chain: keys sorted, no blanks."""
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS).decode()


class AuditChain:
    """Appends to the trail and checks it."""

    def __init__(self, database: Database, keys: InstallationKeys) -> None:
        self._database = database
        self._keys = keys

    def append(self, connection: Connection, record: Mapping[str, Any], at: datetime) -> int:
        """Add one event inside the caller's transaction; its number."""
        head = connection.execute(select(audit_head).with_for_update()).one()
        text, seq = canonical(record), int(head.seq) + 1
        mark = self._keys.chained(_place(head.mark, seq, microseconds(at)), text)
        row = {"seq": seq, "at": at, "record": text, "previous": head.mark, "mark": mark}
        connection.execute(insert(audit_events).values(row))
        self._move(connection, head, seq=seq, mark=mark)
        return seq

    def begin(self, connection: Connection) -> None:
        """Seal the head of a trail without events, when a new database is bound to its key."""
        head = connection.execute(select(audit_head).with_for_update()).one()
        if (head.seq, head.seal) == (0, ""):
            connection.execute(update(audit_head).values(seal=self._keys.chained(_HEAD, _words(head._asdict()))))

    def _move(self, connection: Connection, head: Any, **changed: Any) -> None:
        """Write a new head. It is sealed only when the one before was: no change by others is covered up."""
        if self._sealed(head):
            changed["seal"] = self._keys.chained(_HEAD, _words({**head._asdict(), **changed}))
        elif connection.scalar(select(installation.c.key_mark)) not in self._keys.known_marks:
            raise RecordsUnavailable  # the key was changed and this process still has the old file
        connection.execute(update(audit_head).values(changed))

    def is_sealed(self, connection: Connection) -> bool:
        """Whether the head stands as we left it, so that the trail can go on."""
        head = connection.execute(select(audit_head)).one_or_none()
        return head is not None and self._sealed(head)

    def _sealed(self, head: Any) -> bool:
        return self._keys.continues(_HEAD, _words(head._asdict()), str(head.seal))

    async def verify(self) -> ChainState:
        """Walk the whole trail, oldest first, and stop at the first event that does not follow."""
        return await self._database.read(self._verify)

    def _verify(self, connection: Connection) -> ChainState:
        head = connection.execute(select(audit_head)).one_or_none()
        if head is None:
            return ChainState(0, 0, 0, "", "its head is missing", 0)
        if not (isinstance(head.seq, int) and isinstance(head.first_seq, int)):
            return ChainState(0, 0, 0, "", "its head was changed", 0)
        expected, previous, checked = int(head.first_seq), str(head.before_first), 0
        while True:
            page = _ROW.where(audit_events.c.seq >= expected, audit_events.c.seq <= head.seq)
            rows = connection.execute(page.limit(_BATCH)).all()
            for row in rows:
                broken = self._broken(row, expected, previous)
                if broken:
                    return ChainState(checked, head.first_seq, head.seq, head.mark, broken, expected)
                expected, previous, checked = expected + 1, row.mark, checked + 1
            if len(rows) < _BATCH:
                break
        state = ChainState(checked, head.first_seq, head.seq, head.mark)
        if expected - 1 != head.seq or previous != head.mark:
            return replace(state, broken="the trail does not end where its head says", broken_at=expected)
        outside = or_(audit_events.c.seq < head.first_seq, audit_events.c.seq > head.seq)
        if connection.scalar(select(func.count()).select_from(audit_events).where(outside)):
            return replace(state, broken="there are events before its beginning or after its end", broken_at=expected)
        if not self._sealed(head):
            return replace(state, broken="its head was changed, or was written with another key", broken_at=expected)
        return state

    def _broken(self, row: Any, expected: int, previous: str) -> str:
        if row.seq != expected:
            return "an event is missing"
        if row.previous != previous:
            return "an event does not follow the one before it"
        if not self._keys.continues(_place(previous, row.seq, row.at), str(row.record), str(row.mark)):
            return "an event was changed, or was written with another key"
        return ""

    def forget(self, connection: Connection, before: datetime) -> int:
        """Remove events older than `before` from the beginning, so that the rest still verifies; their number.

        At most `AT_ONCE` are removed; the first that is younger, or does not follow, ends it: no evidence is removed.
        """
        head = connection.execute(select(audit_head).with_for_update()).one()
        if not self._sealed(head):
            return 0
        first, previous = int(head.first_seq), str(head.before_first)
        page = _ROW.where(audit_events.c.seq >= first, audit_events.c.seq <= head.seq).limit(AT_ONCE)
        for row in connection.execute(page):
            if self._broken(row, first, previous) or row.at >= microseconds(before):
                break
            first, previous = first + 1, row.mark
        if first == head.first_seq:
            return 0
        past = audit_events.c.seq.between(head.first_seq, first - 1)
        done = connection.execute(delete(audit_events).where(past))
        self._move(connection, head, first_seq=first, before_first=previous)
        return done.rowcount

    async def holds(self, seq: int, mark: str) -> bool:
        """Whether event `seq` is kept and has this mark, or was the last one removed as past its time."""
        wanted = select(audit_events.c.mark).where(audit_events.c.seq == seq)
        before = select(audit_head.c.before_first).where(audit_head.c.first_seq == seq + 1)
        found = await self._database.read(lambda one: (one.scalar(wanted), one.scalar(before)))
        return mark in found

    async def events(self, *, since: datetime | None = None) -> tuple[tuple[int, str], ...]:
        """Number and record of every event, oldest first, from `since` on."""
        wanted = select(audit_events.c.seq, audit_events.c.record).order_by(audit_events.c.seq)
        if since is not None:
            wanted = wanted.where(audit_events.c.at >= since)
        rows = await self._database.read(lambda connection: connection.execute(wanted).all())
        return tuple((int(row.seq), str(row.record)) for row in rows)


def _place(previous: str, seq: Any, at: Any) -> str:
    """What stands before an event's record in its mark: the event before, its number and its instant."""
    return f"{previous}:{seq}:{at}"


def _words(head: Mapping[str, Any]) -> str:
    """What the seal of a head is about."""
    return ":".join(str(head[name]) for name in ("seq", "mark", "first_seq", "before_first"))
