"""Which calls a service made to the demo's FHIR server: told by the token that the simulator passed on for one hook.

The sandbox asks nobody to log in. A token of ours only marks the calls of one hook call, so that the page can list
them; it lives in memory, and the oldest are forgotten. Any other token is for the authorization server to judge.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks.clock import stopwatch
from cds_hooks.sandbox.faults import NotAllowed
from cds_hooks.sandbox.protocol import answer_fault
from cds_hooks.simulator.own_page import is_local

MOST_MARKED = 100
MOST_CALLS = 200
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True)
class FhirCall:
    """One call as the FHIR server saw it; `status` is 0 when it gave no answer."""

    method: str
    address: str
    status: int = 0
    milliseconds: float = 0.0


@dataclass(slots=True)
class FhirCalls:
    """The calls of each hook call, the newest `MOST_MARKED` of them."""

    _by_token: OrderedDict[str, list[FhirCall]] = field(default_factory=OrderedDict)

    def new_token(self) -> str:
        """A token by which the calls of one hook call are told apart."""
        token = secrets.token_urlsafe()
        self._by_token[token] = []
        while len(self._by_token) > MOST_MARKED:
            self._by_token.popitem(last=False)
        return token

    def of(self, token: str) -> list[FhirCall] | None:
        """What was called with `token`; None for a token that is not known, or no longer."""
        return self._by_token.get(token)


class Recorded:
    """The sandbox, with the calls that bring a known token written down; those that do not go to `otherwise`.

    A page of another site could write to a server on loopback: writing is refused to every origin but this machine's.
    """

    def __init__(self, app: ASGIApp, calls: FhirCalls, *, otherwise: ASGIApp) -> None:
        self._app = app
        self._otherwise = otherwise
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if _writes(scope) and not is_local(headers.get("origin")):
            await _refused()(scope, receive, send)
            return
        token = headers.get("authorization", "").partition(" ")[2]
        noted = self._calls.of(token) if token else None
        if noted is None:
            await self._otherwise(scope, receive, send)
            return
        if len(noted) >= MOST_CALLS:
            await self._app(scope, receive, send)
            return
        call = FhirCall(scope["method"], _address(scope))
        noted.append(call)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
            await send(message)

        started = stopwatch()
        try:
            await self._app(scope, receive, watched)
        finally:
            call.milliseconds = round((stopwatch() - started) * 1000, 1)


def _writes(scope: Scope) -> bool:
    searches = scope["method"] == "POST" and str(scope["path"]).endswith("/_search")
    return scope["method"] in _WRITES and not searches


def _refused() -> Response:
    return answer_fault(NotAllowed("GET, HEAD, OPTIONS", "Pages of other sites may read here, and not write."))


def _address(scope: Scope) -> str:
    """Path below the FHIR base and query, readable."""
    path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
    query = unquote_plus(bytes(scope.get("query_string", b"")).decode("latin-1"))
    return f"{path.removeprefix('/')}?{query}" if query else path.removeprefix("/")
