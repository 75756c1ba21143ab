"""The application as the fuzzer calls it: straight through ASGI, with everything it says caught.

Three applications: `open` answers from prefetch alone, `pulling` reads from a FHIR server that answers with what the
fuzzer gives it, `signed` has a registry and records and asks for tokens. No network and no clock; time that passes in
waiting is the loop's own (`tests.ehr.idle_loop`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.types import ASGIApp, Message

from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.settings import Settings
from mappings.load import Knowledge
from tests.edge.conftest import BASE, NOW, KeyRing, accepted
from tests.ehr.idle_loop import IdleLoop
from tests.record_keeping import new_records

# One after another is called: how a server behaved is remembered, and one that failed often is asked no more.
FHIR_SERVERS = tuple(f"https://ehr-{number}.example/fhir" for number in range(200))
HARD_BUDGET_SECONDS = 1.6  # the default of `deadline_seconds`
Headers = tuple[tuple[bytes, bytes], ...]
_JSON: Headers = ((b"content-type", b"application/json"),)


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one call: the answer, and what was logged meanwhile. `waited` are seconds of the loop's time."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    logged: tuple[str, ...]
    waited: float = 0.0

    @property
    def line(self) -> dict[str, Any]:
        """The log line of the call; empty when there is none."""
        calls = [line for line in map(json.loads, self.logged) if line.get("event") == "call"]
        return calls[-1] if calls else {}


class _Caught:
    """A stream that keeps what is written until it is taken."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        if text.strip():
            self.lines.append(text)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


class Listening(logging.Handler):
    """Keeps what any library logs, as a handler would print it."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            text += "".join(traceback.format_exception(*record.exc_info))
        self.heard.append(text)

    def taken(self) -> tuple[str, ...]:
        """What was heard since the last time."""
        heard, self.heard = tuple(self.heard), []
        return heard


@dataclass
class Door:
    """One application. `loop` runs its calls."""

    app: ASGIApp
    caught: _Caught
    listening: Listening
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def call(self, method: str, path: str, body: bytes = b"", headers: Headers = _JSON, query: bytes = b"") -> Said:
        """One call; raises what the application lets through, which is nothing."""
        began = self.loop.time()
        messages = self.loop.run_until_complete(self._sent(method, path, body, headers, query))
        waited = self.loop.time() - began
        lines, self.caught.lines = tuple(self.caught.lines), []
        start = messages[0] if messages else {"status": 0, "headers": []}
        return Said(
            status=int(start["status"]),
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]},
            body=b"".join(message.get("body", b"") for message in messages[1:]),
            logged=(*lines, *(json.dumps({"event": text}) for text in self.listening.taken())),
            waited=waited,
        )

    async def _sent(self, method: str, path: str, body: bytes, headers: Headers, query: bytes) -> list[Message]:
        messages: list[Message] = []
        chunks = [body[:4096], body[4096:]] if len(body) > 4096 else [body]

        async def receive() -> Message:
            if not chunks:
                return {"type": "http.disconnect"}
            chunk = chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

        async def send(message: Message) -> None:
            messages.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode("utf-8", "surrogatepass"), "query_string": query, "root_path": "",
            "scheme": "https", "server": ("cds.example", 443), "client": ("192.0.2.1", 1234),
            "headers": [(b"host", b"cds.example"), *headers], "state": {},
        }  # fmt: skip
        await self.app(scope, receive, send)
        return messages


@dataclass
class Doors:
    """All of them. `chart` answers the requests of the application that pulls; `keys` sign for the registered one."""

    open: Door
    pulling: Door
    signed: Door
    keys: KeyRing
    _chart: dict[str, Callable[[httpx.Request], httpx.Response]]

    def answer_with(self, chart: Callable[[httpx.Request], httpx.Response]) -> None:
        """What the FHIR server answers from now on."""
        self._chart["is"] = chart


def _nothing(_: httpx.Request) -> httpx.Response:
    return httpx.Response(404, json={"resourceType": "OperationOutcome"})


@contextmanager
def doors(knowledge: Knowledge) -> Iterator[Doors]:
    """The applications, and their folder while they are used."""
    chart: dict[str, Callable[[httpx.Request], httpx.Response]] = {"is": _nothing}
    listening = Listening()
    logging.getLogger().addHandler(listening)
    with tempfile.TemporaryDirectory(prefix="trd-cds-fuzz-") as name:
        folder = Path(name)
        keys = KeyRing(folder, ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048))

        def answer(request: httpx.Request) -> httpx.Response:
            return chart["is"](request)

        def made_app(caught: _Caught, knowing: Knowledge, **more: Any) -> ASGIApp:
            settings = Settings(
                base_url=BASE,
                open_mode="registry" not in more,
                fhir_servers=more.pop("servers", ()),
                deadline_seconds=HARD_BUDGET_SECONDS,
            )
            return create_app(
                settings=settings,
                knowledge=knowing,
                clock=FixedClock(NOW),
                http=httpx.AsyncClient(transport=httpx.MockTransport(answer)),
                log=RequestLog(cast(Any, caught)),
                **{"registry": None, "records": None, **more},
            )

        def door(loop: asyncio.AbstractEventLoop, knowing: Knowledge, **more: Any) -> Door:
            caught = _Caught()
            app = made_app(caught, knowing, **more)
            caught.lines.clear()
            return Door(app, caught, listening, loop)

        made = Doors(
            open=door(asyncio.new_event_loop(), knowledge),
            pulling=door(IdleLoop(), knowledge, servers=FHIR_SERVERS),
            signed=door(
                asyncio.new_event_loop(),
                accepted(knowledge),
                registry=keys.registry(calls_per_minute=1_000_000),
                records=new_records(folder),
            ),
            keys=keys,
            _chart=chart,
        )
        try:
            yield made
        finally:
            logging.getLogger().removeHandler(listening)
            for one in (made.open, made.pulling, made.signed):
                one.loop.run_until_complete(one.loop.shutdown_default_executor())
                one.loop.close()
