"""Alive and ready are different answers: the first checks nothing, the second what an answer needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mappings.load import Knowledge
from mappings.review import reviews


async def gone() -> bool:
    raise RuntimeError("canary-password")


async def stuck() -> bool:
    await asyncio.Event().wait()
    return True


async def read_only() -> bool:
    return False


def test_ready_says_what_it_answers_with(station: Callable[..., Any], knowledge: Knowledge) -> None:
    answer = station(acceptance=lambda: "awaiting acceptance").get("/health/ready", peer=("192.0.2.7", 1))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    overdue = said.pop("overdue_reviews")
    assert said == {
        "status": "ready",
        "knowledge": {"version": knowledge.version, "hash": knowledge.content_hash},
        "acceptance": "awaiting acceptance",
        "client_keys_failing": 0,
        "database_writable": True,
        "draining": False,
    }
    assert isinstance(overdue, list)


@pytest.mark.parametrize("writable", [gone, read_only])
def test_without_its_database_it_is_alive_and_not_ready(station: Callable[..., Any], writable: Any) -> None:
    at = station(writable=writable)
    answer = at.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not ready"
    assert answer.json()["database_writable"] is False
    assert "canary" not in answer.text + at.written.getvalue()
    assert at.get("/health/live").json() == {"status": "alive"}


def test_a_database_that_hangs_is_not_waited_for(station: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_hooks.observing.routes._SECONDS_TO_WRITE", 0.0)
    assert station(writable=stuck).get("/health/ready").status_code == 503


def test_while_draining_it_is_alive_and_not_ready(station: Callable[..., Any]) -> None:
    at = station(draining=lambda: True)
    answer = at.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["draining"] is True
    assert at.get("/health/live").status_code == 200


def test_overdue_reviews_are_listed_by_day_and_do_not_make_unready(
    station: Callable[..., Any], clock: Any, knowledge: Knowledge
) -> None:
    at = station()
    last = max(review.review_by for review in reviews(knowledge).values())
    clock.instant = datetime(2000, 1, 1, tzinfo=UTC)
    assert at.get("/health/ready").json()["overdue_reviews"] == []
    clock.instant = datetime(last.year + 1, 1, 1, tzinfo=UTC)
    answer = at.get("/health/ready")
    assert answer.status_code == 200
    listed = answer.json()["overdue_reviews"]
    assert {entry["file"] for entry in listed} == set(reviews(knowledge))
    assert [entry["review_by"] for entry in listed] == sorted(entry["review_by"] for entry in listed)


def test_many_who_ask_at_once_share_one_check(station: Callable[..., Any]) -> None:
    checks = 0
    done = asyncio.Event()

    async def slow() -> bool:
        nonlocal checks
        checks += 1
        await done.wait()
        return True

    at = station(writable=slow)

    async def flood() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=at.app), base_url="http://service.test") as http:
            asked = [asyncio.create_task(http.get("/health/ready")) for _ in range(20)]
            while not checks:
                await asyncio.sleep(0)
            for _ in range(100):
                await asyncio.sleep(0)
            done.set()
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert asyncio.run(flood()) == [200] * 20
    assert checks == 1
    assert at.get("/health/ready").status_code == 200
    assert checks == 2
