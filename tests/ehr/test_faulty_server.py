"""The faulty server fails as planned, and well otherwise."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from cds_hooks.fhir_client import FhirClient, FhirFailure, SearchAnswer
from cds_hooks.outbound import FhirBase
from tests.ehr.faults import OTHER_PATIENT, Fault
from tests.ehr.faulty_server import FaultyServer

ORDERS = [
    {
        "resourceType": "MedicationRequest",
        "id": f"order-{number}",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {"text": "sertraline"},
    }
    for number in range(3)
]
RESOURCES = [{"resourceType": "Patient", "id": "p1", "gender": "female"}, *ORDERS]
SEARCH = "/MedicationRequest?patient=p1"
FOREVER = 30  # seconds until a test that hangs fails
Use = Callable[[FaultyServer, httpx.AsyncClient], Awaitable[Any]]


def using(fault: Fault | None, use: Use, kind: str = "MedicationRequest") -> Any:
    """What `use` does with a server whose `kind` fails, and a client whose reads time out after 0.2 s."""

    async def run() -> Any:
        plan = {} if fault is None else {kind: fault}
        timeout = httpx.Timeout(FOREVER, read=0.2)
        async with (
            FaultyServer(RESOURCES, plan, page_size=2) as server,
            httpx.AsyncClient(trust_env=False, timeout=timeout) as http,
        ):
            return await asyncio.wait_for(use(server, http), FOREVER)

    return asyncio.run(run())


def search(fault: Fault) -> httpx.Response:
    async def get(server: FaultyServer, http: httpx.AsyncClient) -> httpx.Response:
        return await http.get(server.base + SEARCH)

    return using(fault, get)


def test_without_a_fault_it_is_the_sandbox_on_one_connection() -> None:
    async def read(server: FaultyServer, http: httpx.AsyncClient) -> None:
        first = (await http.get(server.base + SEARCH, headers={"X-Told": "yes"})).json()
        next_page = next(link["url"] for link in first["link"] if link["relation"] == "next")
        assert next_page.startswith(server.base + "/")
        second = (await http.get(next_page)).json()
        assert [len(page["entry"]) for page in (first, second)] == [2, 1]
        posted = await http.post(f"{server.base}/MedicationRequest/_search", data={"patient": "p1"})
        assert posted.json()["total"] == 3
        assert (await http.get(f"{server.base}/metadata")).json()["resourceType"] == "CapabilityStatement"
        assert (server.accepted, server.given_up) == (1, [])
        assert [(seen.method, seen.kind) for seen in server.requests] == [
            *[("GET", "MedicationRequest")] * 2,
            ("POST", "MedicationRequest"),
            ("GET", "metadata"),
        ]
        assert server.requests[0].headers["x-told"] == "yes"
        assert server.requests[2].body == b"patient=p1"

    using(None, read)


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_a_client_that_goes_away_is_noted(kind: Any) -> None:
    async def give_up(server: FaultyServer, http: httpx.AsyncClient) -> None:
        with pytest.raises((httpx.ReadTimeout, TimeoutError)):
            async with asyncio.timeout(0.3):
                await http.get(server.base + SEARCH)
        await server.settled()
        assert server.given_up == server.requests
        assert len(server.requests) == 1

    using(Fault(kind), give_up)


@pytest.mark.parametrize(
    ("fault", "error"), [(Fault("reset"), httpx.ReadError), (Fault("cut"), httpx.RemoteProtocolError)]
)
def test_broken_connections(fault: Fault, error: type[Exception]) -> None:
    with pytest.raises(error):
        search(fault)


def test_an_answer_without_end_lasts_as_long_as_somebody_reads() -> None:
    async def read(server: FaultyServer, http: httpx.AsyncClient) -> None:
        size = 0
        async with http.stream("GET", server.base + SEARCH) as answer:
            async for part in answer.aiter_raw():
                size += len(part)
                if size > 2_000_000:
                    break
        await server.settled()
        assert len(server.given_up) == 1

    using(Fault("huge"), read)


def test_a_bomb_is_small_on_the_wire_and_an_empty_bundle_inside() -> None:
    answer = search(Fault("bomb", megabytes=3))
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.num_bytes_downloaded < 20_000
    assert len(answer.content) > 3_000_000
    assert answer.json() == {"resourceType": "Bundle", "type": "searchset", "entry": []}


def test_contents() -> None:
    busy = search(Fault("status", status=429, headers={"Retry-After": "7"}))
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "7")
    assert busy.json()["resourceType"] == "OperationOutcome"
    elsewhere = search(Fault("redirect", location="https://elsewhere.example/x"))
    assert (elsewhere.status_code, elsewhere.headers["location"]) == (302, "https://elsewhere.example/x")
    outcome = search(Fault("outcome"))
    assert (outcome.status_code, outcome.json()["resourceType"]) == (200, "OperationOutcome")
    with pytest.raises(json.JSONDecodeError):
        search(Fault("malformed")).json()
    wrong = search(Fault("wrong-type")).json()
    assert [entry["resource"]["resourceType"] for entry in wrong["entry"]] == ["Basic"]
    foreign = search(Fault("wrong-patient")).json()
    assert {entry["resource"]["subject"]["reference"] for entry in foreign["entry"]} == {f"Patient/{OTHER_PATIENT}"}


def test_a_read_fails_in_its_own_way() -> None:
    async def read(server: FaultyServer, http: httpx.AsyncClient) -> Any:
        return (await http.get(f"{server.base}/Patient/p1")).json()

    assert using(Fault("wrong-patient"), read, "Patient")["id"] == OTHER_PATIENT
    assert using(Fault("wrong-type"), read, "Patient")["resourceType"] == "Basic"
    assert using(Fault("endless"), read, "Patient")["id"] == "p1", "a read has no pages"


def test_a_fault_may_pass() -> None:
    async def ask(server: FaultyServer, http: httpx.AsyncClient) -> None:
        statuses = [(await http.get(server.base + SEARCH)).status_code for _ in range(3)]
        assert statuses == [503, 503, 200]

    using(Fault("status", times=2), ask)


@pytest.mark.parametrize(
    ("kind", "requests", "complete"), [("endless", 5, False), ("repeating", 2, False), ("duplicate", 2, True)]
)
def test_pages_as_the_client_meets_them(kind: Any, requests: int, complete: bool) -> None:
    async def read(server: FaultyServer, http: httpx.AsyncClient) -> None:
        base = FhirBase.parse(server.base)
        assert base is not None
        client = FhirClient(http, base, None, max_pages=4, max_resources=5000)
        answer = SearchAnswer()
        await client.search("MedicationRequest", {"patient": "p1"}, answer)
        assert {resource["id"] for resource in answer.resources} == {order["id"] for order in ORDERS}
        assert (len(server.requests), answer.complete) == (requests, complete)
        assert len({seen.target for seen in server.requests}) == requests, "every page has an address of its own"

    using(Fault(kind), read)


def test_the_client_calls_a_reset_unreachable() -> None:
    async def read(server: FaultyServer, http: httpx.AsyncClient) -> None:
        base = FhirBase.parse(server.base)
        assert base is not None
        with pytest.raises(FhirFailure, match="not reachable"):
            await FhirClient(http, base, None, max_pages=4, max_resources=5000).read("Patient", "p1")

    using(Fault("reset"), read, "Patient")
