"""The embedded database locked, read-only or gone while the service answers: nobody is told anything that is not on
record, silence is never the answer, and when it is back nothing acknowledged is missing.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event, select

from cds_hooks.storage import answered_findings, records, replays, switchboard
from cds_hooks.storage.database import Database
from cds_hooks.storage.tables import cards, feedback
from tests.chaos.conftest import Body, Opened
from tests.services.postgres import Server, postgres_server
from tests.storage.places import Place, postgresql_place, prepared

FILE = "records.sqlite3"
Trouble = Callable[[Path], AbstractContextManager[None]]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Another program writes, and does not come to an end."""
    other = sqlite3.connect(folder / FILE, isolation_level=None)
    other.execute("PRAGMA busy_timeout = 5000")
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


class _Writes:
    """Whether writes are taken: told to each connection, open already or new, when a transaction begins."""

    refused = False

    def tell(self, connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if self.refused else 'OFF'}")


WRITES = _Writes()


@contextmanager
def read_only(_: Path) -> Iterator[None]:
    """No write is taken."""
    WRITES.refused = True
    try:
        yield
    finally:
        WRITES.refused = False


@contextmanager
def vanished(folder: Path) -> Iterator[None]:
    """Its files are moved away, and come back."""
    away = folder / "away"
    away.mkdir()
    files = sorted(folder.glob(f"{FILE}*"))
    for file in files:
        file.rename(away / file.name)
    try:
        yield
    finally:
        for left in folder.glob(f"{FILE}*"):
            left.unlink()
        for file in files:
            (away / file.name).rename(file)


@contextmanager
def impatient() -> Iterator[None]:
    """What a locked database may take is shortened."""
    write = Database.write

    async def written(self: Database, work: Any, *, wait: float = 0.2) -> Any:
        return await write(self, work, wait=min(wait, 0.2))

    with pytest.MonkeyPatch.context() as patched:
        for module in (answered_findings, records, replays, switchboard):
            patched.setattr(module, "HOOK_SECONDS", 0.2)
        patched.setattr(Database, "write", written)
        yield


@pytest.fixture
def _told() -> Iterator[None]:
    """The way by which the database is made read-only."""
    event.listen(Engine, "begin", WRITES.tell)
    yield
    event.remove(Engine, "begin", WRITES.tell)


def refused(answer: httpx.Response) -> None:
    """It says that this is no statement about the patient, and when to come back."""
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    [issue] = answer.json()["issue"]
    assert issue["code"] == "transient" and "not a statement about the patient" in issue["diagnostics"]


@pytest.mark.usefixtures("_told")
@pytest.mark.parametrize("trouble", [locked, read_only, vanished])
def test_without_records_nothing_is_answered_and_nothing_is_lost(
    opened: Opened, bodies: list[Body], tmp_path: Path, trouble: Trouble
) -> None:
    async def scene() -> None:
        async with opened() as service:
            before = (await service.sign(bodies[0])).json()["cards"]
            acknowledged = await service.report(before[0]["uuid"])
            assert (acknowledged.status_code, len(before) > 0) == (200, True)
            with trouble(tmp_path), impatient():
                refused(await service.sign(bodies[0]))
                refused(await service.report(*(card["uuid"] for card in before)))
                assert (await service.get("/health/live")).status_code == 200
                assert (await service.get("/cds-services")).status_code == 200
                ready = await service.get("/health/ready")
                assert (ready.status_code, ready.json()["database_writable"]) == (503, False)
            told = [line for line in service.log if line["status"] == 503 and line["call"] in ("hook", "feedback")]
            assert [line["outcome"] for line in told] == ["RecordsUnavailable"] * 2
            assert [line["write_failures"] for line in told] == [["audit"], ["feedback"]]
            assert {line["level"] for line in told} == {"error"}
            after = await service.sign(bodies[0])
            assert len(after.json()["cards"]) == len(before)
            assert (await service.report(*(card["uuid"] for card in before))).status_code == 200
            assert (await service.get("/health/ready")).status_code == 200

            reported = await service.records.database.read(lambda one: list(one.scalars(select(feedback.c.card))))
            assert sorted(reported) == sorted(card["uuid"] for card in before), "each once"
            issued = await service.records.database.read(lambda one: set(one.scalars(select(cards.c.id))))
            assert {card["uuid"] for card in (*before, *after.json()["cards"])} == issued
            assert (await service.records.audit.verify()).broken == ""

    asyncio.run(scene())


@pytest.mark.services
def test_while_postgresql_is_away_every_caller_is_told_so(opened: Opened, bodies: list[Body]) -> None:
    async def scene(server: Server, place: Place) -> None:
        async with opened(records=place.records()) as service:
            before = (await service.sign(bodies[0])).json()["cards"]
            assert (await service.report(before[0]["uuid"])).status_code == 200
            await asyncio.to_thread(server.stop, "immediate")  # as if it had crashed
            for answer in await asyncio.gather(
                *(service.sign(bodies[0]) for _ in range(5)), *(service.report(card["uuid"]) for card in before)
            ):
                refused(answer)
            assert (await service.get("/health/ready")).status_code == 503
            await asyncio.to_thread(server.start)
            assert len((await service.sign(bodies[0])).json()["cards"]) == len(before)
            assert (await service.report(*(card["uuid"] for card in before))).status_code == 200
            reported = await service.records.database.read(lambda one: list(one.scalars(select(feedback.c.card))))
            assert sorted(reported) == sorted(card["uuid"] for card in before)
            assert (await service.records.audit.verify()).broken == ""

    with postgres_server() as server:
        place = prepared(postgresql_place(server))
        asyncio.run(scene(server, place))
