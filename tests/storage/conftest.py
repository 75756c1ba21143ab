"""Databases for the tests: each test has one of its own, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.postgres import Server, postgres_server
from tests.storage.places import Place, postgresql_place, prepared, sqlite_place

BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.services))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One PostgreSQL server for all tests; fails where PostgreSQL is not installed."""
    with postgres_server() as running:
        yield running


@pytest.fixture(scope="session")
def file_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared database to copy."""
    file = prepared(sqlite_place(tmp_path_factory.mktemp("template"), None)).file
    assert file is not None
    return file


@pytest.fixture(scope="session")
def server_template(server: Server) -> str:
    """The name of a prepared database to copy."""
    return prepared(postgresql_place(server)).url.rpartition("/")[2]


@pytest.fixture(params=BOTH)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A prepared database without records."""
    if request.param == "sqlite":
        return sqlite_place(tmp_path, request.getfixturevalue("file_template"))
    return postgresql_place(request.getfixturevalue("server"), request.getfixturevalue("server_template"))


@pytest.fixture(params=BOTH)
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database without tables."""
    if request.param == "sqlite":
        return sqlite_place(tmp_path, None)
    return postgresql_place(request.getfixturevalue("server"))


@pytest.fixture
def file_place(tmp_path: Path, file_template: Path) -> Place:
    """A prepared database of SQLite."""
    return sqlite_place(tmp_path, file_template)


@pytest.fixture
def server_place(server: Server, server_template: str) -> Place:
    """A prepared database of PostgreSQL."""
    return postgresql_place(server, server_template)
