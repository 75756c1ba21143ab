"""Server-side request forgery: nothing in a call, an answer or a name server leads the service where it may not call.

Each row is a whole call over real sockets. A listener stands where the forgery leads and counts connections, and every
address that is dialled is written down, because no listener can stand at most of the forbidden ones. Each call leaves
one line that says why, without address or token. The token endpoint of background use: tests/ehr/test_system_tokens.py.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import httpcore
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cds_hooks.clock import FixedClock
from cds_hooks.ehr.addresses import AddressRule
from cds_hooks.ehr.connecting import outbound_client
from cds_hooks.ehr.failures import Refused
from cds_hooks.trust.key_sets import KeySets
from mappings.load import Knowledge
from tests.edge.conftest import NOW, KeyRing, bundle, call, full_prefetch, nothing_needed, order, with_token
from tests.ehr.forgery import LISTED, TLS, Service
from tests.record_keeping import new_records

pytestmark = pytest.mark.proves("FA-14")
PUBLIC = "93.184.215.14"
NAMED = "https://ehr.example:P/fhir"  # P is the port of the listener that must not be reached
OK = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
Dialled = list[tuple[str, int]]


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


@pytest.fixture
def service(knowledge: Knowledge, caplog: pytest.LogCaptureFixture) -> Service:
    caplog.set_level(logging.INFO)
    return Service(knowledge, lambda: caplog.text)


def body(fhir_server: str = LISTED, **prefetch: Any) -> dict[str, Any]:
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
@pytest.mark.proves("FA-11")
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
    line = service.line("127.0.0.1", "ehr.example", "evil", "passwd")
    assert (line["outcome"], line["refused_by"]) == ("NotAuthenticated", "key")
    assert line["refused_addresses"] == ["not-listed" if jku else "private-address"]


def test_the_registered_key_address_is_called_where_that_is_allowed(
    service: Service, dialled: Dialled, tmp_path: Path, private_keys: tuple[Any, Any]
) -> None:
    """Without this the test above could pass because no key is ever fetched."""
    keyring, service.records = KeyRing(tmp_path, *private_keys), new_records(tmp_path)
    status = service.meets(call(), keyring=keyring)
    assert (status, service.bad.accepted) == (401, len(dialled))
    assert service.bad.accepted > 0
    assert "refused_addresses" not in service.line("127.0.0.1", "ehr.example")


def test_a_key_address_says_why_while_it_rests_after_a_refusal() -> None:
    looked_up: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        looked_up.append(host)
        return ["127.0.0.1"]

    async def twice() -> list[Refused]:
        told: list[Refused] = []
        address = "https://ehr.example/registered"
        more: Any = {"connections": 1, "http2": False, "timeout_seconds": 1.0}
        async with outbound_client(rule=AddressRule(), resolve=resolve, verify=TLS, **more) as http:
            keys = KeySets([address], http, FixedClock(NOW))
            for _ in range(2):
                assert await keys.find([address], "one", told.append) is None
        return told

    assert asyncio.run(twice()) == ["private-address"] * 2
    assert looked_up == ["ehr.example"]
