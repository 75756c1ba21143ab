"""Clocks that are wrong, step back, or cross midnight: an answer is of one day, and a step opens or loses nothing."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from cds_hooks.clock import FixedClock
from tests.chaos.conftest import Body, Opened
from tests.chaos.replicas import JWKS, Client
from tests.edge.conftest import NOW, bundle, with_token

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LASTING = "already-considered"
PROVENANCE = "io.github.trd-cds.provenance"


def shown(answer: httpx.Response) -> str:
    """All of an answer but what is drawn anew for each call."""
    assert answer.status_code == 200, answer.text
    return UUID.sub("uuid", answer.text)


def as_of(answer: httpx.Response) -> str:
    """The day of judgement that an answer names."""
    return str(answer.raise_for_status().json()["extension"][PROVENANCE]["asOf"])


def pulled(body: Body) -> Body:
    """The same call with the conditions left for the service to read."""
    sent = {key: value for key, value in body["prefetch"].items() if key != "conditions"}
    return with_token({**body, "prefetch": sent})


def chart_that_moves(clock: dict[str, Any], conditions: Body) -> Any:
    """A FHIR server with conditions and nothing else; while it answers, the clock of the service steps once by
    ``clock["by"]``.
    """

    def outbound(client: Client) -> httpx.AsyncClient:
        def answer(request: httpx.Request) -> httpx.Response:
            if str(request.url) == JWKS:
                return client.published(request)
            service = clock["of"]
            service.clock.instant += clock.pop("by", timedelta(0))
            return httpx.Response(200, json=conditions if request.url.path.endswith("/Condition") else bundle())

        return httpx.AsyncClient(transport=httpx.MockTransport(answer))

    return outbound


@pytest.mark.parametrize("by", [timedelta(hours=9, minutes=1), -timedelta(hours=3), timedelta(days=400)], ids=str)
def test_a_clock_that_steps_during_a_call_changes_nothing_of_its_answer(
    opened: Opened, bodies: list[Body], by: timedelta
) -> None:
    """Midnight passes at the first: all of the answer is of the day on which the call came. Waits are not measured by
    this clock: nothing runs out when it leaps ahead, and nothing waits when it falls back.
    """
    moving: dict[str, Any] = {}

    async def scene() -> None:
        async with opened(chart_that_moves(moving, bodies[0]["prefetch"]["conditions"])) as service:
            moving["of"] = service
            usual = await service.sign(pulled(bodies[0]))
            moving["by"] = by
            stepped = await service.sign(pulled(bodies[0]))
            assert "by" not in moving, "the clock stepped while the record was read"
            assert shown(stepped) == shown(usual)
            assert as_of(stepped) == "2026-11-22"
            assert not any(line.get("gaps") or line.get("budget") for line in service.log)

    asyncio.run(scene())


def test_a_token_used_before_the_clock_fell_back_is_refused_after_it(opened: Opened, bodies: list[Body]) -> None:
    """Also where what was past its time has been removed in between, by a clock that was minutes ahead."""

    async def scene() -> list[int]:
        async with opened() as service:
            token = service.client.token()
            first = (await service.sign(bodies[0], token=token)).status_code
            service.clock.instant += timedelta(minutes=10, seconds=59)  # it has expired, and is kept five minutes more
            await service.records.forget_old(service.clock.now())
            service.clock.instant = NOW
            return [first, (await service.sign(bodies[0], token=token)).status_code]

    assert asyncio.run(scene()) == [200, 401]


@pytest.mark.parametrize("by", [timedelta(minutes=2), timedelta(hours=6)], ids=str)
def test_an_answer_from_the_future_silences_nothing(opened: Opened, bodies: list[Body], by: timedelta) -> None:
    """Feedback given while the clock was ahead would otherwise hold until the clock is there once more."""

    async def scene() -> None:
        async with opened() as service:
            usual = await service.sign(bodies[0])
            service.clock.instant += by
            ahead = (await service.sign(bodies[0])).json()["cards"]
            reasons = [one for card in ahead for one in card.get("overrideReasons", [])]
            lasting = next(one for one in reasons if one["code"] == LASTING)
            told = await service.report(*(card["uuid"] for card in ahead), reason=lasting)
            assert told.status_code == 200
            quieter = await service.sign(bodies[0])
            assert len(quieter.json()["cards"]) < len(ahead), "answered: not said again"
            service.clock.instant = NOW
            fallen_back = await service.sign(bodies[0])
            near = by < timedelta(minutes=5)  # two replicas may differ by so much
            assert shown(fallen_back) == shown(quieter if near else usual)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("zone", "instant", "day"),
    [
        ("America/Chicago", "2026-11-22T05:59:59", "2026-11-21"),
        ("America/Chicago", "2026-11-22T06:00:00", "2026-11-22"),
        # Clocks go forward at 2, and the night is an hour shorter; in November back, and an hour comes twice.
        ("America/Chicago", "2026-03-08T07:59:59", "2026-03-08"),
        ("America/Chicago", "2026-03-09T04:59:59", "2026-03-08"),
        ("America/Chicago", "2026-03-09T05:00:00", "2026-03-09"),
        ("America/Chicago", "2026-11-01T04:59:59", "2026-10-31"),
        ("America/Chicago", "2026-11-02T05:59:59", "2026-11-01"),
        ("America/Chicago", "2026-11-02T06:00:00", "2026-11-02"),
        # Here the day begins at one o'clock: there is no midnight.
        ("Africa/Cairo", "2026-04-23T21:59:59", "2026-04-23"),
        ("Africa/Cairo", "2026-04-23T22:00:00", "2026-04-24"),
        ("Pacific/Kiritimati", "2026-11-22T10:00:00", "2026-11-23"),
    ],
)
def test_the_day_is_that_of_the_clinic_through_summer_time(zone: str, instant: str, day: str) -> None:
    at = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert FixedClock(at).today(zone).isoformat() == day
    assert at.astimezone(ZoneInfo(zone)).date().isoformat() == day, "as a call has it, from the instant it came"
