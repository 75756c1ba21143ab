"""The database: SQLite in a file by default, PostgreSQL by URL, the same statements on both.

A transaction is a plain function on a connection. SQLite runs it in a thread of its own, one writer at a time, so that
writers of one process wait in a row instead of asking again and again; PostgreSQL runs it on an asynchronous
connection. It is on disk when it returns (SQLite: write-ahead log with full synchronisation; PostgreSQL: its default).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Insert, Table, make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from cds_hooks.errors import RecordsUnavailable
from cds_hooks.storage.embedded import Embedded
from cds_hooks.storage.tables import installation

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")
WAIT_SECONDS = 10
HOOK_SECONDS = 2.0  # what a clinician who is waiting for an order can bear
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SERVER_SETTINGS = {
    "application_name": "trd-cds",
    "synchronous_commit": "on",  # what is acknowledged is on disk, whatever the server's default
    # A machine that vanishes in the middle of a transaction must not keep the head of the trail locked for hours.
    "idle_in_transaction_session_timeout": str(2 * WAIT_SECONDS * 1000),
}
_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


class DatabaseError(Exception):
    """The database cannot be used like this; the message says what to do and holds no password."""


class DriverFault(Exception):  # noqa: N818 - what is left of a fault of the driver
    """Kind and code of a fault of the driver. Its own words are left out: they quote the values of the statement."""


class Database:
    """Transactions on one database. Raises RecordsUnavailable from every one that the database cannot serve."""

    def __init__(self, address: str) -> None:
        """Raise DatabaseError when `address` is not a URL of SQLite or PostgreSQL."""
        self.url = _url(address)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._served: Embedded | _Served = Embedded(self.url, WAIT_SECONDS) if self.is_sqlite else _Served(self.url)

    async def write(self, work: Callable[[Connection], T], *, wait: float = WAIT_SECONDS) -> T:
        """Run `work` in a transaction: durable once this returns, undone when `work` raises.

        `wait` is how many seconds a busy database may take before it counts as unavailable.
        """
        return await self._run(work, read_only=False, wait=wait)

    async def read(self, work: Callable[[Connection], T], *, wait: float = WAIT_SECONDS) -> T:
        """Run `work` in a transaction that only reads and blocks nobody; `wait` as for `write`."""
        return await self._run(work, read_only=True, wait=wait)

    async def _run(self, work: Callable[[Connection], T], *, read_only: bool, wait: float = WAIT_SECONDS) -> T:
        try:
            return await self._served.run(work, read_only=read_only, wait=wait)
        except (SQLAlchemyError, OSError, TimeoutError) as fault:
            raise RecordsUnavailable from _without_words(fault)

    def insert_if_new(self, table: Table) -> Insert:
        """A statement that puts a row into `table` unless one with its key is there."""
        # What belongs to the other kind of database is never loaded.
        if self.is_sqlite:
            from sqlalchemy.dialects import sqlite  # noqa: PLC0415

            return sqlite.insert(table).on_conflict_do_nothing()
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415

        return postgresql.insert(table).on_conflict_do_nothing()

    async def key_mark(self) -> str | None:
        """The mark of the key this database was last used with; None before its first use."""
        return await self.read(lambda connection: connection.scalar(select(installation.c.key_mark)))

    async def close(self) -> None:
        """Give all connections back."""
        await self._served.close()


class _Served:
    """PostgreSQL, asynchronously."""

    def __init__(self, url: URL) -> None:
        self._engine = _postgresql(url)

    async def run(self, work: Callable[[Connection], T], *, read_only: bool, wait: float) -> T:
        # A transaction that is cut off here is rolled back.
        async with asyncio.timeout(wait), self._engine.connect() as plain:
            # A reader sees one state of the database, however many statements it takes.
            level = "REPEATABLE READ" if read_only else "READ COMMITTED"
            connection = await plain.execution_options(isolation_level=level)
            async with connection.begin():
                return await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()


def _url(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        url = None
    driver = _DRIVERS.get(url.get_backend_name()) if url is not None else None
    if url is None or driver is None:
        raise DatabaseError(
            "this is no address of a database; write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
        )
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise DatabaseError("a database in memory cannot be shared by workers; write sqlite:///FILE")
    if url.get_backend_name() == "sqlite" and url.query:
        raise DatabaseError("an embedded database takes no options; write sqlite:///FILE")
    if url.get_backend_name() != "sqlite":
        url = _with_tls(url)
    return url.set(drivername=driver)


def _with_tls(url: URL) -> URL:
    """`url` with ``sslmode``, as every other program writes it, under the name that our driver gives it."""
    if not url.query:
        return url
    mode = url.query.get("sslmode")
    if set(url.query) != {"sslmode"} or mode not in _SSL_MODES:
        raise DatabaseError(
            "the address of the database may end in ?sslmode=MODE alone; "
            f"MODE is one of {', '.join(_SSL_MODES)}, and other options are read from the PG… environment variables"
        )
    return url.set(query={"ssl": mode})


def _without_words(fault: Exception) -> DriverFault:
    original = getattr(fault, "orig", None)
    code = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None) or "no code"
    return DriverFault(f"{type(fault).__name__}, {code}")


def _postgresql(url: URL) -> AsyncEngine:
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415

    return create_async_engine(
        url,
        pool_size=8,
        max_overflow=8,
        pool_timeout=WAIT_SECONDS,
        pool_pre_ping=True,  # a restarted database server is noticed before a call fails for it
        hide_parameters=True,
        echo=False,
        connect_args={
            "timeout": WAIT_SECONDS,
            "command_timeout": WAIT_SECONDS,
            "server_settings": _SERVER_SETTINGS,
        },
    )
