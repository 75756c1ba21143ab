"""Bringing the tables of a database to the form this version needs, and telling when they are not."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from cds_hooks.storage.audit_chain import AuditChain
from cds_hooks.storage.database import Database, DatabaseError
from cds_hooks.storage.keys import InstallationKeys
from cds_hooks.storage.tables import installation

if TYPE_CHECKING:  # Alembic is loaded only where tables are to be changed: most starts have no use for it
    from alembic.config import Config

_SCRIPTS = Path(__file__).parent / "migrations"
_VERSION_TABLE = "alembic_version"
# One number for all replicas that start together on one PostgreSQL: the first migrates, the others wait.
_LOCK = 0x7472_6463  # "trdc"


def _config(connection: Connection | None = None) -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def newest() -> str:
    """The revision that this version of the program needs."""
    return max(_known())


def _known() -> frozenset[str]:
    """All revisions there are, as the names of their files begin: ``v0004_…`` is 0004."""
    return frozenset(file.name[1:5] for file in (_SCRIPTS / "versions").glob("v*.py"))


async def revision_of(database: Database) -> str | None:
    """The revision a database is at; None when it holds no tables of ours."""
    return await database.read(_revision)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {_VERSION_TABLE}"))  # noqa: S608 - a constant
    return found


async def upgrade(database: Database) -> None:
    """Bring the tables to the newest form; does nothing when they have it.

    Raises DatabaseError when the database was made by a newer version than this one.
    """
    if await revision_of(database) == newest():
        return
    from alembic import command  # noqa: PLC0415 - before the transaction, so that nobody waits for it

    def work(connection: Connection) -> None:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        found = _revision(connection)
        if found is not None and found not in _known():
            raise DatabaseError("the database was made by a newer version of trd-cds; run that version, or restore")
        if found != newest():
            command.upgrade(_config(connection), "head")

    await database.write(work)


async def settle_key(database: Database, keys: InstallationKeys, now: datetime) -> None:
    """Bind the database to its key on first use, and to a new current key when the file still holds the old one.

    Raises DatabaseError when the database belongs to a key that the file does not hold: pseudonyms would part and
    comments could not be read.
    """
    first = {"id": 1, "begun_at": now, "key_mark": keys.mark}
    insert = database.insert_if_new(installation).values(first)

    def work(connection: Connection) -> None:
        if connection.execute(insert).rowcount:
            AuditChain(database, keys).begin(connection)
        mark = connection.execute(installation.select()).one().key_mark
        if mark not in keys.known_marks:
            raise DatabaseError(
                "the database was begun with another key; give every replica the key file it was begun with"
            )
        if mark != keys.mark:
            connection.execute(installation.update().values(key_mark=keys.mark))

    await database.write(work)
