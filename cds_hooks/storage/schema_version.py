"""Bringing the tables of a database to the form this version needs, and telling when they are not."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.dialects import postgresql, sqlite

from cds_hooks.storage.audit_chain import AuditChain
from cds_hooks.storage.database import Database, DatabaseError
from cds_hooks.storage.keys import InstallationKeys
from cds_hooks.storage.tables import installation

_SCRIPTS = Path(__file__).parent / "migrations"
# One number for all replicas that start together on one PostgreSQL: the first migrates, the others wait.
_LOCK = 0x7472_6463  # "trdc"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def newest() -> str:
    """The revision that this version of the program needs."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


async def revision_of(database: Database) -> str | None:
    """The revision a database is at; None when it holds no tables of ours."""
    return await database.read(_revision)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def upgrade(database: Database) -> None:
    """Bring the tables to the newest form; does nothing when they have it.

    Raises DatabaseError when the database was made by a newer version than this one.
    """
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}

    def work(connection: Connection) -> None:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        found = _revision(connection)
        if found is not None and found not in known:
            raise DatabaseError("the database was made by a newer version of trd-cds; run that version, or restore")
        if found != newest():
            _upgrade(connection)

    await database.write(work)


def _upgrade(connection: Connection) -> None:
    command.upgrade(_config(connection), "head")


async def settle_key(database: Database, keys: InstallationKeys, now: datetime) -> None:
    """Bind the database to its key on first use, and to a new current key when the file still holds the old one.

    Raises DatabaseError when the database belongs to a key that the file does not hold: pseudonyms would part and
    comments could not be read.
    """
    first = {"id": 1, "begun_at": now, "key_mark": keys.mark}
    insert = (sqlite if database.is_sqlite else postgresql).insert(installation)

    def work(connection: Connection) -> None:
        if connection.execute(insert.values(first).on_conflict_do_nothing()).rowcount:
            AuditChain(database, keys).begin(connection)
        mark = connection.execute(installation.select()).one().key_mark
        if mark not in keys.known_marks:
            raise DatabaseError(
                "the database was begun with another key; give every replica the key file it was begun with"
            )
        if mark != keys.mark:
            connection.execute(installation.update().values(key_mark=keys.mark))

    await database.write(work)
