"""Two replicas on one PostgreSQL are one service: used tokens, switches, cards, feedback and the audit trail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url

from benchmarks.serving_process import CLIENT, Installation, ServerProcess
from tests.planted import LeakScan
from tests.running.conftest import Ehr, reports_on_record
from tests.services.postgres import running_postgres


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="module")
def installation(database: str, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Its password is where the replicas find it: in a file, not in the address."""
    folder = tmp_path_factory.mktemp("replicas")
    url = make_url(database)
    passwords = folder / "pgpass"
    passwords.touch(mode=0o600)
    passwords.write_text(f"{url.host}:{url.port}:{url.database}:{url.username}:{url.password}\n", encoding="ascii")
    return Installation.make(folder, database_url=database)


@pytest.fixture(scope="module")
def replicas(installation: Installation, leak_scan: LeakScan) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """Both started at the same moment on the empty database."""
    url = make_url(installation.database_url)
    bare = f"postgresql://{url.username}@{url.host}:{url.port}/{url.database}"
    there = {"TRD_CDS_DATABASE_URL": bare, "PGPASSFILE": str(installation.folder / "pgpass")}
    started = ServerProcess(installation, workers=2, **there), ServerProcess(installation, **there)
    try:
        for server in started:
            server.await_ready()
        yield started
        assert [server.stop() for server in started] == [0, 0]
        for server in started:
            assert server.complaints() == []
            leak_scan.look(server.said.read_text(encoding="utf-8"), "a replica")
    finally:
        for server in started:
            if server.process.poll() is None:
                server.kill()


def test_a_token_used_at_one_is_refused_at_the_other(
    replicas: tuple[ServerProcess, ServerProcess], installation: Installation, ehr: Ehr
) -> None:
    for first, second in (replicas, replicas[::-1]):
        token = installation.token()
        assert ehr.sign(first.base, token=token).status_code == 200
        assert ehr.sign(second.base, token=token).status_code == 401


def test_of_one_token_presented_everywhere_at_once_one_call_is_answered(
    replicas: tuple[ServerProcess, ServerProcess], installation: Installation, ehr: Ehr
) -> None:
    token = installation.token()
    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(lambda place: ehr.sign(replicas[place % 2].base, token=token).status_code, range(8)))
    assert sorted(answered) == [200] + [401] * 7


def test_a_card_of_one_takes_feedback_at_the_other_once(
    replicas: tuple[ServerProcess, ServerProcess], installation: Installation, ehr: Ehr
) -> None:
    cards = ehr.cards(replicas[0].base)
    assert cards
    with ThreadPoolExecutor(8) as pool:
        told = pool.map(
            lambda place: ehr.report(replicas[place % 2].base, *cards, at="2026-11-22T10:00:00Z").status_code, range(12)
        )
    assert set(told) == {200}
    assert sorted(reports_on_record(installation)) == sorted(cards)


def test_a_switch_acts_at_both_with_the_next_call(
    replicas: tuple[ServerProcess, ServerProcess], installation: Installation, ehr: Ehr
) -> None:
    def throw(mode: str) -> None:
        done = installation.command("mode", "set", mode, "--client", CLIENT, "--who", "Test", "--why", "test")
        assert done.returncode == 0, done.stderr

    assert all(ehr.cards(server.base) for server in replicas)
    throw("shadow")
    assert [ehr.cards(server.base) for server in replicas] == [[], []]
    throw("default")
    assert all(ehr.cards(server.base) for server in replicas)


def test_the_audit_trail_is_one_and_unbroken(
    replicas: tuple[ServerProcess, ServerProcess], installation: Installation, ehr: Ehr
) -> None:
    before = _events(installation)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda place: ehr.sign(replicas[place % 2].base).raise_for_status(), range(16)))
    assert _events(installation) == before + 16
    verified = installation.command("audit", "verify")
    assert verified.returncode == 0
    assert verified.stdout.startswith("unbroken")


def test_each_says_it_is_ready(replicas: tuple[ServerProcess, ServerProcess]) -> None:
    for server in replicas:
        told = httpx.get(f"{server.base}/health/ready", trust_env=False).json()
        assert (told["status"], told["database_writable"], told["acceptance"]) == ("ready", True, "accepted")


def test_a_replica_with_another_key_does_not_start(installation: Installation, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    assert installation.command("database", "key", str(other)).returncode == 0
    stray = ServerProcess(installation, TRD_CDS_KEY_FILE=str(other))
    try:
        assert stray.ended() == 2
    finally:
        if stray.process.poll() is None:
            stray.kill()
    assert stray.said.read_text(encoding="utf-8").count("\n") == 1


def _events(installation: Installation) -> int:
    async def count() -> int:
        records = installation.records()
        try:
            state = await records.audit.verify()
            assert not state.broken
            return state.events
        finally:
            await records.database.close()

    return asyncio.run(count())
