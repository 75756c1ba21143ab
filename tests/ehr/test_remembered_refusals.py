"""A kind of data that a server refuses however it is asked is not asked for in every way by every call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from cds_hooks.ehr.capability import PAUSE, Servers
from cds_hooks.ehr.exchange import Caps, Hosts
from cds_hooks.ehr.searches import Wanted, searches
from cds_hooks.ehr.ways import Ways
from cds_hooks.fhir_client import FhirClient
from cds_hooks.outbound import FhirBase
from cds_hooks.pulling import Asking, Pulled, pull

CAPS = Caps(response_bytes=1_000_000, call_bytes=1_000_000, attempts=1)


@dataclass
class MovableClock:
    instant: datetime = datetime(2026, 11, 23, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant

    def today(self, zone: str) -> date:
        raise AssertionError(f"no day is asked for here, least of all in {zone}")


@dataclass
class Clinic:
    """A server that answers every search with `status`, and the calls that ask it one after the other."""

    status: int = 404
    clock: MovableClock = field(default_factory=MovableClock)
    requests: list[httpx.Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        base = FhirBase.parse("https://ehr.example/fhir")
        assert base is not None
        self.base = base
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        self.servers = Servers(self.http, Hosts(8), CAPS, self.clock)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        body: Mapping[str, object] = {"resourceType": "Bundle", "type": "searchset", "entry": []}
        return httpx.Response(self.status, json=body)

    async def asked(self, key: str, *, form: str = "bare") -> tuple[int, Pulled]:
        """How many requests one call makes for a kind of data, and what it got."""
        before = len(self.requests)
        fhir = FhirClient(
            self.http, self.base, None, max_pages=3, max_resources=50, ways=Ways(base=self.base, servers=self.servers)
        )
        into = Pulled(searches()[key].resource_type)
        await pull(searches()[key], Wanted(codes=("a|1",)), "p1", fhir, into, Asking(form=form))  # type: ignore[arg-type]
        return len(self.requests) - before, into


def test_only_the_usual_way_is_tried_again_for_a_while() -> None:
    async def calls() -> None:
        clinic = Clinic()
        all_ways = len(searches()["procedures"].variants)
        assert all_ways > 1
        first, into = await clinic.asked("procedures")
        second, again = await clinic.asked("procedures")
        assert (first, second) == (all_ways, 1)
        assert (into.why, again.why) == ("the FHIR server answered 404",) * 2
        assert (await clinic.asked("conditions"))[0] == 5  # another kind; its last way makes three requests
        assert (await clinic.asked("procedures", form="typed"))[0] == all_ways  # the patient named otherwise
        clinic.clock.instant += PAUSE - timedelta(seconds=1)
        assert (await clinic.asked("procedures"))[0] == 1
        clinic.clock.instant += timedelta(seconds=1)  # refusals in between do not make it longer
        assert (await clinic.asked("procedures"))[0] == all_ways

    asyncio.run(calls())


def test_a_server_that_has_come_to_its_senses_is_believed_at_once() -> None:
    async def calls() -> None:
        clinic = Clinic()
        await clinic.asked("procedures")
        clinic.status = 200
        number, into = await clinic.asked("procedures")
        assert (number, into.why, into.answered) == (1, "", True)

    asyncio.run(calls())


@pytest.mark.parametrize("key", ["patient", "medicationRequests"])
def test_what_no_call_can_do_without_is_asked_for_in_every_way_each_time(key: str) -> None:
    async def calls() -> None:
        clinic = Clinic()
        first, _ = await clinic.asked(key)
        second, _ = await clinic.asked(key)
        assert first == second > 1

    asyncio.run(calls())


@pytest.mark.parametrize("status", [401, 403, 500])
def test_what_is_no_refusal_of_the_way_is_not_remembered(status: int) -> None:
    async def calls() -> None:
        clinic = Clinic(status=status)
        assert (await clinic.asked("procedures"))[0] == 1
        clinic.status = 404
        assert (await clinic.asked("procedures"))[0] == len(searches()["procedures"].variants)

    asyncio.run(calls())
