"""A small application behind the real boundary: what is said of a call depends on the boundary and the line alone."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.responses import Response

from cds_hooks.boundary import CallBoundary
from cds_hooks.errors import HookFault, respond
from cds_hooks.observing.call_line import CallLine
from cds_hooks.observing.metrics import Metrics
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.observing.routes import observing_routes
from mappings.load import Knowledge

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass
class MovableClock:
    """A clock that a test moves by hand."""

    instant: datetime = datetime(2026, 11, 22, 15, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant

    def today(self, zone: str) -> date:
        return self.instant.astimezone(ZoneInfo(zone)).date()


def samples(exposition: bytes) -> Samples:
    """Every sample that is not 0, by name and labels, as another reader of the format sees it."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition.decode())
        for sample in family.samples
        if sample.value
    }


def sample(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"trd_cds_{name}", frozenset(labels.items())


@dataclass
class Station:
    """One application with the operators' addresses, and what it said so far."""

    app: FastAPI
    metrics: Metrics
    written: io.StringIO = field(default_factory=io.StringIO)

    def get(self, path: str, *, peer: tuple[str, int] | None = ("127.0.0.1", 50_000), **more: Any) -> httpx.Response:
        async def sent() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, client=peer)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as http:
                return await http.get(path, **more)

        return asyncio.run(sent())

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written.getvalue().splitlines()]

    @property
    def samples(self) -> Samples:
        return samples(self.metrics.exposition()[0])


async def _is_writable() -> bool:
    return True


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def station(knowledge: Knowledge, clock: MovableClock) -> Callable[..., Station]:
    """Makes applications; `changed` are other arguments of `observing_routes`."""

    def make(**changed: Any) -> Station:
        metrics, written = Metrics(version="1.2.3", knowledge=knowledge), io.StringIO()
        app = FastAPI()
        app.add_middleware(
            CallBoundary, log=RequestLog(written), new_line=lambda: CallLine(knowledge="0123"), metrics=metrics
        )
        given: dict[str, Any] = {
            "metrics": metrics,
            "knowledge": knowledge,
            "clock": clock,
            "time_zone": "UTC",
            "writable": _is_writable,
            "acceptance": lambda: "accepted",
            "failing_keys": lambda: 0,
            "draining": lambda: False,
            "metrics_token": None,
            **changed,
        }
        app.include_router(observing_routes(**given))
        app.add_exception_handler(HookFault, _answer)
        return Station(app, metrics, written)

    return make


async def _answer(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, HookFault)
    return respond(fault)
