"""SQLite in a file, the database of the default: its connections, and its transactions in threads of their own."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from tenacity import Retrying, retry_if_exception, stop_before_delay, wait_random

T = TypeVar("T")
_READ_ONLY = "trd_cds_read_only"
_WAIT = "trd_cds_wait"
_FILE = "trd_cds_file"
_READERS = 4
_AGAIN_SECONDS = (0.005, 0.05)


class Embedded:
    """SQLite, in threads: one that writes, a few that read."""

    def __init__(self, url: URL, wait: float) -> None:
        """`wait`: seconds that a new connection waits for a file that others hold."""
        self._engine = embedded_engine(url, wait)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="trd-cds-write")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="trd-cds-read")

    async def run(self, work: Callable[[Connection], T], *, read_only: bool, wait: float) -> T:
        """What `work` returns, run in a transaction that waits at most `wait` seconds for others."""
        loop = asyncio.get_running_loop()
        thread, until = self._readers if read_only else self._writer, loop.time() + wait

        def transaction() -> T:
            # Those who wait behind a locked database give up with the first, not each after a wait of its own.
            left = until - loop.time()
            if left <= 0:
                raise TimeoutError
            return self._transaction(work, read_only, left)

        # A caller that goes away does not leave a half-told transaction: it ends, one way or the other.
        return await asyncio.shield(loop.run_in_executor(thread, transaction))

    def _transaction(self, work: Callable[[Connection], T], read_only: bool, wait: float) -> T:
        with self._engine.connect() as connection:
            connection.execution_options(**{_READ_ONLY: read_only, _WAIT: wait})
            with connection.begin():
                done = work(connection)
                self._same_file(connection)
                return done

    def _same_file(self, connection: Connection) -> None:
        """A file removed or replaced below us is still written to, and nobody will ever read it: raise instead."""
        opened = connection.info[_FILE]
        if opened is not None and _identity(self._engine.url) != opened:
            connection.invalidate()
            raise FileNotFoundError

    async def close(self) -> None:
        """End the threads and give the connections back."""
        self._writer.shutdown()
        self._readers.shutdown()
        self._engine.dispose()


def embedded_engine(url: URL, wait: float) -> Engine:
    """An engine whose new connections wait at most `wait` seconds for a file that others hold."""
    engine = create_engine(url, hide_parameters=True, echo=False, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "do_connect")
    def reserve(*_: Any) -> None:
        """Make the file before the database does, for its owner only."""
        with suppress(OSError):  # then connecting fails too
            if not url.query:  # else the name is an address, not a path
                os.close(os.open(str(url.database), os.O_RDWR | os.O_CREAT, 0o600))

    @event.listens_for(engine, "connect")
    def prepare(raw: Any, pooled: Any) -> None:
        pooled.info[_FILE] = _identity(url)
        raw.isolation_level = None  # the driver must not begin transactions of its own
        raw.text_factory = _text
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(wait * 1000)}")
        _patient(wait)(cursor.execute, "PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA secure_delete = ON")  # what is past its time is overwritten, not only let go
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(options.get(_WAIT, wait) * 1000)}")
        connection.exec_driver_sql("BEGIN" if options.get(_READ_ONLY, False) else "BEGIN IMMEDIATE")

    return engine


def _patient(seconds: float) -> Retrying:
    """Tries again for `seconds` what SQLite refuses because others hold the file.

    Its own waiting (``busy_timeout``) is not applied when two connections would turn one fresh file to write-ahead
    logging: the second is refused at once, though the first is done in milliseconds. Workers that start together do so.
    """
    return Retrying(
        retry=retry_if_exception(_is_busy),
        stop=stop_before_delay(seconds),
        wait=wait_random(*_AGAIN_SECONDS),
        reraise=True,
    )


def _is_busy(fault: BaseException) -> bool:
    # The code's last byte is its kind; the rest says why.
    return isinstance(fault, sqlite3.OperationalError) and fault.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _identity(url: URL) -> tuple[int, int] | None:
    """Which file is there under the name now; None for an address that is not a plain path."""
    if url.query:
        return None
    there = Path(str(url.database)).stat()
    return there.st_dev, there.st_ino


def _text(raw: bytes) -> str:
    """Text as it is kept. What somebody else wrote need not be any: a check of the trail must still get to see it."""
    return raw.decode(errors="surrogateescape")
