"""The checker's own small server: its key set, a FHIR server with the invented patient that can misbehave, and a second
origin that no token may ever reach.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import orjson
import uvicorn
from starlette.types import Receive, Scope, Send

from cds_hooks.checking.patient import Invented
from cds_hooks.checking.tokens import Keys
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.settings import is_loopback

Manner = Literal["right", "paged", "link-away", "redirect", "401", "403", "404", "500", "slow"]
FHIR = "/fhir"
JWKS = "/jwks.json"
_WHOLE, _SINGLE = 500, 1


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to the FHIR server: `target` is path and query below the base, `form` a search sent in the body."""

    method: str
    target: str
    form: str
    authorization: str = field(repr=False)


class Ehr:
    """The server as an ASGI application. One call of a service is under way at a time: `begin` says how to behave."""

    def __init__(self, patient: Invented, keys: Keys, *, slow_seconds: float) -> None:
        self._store, self._keys, self._slow = ResourceStore(patient.resources), keys, slow_seconds
        self.fhir_url, self.elsewhere_port = "", 0
        self.manner: Manner = "right"
        self.token = ""
        self.asked: list[Asked] = []
        self.away: list[str] = []
        self.next_links: set[str] = set()
        self.able: list[str] = []

    @property
    def elsewhere(self) -> str:
        """The address of the second origin."""
        return f"http://127.0.0.1:{self.elsewhere_port}{FHIR}"

    @property
    def is_near(self) -> bool:
        """Whether the service, which reaches the FHIR server by `fhir_url`, can reach the second origin too."""
        return is_loopback(urlsplit(self.fhir_url).hostname or "")

    def begin(self, manner: Manner, token: str) -> None:
        """Behave so from now on, demand `token`, and forget what was asked."""
        self.manner, self.token = manner, token
        self.asked, self.away, self.next_links = [], [], set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        authorization = headers.get("authorization", "")
        if scope["server"][1] == self.elsewhere_port:
            self.away.append(authorization)
            await _answer(send, 404, {})
        elif scope["path"] == JWKS:
            await _answer(send, 200, self._keys.public())
        elif scope["path"].startswith(FHIR + "/"):
            body = await _body(receive)
            target = scope["path"].removeprefix(FHIR + "/")
            if query := scope["query_string"].decode("latin-1"):
                target += "?" + query
            await self._fhir(Asked(scope["method"], target, body.decode("latin-1"), authorization), headers, send)
        else:
            await _answer(send, 404, {})

    async def _fhir(self, asked: Asked, headers: dict[str, str], send: Send) -> None:
        if asked.target.startswith("metadata"):
            await _answer(send, *await self._inside(asked, headers))
            return
        self.asked.append(asked)
        if asked.authorization != f"Bearer {self.token}":
            await _answer(send, 401, _outcome("login"))
            return
        if self.manner in ("401", "403", "404", "500"):
            await _answer(send, int(self.manner), _outcome("processing"))
            return
        if self.manner == "redirect":
            await _answer(send, 302, {}, location=f"{self.elsewhere}/{asked.target}")
            return
        if self.manner == "slow":
            await asyncio.sleep(self._slow)
        status, content = await self._inside(asked, headers)
        if content.get("resourceType") == "Bundle":
            if self.manner == "link-away":
                content["link"] = [{"relation": "next", "url": f"{self.elsewhere}/{asked.target}"}]
                content["total"] = len(content.get("entry", [])) + 1
            self.next_links.update(one["url"] for one in content.get("link", []) if one["relation"] == "next")
        await _answer(send, status, content)

    async def _inside(self, asked: Asked, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        size = _SINGLE if self.manner == "paged" else _WHOLE
        app = create_sandbox(self._store, base_url=self.fhir_url, page_size=size)
        kept = {name: value for name, value in headers.items() if name in ("content-type", "prefer")}
        target = asked.target
        if self.manner == "paged":  # a client's own page size would hide the pages
            target = "&".join(one for one in target.split("&") if not one.startswith("_count="))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://inside") as http:
            answer = await http.request(asked.method, f"/{target}", content=asked.form.encode("latin-1"), headers=kept)
        return answer.status_code, orjson.loads(answer.content) if answer.content else {}

    def followed(self) -> bool:
        """Whether a next link was followed."""
        base = urlsplit(self.fhir_url).path
        links = {f"{urlsplit(one).path.removeprefix(base + '/')}?{urlsplit(one).query}" for one in self.next_links}
        return any(one.target in links for one in self.asked)


@contextmanager
def listening(ehr: Ehr, host: str, port: int, fhir_url: str) -> Iterator[str]:
    """Serve `ehr` on `host` and `port` (0: any free one) while the block runs; gives the origin. `fhir_url` is the
    address by which services reach the FHIR server, empty for the one given here. OSError when the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as main, socket.socket() as second:
        main.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        main.bind((host, port))
        second.bind(("127.0.0.1", 0))
        for one in (main, second):
            one.listen()
        shown = f"[{host}]" if ":" in host else host
        origin = f"http://{shown}:{main.getsockname()[1]}"
        ehr.fhir_url = fhir_url or origin + FHIR
        ehr.elsewhere_port = second.getsockname()[1]
        config = uvicorn.Config(ehr, lifespan="off", log_level="critical", access_log=False, ws="none")
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [main, second]}, daemon=True)
        thread.start()
        try:
            yield origin
        finally:
            server.should_exit = server.force_exit = True
            thread.join()


def _outcome(code: str) -> dict[str, Any]:
    issue = {"severity": "error", "code": code, "diagnostics": "The checker's FHIR server behaves so on purpose."}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


async def _body(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _answer(send: Send, status: int, content: dict[str, Any], **headers: str) -> None:
    body = orjson.dumps(content)
    named = [(b"content-type", b"application/fhir+json"), (b"content-length", str(len(body)).encode())]
    named += [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": named})
    await send({"type": "http.response.body", "body": body})
