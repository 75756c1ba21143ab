"""Connections: to checked addresses only, with the name of the URL, through lanes. Real sockets on loopback."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network

import h2.config
import h2.connection
import h2.events
import httpcore
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cds_hooks.ehr import connecting
from cds_hooks.ehr.addresses import AddressRule
from cds_hooks.ehr.connecting import AddressRefused, PinnedBackend, outbound_client
from cds_hooks.ehr.lanes import EhrTransport

NAME = "ehr.example"
LOOPBACK = AddressRule(private=(ip_network("127.0.0.0/8"),))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: session=a; Path=/\r\n\r\n{}"
CLOSING = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Server:
    """Answers every request with the same bytes once `go` is set, and counts what reached it."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.accepted, self.heads = answer, 0, []
        self.go = asyncio.Event()
        self.go.set()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head.decode("ascii"))
                await self.go.wait()
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def served(answer: bytes = OK, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


def answers(*rounds: Sequence[str]):
    """A resolver that gives each of `rounds` in turn, and the last for ever."""
    left = list(rounds)

    async def resolve(host: str, port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


def caller(resolve=connecting.resolved, rule=LOOPBACK, **more) -> httpx.AsyncClient:
    settings = {"connections": 8, "http2": False, "timeout_seconds": 5.0, **more}
    return outbound_client(rule=rule, resolve=resolve, **settings)


@pytest.mark.proves("FA-14")
@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["93.184.215.14", "127.0.0.1"],
        ["127.0.0.1", "93.184.215.14"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["fe80::1%lo"],
        ["0.0.0.0"],
        ["nonsense"],
    ],
)
def test_no_socket_is_opened_to_an_address_that_is_not_permitted(found):
    refusals = []

    async def scene() -> int:
        async with (
            served() as server,
            caller(answers(found), AddressRule(), refused=lambda: refusals.append(1)) as http,
        ):
            with pytest.raises(httpx.ConnectError) as refused:
                await http.get(f"http://{NAME}:{server.port}/fhir", headers={"Authorization": "Bearer secret"})
            assert isinstance(refused.value.__cause__, AddressRefused)
            assert not any(part in str(refused.value) for part in (*found, NAME))
            return server.accepted

    assert asyncio.run(scene()) == 0
    assert refusals == [1]


@pytest.mark.proves("FA-14")
def test_a_name_that_changes_its_mind_is_judged_afresh():
    async def scene() -> int:
        async with served(CLOSING) as server, caller(answers(["127.0.0.1"], ["10.0.0.1"])) as http:
            assert (await http.get(f"http://{NAME}:{server.port}/a")).status_code == 200
            with pytest.raises(httpx.ConnectError) as refused:
                await http.get(f"http://{NAME}:{server.port}/b")
            assert isinstance(refused.value.__cause__, AddressRefused)
            return server.accepted

    assert asyncio.run(scene()) == 1


def test_a_connection_that_stands_is_kept_and_the_host_is_the_name():
    async def scene() -> tuple[int, list[str]]:
        async with served() as server, caller(answers(["127.0.0.1"], ["10.0.0.1"])) as http:
            for _ in range(3):
                assert (await http.get(f"http://{NAME}:{server.port}/a")).json() == {}
            return server.accepted, server.heads

    accepted, heads = asyncio.run(scene())
    assert accepted == 1
    assert all(f"\r\nHost: {NAME}:" in head for head in heads)


def test_no_cookie_of_one_call_reaches_the_next():
    async def scene() -> list[str]:
        async with served() as server, caller(answers(["127.0.0.1"])) as http:
            for _ in range(2):
                await http.get(f"http://{NAME}:{server.port}/a")
            assert not http.cookies
            return server.heads

    assert not any("cookie" in head.lower() for head in asyncio.run(scene()))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_called_by_its_own_names_without_any_list(host):
    async def scene() -> int:
        async with served() as server, caller(rule=AddressRule()) as http:
            return (await http.get(f"http://{host}:{server.port}/")).status_code

    assert asyncio.run(scene()) == 200


def test_the_next_address_is_tried_when_one_fails():
    async def scene() -> int:
        async with served() as server, caller(answers(["127.0.0.77", "127.0.0.1"])) as http:
            return (await http.get(f"http://{NAME}:{server.port}/")).status_code

    assert asyncio.run(scene()) == 200


def test_a_name_without_address_is_unreachable_and_no_refusal():
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    async def scene() -> None:
        for resolve in (unknown, answers([])):
            async with caller(resolve) as http:
                with pytest.raises(httpx.ConnectError) as lost:
                    await http.get(f"http://{NAME}/")
                assert not isinstance(lost.value.__cause__, AddressRefused)

    asyncio.run(scene())


class Stuck(httpcore.AsyncNetworkBackend):
    """Connects to the second address only; the first never answers."""

    def __init__(self) -> None:
        self.abandoned = False
        self.stream = httpcore.AsyncMockStream([])

    async def connect_tcp(self, host, port, **more):
        if host == "127.0.0.2":
            return self.stream
        try:
            await asyncio.Event().wait()
        finally:
            self.abandoned = True


def test_an_address_that_lets_wait_does_not_hold_up_the_next(monkeypatch):
    monkeypatch.setattr(connecting, "_STAGGER_SECONDS", 0.0)
    backend, inner = PinnedBackend(LOOPBACK, answers(["127.0.0.1", "127.0.0.2"])), Stuck()
    monkeypatch.setattr(backend, "_inner", inner)
    assert asyncio.run(backend.connect_tcp(NAME, 80, timeout=5.0)) is inner.stream
    assert inner.abandoned


def test_a_connection_that_does_not_stand_in_time_is_given_up(monkeypatch):
    backend, inner = PinnedBackend(LOOPBACK, answers(["127.0.0.1"])), Stuck()
    monkeypatch.setattr(backend, "_inner", inner)
    with pytest.raises(httpcore.ConnectTimeout):
        asyncio.run(backend.connect_tcp(NAME, 80, timeout=0.01))
    assert inner.abandoned


def test_no_redirect_is_followed():
    moved = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"

    async def scene() -> int:
        async with served(moved) as server, caller(answers(["127.0.0.1"])) as http:
            assert (await http.get(f"http://{NAME}:{server.port}/a")).status_code == 302
            return len(server.heads)

    assert asyncio.run(scene()) == 1


@pytest.mark.parametrize(("connections", "at_once"), [(1, 3), (6, 8), (32, 33)])
def test_all_connections_to_an_origin_can_be_used_and_no_more(connections, at_once):
    async def scene() -> tuple[int, int]:
        async with served() as server, caller(answers(["127.0.0.1"]), connections=connections) as http:
            server.go.clear()
            asked = [asyncio.create_task(http.get(f"http://{NAME}:{server.port}/{n}")) for n in range(at_once)]
            async with asyncio.timeout(10):
                while len(server.heads) < connections:
                    await asyncio.sleep(0)
            server.go.set()
            assert [one.status_code for one in await asyncio.gather(*asked)] == [200] * at_once
            return server.accepted, len(server.heads)

    assert asyncio.run(scene()) == (connections, at_once)


def test_a_request_that_is_cut_off_frees_its_place():
    async def scene() -> int:
        async with served() as server, caller(answers(["127.0.0.1"]), connections=1) as http:
            server.go.clear()
            address = f"http://{NAME}:{server.port}/"
            cut = asyncio.create_task(http.get(address))
            async with asyncio.timeout(10):
                while not server.heads:
                    await asyncio.sleep(0)
            cut.cancel()
            await asyncio.wait((cut,))
            server.go.set()
            return (await http.get(address)).status_code

    assert asyncio.run(scene()) == 200


def test_a_transport_needs_a_connection():
    backend = PinnedBackend(AddressRule())
    with pytest.raises(ValueError, match="connection"):
        EhrTransport(backend, verify=ssl.create_default_context(), connections=0, http2=False)


@pytest.fixture(scope="module")
def trust(tmp_path_factory) -> tuple[str, str]:
    """Files of a certificate for ehr.example and of its key; it is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)  # noqa: TID251 - TLS reads the real clock
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("trust")
    (folder / "certificate").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(folder / "certificate"), str(folder / "key")


def tls(trust: tuple[str, str], *protocols: str) -> tuple[ssl.SSLContext, list[str]]:
    """A server's context that speaks `protocols`, and the names it is asked for."""
    names: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*trust)
    context.set_alpn_protocols(list(protocols))
    context.sni_callback = lambda _, name, __: names.append(name)
    return context, names


class Http2(asyncio.Protocol):
    """Answers every stream with an empty object, but never ends ``/endless`` and says nothing to ``/silent``."""

    streams: list[int]
    connections: list[asyncio.BaseTransport]
    lost: list[object]

    @classmethod
    def fresh(cls) -> type[Http2]:
        return type("Counting", (cls,), {"streams": [], "connections": [], "lost": []})

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.append(error)

    def connection_made(self, transport) -> None:
        self.connections.append(transport)
        self.transport = transport
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.http.initiate_connection()
        transport.write(self.http.data_to_send())

    def data_received(self, data: bytes) -> None:
        for event in self.http.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                self.streams.append(event.stream_id)
                path = dict(event.headers)[b":path"]
                if path != b"/silent":
                    self.http.send_headers(event.stream_id, [(":status", "200")])
                    self.http.send_data(event.stream_id, b"{}", end_stream=path != b"/endless")
        self.transport.write(self.http.data_to_send())


def test_http2_is_spoken_where_it_is_offered_and_tls_proves_the_name(trust):
    context, names = tls(trust, "h2")
    kind = Http2.fresh()

    async def scene() -> list[httpx.Response]:
        listening = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", 0, ssl=context)
        port = listening.sockets[0].getsockname()[1]
        verify = ssl.create_default_context(cafile=trust[0])
        async with listening, caller(answers(["127.0.0.1"]), http2=True, verify=verify) as http:
            await http.get(f"https://{NAME}:{port}/first")
            found = await asyncio.gather(*(http.get(f"https://{NAME}:{port}/{n}") for n in range(30)))
        return found

    found = asyncio.run(scene())
    assert {one.http_version for one in found} == {"HTTP/2"}
    assert len(kind.streams) == 31
    assert len(kind.connections) <= 2, "one for each lane of four"
    assert set(names) == {NAME}


@pytest.mark.parametrize("path", ["/silent", "/endless"])
def test_an_http2_connection_with_a_request_left_open_is_used_no_more(trust, path):
    """Else a connection that died in silence would take every later request with it."""
    context, _ = tls(trust, "h2")
    kind = Http2.fresh()

    async def scene() -> None:
        listening = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", 0, ssl=context)
        base = f"https://{NAME}:{listening.sockets[0].getsockname()[1]}"
        verify = ssl.create_default_context(cafile=trust[0])
        more = {"connections": 1, "http2": True, "verify": verify}
        async with listening, caller(answers(["127.0.0.1"]), **more) as http, asyncio.timeout(10):
            await http.get(f"{base}/first")
            cut = asyncio.create_task(http.get(base + path))
            while len(kind.streams) < 2:
                await asyncio.sleep(0)
            beside = await http.get(f"{base}/beside")
            assert beside.status_code == 200 and len(kind.connections) == 1
            cut.cancel()
            await asyncio.wait((cut,))
            assert (await http.get(f"{base}/after")).status_code == 200
            assert len(kind.connections) == 2
            while not kind.lost:
                await asyncio.sleep(0)

    asyncio.run(scene())
    assert len(kind.streams) == 4


@pytest.mark.parametrize("http2", [True, False])
def test_http1_is_spoken_where_http2_is_not(trust, http2):
    context, names = tls(trust, "http/1.1")

    async def scene() -> list[httpx.Response]:
        verify = ssl.create_default_context(cafile=trust[0])
        async with (
            served(tls=context) as server,
            caller(answers(["127.0.0.1"]), http2=http2, verify=verify) as http,
        ):
            return await asyncio.gather(*(http.get(f"https://{NAME}:{server.port}/{n}") for n in range(6)))

    assert {one.http_version for one in asyncio.run(scene())} == {"HTTP/1.1"}
    assert set(names) == {NAME}


def test_a_server_that_cannot_prove_the_name_gets_nothing(trust):
    context, _ = tls(trust, "http/1.1")

    async def scene() -> list[str]:
        verify = ssl.create_default_context(cafile=trust[0])
        async with served(tls=context) as server, caller(answers(["127.0.0.1"]), verify=verify) as http:
            with pytest.raises(httpx.ConnectError) as lost:
                await http.get(f"https://other.example:{server.port}/")
            assert not isinstance(lost.value.__cause__, AddressRefused)
            return server.heads

    assert asyncio.run(scene()) == []
