"""The demo with records, as one ASGI application that reaches itself: no socket, no other host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI

from cds_hooks.clock import FixedClock
from cds_hooks.demo import create_demo
from cds_hooks.settings import Settings
from mappings.load import load
from tests.record_keeping import new_records

BASE = "http://127.0.0.1:8000"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

Ask = Callable[..., httpx.Response]


class _ToApp(httpx.AsyncBaseTransport):
    """Brings every request to an application that is made later; anything for another host fails."""

    app: FastAPI

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url).startswith(BASE), "the demo asks nobody but itself"
        return await httpx.ASGITransport(app=self.app).handle_async_request(request)


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """One loop for all requests: the database keeps its connections between them."""
    with asyncio.Runner() as kept:
        yield kept


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, runner: asyncio.Runner) -> Iterator[FastAPI]:
    transport = _ToApp()
    records = new_records(tmp_path_factory.mktemp("records"))
    transport.app = create_demo(
        settings=Settings(),
        knowledge=load(),
        clock=FixedClock(NOW),
        base_url=BASE,
        http=httpx.AsyncClient(transport=transport),
        records=records,
    )
    yield transport.app
    runner.run(records.database.close())


@pytest.fixture
def ask(demo: FastAPI, runner: asyncio.Runner) -> Ask:
    """Send one request to the demo."""

    def send(method: str, path: str, **given: object) -> httpx.Response:
        async def talk() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=demo), base_url=BASE) as http:
                return await http.request(method, path, **given)

        return runner.run(talk())

    return send
