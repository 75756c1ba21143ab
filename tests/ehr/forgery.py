"""The service as whole calls meet it over real sockets, with a listener where no call may lead.

For tests/ehr/test_ssrf.py: only names are looked up elsewhere, and each call must leave one line.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import httpx

from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock
from cds_hooks.ehr.addresses import AddressRule
from cds_hooks.ehr.connecting import outbound_client
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.settings import Settings
from cds_hooks.storage.records import Records
from mappings.load import Knowledge
from tests.edge.conftest import BASE, NOW, KeyRing, accepted
from tests.planted import ACCESS_TOKEN

TLS = ssl.create_default_context()  # slow to make, and not in question here
TLS_HELLO = b"\x16"
LISTED = "http://127.0.0.1:A/fhir"  # A is the port of the server that may be called


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
        self, call_body: dict[str, Any], rounds: list[Sequence[str]], *, base: str = LISTED, answer: str = "",
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
                settings=Settings(
                    base_url=BASE,
                    open_mode=keyring is None,
                    fhir_servers=listed,
                    ehr_attempts=1,
                    soft_budget_seconds=5,
                    deadline_seconds=5,
                ),
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
