"""One request and its answer: retries within the time, caps on bytes, and what the end of it says of the host."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

import httpx
import orjson
import pytest

from cds_hooks.ehr import exchange as module
from cds_hooks.ehr.addresses import AddressRule
from cds_hooks.ehr.breaker import Breaker
from cds_hooks.ehr.connecting import outbound_client
from cds_hooks.ehr.exchange import Caps, Exchange, Host, Hosts
from cds_hooks.ehr.failures import ASKS_TO_WAIT, CUT_OFF, LEFT_IN_PEACE, NOT_PERMITTED, TOO_LARGE, FhirFailure
from cds_hooks.ehr.gate import Gate
from cds_hooks.ehr.retrying import retry_after
from cds_hooks.ehr.turns import Turns
from cds_hooks.outbound import FhirBase

ADDRESS = "https://ehr.example/fhir/Condition?patient=p1"
BUNDLE = {"resourceType": "Bundle", "entry": []}
Said = httpx.Response | Exception | Callable[[], httpx.Response]


@dataclass
class Scene:
    """A host that gives `said` in turn and the last of it for ever, and everything that is told about the requests."""

    said: list[Said]
    caps: Caps = field(default_factory=lambda: Caps(response_bytes=1000, call_bytes=5000, attempts=3))
    seconds: float = 20.0
    host: Host = field(default_factory=lambda: Host(Gate(4), Breaker(), Turns(8)))
    requests: list[httpx.Request] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        one = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if isinstance(one, Exception):
            raise one
        return one() if callable(one) else one

    def note(self, about: str, outcome: str, milliseconds: float) -> None:
        self.notes.append((about, outcome))
        self.milliseconds.append(milliseconds)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def exchange(self, http: httpx.AsyncClient, seconds: float | None = None) -> Exchange:
        deadline = asyncio.get_running_loop().time() + (self.seconds if seconds is None else seconds)
        return Exchange(http, self.host, caps=self.caps, deadline=deadline, note=self.note, sleep=self.sleep)

    async def ask(self, exchange: Exchange, address: str = ADDRESS, method: str = "GET", **more):
        headers = {"Authorization": "Bearer secret"}
        return await exchange.resource(method, address, headers=headers, about="Condition", expected="Bundle", **more)

    def run(self, times: int = 1, **more):
        """The answer to the last of `times` requests of one call."""

        async def scene():
            async with httpx.AsyncClient(transport=httpx.MockTransport(self.answer)) as http:
                exchange = self.exchange(http)
                for _ in range(times - 1):
                    await self.ask(exchange, **more)
                return await self.ask(exchange, **more)

        return asyncio.run(scene())

    def fails(self, **more) -> FhirFailure:
        with pytest.raises(FhirFailure) as failure:
            self.run(**more)
        assert not any(word in str(failure.value) for word in ("ehr.example", "secret", "p1", "Condition?"))
        assert failure.value.__cause__ is None
        return failure.value

    @property
    def outcomes(self) -> list[str]:
        return [outcome for _, outcome in self.notes]


def says(content: object = BUNDLE, status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=orjson.dumps(content), headers=named)


def streams(*chunks: bytes, **headers: str) -> Callable[[], httpx.Response]:
    """An answer without a length."""

    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return lambda: httpx.Response(200, content=body(), headers={k.replace("_", "-"): v for k, v in headers.items()})


def test_a_good_answer_is_noted_and_asked_for_with_the_headers_given():
    scene = Scene([says()])
    assert scene.run() == BUNDLE
    assert scene.notes == [("Condition", "ok")]
    assert scene.requests[0].headers["Authorization"] == "Bearer secret"
    assert scene.requests[0].headers["Accept-Encoding"] == "gzip"
    assert scene.milliseconds[0] >= 0 and scene.slept == []


def test_a_search_can_be_posted_and_is_tried_again_like_any_other():
    scene = Scene([says(status=503), says()])
    assert scene.run(method="POST", form={"patient": "p1"}) == BUNDLE
    assert [request.method for request in scene.requests] == ["POST", "POST"]
    assert [request.content for request in scene.requests] == [b"patient=p1"] * 2


@pytest.mark.parametrize(
    ("status", "outcome"), [(429, "throttled"), (502, "server-error"), (503, "server-error"), (504, "server-error")]
)
def test_a_fault_of_a_moment_is_tried_again(status, outcome):
    scene = Scene([says(status=status), says(status=status), says()])
    assert scene.run() == BUNDLE
    assert scene.outcomes == [outcome, outcome, "ok"]
    assert len(scene.slept) == 2 and all(0 <= seconds <= 0.5 for seconds in scene.slept)


@pytest.mark.parametrize(("attempts", "asked"), [(1, 1), (3, 3)])
def test_not_for_ever(attempts, asked):
    scene = Scene([says(status=503)], caps=Caps(response_bytes=1000, call_bytes=5000, attempts=attempts))
    failure = scene.fails()
    assert (failure.status, failure.outcome, len(scene.requests)) == (503, "server-error", asked)
    assert failure.why == "the FHIR server answered 503"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (302, "redirected"),
        (400, "client-error"),
        (401, "refused"),
        (403, "refused"),
        (404, "not-found"),
        (410, "not-found"),
        (500, "server-error"),
        (204, "unusable"),
    ],
)
def test_other_refusals_are_final_even_with_retry_after(status, outcome):
    scene = Scene([says(status=status, retry_after="3600")])
    failure = scene.fails()
    assert (failure.outcome, failure.status, failure.wait) == (outcome, status, None)
    assert str(status) in failure.why
    assert failure.refused == ("redirected" if status == 302 else None)
    assert len(scene.requests) == 1 and not scene.host.breaker.resting(0.0)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after": "3"},
        {"retry_after": "Mon, 23 Nov 2026 08:00:03 GMT", "date": "Mon, 23 Nov 2026 08:00:00 GMT"},
    ],
)
def test_the_wait_asked_for_is_kept(status, headers):
    scene = Scene([says(status=status, **headers), says()])
    assert scene.run() == BUNDLE
    assert len(scene.slept) == 1 and 3.0 <= scene.slept[0] <= 3.1


@pytest.mark.parametrize("said", ["21", "9" * 400])
def test_a_wait_beyond_the_time_is_not_begun_and_holds_for_all_calls(said):
    scene = Scene([says(status=429, retry_after=said)])
    failure = scene.fails()
    assert failure.why == ASKS_TO_WAIT.format(429) and failure.outcome == "throttled"
    assert len(scene.requests) == 1 and scene.slept == []
    other = Scene([says()], host=scene.host)
    assert other.fails().why == LEFT_IN_PEACE
    assert other.requests == [] and other.outcomes == ["not-asked"]


def test_nobody_can_switch_himself_off_for_long():
    host = Host(Gate(1), Breaker(), Turns(8))

    async def scene() -> float:
        async with httpx.AsyncClient(transport=httpx.MockTransport(asking.answer)) as http:
            with pytest.raises(FhirFailure):
                await asking.ask(asking.exchange(http))
        return asyncio.get_running_loop().time()

    asking = Scene([says(status=429, retry_after="99999999")], host=host)
    now = asyncio.run(scene())
    assert host.breaker.resting(now + 50) and not host.breaker.resting(now + 61)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2026 08:00:05 GMT"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 08:00:05 GMT", "date": "yesterday"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 07:00:00 GMT", "date": "Mon, 23 Nov 2026 08:00:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2026 08:00:05", "date": "Mon, 23 Nov 2026 08:00:00 GMT"}, None),
        ({"retry-after": "Mon, 99 Nov 99999 08:00:05 GMT", "date": "Mon, 23 Nov 2026 08:00:00 GMT"}, None),
    ],
)
def test_retry_after_is_read_or_left(headers, seconds):
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("fault", "outcome", "asked"),
    [
        (httpx.ConnectError("10.0.0.1 refused"), "unreachable", 3),
        (httpx.RemoteProtocolError("odd"), "unreachable", 3),
        (httpx.ReadError("reset"), "unreachable", 3),
        (httpx.ReadTimeout("slow"), "timeout", 1),
        (httpx.ConnectTimeout("slow"), "timeout", 1),
        (httpx.InvalidURL("odd"), "unusable", 1),
    ],
)
def test_what_ends_without_an_answer(fault, outcome, asked):
    scene = Scene([fault])
    assert scene.fails().outcome == outcome
    assert scene.outcomes == [outcome] * asked == [outcome] * len(scene.requests)


def test_after_five_failures_in_a_row_nobody_waits_for_the_host():
    scene = Scene([says(status=503)], caps=Caps(response_bytes=1000, call_bytes=5000, attempts=9))
    assert scene.fails().why == LEFT_IN_PEACE
    assert scene.outcomes == ["server-error"] * 5 + ["not-asked"]


@pytest.mark.parametrize("fault", [says(status=500), says(status=404), says([]), says(status=401)])
def test_a_host_that_answers_is_well(fault):
    scene = Scene([fault])
    for _ in range(7):
        scene.fails()
    assert not scene.host.breaker.is_open and len(scene.requests) == 7


def test_who_waited_while_the_host_failed_does_not_ask_either():
    async def drama(scene: Scene) -> list[object]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(scene.answer)) as http:
            return await asyncio.gather(*(scene.ask(scene.exchange(http)) for _ in range(9)), return_exceptions=True)

    once = Caps(response_bytes=1000, call_bytes=5000, attempts=1)
    scene = Scene([says(status=503)], caps=once, host=Host(Gate(1), Breaker(), Turns(8)))
    ends = asyncio.run(drama(scene))
    assert scene.outcomes == ["server-error"] * 5 + ["not-asked"] * 4
    assert all(isinstance(end, FhirFailure) for end in ends)


def silent() -> Scene:
    """A host that takes requests and never answers."""

    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    return Scene([lambda: httpx.Response(200, content=never())], seconds=0.05)


@pytest.mark.parametrize(("patience", "opened"), [(1.0, False), (0.0, True)])
def test_the_time_runs_out_and_only_a_long_wait_speaks_against_the_host(monkeypatch, patience, opened):
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", patience)
    scene = silent()
    scene.host = Host(Gate(1), Breaker(failures=1), Turns(8))
    assert (scene.fails().why, scene.outcomes) == (CUT_OFF, ["cut-off"])
    assert scene.host.breaker.is_open is opened


def test_what_is_over_before_it_begins_is_not_sent():
    scene = Scene([says()], seconds=-1.0)
    assert scene.fails().why == CUT_OFF
    assert scene.requests == [] and scene.outcomes == ["cut-off"]


def test_a_caller_who_leaves_is_noted_and_frees_the_gate():
    async def drama(scene: Scene) -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(scene.answer)) as http:
            asked = asyncio.create_task(scene.ask(scene.exchange(http, 30)))
            while not scene.requests:
                await asyncio.sleep(0)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            async with asyncio.timeout(1), scene.host.gate.entered(0):
                pass

    scene = silent()
    scene.host = Host(Gate(1), Breaker(), Turns(8))
    asyncio.run(drama(scene))
    assert scene.outcomes == ["cut-off"]


BOMB = gzip.compress(b" " * 5_000_000)
LARGE = {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:" + "x" * 1000}]}


@pytest.mark.parametrize(
    "answer",
    [
        says(LARGE),
        streams(*[b"x" * 100] * 50),
        streams(BOMB, content_encoding="gzip"),
        streams(*[BOMB[n : n + 1] for n in range(2000)], content_encoding="x-gzip"),
        streams(b"{}", content_length="9" * 5000),
    ],
    ids=["announced", "unannounced", "bomb", "bomb in drips", "absurd"],
)
def test_no_more_is_read_of_one_answer_than_its_cap(answer):
    scene = Scene([answer], caps=Caps(response_bytes=1000, call_bytes=10**9, attempts=3))
    failure = scene.fails()
    assert (failure.why, failure.outcome) == (TOO_LARGE, "too-large")
    assert len(scene.requests) == 1 and not scene.host.breaker.is_open


def test_a_bomb_is_unpacked_in_pieces(monkeypatch):
    """Of 5 MB no more than one piece is ever held."""
    made: list[int] = []

    real = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", lambda bits: _Spied(real(bits), made))
    bomb = streams(BOMB, content_encoding="gzip")
    assert Scene([bomb]).fails().outcome == "too-large"
    assert len(made) == 1 and made[0] <= 262_144


class _Spied:
    def __init__(self, real, made: list[int]) -> None:
        self._real, self._made = real, made

    def decompress(self, data: bytes, most: int) -> bytes:
        piece = self._real.decompress(data, most)
        self._made.append(len(piece))
        return piece

    @property
    def unconsumed_tail(self) -> bytes:
        return self._real.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._real.unused_data


def test_all_answers_of_a_call_share_one_cap():
    scene = Scene([says(LARGE)], caps=Caps(response_bytes=2000, call_bytes=2500, attempts=3))
    assert scene.fails(times=3).why == TOO_LARGE
    assert scene.outcomes == ["ok", "ok", "too-large"]


def test_a_packed_answer_is_unpacked_whole():
    whole = {"resourceType": "Bundle", "entry": [{"fullUrl": "".join(chr(65 + n * n % 57) for n in range(900_000))}]}
    packed = gzip.compress(orjson.dumps(whole))
    chunks = [packed[n : n + 5000] for n in range(0, len(packed), 5000)]
    caps = Caps(response_bytes=2_000_000, call_bytes=2_000_000, attempts=1)
    assert Scene([streams(*chunks, content_encoding="gzip")], caps=caps).run() == whole


@pytest.mark.parametrize(
    "answer",
    [
        streams(orjson.dumps(BUNDLE), content_encoding="br"),
        streams(orjson.dumps(BUNDLE), content_encoding="gzip, gzip"),
        streams(orjson.dumps(BUNDLE), content_encoding="gzip"),
        streams(gzip.compress(orjson.dumps(BUNDLE))[:-4], content_encoding="gzip"),
        streams(gzip.compress(orjson.dumps(BUNDLE)) + b"more", content_encoding="gzip"),
        streams(gzip.compress(orjson.dumps(BUNDLE)), *[b"more"] * 9, content_encoding="gzip"),
        streams(b"", content_encoding="gzip"),
        streams(b""),
        streams(b"<html>"),
        streams(b'{"resourceType": "Bun'),
        streams(b"[" * 900),
        says([]),
        says("text"),
    ],
)
def test_what_cannot_be_read_is_unusable_and_not_asked_for_again(answer):
    scene = Scene([answer])
    assert scene.fails().outcome == "unusable"
    assert scene.outcomes == ["unusable"]


def test_another_kind_of_resource_is_noted_and_handed_back():
    scene = Scene([says({"resourceType": "OperationOutcome"})])
    assert scene.run() == {"resourceType": "OperationOutcome"}
    assert scene.outcomes == ["unusable"]


@pytest.mark.proves("FA-14")
def test_an_address_that_may_not_be_called_is_told_apart_and_says_nothing_of_the_host():
    async def inside(host: str, port: int) -> list[str]:
        return ["10.0.0.1"]

    async def drama(scene: Scene) -> None:
        rule = AddressRule()
        async with outbound_client(rule=rule, connections=4, http2=True, timeout_seconds=1.0, resolve=inside) as http:
            for _ in range(7):
                with pytest.raises(FhirFailure) as refused:
                    await scene.ask(scene.exchange(http))
                assert (refused.value.why, refused.value.refused) == (NOT_PERMITTED, "private-address")

    scene = Scene([says()])
    asyncio.run(drama(scene))
    assert scene.outcomes == ["refused-address"] * 7
    assert not scene.host.breaker.is_open


@asynccontextmanager
async def speaking(*answers: bytes, slowly: bool = False) -> AsyncIterator[tuple[str, list[int]]]:
    """A socket server that gives `answers` in turn and then the last for ever; an empty one closes at once, one that
    promises more than it holds breaks off, or stays silent when `slowly`. Yields its address and its connections.
    """
    left, accepted = list(answers), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(0)
        number = len(accepted) - 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                accepted[number] += 1
                answer = left.pop(0) if len(left) > 1 else left[0]
                writer.write(answer)
                await writer.drain()
                if b"Content-Length: 2\r\n" in answer:
                    continue
                if slowly:
                    await reader.read()
                return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/fhir/Condition", accepted


def on_the_wire(scene: Scene, *answers: bytes, times: int = 1, slowly: bool = False) -> tuple[list[object], list[int]]:
    """What `times` requests end with, and the requests on each connection."""

    async def drama() -> tuple[list[object], list[int]]:
        rule = AddressRule(private=(ip_network("127.0.0.0/8"),))
        async with (
            speaking(*answers, slowly=slowly) as (address, accepted),
            outbound_client(rule=rule, connections=4, http2=False, timeout_seconds=5.0) as http,
        ):
            exchange, ends = scene.exchange(http), []
            for _ in range(times):
                try:
                    ends.append(await scene.ask(exchange, address))
                except FhirFailure as failure:
                    ends.append(failure.outcome)
            return ends, accepted

    return asyncio.run(drama())


GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
ABSENT = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"
BROKEN_OFF = b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"resourceType": '
ABSENT_AND_SLOW = b"HTTP/1.1 404 Not Found\r\nContent-Length: 900\r\n\r\n{"


def test_a_connection_lost_before_an_answer_is_tried_again():
    scene = Scene([])
    assert on_the_wire(scene, b"", GOOD)[0] == [{}]
    assert scene.outcomes == ["unreachable", "unusable"]  # {} is no Bundle


def test_an_answer_that_breaks_off_is_not():
    scene = Scene([])
    ends, accepted = on_the_wire(scene, BROKEN_OFF, GOOD)
    assert ends == scene.outcomes == ["unreachable"] and len(accepted) == 1


def test_a_refusal_leaves_the_connection_usable():
    ends, accepted = on_the_wire(Scene([]), ABSENT, ABSENT, GOOD, times=3)
    assert ends == ["not-found", "not-found", {}]
    assert accepted == [3]


def test_nobody_waits_for_the_text_of_a_refusal():
    scene = Scene([])
    ends, accepted = on_the_wire(scene, ABSENT_AND_SLOW, GOOD, times=2, slowly=True)
    assert ends == ["not-found", {}] and accepted == [1, 1]


def test_hosts_are_shared_by_origin():
    hosts = Hosts(4)
    bases = [FhirBase.parse(f"https://ehr.example{rest}") for rest in ("/fhir", "/other", ":8443/fhir")]
    first, second, third = (hosts.of(base) for base in bases if base is not None)
    assert first is second and first is not third
    assert hosts.open_breakers == 0
    for _ in range(5):
        first.breaker.report(well=False, now=0.0)
    assert hosts.open_breakers == 1
