"""A database to try the records on: a file of SQLite, or one of the databases of a PostgreSQL server."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from cds_hooks.storage.call_book import CallEntry, CardEntry
from cds_hooks.storage.database import Database
from cds_hooks.storage.feedback_book import FeedbackItem
from cds_hooks.storage.keys import InstallationKeys
from cds_hooks.storage.records import Records
from cds_hooks.storage.retention import Retention
from tests.services.postgres import Server

T = TypeVar("T")
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
KEYS = InstallationKeys.from_keys((b"k" * 32,))
DAYS = Retention(cards_days=10, feedback_days=20, audit_days=30)


@dataclass(frozen=True, kw_only=True)
class Place:
    """One database, its key, and a way to it that does not go through the records."""

    url: str
    keys: InstallationKeys = KEYS
    keep_comments: bool = True
    file: Path | None = None
    server: Server | None = None

    def records(self) -> Records:
        """The records of another process, as far as they can tell."""
        return Records.of(Database(self.url), self.keys, DAYS, keep_comments=self.keep_comments)

    def play(self, scenario: Callable[..., Awaitable[T]], *, replicas: int = 1) -> T:
        """What `scenario` returns, given as many records as there are replicas."""

        async def run() -> T:
            opened = [self.records() for _ in range(replicas)]
            try:
                return await scenario(*opened)
            finally:
                for one in opened:
                    await one.database.close()

        return asyncio.run(run())

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run `statements` as somebody who knows the database but not the key; the rows of the last."""
        if self.file is not None:
            raw = sqlite3.connect(self.file, isolation_level=None)
            try:
                found = [raw.execute(statement).fetchall() for statement in statements][-1]
            finally:
                raw.close()
            return found
        return asyncio.run(_on_postgresql(self.url, statements))

    def at_rest(self) -> bytes:
        """All bytes that are kept."""
        if self.file is not None:
            return b"".join(path.read_bytes() for path in sorted(self.file.parent.glob(f"{self.file.name}*")))
        assert self.server is not None
        return self.server.dump(self.url.rpartition("/")[2])

    def append_elsewhere(self, processes: int, events: int) -> list[int]:
        """Exit codes of as many processes that prepare the database and append events, all at once."""
        command = [sys.executable, str(Path(__file__).with_name("appending.py")), self.url, str(events)]
        started = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(processes)]  # noqa: S603
        for one in started:
            assert one.stdin is not None
            one.stdin.write(b"\n")
            one.stdin.close()
        return [one.wait() for one in started]

    def with_keys(self, *keys: bytes) -> Place:
        """The same database, opened with these raw keys."""
        return replace(self, keys=InstallationKeys.from_keys(keys))


async def _on_postgresql(url: str, statements: tuple[str, ...]) -> list[tuple[Any, ...]]:
    raw = await asyncpg.connect(url)
    try:
        return [[tuple(row) for row in await raw.fetch(statement)] for statement in statements][-1]
    finally:
        await raw.close()


def sqlite_place(folder: Path, template: Path | None) -> Place:
    """A database in `folder`: a copy of `template`, or none yet."""
    file = folder / "records.sqlite3"
    if template is not None:
        shutil.copy(template, file)
    return Place(url=f"sqlite:///{file}", file=file)


def postgresql_place(server: Server, template: str = "template0") -> Place:
    """A new database on `server`: a copy of `template`."""
    name = f"t{uuid.uuid4().hex}"
    asyncio.run(_on_postgresql(server.url, (f"CREATE DATABASE {name} TEMPLATE {template}",)))
    return Place(url=server.url.rpartition("/")[0] + f"/{name}", server=server)


def prepared(place: Place) -> Place:
    """`place`, its tables made and bound to its key."""

    async def prepare(records: Records) -> None:
        await records.prepare(NOW)

    place.play(prepare)
    return place


def call(at: datetime = NOW, **changed: Any) -> CallEntry:
    """A call of the service."""
    plain = CallEntry(
        id=uuid.uuid4().hex,
        at=at,
        client="ehr",
        service="trd-order-sign",
        hook="order-sign",
        mode="live",
        status=200,
        orders=1,
        shown=1,
        shadowed=0,
        knowledge="2026.1",
    )
    return replace(plain, **changed)


def card(of: CallEntry, **changed: Any) -> CardEntry:
    """A card issued at that call, with two suggestions."""
    plain = CardEntry(
        id=str(uuid.uuid4()),
        call=of.id,
        at=of.at,
        client=of.client,
        service=of.service,
        hook=of.hook,
        kind="options",
        indicator="info",
        shown=True,
        rules=("trd-options",),
        offers={"s1": "option:BUP", "s2": "measure:phq9"},
        definition="EMA-2",
        knowledge=of.knowledge,
        knowledge_hash="sha256:" + "a" * 64,
        patient="b" * 64,
        user="Practitioner/d1",
        encounter="",
    )
    return replace(plain, **changed)


def item(of: str, **changed: Any) -> FeedbackItem:
    """Feedback on the card `of`: its first suggestion was accepted."""
    return replace(FeedbackItem(card=of, outcome="accepted", suggestions=("s1",), happened_at=NOW), **changed)


async def issue(records: Records, at: datetime = NOW, **changed: Any) -> str:
    """Write down a call with one card; the card's id."""
    entry = call(at)
    issued = card(entry, **changed)
    await records.keep_call(entry, [issued], {"kind": "hook", "call": entry.id})
    return issued.id


async def unbroken(records: Records, events: int) -> None:
    """Check that the trail holds exactly `events`."""
    state = await records.audit.verify()
    assert (state.broken, state.events) == ("", events)
