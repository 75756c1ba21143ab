"""Requests with real records behind them, and one service to disturb, called inside one event loop."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.serving_process import order_sign
from cds_hooks.storage.records import Records
from cds_hooks.stories import load_stories
from mappings.load import Knowledge
from tests.chaos.replicas import JWKS, SIGN, Client, MovableClock, application, registry_of
from tests.edge.conftest import FHIR, NOW, accepted
from tests.record_keeping import new_records

Body = dict[str, Any]


@pytest.fixture(scope="session")
def bodies(knowledge: Knowledge) -> list[Body]:
    """An order-sign for each of three patients, the whole record sent along."""
    return [asyncio.run(order_sign(story, knowledge)) for story in load_stories(NOW.date(), knowledge)[:3]]


@dataclass
class Service:
    """One application in open air: its client, its clock, and what it wrote."""

    app: Any
    client: Client
    clock: MovableClock
    records: Records
    http: httpx.AsyncClient
    written: io.StringIO = field(default_factory=io.StringIO, repr=False)

    async def sign(self, body: Body, *, token: str = "") -> httpx.Response:
        """Fire order-sign."""
        return await self._post(SIGN, body, token or self.client.token())

    async def report(self, *cards: str, reason: Body | None = None) -> httpx.Response:
        """Say that cards were set aside, perhaps with a reason that was offered."""
        said: Body = {"outcome": "overridden", "outcomeTimestamp": NOW.isoformat()}
        if reason is not None:
            said["overrideReason"] = {"reason": {"code": reason["code"], "system": reason["system"]}}
        items = [{"card": card, **said} for card in cards]
        return await self._post(f"{SIGN}/feedback", {"feedback": items}, self.client.token())

    async def get(self, path: str) -> httpx.Response:
        """Read an address that asks for no token."""
        return await self.http.get(path)

    async def _post(self, path: str, body: Body, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return await self.http.post(f"/cds-services/{path}", content=json.dumps(body), headers=headers)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of its calls."""
        lines = [json.loads(line) for line in self.written.getvalue().splitlines()]
        return [line for line in lines if line["event"] == "call"]


Opened = Callable[..., Any]


@pytest.fixture
def opened(knowledge: Knowledge, tmp_path: Path) -> Opened:
    """A context in which a service answers; all of one test share a database. `outbound` is what it calls others by."""

    new_records(tmp_path)  # made here: that takes a loop of its own

    @asynccontextmanager
    async def serving(
        outbound: Callable[[Client], httpx.AsyncClient] | None = None,
        log: Any = None,
        jwks: str = JWKS,
        fhir: str = FHIR,
        records: Records | None = None,
        **changed: Any,
    ) -> AsyncIterator[Service]:
        clock = MovableClock()
        client = Client(clock)
        client.rotate()
        clock.instant = NOW
        records, written = records or new_records(tmp_path), io.StringIO()
        calls = outbound(client) if outbound is not None else None
        app = application(
            accepted(knowledge),
            client,
            registry_of(tmp_path, jwks=jwks, fhir=fhir),
            records,
            log or written,
            calls,
            **changed,
        )
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as http:
                yield Service(app, client, clock, records, http, written)
        finally:
            if calls is not None:
                await calls.aclose()
            await records.database.close()

    return serving
