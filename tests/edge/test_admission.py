"""More calls at once than can be answered: the line, its end, and what those are told who do not get into it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx
import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from starlette.requests import ClientDisconnect

from cds_hooks import boundary
from cds_hooks.admission import LARGE_BYTES, Admission
from cds_hooks.errors import Overloaded
from cds_hooks.observing.refusals import EVENT, RefusalsTold
from tests.observing.conftest import sample, samples

SELECT = "/cds-services/trd-order-select"
USUAL = 60_000


async def here() -> bool:
    return False


@dataclass
class Process:
    """A process whose time passes only by working; `begun` names the calls it began, and when."""

    seconds: float = 0.5
    time: float = 0.0
    begun: list[tuple[Any, float]] = field(default_factory=list)
    refused: list[tuple[Any, Overloaded, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.admission = Admission(self.seconds, now=lambda: self.time, draw=lambda: 0.5)

    async def call(self, name: Any, costs: float, size: int = USUAL, left: Callable[[], Any] = here) -> None:
        try:
            async with self.admission.taken(size, left):
                self.begun.append((name, self.time))
                self.time += costs
        except Overloaded as refused:
            self.refused.append((name, refused, self.time))

    async def crowd(self, number: int, costs: float, size: int = USUAL) -> None:
        await asyncio.gather(*(self.call(each, costs, size) for each in range(number)))


def test_a_crowd_is_served_in_order_and_the_end_of_the_line_is_told_early() -> None:
    process = Process()
    asyncio.run(process.crowd(200, costs=0.02))
    names = [name for name, _ in process.begun]
    assert names == sorted(names)
    assert max(at for _, at in process.begun) <= 0.5 + 0.04
    assert len(process.begun) >= 20, "as many as can be begun in the time are served"
    assert len(process.begun) + len(process.refused) == 200
    # Once it was learned how slow this is, which takes some calls, nobody is kept waiting for a refusal.
    assert max(at for *_, at in process.refused) <= 0.5
    assert {refused.headers["Retry-After"] for _, refused, _ in process.refused} == {"1"}


@pytest.mark.parametrize("costs", [0.001, 5.0])
def test_calls_one_after_the_other_are_never_refused(costs: float) -> None:
    process = Process()

    async def one_by_one() -> None:
        for number in range(50):
            await process.call(number, costs)

    asyncio.run(one_by_one())
    assert (len(process.begun), process.refused) == (50, [])


def test_as_many_as_fit_in_are_all_served() -> None:
    process = Process()
    asyncio.run(process.crowd(100, costs=0.004))
    assert process.refused == []


def test_the_line_is_as_long_as_calls_are_quick() -> None:
    lengths = []
    for costs in (0.002, 0.04):
        process = Process()
        asyncio.run(process.crowd(60, costs))
        process.begun.clear()
        asyncio.run(process.crowd(300, costs))
        lengths.append(len(process.begun))
    assert lengths[0] > 5 * lengths[1]


def test_who_stood_in_line_through_a_standstill_is_refused_and_the_next_is_served() -> None:
    process = Process()

    async def run() -> None:
        costs = {"first": 0.01, "stuck": 10.0, "third": 0.01, "fourth": 0.01}
        await asyncio.gather(*(process.call(name, seconds) for name, seconds in costs.items()))
        await process.call("later", 0.01)

    asyncio.run(run())
    assert [name for name, _ in process.begun] == ["first", "stuck", "later"]
    assert sorted(name for name, *_ in process.refused) == ["fourth", "third"]


def test_between_two_calls_the_loop_looks_at_what_else_has_come() -> None:
    process, looked = Process(), []

    async def look() -> None:
        while len(process.begun) < 10:
            looked.append(len(process.begun))
            await asyncio.sleep(0)

    async def run() -> None:
        await asyncio.gather(process.crowd(10, 0.01), look())

    asyncio.run(run())
    assert set(looked) >= set(range(1, 10))


@pytest.mark.parametrize("costs", [0.0, 0.001])
def test_connections_taken_on_one_a_round_are_heard_before_the_next_call_begins(costs: float) -> None:
    """As the event loop does it: with one look between two calls, hundreds would wait for as many calls to end."""
    process, heard = Process(), []

    async def come_one_a_round() -> None:
        for _ in range(30):
            await asyncio.sleep(0)
            process.admission.refusal(USUAL)
            process.time += costs
            heard.append(len(process.begun))

    async def run() -> None:
        await asyncio.gather(process.crowd(10, 0.02), come_one_a_round())

    asyncio.run(run())
    assert len(process.begun) == 10
    assert set(heard) == {1}


def test_who_keeps_coming_does_not_keep_others_from_being_served() -> None:
    process, left = Process(seconds=60), True

    async def come_for_ever() -> None:
        while left:
            await asyncio.sleep(0)
            process.admission.refusal(USUAL)
            process.time += 0.004

    async def run() -> None:
        nonlocal left
        coming = asyncio.create_task(come_for_ever())
        await process.crowd(20, 0.02)
        left = False
        await coming

    asyncio.run(run())
    between = [later - earlier for (_, earlier), (_, later) in pairwise(process.begun)]
    assert len(process.begun) == 20
    # The call, twice its time for looking, what came last, and in the few rounds until the next one is awake.
    assert max(between) <= 0.02 * 3 + 0.004 * 10


def test_a_line_does_not_wait_for_what_does_not_come() -> None:
    """Where nobody else calls, the next begins a few rounds later: no time is spent."""
    process, rounds = Process(), 0

    async def count() -> None:
        nonlocal rounds
        while len(process.begun) < 10:
            rounds += 1
            await asyncio.sleep(0)

    async def run() -> None:
        await asyncio.gather(process.crowd(10, 0.02), count())

    asyncio.run(run())
    assert rounds < 10 * 8


def test_who_has_left_is_not_worked_for_and_who_is_cut_off_is_passed_over() -> None:
    process = Process()

    async def left() -> bool:
        return True

    async def run() -> list[Any]:
        calls = [
            asyncio.create_task(process.call("first", 0.01)),
            asyncio.create_task(process.call("left", 0.01, left=left)),
            asyncio.create_task(process.call("cut off", 0.01)),
            asyncio.create_task(process.call("last", 0.01)),
        ]
        await asyncio.sleep(0)
        calls[2].cancel()
        return await asyncio.gather(*calls, return_exceptions=True)

    ends = asyncio.run(run())
    assert [name for name, _ in process.begun] == ["first", "last"]
    assert [type(end) for end in ends] == [type(None), ClientDisconnect, asyncio.CancelledError, type(None)]


@pytest.mark.parametrize("end", [asyncio.CancelledError(), RuntimeError()])
def test_the_turn_of_who_is_lost_when_it_comes_goes_to_the_next(end: BaseException) -> None:
    process = Process()

    async def lost() -> bool:
        raise end

    async def run() -> list[Any]:
        calls = (process.call(name, 0.01, left=lost if name == "lost" else here) for name in ("first", "lost", "last"))
        return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), timeout=30)

    assert [type(one) for one in asyncio.run(run())] == [type(None), type(end), type(None)]
    assert [name for name, _ in process.begun] == ["first", "last"]
    assert process.admission.idle


def test_large_records_stand_in_a_line_of_their_own() -> None:
    process, large = Process(), LARGE_BYTES + 1

    async def judged_beside(go_on: asyncio.Event) -> None:
        async with process.admission.taken(large, here), process.admission.alone():
            await go_on.wait()

    async def run() -> tuple[bool, bool]:
        go_on = asyncio.Event()
        at_work = [asyncio.create_task(judged_beside(go_on)) for _ in range(2)]
        for _ in range(5):
            await asyncio.sleep(0)
        refused = process.admission.refusal(large) is not None, process.admission.refusal(USUAL) is not None
        go_on.set()
        await asyncio.gather(*at_work)
        assert process.admission.refusal(large) is None
        return refused

    assert asyncio.run(run()) == (True, False)


def test_one_large_record_is_judged_at_a_time() -> None:
    process, inside, most = Process(), 0, 0

    async def one() -> None:
        nonlocal inside, most
        async with process.admission.alone():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async def run() -> None:
        await asyncio.gather(*(one() for _ in range(5)))

    asyncio.run(run())
    assert (inside, most) == (0, 1)


def test_one_line_tells_of_many_refusals() -> None:
    time, told = [0.0], []
    refusals = RefusalsTold(lambda event, calls: told.append((event, calls)), every=10, now=lambda: time[0])
    refusals.tell()
    for _ in range(1_000):
        refusals.note()
    time[0] = 10.0
    refusals.tell()
    assert told == [(EVENT, 1), (EVENT, 999)]


@pytest.fixture
def crowded(clinic, making, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, list[httpx.Response]]]:
    """Fires calls at once at a service that lets nobody wait, then asks for discovery, health and metrics."""
    monkeypatch.setattr(boundary, "_HOLD_SECONDS", 0)

    def fire(number: int, **more: Any) -> tuple[Any, list[httpx.Response]]:
        service = clinic(queue_seconds=1e-9)
        taken = making.order("maoi", code="312347", status="active", authoredOn="2026-01-05")  # phenelzine
        sent = making.prefetch(medicationRequests=making.bundle(taken))
        body = json.dumps(making.call("order-select", prefetch=sent))

        async def fired() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=service.app, client=("127.0.0.1", 50_000))
            async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as client:
                calls = [client.post(SELECT, content=body, **more) for _ in range(number)]
                asked = [client.get(path) for path in ("/cds-services", "/health/live", "/health/ready")]
                answers = await asyncio.gather(*calls, *asked)
                return [*answers, await client.get("/metrics")]

        return service, asyncio.run(fired())

    return fire


def test_an_overloaded_service_says_so_and_is_never_silent_instead(crowded) -> None:
    service, (*answers, discovery, live, ready, metrics) = crowded(20)
    served = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert served
    assert refused
    assert len(served) + len(refused) == 20
    assert all(answer.json()["cards"] for answer in served)
    for answer in refused:
        OperationOutcome.model_validate(answer.json())
        assert "cards" not in answer.json()
        assert "not a statement about the patient" in answer.text
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["X-Correlation-Id"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (discovery.status_code, live.status_code, ready.status_code) == (200, 200, 200)

    counted = samples(metrics.content)
    assert counted[sample("overload_refusals_total", where="queue")] == len(refused)
    statuses: dict[str, float] = {}
    for (name, labels), value in counted.items():
        if name == "trd_cds_calls_total" and ("call", "hook") in labels:
            statuses[dict(labels)["status"]] = statuses.get(dict(labels)["status"], 0) + value
    assert statuses == {"200": len(served), "503": len(refused)}

    assert [line["status"] for line in service.log if line.get("call") == "hook"] == [200] * len(served)
    warnings = [json.loads(line) for line in service.written.getvalue().splitlines() if EVENT in line]
    assert len(warnings) == 1


def test_a_browser_may_read_the_refusal(crowded) -> None:
    _, answers = crowded(5, headers={"Origin": "https://ehr.example"})
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert all(answer.headers["Access-Control-Allow-Origin"] == "*" for answer in refused)
    assert all("Retry-After" in answer.headers["Access-Control-Expose-Headers"] for answer in refused)
