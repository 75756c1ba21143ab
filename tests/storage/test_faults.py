"""When the database is locked, full, read-only, gone or restarted: told at once, nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Engine, event, text

from cds_hooks.errors import RecordsUnavailable
from cds_hooks.observing.request_log import quieten_wire_loggers
from cds_hooks.storage import records as books
from cds_hooks.storage.records import Records
from tests.services.postgres import Server, postgres_server
from tests.storage.places import NOW, Place, call, card, issue, postgresql_place, prepared, sqlite_place, unbroken

pytestmark = pytest.mark.services  # processes, locks and long waits: part of test-all

PLANTED = "Practitioner/planted-user"


@contextmanager
def _read_only(place: Place) -> Iterator[None]:
    def refuse(raw: Any, _: Any) -> None:
        raw.execute("PRAGMA query_only = ON").fetchall()

    if place.file is None:
        place.sql(f"ALTER DATABASE {place.url.rpartition('/')[2]} SET default_transaction_read_only = on")
        yield
        return
    event.listen(Engine, "connect", refuse)
    try:
        yield
    finally:
        event.remove(Engine, "connect", refuse)


def test_a_database_that_may_only_be_read_is_told(place: Place) -> None:
    async def scenario(records: Records) -> None:
        with pytest.raises(RecordsUnavailable):
            await issue(records)
        with pytest.raises(RecordsUnavailable):
            await records.replays.first_use("i", "j", expires=NOW, now=NOW)
        assert not await records.is_writable()
        await unbroken(records, 1)

    place.play(issue)
    assert place.play(lambda records: records.is_writable())
    with _read_only(place):
        place.play(scenario)


def test_a_database_without_tables_is_not_ready(bare: Place) -> None:
    assert not bare.play(lambda records: records.is_writable())


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    place = sqlite_place(tmp_path / "nowhere", None)
    assert not place.play(lambda records: records.is_writable())


def test_those_who_wait_for_a_locked_file_give_up_together(file_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with a wait of its own, one after the other, the last of thirty would be told after thirty waits."""
    monkeypatch.setattr(books, "HOOK_SECONDS", 0.3)
    begun = []

    def count(connection: Any) -> None:
        begun.append(connection)

    assert file_place.file is not None
    with closing(sqlite3.connect(file_place.file, isolation_level=None, check_same_thread=False)) as lock:
        lock.execute("PRAGMA busy_timeout = 5000")

        async def locked(records: Records) -> None:
            await issue(records)
            lock.execute("BEGIN IMMEDIATE")
            event.listen(Engine, "begin", count)
            try:
                done = await asyncio.gather(*(issue(records) for _ in range(30)), return_exceptions=True)
            finally:
                event.remove(Engine, "begin", count)
            assert {type(one) for one in done} == {RecordsUnavailable} and len(begun) < 30
            await unbroken(records, 1)  # readers are not hindered
            lock.execute("ROLLBACK")
            await issue(records)
            await unbroken(records, 2)

        file_place.play(locked)


@pytest.mark.services
def test_a_head_locked_by_another_session_is_told(server_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "HOOK_SECONDS", 1)

    async def scenario(records: Records) -> None:
        await issue(records)
        other = await asyncpg.connect(server_place.url)
        try:
            async with other.transaction():
                await other.execute("SELECT * FROM audit_head FOR UPDATE")
                done = await asyncio.gather(*(issue(records) for _ in range(30)), return_exceptions=True)
                assert {type(one) for one in done} == {RecordsUnavailable}
                await unbroken(records, 1)
        finally:
            await other.close()
        await issue(records)
        await unbroken(records, 2)

    server_place.play(scenario)


@contextmanager
def _full_disk(pages: int) -> Iterator[None]:
    def limit(raw: Any, _: Any) -> None:
        raw.execute(f"PRAGMA max_page_count = {pages}").fetchall()

    event.listen(Engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(Engine, "connect", limit)


def test_a_full_disk_is_told_and_what_was_acknowledged_stays(file_place: Place) -> None:
    async def fill(records: Records) -> int:
        for number in range(1_000):
            try:
                await issue(records)
            except RecordsUnavailable:
                return number
        raise AssertionError("the disk was never full")

    with _full_disk(40):
        kept = file_place.play(fill)
        file_place.play(lambda records: unbroken(records, kept))
    assert kept > 3
    file_place.play(issue)
    file_place.play(lambda records: unbroken(records, kept + 1))
    assert file_place.sql("SELECT count(*) FROM cards") == [(kept + 1,)]


def test_callers_that_go_away_leave_nothing_half_done(place: Place) -> None:
    """Cancelled at any moment: each call is there with its card and its event, or none of them is."""
    random = Random(7)

    async def scenario(records: Records) -> None:
        for _ in range(8):
            tasks = [asyncio.create_task(issue(records)) for _ in range(25)]
            for _ in range(random.randrange(40)):
                await asyncio.sleep(0)
            for task in random.sample(tasks, 15):
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(one) for one in done} <= {str, asyncio.CancelledError}
        # Every connection came back: as many calls as there can be at once are still served.
        await asyncio.gather(*(issue(records) for _ in range(40)))
        assert (await records.audit.verify()).broken == ""

    place.play(scenario)
    [(events,)] = place.sql("SELECT count(*) FROM audit_events")
    assert place.sql("SELECT count(*) FROM calls") == place.sql("SELECT count(*) FROM cards") == [(events,)]
    assert events >= 8 * 10 + 40
    if place.server is not None:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        assert place.sql(waiting) == [(0,)]


def test_closing_waits_for_what_is_being_written(file_place: Place) -> None:
    async def scenario(records: Records) -> None:
        tasks = [asyncio.create_task(issue(records)) for _ in range(20)]
        await asyncio.sleep(0)
        await records.database.close()
        await asyncio.gather(*tasks)

    file_place.play(scenario)
    file_place.play(lambda records: unbroken(records, 20))


def _twice_the_same(place: Place) -> RecordsUnavailable:
    async def scenario(records: Records) -> RecordsUnavailable:
        issued = await issue(records, user=PLANTED)
        with pytest.raises(RecordsUnavailable) as refused:
            await issue(records, id=issued, user=PLANTED)
        return refused.value

    return place.play(scenario)


def test_what_is_told_of_a_fault_holds_no_value(place: Place) -> None:
    fault = _twice_the_same(place)
    told = "".join(traceback.format_exception(fault))
    assert "IntegrityError" in told  # kind and code are there for whoever looks into it
    assert "planted" not in told and "Key (id)" not in told and "INSERT" not in told


@pytest.mark.services
@pytest.mark.parametrize("value", ["planted-" + "x" * 100, "planted\0", "planted\ud800"], ids=["long", "nul", "odd"])
def test_a_value_the_server_refuses_is_not_quoted(server_place: Place, value: str) -> None:
    async def scenario(records: Records) -> str:
        entry = call(mode=value[:300])
        with pytest.raises(RecordsUnavailable) as refused:
            await records.keep_call(entry, [card(entry)], {"kind": "hook"})
        return "".join(traceback.format_exception(refused.value))

    assert "planted" not in server_place.play(scenario)


def test_statements_and_rows_are_not_logged(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    quieten_wire_loggers()
    _twice_the_same(place)
    assert "planted" not in caplog.text and "INSERT" not in caplog.text


@pytest.mark.services
def test_sessions_insist_on_what_the_records_need(server_place: Place) -> None:
    """Durable commits even where the server's default is otherwise, and no lock held by a machine that vanished."""
    server_place.sql(f"ALTER DATABASE {server_place.url.rpartition('/')[2]} SET synchronous_commit = off")

    async def scenario(records: Records) -> list[str]:
        shown = ("synchronous_commit", "idle_in_transaction_session_timeout", "transaction_isolation")
        return await records.database.write(lambda one: [str(one.scalar(text(f"SHOW {name}"))) for name in shown])

    assert server_place.play(scenario) == ["on", "20s", "read committed"]


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server that the tests may stop."""
    with postgres_server() as running:
        yield running


@pytest.mark.services
def test_a_server_restarted_between_calls_is_not_noticed(own_server: Server) -> None:
    async def scenario(records: Records) -> None:
        await asyncio.gather(*(issue(records) for _ in range(12)))
        await asyncio.to_thread(own_server.stop)
        await asyncio.to_thread(own_server.start)
        await asyncio.gather(*(issue(records) for _ in range(12)))
        await unbroken(records, 24)
        await asyncio.to_thread(own_server.stop)
        assert not await records.is_writable()
        await asyncio.to_thread(own_server.start)
        await issue(records)

    prepared(postgresql_place(own_server)).play(scenario)


@pytest.mark.services
@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_a_server_restarted_in_the_middle_loses_nothing_acknowledged(own_server: Server, mode: str) -> None:
    place = prepared(postgresql_place(own_server))
    acknowledged: list[str] = []
    failed = 0

    async def clinic(records: Records, ending: asyncio.Event) -> None:
        nonlocal failed
        while not ending.is_set():
            try:
                acknowledged.append(await issue(records))
            except RecordsUnavailable:
                failed += 1
                await asyncio.sleep(0)

    async def scenario(records: Records) -> None:
        ending = asyncio.Event()
        clinics = [asyncio.create_task(clinic(records, ending)) for _ in range(6)]
        for _ in range(2):
            before = len(acknowledged)
            while len(acknowledged) < before + 20:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(own_server.stop, mode)
            await asyncio.to_thread(own_server.start)
        ending.set()
        await asyncio.gather(*clinics)
        await issue(records)
        assert (await records.audit.verify()).broken == ""

    place.play(scenario)
    kept = {name for (name,) in place.sql("SELECT id FROM cards")}
    assert failed and set(acknowledged) <= kept
    assert place.sql("SELECT count(*) FROM audit_events") == [(len(kept),)]
