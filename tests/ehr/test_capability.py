"""What a server says of itself, and what is remembered of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekmet.config import Settings, SimulatorSettings
from sekmet.main import create_app

from cds_hooks.ehr.capability import LIFETIME, PAUSE, Capability, Servers
from cds_hooks.ehr.exchange import Caps, Hosts
from cds_hooks.ehr.searches import searches
from cds_hooks.outbound import FhirBase
from cds_hooks.sandbox import ResourceStore, create_sandbox

BASE = FhirBase.parse("https://ehr.example/fhir")
OTHER = FhirBase.parse("https://ehr.example/other")
CAPS = Caps(response_bytes=1_000_000, call_bytes=1_000_000, attempts=2)


@dataclass
class MovableClock:
    """A clock that a test moves."""

    instant: datetime = datetime(2026, 11, 23, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant

    def today(self, zone: str) -> date:
        raise AssertionError(f"no day is asked for here, least of all in {zone}")


@dataclass
class Server:
    """A server that says `statement` with `status`, once `open` is set."""

    statement: object = field(default_factory=lambda: {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})
    status: int = 200
    requests: list[httpx.Request] = field(default_factory=list)
    open: asyncio.Event | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.open is not None:
            await self.open.wait()
        return httpx.Response(self.status, json=self.statement)


def with_servers(test):
    """Run the coroutine function `test` with servers, the one behind them, and a clock."""

    async def run():
        server, clock = Server(), MovableClock()
        async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as http:
            servers = Servers(http, Hosts(8), CAPS, clock)
            try:
                await test(servers, server, clock)
            finally:
                await servers.aclose()

    asyncio.run(run())


def statement_of(app, address):
    async def get():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as http:
            return (await http.get(address)).json()

    return asyncio.run(get())


# Reading a statement


def test_our_own_sandbox_is_understood():
    app = create_sandbox(ResourceStore(()), base_url="https://ehr.example")
    said = Capability.read(statement_of(app, "https://ehr.example/metadata"))
    assert said.version == "R4" and said.posts and said.reads_many()
    for search in searches().values():
        for variant in search.variants:
            assert set(variant.parameters) <= said.searches[search.resource_type]
        assert not search.include or said.includes_all(search.include)


def test_a_server_of_others_is_understood(tmp_path):
    app = create_app(
        Settings(
            base_url="http://ehr.test/fhir",
            data_dir=str(tmp_path),
            db_path=str(tmp_path / "fhir.db"),
            simulator=SimulatorSettings(enabled=False),
        )
    )
    said = Capability.read(statement_of(app, "http://ehr.test/fhir/metadata"))
    assert said.version == "R4" and said.posts
    assert {"patient", "intent", "_id"} <= said.searches["MedicationRequest"]
    assert said.includes_all(("MedicationRequest:medication",))
    # It answers searches for them all the same: a statement is no veto.
    assert "QuestionnaireResponse" not in said.searches


def resource(**more):
    return {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": [more]}]}


@pytest.mark.parametrize(
    ("listed", "covered"),
    [
        (["MedicationRequest:medication"], True),
        (["MedicationRequest.medication"], True),
        (["MedicationRequest:medication:Medication"], True),
        (["medication"], True),
        (["*"], True),
        (["MedicationRequest:*"], True),
        ("MedicationRequest:medication", True),
        (["MedicationRequest:requester"], False),
        (["MedicationDispense:medication"], False),
        ([], False),
        ([None, 3, {}], False),
        (None, False),
    ],
)
def test_includes_in_the_forms_they_are_written_in(listed, covered):
    said = Capability.read(resource(type="MedicationRequest", searchInclude=listed))
    assert said.includes_all(("MedicationRequest:medication",)) is covered
    assert not said.includes_all(())


def test_parameters_of_all_types_count_for_each_and_only_a_server_is_believed():
    written = resource(type="Medication", searchParam=[{"name": "code"}, {"name": "a b"}, {"name": 1}, "x"])
    assert not Capability.read(written).reads_many()
    assert Capability.read(written).searches == {"Medication": {"code"}}
    written["rest"][0]["searchParam"] = [{"name": "_id"}]
    assert Capability.read(written).reads_many()
    written["rest"][0]["mode"] = "client"
    assert Capability.read(written) == Capability()


def test_a_single_object_stands_for_a_list():
    written = {
        "resourceType": "CapabilityStatement",
        "rest": {"resource": {"type": "Condition", "searchParam": {"name": "patient"}}},
    }
    assert Capability.read(written).searches == {"Condition": {"patient"}}


def test_the_old_name_of_a_statement_tells_the_release():
    assert Capability.read({"resourceType": "Conformance"}).version == "DSTU2"
    assert Capability.read({"resourceType": "Conformance", "fhirVersion": "1.0.2"}).version == "DSTU2"
    assert Capability.read({"resourceType": "Patient", "fhirVersion": "3.0.2"}).version == "unknown"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["rest", "resource", "type", "mode", "searchParam", "name", "searchInclude", "interaction"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(JSON, JSON, JSON)
def test_no_json_makes_it_fail(anything, rest, one):
    Capability.read(anything)
    Capability.read({"resourceType": "CapabilityStatement", "fhirVersion": one, "rest": rest})
    Capability.read(resource(type="Condition", searchParam=anything, searchInclude=rest, interaction=one))


# Asking for it


def test_it_is_asked_for_once_by_all_without_token_and_nobody_waits():
    async def test(servers, server, clock):
        server.open = asyncio.Event()
        for _ in range(5):
            servers.ask(BASE)
            assert servers.known(BASE) is None
        waiting = [asyncio.create_task(servers.settled(BASE)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting.pop().cancel()
        server.open.set()
        assert [(await one).version for one in waiting] == ["R4", "R4"]
        [request] = server.requests
        assert request.url == "https://ehr.example/fhir/metadata" and "authorization" not in request.headers
        servers.ask(BASE)
        assert (await servers.settled(BASE)).version == "R4"
        assert len(server.requests) == 1
        assert servers.known(OTHER) is None and await servers.settled(OTHER) is None

    with_servers(test)


def test_it_is_asked_for_again_after_a_day_and_used_until_the_answer():
    async def test(servers, server, clock):
        servers.ask(BASE)
        await servers.settled(BASE)
        clock.instant += LIFETIME - timedelta(seconds=1)
        servers.ask(BASE)
        await servers.settled(BASE)
        assert len(server.requests) == 1
        clock.instant += timedelta(seconds=2)
        server.statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.3.0"}
        servers.ask(BASE)
        assert servers.known(BASE).version == "R4"
        assert (await servers.settled(BASE)).version == "R4B"
        server.status = 500
        clock.instant += 2 * LIFETIME
        servers.ask(BASE)
        assert await servers.settled(BASE) is None

    with_servers(test)


@pytest.mark.parametrize(
    ("status", "statement"),
    [(401, {}), (404, {"resourceType": "OperationOutcome"}), (200, {"resourceType": "Patient"}), (200, [])],
)
def test_without_a_statement_it_is_asked_for_again_after_a_pause(status, statement):
    async def test(servers, server, clock):
        server.status, server.statement = status, statement
        for _ in range(2):
            servers.ask(BASE)
            assert await servers.settled(BASE) is None
        asked = len(server.requests)
        clock.instant += PAUSE
        server.status, server.statement = 200, {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
        servers.ask(BASE)
        assert (await servers.settled(BASE)).version == "R4" and len(server.requests) == asked + 1

    with_servers(test)


def test_a_refused_version_is_looked_at_again_after_a_pause():
    """Who mends the address at the server must not wait a day; until then it stays refused."""

    async def test(servers, server, clock):
        server.statement = {"resourceType": "CapabilityStatement", "fhirVersion": "3.0.2"}
        servers.ask(BASE)
        assert (await servers.settled(BASE)).version == "STU3"
        clock.instant += PAUSE
        server.statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
        servers.ask(BASE)
        assert servers.known(BASE).version == "STU3"
        assert (await servers.settled(BASE)).version == "R4"

    with_servers(test)


def test_a_clock_set_back_makes_nothing_fresh():
    async def test(servers, server, clock):
        servers.ask(BASE)
        await servers.settled(BASE)
        servers.learn(BASE, form="typed")
        clock.instant -= timedelta(days=1)
        assert servers.known(BASE) is None and servers.form(BASE) is None
        servers.ask(BASE)
        assert (await servers.settled(BASE)).version == "R4" and len(server.requests) == 2

    with_servers(test)


def test_the_end_of_the_application_ends_the_request():
    async def test(servers, server, clock):
        server.open = asyncio.Event()
        servers.ask(BASE)
        await asyncio.sleep(0)
        await servers.aclose()
        assert servers.known(BASE) is None
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with_servers(test)


# What calls learn


def test_what_worked_is_remembered_by_server_for_a_day():
    async def test(servers, server, clock):
        servers.learn(BASE, search="scales", variant="code-bare")
        servers.learn(BASE, form="typed")
        assert (servers.variant(BASE, "scales"), servers.form(BASE)) == ("code-bare", "typed")
        assert (servers.variant(BASE, "conditions"), servers.variant(OTHER, "scales")) == (None, None)
        assert servers.form(OTHER) is None
        servers.learn(BASE, search="scales", variant="all")
        assert servers.variant(BASE, "scales") == "all"
        clock.instant += LIFETIME
        assert servers.variant(BASE, "scales") is None and servers.form(BASE) is None
        assert not server.requests

    with_servers(test)


def test_a_request_that_never_began_is_not_waited_for():
    async def test(servers, server, clock):
        servers.ask(BASE)
        await servers.aclose()
        clock.instant += PAUSE
        servers.ask(BASE)
        assert (await servers.settled(BASE)).version == "R4"

    with_servers(test)
