"""The tables: migrations and declarations agree, and a database that is not ours is left alone."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, Table, inspect

from cds_hooks.errors import RecordsUnavailable
from cds_hooks.storage import database
from cds_hooks.storage.database import Database, DatabaseError
from cds_hooks.storage.records import Records
from cds_hooks.storage.schema_version import newest, revision_of, upgrade
from cds_hooks.storage.tables import metadata
from tests.storage.places import NOW, Place, issue, prepared, sqlite_place, unbroken


def test_the_migrations_make_what_is_declared(place: Place) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))

    assert place.play(lambda records: records.database.read(differences)) == []


def test_checks_and_indexes_are_those_declared(place: Place) -> None:
    """Alembic does not compare checks."""

    def made(connection: Connection) -> dict[str, Any]:
        seen = inspect(connection)
        return {
            name: (
                {check["name"] for check in seen.get_check_constraints(name)},
                {index["name"] for index in seen.get_indexes(name)},
                seen.get_pk_constraint(name)["constrained_columns"],
            )
            for name in seen.get_table_names()
            if name != "alembic_version"
        }

    declared = {
        table.name: (
            _checks(table),
            {index.name for index in table.indexes},
            [column.name for column in table.primary_key],
        )
        for table in metadata.sorted_tables
    }
    assert place.play(lambda records: records.database.read(made)) == declared
    assert declared["audit_head"][0] == {"ck_audit_head_one_row"}


def _checks(table: Table) -> set[str]:
    holders = (table, *table.columns)
    return {str(one.name) for holder in holders for one in holder.constraints if isinstance(one, CheckConstraint)}


def test_preparing_again_changes_nothing(place: Place) -> None:
    async def scenario(records: Records) -> None:
        await issue(records)
        for _ in range(3):
            await records.prepare(NOW)
        assert await revision_of(records.database) == newest()
        await unbroken(records, 1)

    place.play(scenario)


def test_replicas_that_start_together_make_the_tables_once(bare: Place) -> None:
    async def scenario(*replicas: Records) -> None:
        await asyncio.gather(*(records.prepare(NOW) for records in replicas))
        for records in replicas:
            await issue(records)
        await unbroken(replicas[0], len(replicas))

    bare.play(scenario, replicas=6)


def test_processes_that_start_together_make_the_tables_once(bare: Place) -> None:
    assert bare.append_elsewhere(3, 1) == [0, 0, 0]
    bare.play(lambda records: unbroken(records, 3))


def test_a_start_waits_for_whoever_is_making_the_file(tmp_path: Path) -> None:
    """SQLite refuses at once, without its own waiting, to turn a file to write-ahead logging that another writes to."""
    place = sqlite_place(tmp_path, None)
    assert place.file is not None
    with closing(sqlite3.connect(place.file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE theirs (own integer)")
        other.execute("BEGIN IMMEDIATE")
        with closing(sqlite3.connect(place.file, isolation_level=None)) as unprepared:
            unprepared.execute("PRAGMA busy_timeout = 60000")
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                unprepared.execute("PRAGMA journal_mode = WAL")

        async def scenario(records: Records) -> None:
            starting = asyncio.create_task(records.prepare(NOW))
            await asyncio.wait([starting], timeout=0.3)
            assert not starting.done()
            other.execute("COMMIT")
            await starting
            await issue(records)
            await unbroken(records, 1)

        place.play(scenario)


def test_a_start_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.2)
    place = sqlite_place(tmp_path, None)
    assert place.file is not None
    with closing(sqlite3.connect(place.file, isolation_level=None)) as other:
        other.execute("CREATE TABLE theirs (own integer)")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RecordsUnavailable) as told:
            prepared(place)
        other.execute("ROLLBACK")
    assert "SQLITE_BUSY" in str(told.value.__cause__)
    prepared(place)


def test_a_database_of_a_newer_version_is_left_alone(place: Place) -> None:
    place.sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match="newer version"):
        prepared(place)
    assert place.sql("SELECT version_num FROM alembic_version") == [("9999",)]


def test_a_migration_that_fails_leaves_no_half(bare: Place) -> None:
    """A table of that name is there already, in the middle of those to be made."""
    bare.sql("CREATE TABLE feedback (own integer)")
    with pytest.raises(RecordsUnavailable):
        prepared(bare)
    names = bare.play(lambda records: records.database.read(lambda one: inspect(one).get_table_names()))
    assert names == ["feedback"]


def test_another_key_is_refused(place: Place) -> None:
    with pytest.raises(DatabaseError, match="begun with another key"):
        prepared(place.with_keys(b"x" * 32))
    prepared(place)


def test_replicas_with_different_keys_do_not_both_begin(bare: Place) -> None:
    async def scenario(ours: Records) -> list[Any]:
        other = bare.with_keys(b"x" * 32).records()
        try:
            return await asyncio.gather(ours.prepare(NOW), other.prepare(NOW), return_exceptions=True)
        finally:
            await other.database.close()

    outcome = bare.play(scenario)
    assert sorted(type(one).__name__ for one in outcome) == ["DatabaseError", "NoneType"]


@pytest.mark.parametrize("content", [b"hello world\n" * 500, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_file_that_is_no_database_is_not_touched(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(content)
    with pytest.raises(RecordsUnavailable):
        asyncio.run(_upgrade(Database(f"sqlite:///{file}")))
    assert file.read_bytes() == content


def test_a_database_of_another_program_keeps_its_tables(tmp_path: Path) -> None:
    """Ours are made beside them: a shared PostgreSQL schema is allowed, so is this."""
    file = tmp_path / "other.sqlite3"
    with sqlite3.connect(file) as raw:
        raw.execute("CREATE TABLE theirs (a integer)")
        raw.execute("INSERT INTO theirs VALUES (7)")
    raw.close()
    place = prepared(Place(url=f"sqlite:///{file}", file=file))
    assert place.sql("SELECT a FROM theirs") == [(7,)]


async def _upgrade(database: Database) -> None:
    try:
        await upgrade(database)
    finally:
        await database.close()


def test_the_file_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    file = prepared(sqlite_place(tmp_path, None)).file
    assert file is not None and file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:hidden@h/x?sslmode=sometimes",
        "postgresql://u:hidden@h/x?sslrootcert=/etc/ca",
        "mysql://u:hidden@h/x",
        "sqlite://",
        "hidden",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_quoting_it(address: str) -> None:
    with pytest.raises(DatabaseError) as refused:
        Database(address)
    assert "hidden" not in str(refused.value)


@pytest.mark.services
def test_encryption_is_asked_for_as_everywhere(server_place: Place) -> None:
    """The server of the tests has no certificate: who insists on encryption is not served, who does not is."""
    plain = replace(server_place, url=f"{server_place.url}?sslmode=disable")
    assert plain.play(lambda records: records.is_writable())
    strict = replace(server_place, url=f"{server_place.url}?sslmode=verify-full")
    assert not strict.play(lambda records: records.is_writable())
