"""Installations served by real processes, and calls to them as a registered client makes them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from benchmarks.serving_process import FEEDBACK, ORDER_SIGN, Installation, ServerProcess, order_sign
from cds_hooks.clock import SystemClock
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.storage.tables import feedback
from cds_hooks.stories import Story, load_stories
from mappings.load import load
from tests.planted import LeakScan


@cache
def story() -> Story:
    """The first patient of the demo, whose order is answered with cards."""
    return load_stories(SystemClock().today("UTC"), load())[0]


@cache
def signing() -> dict[str, Any]:
    """Its order-sign, with the whole record."""
    return asyncio.run(order_sign(story(), load()))


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """One in live mode on the embedded database."""
    return Installation.make(tmp_path)


@dataclass
class Ehr:
    """A registered client of the servers at `bases`."""

    installation: Installation
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=30))

    def sign(self, base: str, body: dict[str, Any] | None = None, *, token: str | None = None) -> httpx.Response:
        """Fire order-sign."""
        return self._post(base + ORDER_SIGN, body or signing(), token)

    def report(self, base: str, *cards: str, at: str, token: str | None = None) -> httpx.Response:
        """Report `cards` as accepted at the instant `at`."""
        items = [
            {"card": card, "outcome": "accepted", "acceptedSuggestions": [], "outcomeTimestamp": at} for card in cards
        ]
        return self._post(base + FEEDBACK, {"feedback": items}, token)

    def cards(self, base: str) -> list[str]:
        """The uuids of the cards that an order-sign is answered with."""
        return [card["uuid"] for card in self.sign(base).raise_for_status().json()["cards"]]

    def _post(self, address: str, body: dict[str, Any], token: str | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.installation.token()}"}
        return self.http.post(address, json=body, headers=headers)


@pytest.fixture
def ehr(installation: Installation) -> Iterator[Ehr]:
    client = Ehr(installation)
    yield client
    client.http.close()


Serve = Callable[..., ServerProcess]


@pytest.fixture
def serve(leak_scan: LeakScan) -> Iterator[Serve]:
    """Start a server on an installation and wait until it is ready; what still runs at the end is killed."""
    started: list[ServerProcess] = []

    def start(installation: Installation, *, workers: int = 1, **environment: str) -> ServerProcess:
        server = ServerProcess(installation, workers=workers, **environment)
        started.append(server)
        server.await_ready()
        return server

    yield start
    for server in started:
        if server.process.poll() is None:
            server.kill()
        leak_scan.look(server.said.read_text(encoding="utf-8"), "a server of tests/running")


def reports_on_record(installation: Installation) -> list[str]:
    """The card of each item of feedback in the database."""

    async def read() -> list[str]:
        records = installation.records()
        try:
            return list(await records.database.read(lambda one: one.scalars(select(feedback.c.card)).all()))
        finally:
            await records.database.close()

    return asyncio.run(read())


class GatedFhirServer:
    """A FHIR server with the story's patient that answers nobody until `release` is set; `asked` once somebody has."""

    def __init__(self) -> None:
        self.asked, self.release = threading.Event(), threading.Event()
        sandbox = create_sandbox(ResourceStore(story().resources), base_url="http://sandbox")
        gate = self

        async def answer(path: str) -> httpx.Response:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=sandbox), base_url="http://sandbox"
            ) as inside:
                return await inside.get(path)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gate.asked.set()
                gate.release.wait(30)
                said = asyncio.run(answer(self.path.removeprefix("/fhir")))
                self.send_response(said.status_code)
                self.send_header("Content-Type", "application/fhir+json")
                self.send_header("Content-Length", str(len(said.content)))
                self.end_headers()
                with suppress(BrokenPipeError):  # a caller that was stopped meanwhile
                    self.wfile.write(said.content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}/fhir"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer whoever still waits, and end."""
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def pulling(self) -> dict[str, Any]:
        """The order-sign without a record, which is to be pulled from here."""
        request = json.loads(json.dumps({key: value for key, value in signing().items() if key != "prefetch"}))
        authorization = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs"}
        return {**request, "fhirServer": self.base, "fhirAuthorization": {**authorization, "subject": "c"}}


@pytest.fixture
def slow_fhir() -> Iterator[GatedFhirServer]:
    server = GatedFhirServer()
    yield server
    server.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real servers belong to `make test-all`; what is only computed here runs in `make test` too."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here and item.path.name != "test_kill_comparison.py":
            item.add_marker(pytest.mark.services)
