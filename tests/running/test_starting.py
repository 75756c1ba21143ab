"""What keeps a server from starting is told once, in one line with a remedy, before anything listens."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from benchmarks.serving_process import Installation
from cds_hooks.__main__ import run
from cds_hooks.clock import SystemClock
from cds_hooks.storage.keys import read_keys


@pytest.fixture
def told(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """What `serve` says with these settings changed. Its port is taken, so that it never serves, whatever happens."""

    def serve(**changed: str) -> str:
        for name, value in {**installation.environment, **changed}.items():
            if name.startswith("TRD_CDS_"):
                monkeypatch.setenv(name, value)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            capfd.readouterr()
            assert run(["serve", "--port", str(taken.getsockname()[1]), "--workers", "2"]) == 2
        said = capfd.readouterr()
        assert said.out == ""
        lines = said.err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("trd-cds: ")
        assert "; " in lines[0], "a remedy"
        return lines[0]

    yield serve


def prepared(installation: Installation, *statements: str) -> None:
    """Make the database, and change it by `statements`."""

    async def work() -> None:
        records = installation.records()
        await records.prepare(SystemClock().now())
        for statement in statements:
            await records.database.write(lambda one, written=statement: one.execute(text(written)))
        await records.database.close()

    asyncio.run(work())


def test_with_all_in_order_only_the_port_stands_in_the_way(told: Callable[..., str]) -> None:
    assert "--port" in told()


def test_a_key_file_open_to_others(told: Callable[..., str], installation: Installation) -> None:
    (installation.folder / "installation.key").chmod(0o644)
    assert "chmod 600" in told()


def test_a_key_file_that_is_none(told: Callable[..., str], installation: Installation) -> None:
    (installation.folder / "installation.key").write_text("planted-key-material\n", encoding="ascii")
    line = told()
    assert "installation.key" in line
    assert "planted" not in line


def test_another_key_than_the_database_was_begun_with(
    told: Callable[..., str], installation: Installation, tmp_path: Path
) -> None:
    prepared(installation)
    other = tmp_path / "other.key"
    read_keys(other, make=True)
    assert "another key" in told(TRD_CDS_KEY_FILE=str(other))


def test_a_database_of_a_newer_version(told: Callable[..., str], installation: Installation) -> None:
    prepared(installation, "UPDATE alembic_version SET version_num = '9999'")
    assert "newer version" in told()


def test_a_database_that_does_not_answer(told: Callable[..., str]) -> None:
    line = told(TRD_CDS_DATABASE_URL="postgresql://somebody:planted-password@127.0.0.1:9/x")
    assert "TRD_CDS_DATABASE_URL" in line
    assert "planted" not in line


def test_a_shared_database_without_a_shared_key(told: Callable[..., str], tmp_path: Path) -> None:
    line = told(TRD_CDS_DATABASE_URL="postgresql://somebody@127.0.0.1:9/x", TRD_CDS_KEY_FILE=str(tmp_path / "none.key"))
    assert "TRD_CDS_KEY_FILE" in line


def test_a_folder_that_cannot_be_made(told: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    assert "TRD_CDS_DATA_DIR" in told(TRD_CDS_DATA_DIR=str(tmp_path / "file" / "data"))


def test_a_database_that_is_something_else(told: Callable[..., str], installation: Installation) -> None:
    (installation.folder / "data" / "trd-cds.sqlite3").write_bytes(b"not a database" * 100)
    assert "database" in told()


def test_a_registry_that_cannot_be_used(told: Callable[..., str], installation: Installation) -> None:
    (installation.folder / "registry.yaml").write_text("clients: []\n", encoding="utf-8")
    assert "registry.yaml" in told()
