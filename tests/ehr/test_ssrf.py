"""Server-side request forgery: nothing in a call, an answer or a name server leads the service where it may not call.

Each row is a whole call over real sockets. A listener stands where the forgery leads and counts connections, and every
address that is dialled is written down, because no listener can stand at most of the forbidden ones. Each call leaves
one line that says why, without address or token. The token endpoint of background use: tests/ehr/test_system_tokens.py.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock
from cds_hooks.ehr.addresses import AddressRule
from cds_hooks.ehr.connecting import outbound_client
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.settings import Settings
from cds_hooks.storage.records import Records
from mappings.load import Knowledge
from tests.edge.conftest import (
    BASE,
    NOW,
    KeyRing,
    accepted,
    bundle,
    call,
    full_prefetch,
    nothing_needed,
    order,
    with_token,
)
from tests.planted import ACCESS_TOKEN
from tests.record_keeping import new_records

pytestmark = pytest.mark.requirement("FA-14")
PUBLIC = "93.184.215.14"
TLS = ssl.create_default_context()  # slow to make, and not in question here
Dialled = list[tuple[str, int]]
TLS_HELLO = b"\x16"
GOOD, NAMED = "http://127.0.0.1:A/fhir", "https://ehr.example:P/fhir"
OK = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


class Listener:
    """A server on loopback that counts connections; it answers HTTP with `answer`, and hangs up on TLS."""

    def __init__(self) -> None:
        self.answer, self.accepted, self.port = "", 0, 0
        self.paths: set[str] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            if (begin := await reader.readexactly(1)) != TLS_HELLO:
                head = begin + await reader.readuntil(b"\r\n\r\n")
                self.paths.add(head.decode("ascii").split()[1].partition("?")[0])
                writer.write(self.answer.encode())
                await writer.drain()
        writer.close()

    @asynccontextmanager
    async def at(self, host: str, port: int = 0) -> AsyncIterator[Listener]:
        listening = await asyncio.start_server(self.serve, host, port)
        self.port = listening.sockets[0].getsockname()[1]
        async with listening:
            yield self


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> Dialled:
    """Host and port of every connection that is begun, whether it comes to stand or not."""
    begun: Dialled = []
    connect = httpcore.AnyIOBackend.connect_tcp

    async def recorded(self: httpcore.AnyIOBackend, host: str, port: int, **more: Any) -> httpcore.AsyncNetworkStream:
        begun.append((host, port))
        return await connect(self, host, port, **more)

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", recorded)
    return begun


@dataclass
class Service:
    """The service with its real way out; only names are looked up elsewhere. After a call, `good` is the server that
    was listed, and `bad` the listener that must not be reached.
    """

    knowledge: Knowledge
    said: Callable[[], str]
    records: Records | None = None
    written: io.StringIO = field(default_factory=io.StringIO)
    good: Listener = field(default_factory=Listener)
    bad: Listener = field(default_factory=Listener)

    def ports(self, text: str) -> str:
        """`text` with the port of `good` for A and that of `bad` for P."""
        ports = {"A": self.good.port, "P": self.bad.port}
        return re.sub(r":(0?)([AP])\b", lambda found: f":{found[1]}{ports[found[2]]}", text)

    def meets(self, call_body: dict[str, Any], *rounds: Sequence[str], **more: Any) -> int:
        """The status of the answer. A name leads to each of `rounds` in turn, and then to the last for ever."""
        return asyncio.run(self._met(call_body, list(rounds or [["127.0.0.1"]]), **more))

    async def _met(
        self, call_body: dict[str, Any], rounds: list[Sequence[str]], *, base: str = GOOD, answer: str = "",
        private: Sequence[str] = ("127.0.0.0/8",), bad_at: str = "127.0.0.1", keyring: KeyRing | None = None,
        jku: str | None = None,
    ) -> int:  # fmt: skip
        async def resolve(host: str, port: int) -> Sequence[str]:
            return rounds.pop(0) if len(rounds) > 1 else rounds[0]

        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.good.at("127.0.0.1"))
            await stack.enter_async_context(self.bad.at(bad_at, self.good.port if bad_at != "127.0.0.1" else 0))
            self.good.answer = self.ports(answer)
            rule = AddressRule(tuple(ip_network(text) for text in private))
            more: Any = {"connections": 8, "http2": False, "timeout_seconds": 2.0}
            way_out = outbound_client(rule=rule, resolve=resolve, verify=TLS, **more)
            keys = [self.ports("https://ehr.example:P/registered")]
            listed = (self.ports(base),)
            app = create_app(
                settings=Settings(base_url=BASE, open_mode=keyring is None, fhir_servers=listed, ehr_attempts=1),
                knowledge=accepted(self.knowledge) if keyring else self.knowledge, clock=FixedClock(NOW),
                http=await stack.enter_async_context(way_out), records=self.records, log=RequestLog(self.written),
                registry=keyring.registry(jwks_file=None, jku=keys) if keyring else None,
            )  # fmt: skip
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app=app)
            client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://service"))
            header = {"jku": self.ports(jku)} if jku else None
            headers = {"Authorization": f"Bearer {keyring.forge(header=header)}"} if keyring else {}
            sent = self.ports(json.dumps(call_body))
            path = f"/cds-services/trd-{call_body['hook']}"
            return (await client.post(path, content=sent, headers=headers)).status_code

    def line(self, *silent_about: str) -> dict[str, Any]:
        """The only line of the call. No line of any logger holds a token, or what the test is `silent_about`."""
        text = self.written.getvalue() + self.said()
        assert [part for part in (ACCESS_TOKEN, "eyJ", *silent_about) if part in text] == []
        lines = [json.loads(line) for line in self.written.getvalue().splitlines()]
        [line] = [line for line in lines if line["event"] == "call"]
        return dict(line)


@pytest.fixture
def service(knowledge: Knowledge, caplog: pytest.LogCaptureFixture) -> Service:
    caplog.set_level(logging.INFO)
    return Service(knowledge, lambda: caplog.text)


def body(fhir_server: str = GOOD, **prefetch: Any) -> dict[str, Any]:
    """A call for which only the conditions have to be fetched."""
    sent = {**full_prefetch(), **nothing_needed(), **prefetch}
    del sent["conditions"]
    return {**with_token(call(prefetch=sent)), "fhirServer": fhir_server}


LEADS_INSIDE: Iterable[Sequence[str]] = (
    ["10.0.0.1"], ["172.16.0.1"], ["192.168.1.1"], ["fd12::1"],  # private
    ["127.0.0.1"], ["127.8.9.1"], ["::1"],  # loopback
    ["169.254.169.254"], ["fe80::1"], ["fe80::1%lo"], ["fd00:ec2::254"], ["100.100.100.200"],  # link-local, metadata
    ["100.64.0.1"], ["0.0.0.0"], ["::"], ["224.0.0.1"], ["255.255.255.255"],
    ["::ffff:127.0.0.1"], ["::ffff:10.0.0.1"], ["::ffff:a9fe:a9fe"], ["::127.0.0.1"],  # IPv4 inside IPv6
    ["64:ff9b::7f00:1"], ["2002:7f00:1::1"], ["2001:0:4136:e378:8000:63bf:80ff:fffe"],
    [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC, "::ffff:127.0.0.1"],  # one bad among good
    ["2130706433"], ["0x7f000001"], ["0177.0.0.1"], ["127.1"], ["localhost"],  # what no resolver should say
)  # fmt: skip


@pytest.mark.parametrize("found", LEADS_INSIDE, ids=" ".join)
def test_a_listed_name_that_leads_inside(service: Service, dialled: Dialled, found: Sequence[str]) -> None:
    status = service.meets(body(NAMED), found, base=NAMED, private=())
    assert (status, service.bad.accepted, dialled) == (200, 0, [])
    line = service.line(*found, "ehr.example")
    assert (line["refused_addresses"], line["gaps"]) == (["private-address"], ["Condition"])


def test_the_listener_is_reached_where_that_is_allowed(service: Service, dialled: Dialled) -> None:
    """Without this the test above could pass because nothing is ever called."""
    service.meets(body(NAMED), base=NAMED)
    assert service.bad.accepted == len(dialled) > 0
    assert "refused_addresses" not in service.line("127.0.0.1", "ehr.example")


def test_a_name_that_changes_between_two_connections(service: Service, dialled: Dialled) -> None:
    base = "https://ehr.example:A/fhir"
    pulled = {**with_token(call(prefetch=None)), "fhirServer": base}
    service.meets(pulled, ["127.0.0.1"], ["127.0.0.2"], base=base, private=["127.0.0.1/32"], bad_at="127.0.0.2")
    assert (service.good.accepted, service.bad.accepted, len(dialled)) == (1, 0, 1)
    assert service.line("127.0.0", "ehr.example")["refused_addresses"] == ["private-address"]


# What may stand in a call or an answer; P is the port of the listener that must not be reached, A that of the server
# that may. The first are addresses that are not on the list, the second not even addresses of a FHIR base.
ELSEWHERE = (
    "http://127.0.0.1:P/fhir", "http://localhost:P/fhir", "http://[::1]:P/fhir", "https://127.0.0.1:P/fhir",
    "https://10.0.0.1/fhir", "https://[::ffff:127.0.0.1]:P/fhir", "https://[64:ff9b::7f00:1]:P/fhir",
    "https://[2002:7f00:1::1]:P/fhir", "https://evil.example:P/fhir",
)  # fmt: skip
MALFORMED = (
    "http://0.0.0.0:P/fhir", "http://10.0.0.1:P/fhir", "http://[::ffff:127.0.0.1]:P/fhir", "http://evil.example:P/fhir",
    "http://2130706433:P/fhir", "http://0x7f000001:P/fhir", "http://0177.0.0.1:P/fhir", "http://127.1:P/fhir",
    "http://127.0.0.1:A@127.0.0.1:P/fhir", "http://a:b@127.0.0.1:P/fhir", "http://127.0.0.1:P#@127.0.0.1:A/fhir",
    "http://127.0.0.1:P\\@127.0.0.1:A/fhir", "http://127.0.0.1:P?@127.0.0.1:A/fhir", "//127.0.0.1:P/fhir",
    "http://127.0.0.1:A:P/fhir", "http://127.0.0.1:0P/fhir", "http://127.0.0.1:/fhir", "http://127.0.0.1:0/fhir",
    "http://127.0.0.1:A/fhir/../admin", "gopher://127.0.0.1:P/fhir", "file:///etc/passwd",
)  # fmt: skip


@pytest.mark.parametrize("written", [*ELSEWHERE, *MALFORMED])
def test_a_call_that_names_another_server(service: Service, dialled: Dialled, written: str) -> None:
    service.meets(body(written))
    assert (service.good.accepted, service.bad.accepted, dialled) == (0, 0, [])
    why = "not-listed" if written in ELSEWHERE else "not-an-address"
    assert service.line("127.0.0.1", "evil", "passwd")["refused_addresses"] == [why]


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
@pytest.mark.parametrize("place", ["http://127.0.0.1:P/fhir/Condition", "//127.0.0.1:P/"])
def test_a_redirect(service: Service, dialled: Dialled, status: int, place: str) -> None:
    moved = f"HTTP/1.1 {status} Moved\r\nLocation: {place}\r\nConnection: close\r\n\r\n"
    assert (service.meets(body(), answer=moved), service.bad.accepted, len(set(dialled))) == (200, 0, 1)
    assert "/fhir/Condition" in service.good.paths
    line = service.line("127.0.0.1")
    assert (line["refused_addresses"], line["gaps"]) == (["redirected"], ["Condition"])


LINKS = ("/admin", "../admin", "/fhir/..;/admin", "/\\127.0.0.1:P/fhir", " http://127.0.0.1:P/")


@pytest.mark.parametrize("link", [*ELSEWHERE, *MALFORMED, *LINKS])
@pytest.mark.requirement("FA-11")
def test_a_next_link(service: Service, dialled: Dialled, link: str) -> None:
    condition = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}}
    page = OK + json.dumps(bundle(condition, link=[{"relation": "next", "url": link}]))
    assert (service.meets(body(), answer=page), service.bad.accepted, len(set(dialled))) == (200, 0, 1)
    assert "/fhir/Condition" in service.good.paths <= {"/fhir/Condition", "/fhir/metadata"}
    line = service.line("127.0.0.1", "evil", "admin", "passwd")
    assert (line["refused_addresses"], line["gaps"]) == (["link-elsewhere"], ["Condition"])


@pytest.mark.parametrize("place", ["http://127.0.0.1:P", "https://evil.example:P", "http://a@127.0.0.1:A"])
def test_a_reference_to_a_medication(service: Service, dialled: Dialled, place: str) -> None:
    old = order("old", status="completed", medicationReference={"reference": f"{place}/fhir/Medication/m1"})
    del old["medicationCodeableConcept"]
    status = service.meets(body(medicationRequests=bundle(old)), answer=OK + json.dumps(bundle()))
    assert (status, service.bad.accepted, len(set(dialled))) == (200, 0, 1)
    assert not any("Medication" in path for path in service.good.paths)
    assert service.line("127.0.0.1", "evil")["refused_addresses"] == ["link-elsewhere"]


@pytest.fixture(scope="module")
def private_keys() -> tuple[Any, Any]:
    return ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)


JKUS = (
    "https://127.0.0.1:P/jwks", "http://127.0.0.1:P/jwks", "https://ehr.example@127.0.0.1:P/registered",
    "https://evil.example:P/jwks", "https://ehr.example:P/jwks", "//127.0.0.1:P/jwks", "file:///etc/passwd",
)  # fmt: skip


@pytest.mark.parametrize("jku", [None, *JKUS])
def test_a_key_address(
    service: Service, dialled: Dialled, tmp_path: Path, private_keys: tuple[Any, Any], jku: str | None
) -> None:
    """A token names another address than the registered one or, with None, that one's name leads inside."""
    keyring, service.records = KeyRing(tmp_path, *private_keys), new_records(tmp_path)
    status = service.meets(call(), private=["127.0.0.0/8"] if jku else [], keyring=keyring, jku=jku)
    assert (status, service.bad.accepted, dialled) == (401, 0, [])
    assert service.line("127.0.0.1", "ehr.example", "evil", "passwd")["outcome"] == "NotAuthenticated"
