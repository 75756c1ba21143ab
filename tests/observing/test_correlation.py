"""Every call can be found again by a random id of ours; what a caller sends is told only in the shape of a trace id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from cds_hooks.boundary import CallBoundary, call_line
from cds_hooks.observing.call_line import CallLine
from cds_hooks.observing.correlation import caller_trace
from cds_hooks.observing.request_log import RequestLog
from tests.planted import FAMILY_NAME, RECORD_NUMBER

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_every_answer_carries_its_own_id(station: Callable[..., Any]) -> None:
    at = station()

    @at.app.get("/broken")
    async def broken() -> None:
        raise LookupError(FAMILY_NAME)

    answers = [at.get(path) for path in ("/health/live", "/health/live", "/nowhere", "/broken")]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 500]
    ids = [answer.headers["x-correlation-id"] for answer in answers]
    assert ids == [line["correlation_id"] for line in at.log]
    assert len(set(ids)) == 4
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in ids)
    assert ids[3] in answers[3].text
    assert FAMILY_NAME not in answers[3].text + at.written.getvalue()
    assert at.log[3]["fault"] == "LookupError"
    assert at.log[3]["fault_place"].startswith("test_correlation.py:")


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, ""),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
        ({"traceparent": f"cc-{TRACE}-00f067aa0ba902b7-01-what-the-future-will-be-like"}, TRACE),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, ""),
        ({"traceparent": f"00-{TRACE}"}, ""),
        ({"traceparent": f"00-{TRACE.upper()}-00f067aa0ba902b7-01"}, ""),
        ({"x-request-id": "0B0F9D7E-6A35-4F6C-9D28-58A3F8F2F1AA"}, "0b0f9d7e6a354f6c9d2858a3f8f2f1aa"),
        ({"x-request-id": TRACE}, TRACE),
        ({"x-request-id": TRACE + "0"}, ""),
        ({"x-request-id": TRACE[1:]}, ""),
        ({"x-request-id": f"{TRACE} {FAMILY_NAME}"}, ""),
        ({"x-request-id": RECORD_NUMBER}, ""),
        ({"x-request-id": f"{TRACE}\n"}, ""),
        ({"x-request-id": "1" * 32, "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
    ],
)
def test_only_trace_ids_are_told(headers: dict[str, str], told: str) -> None:
    assert caller_trace(headers) == told


@pytest.mark.parametrize("name", ["x-request-id", "traceparent", "x-correlation-id"])
def test_nothing_a_caller_sends_comes_back(station: Callable[..., Any], name: str) -> None:
    at = station()
    answer = at.get("/health/live", headers={name: TRACE})
    assert TRACE not in str(answer.headers)
    assert at.log[0]["correlation_id"] != TRACE
    assert at.log[0].get("caller_trace", "") == (TRACE if name == "x-request-id" else "")


@pytest.mark.parametrize("client", ["", "general"])
def test_the_trace_id_of_a_caller_who_was_refused_is_not_told(station: Callable[..., Any], client: str) -> None:
    """Nobody compared it with the ids of the patient, and a caller may send one of those."""
    at = station()

    @at.app.get("/a-hook")
    async def a_hook(request: Request) -> None:
        line = call_line(request.scope)
        line.call, line.client = "hook", client

    at.get("/a-hook", headers={"x-request-id": TRACE})
    assert at.log[0].get("caller_trace", "") == (TRACE if client else "")


def test_a_call_that_is_cut_off_is_logged_and_no_longer_in_flight(station: Callable[..., Any]) -> None:
    at = station()
    begun = asyncio.Event()

    async def hang(scope: Scope, receive: Receive, send: Send) -> None:
        call_line(scope).call = "hook"
        begun.set()
        await asyncio.Event().wait()

    async def cut() -> None:
        boundary = CallBoundary(hang, log=RequestLog(at.written), new_line=CallLine, metrics=at.metrics)
        scope = {"type": "http", "headers": [], "method": "POST", "path": "/"}
        running = asyncio.create_task(boundary(scope, None, None))  # type: ignore[arg-type]
        await begun.wait()
        assert at.samples["trd_cds_calls_in_flight", frozenset()] == 1
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cut())
    assert at.log[-1]["outcome"] == "cut-off"
    assert ("trd_cds_calls_in_flight", frozenset()) not in at.samples
