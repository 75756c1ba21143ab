"""A long record is judged beside the loop: others are answered meanwhile, and it says the same as a short one's way."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import httpx
import pytest

from cds_hooks import hook_call
from cds_hooks.admission import LARGE_BYTES
from cds_hooks.answering import answered

PHENELZINE = "312347"
SELECT = "/cds-services/trd-order-select"


def long_call(making: Any) -> dict[str, Any]:
    """A call about sertraline beside an MAOI with more records than are judged on the loop."""
    scores = [
        {
            "resourceType": "Observation",
            "id": f"o{number}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]},
            "subject": {"reference": "Patient/p1"},
            "effectiveDateTime": "2026-01-05",
            "valueInteger": 12,
        }
        for number in range(hook_call._ON_THE_LOOP + 1)
    ]
    taken = making.order("maoi", code=PHENELZINE, status="active", authoredOn="2026-01-05")
    sent = making.prefetch(scales=making.bundle(*scores), medicationRequests=making.bundle(taken))
    return making.call("order-select", prefetch=sent)


def without_ids(answer: httpx.Response) -> Any:
    """The answer without what is drawn anew for each call."""
    said = answer.json()
    for card in said["cards"]:
        card.pop("uuid")
        for one in card.get("suggestions", ()):
            one.pop("uuid")
    return said


async def both(
    service: Any, long: Any, short: Any, begun: threading.Event, go_on: threading.Event
) -> tuple[httpx.Response, httpx.Response]:
    """The answers to two calls; the long one, once it has `begun`, may `go_on` when the short one is answered."""
    transport = httpx.ASGITransport(app=service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as client:
        first = asyncio.create_task(client.post(SELECT, content=json.dumps(long)))
        await asyncio.to_thread(begun.wait, 30)
        second = await client.post(SELECT, content=json.dumps(short))
        assert not first.done()
        go_on.set()
        return await first, second


def test_others_are_answered_meanwhile(clinic, making, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly(*args: Any, **named: Any) -> Any:
        if named["line"].resources > hook_call._ON_THE_LOOP:
            begun.set()
            assert go_on.wait(30), "nobody else was answered"
        return answered(*args, **named)

    monkeypatch.setattr(hook_call, "answered", slowly)
    service = clinic()

    answers = asyncio.run(both(service, long_call(making), making.call("order-select"), begun, go_on))
    assert [one.status_code for one in answers] == [200, 200]


def wordy(making: Any) -> dict[str, Any]:
    """The drafted order again, with a note that makes the body large; its resources are few."""
    call: dict[str, Any] = making.call("order-select")
    for entry in call["context"]["draftOrders"]["entry"]:
        entry["resource"]["note"] = [{"text": "x" * (LARGE_BYTES + 1)}]
    return call


@pytest.mark.parametrize("step", ["read_orders", "answered"])
def test_others_are_answered_while_a_large_body_is_read(
    clinic, making, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A few resources may take long, too: one order with thousands of codings, say."""
    begun, go_on = threading.Event(), threading.Event()
    real = getattr(hook_call, step)

    def slowly(*args: Any, **named: Any) -> Any:
        drafts = args[0] if step == "read_orders" else args[1].drafts
        if any(len(str(draft)) > LARGE_BYTES for draft in drafts):
            begun.set()
            assert go_on.wait(30), "nobody else was answered"
        return real(*args, **named)

    monkeypatch.setattr(hook_call, step, slowly)
    service = clinic()

    large, short = asyncio.run(both(service, wordy(making), making.call("order-select"), begun, go_on))
    assert (large.status_code, short.status_code) == (200, 200)
    assert without_ids(large) == without_ids(short)


def test_both_ways_say_the_same(clinic, making, monkeypatch: pytest.MonkeyPatch) -> None:
    call = long_call(making)
    beside = clinic().fire(call)
    monkeypatch.setattr(hook_call, "_ON_THE_LOOP", 10_000)
    on_the_loop = clinic().fire(call)
    assert beside.json()["cards"]
    assert without_ids(beside) == without_ids(on_the_loop)


def test_a_fault_beside_the_loop_is_answered_like_any_other(clinic, making, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(hook_call, "answered", broken)
    service = clinic()
    answer = service.fire(long_call(making))
    assert (answer.status_code, service.log[-1]["fault"]) == (500, "ZeroDivisionError")
