"""More calls at once than a FHIR server can be read for: each in its turn, and those too many are told so early."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.settings import Settings
from tests.ehr.idle_loop import IdleLoop


@dataclass
class Service:
    """An application without records: a database works in threads, which the loop's time does not wait for."""

    app: Any
    written: io.StringIO = field(repr=False)

    @property
    def log(self) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.written.getvalue().splitlines()) if line["event"] == "call"]


def crowd(service: Service, bodies: list[dict[str, Any]]) -> list[httpx.Response]:
    """All `bodies` fired at once, in a loop whose time only passes when nothing can be done."""

    async def fired() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service.test", timeout=600) as client:
            calls = [client.post("/cds-services/trd-order-select", content=json.dumps(body)) for body in bodies]
            return await asyncio.gather(*calls)

    with asyncio.Runner(loop_factory=IdleLoop) as runner:
        return runner.run(fired())


@pytest.fixture
def slow(knowledge, chart, making):
    """Makes a service whose FHIR server takes a second for each answer, with one turn at a time."""

    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(1)
        return chart(request)

    def make(**changed: Any) -> Service:
        written = io.StringIO()
        settings = Settings(
            base_url=making.base,
            open_mode=True,
            fhir_servers=(making.fhir,),
            ehr_connections=8,
            ehr_attempts=1,
            **{"soft_budget_seconds": 8, "deadline_seconds": 8, **changed},
        )
        app = create_app(
            settings=settings,
            knowledge=knowledge,
            clock=FixedClock(making.now),
            http=httpx.AsyncClient(transport=httpx.MockTransport(answer)),
            registry=None,
            log=RequestLog(written),
        )
        return Service(app, written)

    return make


def test_each_call_has_its_whole_time_when_its_turn_comes(slow, making):
    """The second waits longer than its own time for reading would have lasted, and misses nothing for it."""
    service = slow(turn_seconds=60)
    answers = crowd(service, [making.call(prefetch={}, fhirServer=making.fhir)] * 4)
    assert [answer.status_code for answer in answers] == [200] * 4
    lines = service.log
    assert len(lines) == 4
    assert not any(line.get("gaps") or line.get("budget") for line in lines)
    assert all("wait" in line["stages"] for line in lines)


def test_a_call_whose_turn_does_not_come_is_refused_early_and_says_when_to_come_back(slow, making):
    service = slow(turn_seconds=0.5)
    first, second = crowd(service, [making.call(prefetch={}, fhirServer=making.fhir)] * 2)
    assert first.status_code == 200
    assert second.status_code == 503
    assert int(second.headers["Retry-After"]) >= 1
    [issue] = second.json()["issue"]
    assert issue["code"] == "transient"
    assert "not a statement about the patient" in issue["diagnostics"]
    assert "TooBusy" in [line.get("outcome") for line in service.log]


def test_who_would_wait_too_long_is_refused_as_soon_as_it_comes(slow, making):
    """Once it is known how long a turn takes, nobody stands in a line that is too long."""
    service = slow(turn_seconds=10)
    crowd(service, [making.call(prefetch={}, fhirServer=making.fhir)])
    answers = crowd(service, [making.call(prefetch={}, fhirServer=making.fhir)] * 20)
    refused = [line for line in service.log if line.get("outcome") == "TooBusy"]
    assert len(refused) == sum(answer.status_code == 503 for answer in answers) > 0
    assert {answer.status_code for answer in answers} == {200, 503}
    assert sum(line.get("stages", {}).get("wait", 0.0) < 1_000 for line in refused) > len(refused) / 2


def test_a_call_that_reads_from_no_server_waits_for_nobody(slow, making):
    service = slow(turn_seconds=0.5)
    pulled = making.call(prefetch={}, fhirServer=making.fhir)
    sent = making.call(fhirServer=None)
    first, second = crowd(service, [pulled, sent])
    assert (first.status_code, second.status_code) == (200, 200)
