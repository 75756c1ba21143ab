"""The records as the commands find them: by the settings, prepared, refused with a remedy when they cannot be used."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import typer

from cds_hooks.clock import SystemClock
from cds_hooks.commands.refusal import Refusal
from cds_hooks.errors import RecordsUnavailable
from cds_hooks.settings import Settings
from cds_hooks.storage.database import Database, DatabaseError
from cds_hooks.storage.keys import KeyFileError, read_keys
from cds_hooks.storage.records import Records
from cds_hooks.storage.retention import Retention

T = TypeVar("T")
_KEY = "installation.key"


def open_records(settings: Settings, *, make: bool = True) -> Records:
    """The records that `settings` name, not yet prepared; raises Refusal when database or key cannot be used.

    A key is made only beside the embedded database: on a shared one every replica needs the same. Without `make` an
    embedded database must be there already: a check of the wrong folder must not find a new, empty, faultless one.
    """
    key_file = settings.key_file or settings.data_dir / _KEY
    embedded = settings.database_url is None
    if embedded and not make and not settings.database_file.exists():
        raise Refusal(
            "database",
            "is not there",
            "check TRD_CDS_DATA_DIR or TRD_CDS_DATABASE_URL; `trd-cds serve` or `trd-cds database upgrade` makes it",
        )
    if embedded or settings.key_file is None:
        _make_folder(settings.data_dir)
    if not embedded and not key_file.exists():
        raise Refusal(
            "TRD_CDS_KEY_FILE",
            "names no key file, and a database that is shared needs one that is shared too",
            "make one with `trd-cds database key FILE` and give the same file to every replica",
        )
    try:
        keys = read_keys(key_file, make=embedded and make)
    except KeyFileError as fault:
        problem, _, remedy = str(fault).partition("; ")
        raise Refusal("key file", problem, remedy) from None
    try:
        database = Database(settings.database_address)
    except DatabaseError as fault:
        problem, _, remedy = str(fault).partition("; ")
        raise Refusal("TRD_CDS_DATABASE_URL", problem, remedy) from None
    retention = Retention(
        cards_days=settings.keep_cards_days,
        feedback_days=settings.keep_feedback_days,
        audit_days=settings.keep_audit_days,
    )
    return Records.of(database, keys, retention, keep_comments=settings.comments == "encrypt")


def with_records(settings: Settings, work: Callable[[Records], Awaitable[T]], *, make: bool = False) -> T:
    """What `work` returns on the prepared records of `settings`; raises Refusal when they cannot be used, or when an
    embedded database is not there and `make` is not set.
    """
    records = open_records(settings, make=make)

    async def run() -> T:
        try:
            await records.prepare(SystemClock().now())
            return await work(records)
        finally:
            await records.database.close()

    try:
        return asyncio.run(run())
    except DatabaseError as fault:
        problem, _, remedy = str(fault).partition("; ")
        raise Refusal("database", problem, remedy) from None
    except RecordsUnavailable:
        raise Refusal(
            "database",
            "does not answer, or may not be written",
            "check TRD_CDS_DATABASE_URL or TRD_CDS_DATA_DIR, and that the server runs and the folder is writable",
        ) from None


def database_is_gone(settings: Settings) -> bool:
    """Whether an embedded database is missing whose key is still there: then an empty one is begun in its place.

    A key file named by a setting may have been made beforehand; one in the data folder came with a database.
    """
    if settings.database_url is not None or settings.key_file is not None:
        return False
    return (settings.data_dir / _KEY).exists() and not settings.database_file.exists()


def tell_of_loss() -> None:
    """Say on standard error that an empty database was begun where there had been one."""
    typer.echo("trd-cds: warning: there was a key but no database in the data folder; an empty one is begun", err=True)


def prepare_records(settings: Settings) -> None:
    """Bring the tables to the newest form before a server starts; raises Refusal when that cannot be."""

    async def nothing_more(_: Records) -> None:
        return None

    with_records(settings, nothing_more, make=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix" and folder.stat().st_mode & 0o002:
            raise Refusal("TRD_CDS_DATA_DIR", "may be written by everybody", "run `chmod 700` on the folder")
    except OSError as fault:
        raise Refusal(
            "TRD_CDS_DATA_DIR",
            f"cannot be made ({fault.strerror or 'not usable'})",
            "name a folder that this user may write",
        ) from None
