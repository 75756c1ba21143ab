"""Names that do not resolve, certificates that have expired, servers that fall silent or break off: a whole call over
real sockets. What could not be read is named or refused, keys already known go on serving, and nothing is sent to a
host that cannot prove its name.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cds_hooks.ehr.addresses import AddressRule
from cds_hooks.ehr.connecting import outbound_client
from tests.chaos.conftest import Body, Opened, Service
from tests.chaos.replicas import Client
from tests.edge.conftest import bundle, with_token

NAME = "ehr.example"
LOOPBACK = AddressRule(private=(ip_network("127.0.0.0/8"),))
Certificate = tuple[str, str]


@dataclass
class Ehr:
    """The machine behind the name: FHIR server and key address. `way`: how it fails while it is asked for FHIR."""

    client: Client | None = None
    conditions: Body = field(default_factory=bundle)
    way: str = "well"
    resolves: bool = True
    port: int = 0
    heads: list[str] = field(default_factory=list)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    proves: ssl.SSLContext = field(default_factory=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))

    def show(self, certificate: str) -> ssl.SSLContext:
        """Prove the name by this certificate, from the next connection on."""
        self.proves.load_cert_chain(*self.certificates[certificate])
        return self.proves

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """The address of the name, or none."""
        if not self.resolves:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return ["127.0.0.1"]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, ssl.SSLError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
            self.heads.append(head)
            path = head.split()[1].partition("?")[0]
            if path == "/jwks" and self.client is not None:
                content = self.client.key_set
            else:
                content = json.dumps(self.conditions if path.endswith("/Condition") else bundle()).encode()
                if self.way == "silent":
                    await reader.read()  # until the caller has gone
            sent = content[: len(content) // 2] if self.way == "breaks off" and path != "/jwks" else content
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(content) + sent)
            await writer.drain()
        writer.close()


def _certificate(folder: Any, name: str, begins: int, ends: int) -> Certificate:
    """Files of a certificate for `NAME` and of its key, its own authority, good from and to so many days from today."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)  # noqa: TID251 - TLS reads the real clock
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now + datetime.timedelta(days=begins))
        .not_valid_after(now + datetime.timedelta(days=ends))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(files[0]), str(files[1])


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Certificate]:
    """One that holds and one that expired yesterday."""
    folder = tmp_path_factory.mktemp("certificates")
    return {"good": _certificate(folder, "good", -30, 30), "expired": _certificate(folder, "expired", -30, -1)}


@pytest.fixture
def meeting(opened: Opened, certificates: dict[str, Certificate], bodies: list[Body]) -> Any:
    """A context with a service and the EHR that it calls."""

    @asynccontextmanager
    async def met(**changed: Any) -> AsyncIterator[tuple[Service, Ehr]]:
        ehr = Ehr(conditions=bodies[0]["prefetch"]["conditions"], certificates=certificates)
        trusts = ssl.create_default_context()
        for certificate, _ in certificates.values():
            trusts.load_verify_locations(certificate)

        def outbound(client: Client) -> httpx.AsyncClient:
            ehr.client = client
            return outbound_client(
                rule=LOOPBACK, connections=8, http2=False, timeout_seconds=5, verify=trusts, resolve=ehr.resolve
            )

        listening = await asyncio.start_server(ehr.serve, "127.0.0.1", 0, ssl=ehr.show("good"))
        ehr.port = listening.sockets[0].getsockname()[1]
        base = f"https://{NAME}:{ehr.port}"
        settings = {"deadline_seconds": 5, "soft_budget_seconds": 5, "ehr_attempts": 1, **changed}
        async with listening, opened(outbound, jwks=f"{base}/jwks", fhir=f"{base}/fhir", **settings) as service:
            yield service, ehr

    return met


def pulled(body: Body, ehr: Ehr, *kinds: str) -> Body:
    """The same call with the kinds named left for the service to read; without any, all of them."""
    sent = {key: value for key, value in body["prefetch"].items() if kinds and key not in kinds}
    return {**with_token({**body, "prefetch": sent}), "fhirServer": f"https://{NAME}:{ehr.port}/fhir"}


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("no address", "the FHIR server is not reachable"),
        ("silent", "the time allowed for reading ran out"),
        ("breaks off", "the FHIR server is not reachable"),
    ],
)
def test_a_fhir_server_that_cannot_be_read_is_a_gap_or_a_refusal(
    meeting: Any, bodies: list[Body], trouble: str, reason: str
) -> None:
    async def scene() -> None:
        limits = {"deadline_seconds": 0.3, "soft_budget_seconds": 0.3} if trouble == "silent" else {}
        async with meeting(**limits) as (service, ehr):
            usual = await service.sign(bodies[0])  # the keys are known from now on
            ehr.resolves, ehr.way = trouble != "no address", trouble
            in_part = await service.sign(pulled(bodies[0], ehr, "conditions"))
            assert in_part.status_code == 200 and usual.json()["cards"]
            read = "".join(card["detail"] for card in in_part.json()["cards"])
            assert re.search(rf"Not read completely: problem list.*\({reason}\)", read), read
            without = await service.sign(pulled(bodies[0], ehr))
            assert without.status_code == 412
            assert without.json()["resourceType"] == "OperationOutcome"
            told = service.log[-2:]
            assert "Condition" in told[0]["gaps"] and all(line["fhir_failed"] for line in told)
            assert NAME not in service.written.getvalue()

    asyncio.run(scene())


def test_a_server_whose_certificate_has_expired_is_told_nothing(meeting: Any, bodies: list[Body]) -> None:
    """Neither token nor patient is sent to it, and keys that it publishes are not taken; a renewed one is enough."""

    async def scene() -> None:
        async with meeting() as (service, ehr):
            assert (await service.sign(bodies[0])).status_code == 200
            [asked] = ehr.heads
            assert asked.startswith("GET /jwks")
            ehr.show("expired")
            assert (await service.sign(pulled(bodies[0], ehr))).status_code == 412
            service.client.rotate()
            assert (await service.sign(bodies[0])).status_code == 401, "the new key cannot be had"
            assert (await service.get("/health/ready")).json()["client_keys_failing"] == 1
            assert ehr.heads == [asked]
            ehr.show("good")
            service.clock.instant += datetime.timedelta(minutes=1)
            assert (await service.sign(bodies[0])).status_code == 200
            assert [head.split()[1] for head in ehr.heads] == ["/jwks"] * 2

    asyncio.run(scene())


def test_known_keys_serve_while_their_address_does_not_resolve(meeting: Any, bodies: list[Body]) -> None:
    async def scene() -> None:
        async with meeting() as (service, ehr):
            assert (await service.sign(bodies[0])).status_code == 200
            ehr.resolves = False
            service.clock.instant += datetime.timedelta(hours=3)  # past its lifetime: it is asked for anew
            assert (await service.sign(bodies[0])).status_code == 200
            assert (await service.get("/health/ready")).json()["client_keys_failing"] == 1
            service.client.rotate()
            assert (await service.sign(bodies[0])).status_code == 401, "a new key cannot be had"
            assert service.log[-1]["refused_by"] == "key"
            service.clock.instant += datetime.timedelta(hours=2)
            service.client.current = "key-0"
            assert (await service.sign(bodies[0])).status_code == 401, "known keys do not serve for ever"
            ehr.resolves = True
            service.client.rotate()
            assert (await service.sign(bodies[0])).status_code == 200
            assert (await service.get("/health/ready")).json()["client_keys_failing"] == 0

    asyncio.run(scene())
