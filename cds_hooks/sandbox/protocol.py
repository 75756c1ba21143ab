"""What every call has in common: CORS, the bearer token, the formats, and that a fault is always answered.

One ASGI layer around the routes, so that a browser can also read the answers that are faults.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

import orjson
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks.sandbox.faults import NotAcceptable, NoToken, SandboxFault, TooLarge

FHIR_JSON = "application/fhir+json"

_log = logging.getLogger(__name__)
_JSON = frozenset(
    {"application/fhir+json", "application/json+fhir", "application/json", "text/json", "application/*", "*/*", "json"}
)
_LARGEST_BODY = 32 * 1024 * 1024
_METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
_REQUEST_HEADERS = "Authorization, Content-Type, Accept, Prefer, If-None-Exist, X-Requested-With"
_EXPOSED = "ETag, Location, Content-Location, Last-Modified"


class FhirProtocol:
    """The layer around the routes. With `token`, every call but ``metadata`` and preflights must bring it."""

    def __init__(self, app: ASGIApp, token: str | None = None) -> None:
        self._app = app
        self._token = token.encode() if token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        started = False

        async def send_with_cors(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _allow_origin(MutableHeaders(scope=message), headers.get("origin"))
            await send(message)

        if scope["method"] == "OPTIONS":
            await _preflight(headers)(scope, receive, send_with_cors)
            return
        try:
            self._check_token(scope, headers)
            _check_format(scope, headers)
            await self._app(scope, receive, send_with_cors)
        except SandboxFault as fault:
            await answer_fault(fault)(scope, receive, send_with_cors)
        except Exception as error:
            if started:
                raise
            # The message of the error may hold parts of a resource; its type does not.
            _log.error("the sandbox failed on a call: %s", type(error).__name__)
            await answer_fault(SandboxFault("The sandbox failed on this call."))(scope, receive, send_with_cors)

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if self._token is None or (path == "/metadata" and scope["method"] in ("GET", "HEAD")):
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(token.strip().encode(), self._token):
            raise NoToken


def answer(content: Any, request: Request, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`content` as FHIR JSON, indented when ``_pretty=true`` is asked for."""
    body = orjson.dumps(content)
    if request.query_params.get("_pretty") == "true":  # resources stand in the answer as finished text
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2)
    return Response(body, status_code=status, headers=headers, media_type=FHIR_JSON)


def answer_fault(fault: SandboxFault) -> Response:
    """The OperationOutcome of `fault` with its status."""
    return Response(
        orjson.dumps(fault.outcome()),
        status_code=fault.status,
        headers=dict(fault.headers),
        media_type=FHIR_JSON,
    )


async def read_body(request: Request) -> bytes:
    """The body, up to a bound; TooLarge beyond it."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > _LARGEST_BODY:
            raise TooLarge("The body is larger than the sandbox reads; send it in parts.")
        parts.append(part)
    return b"".join(parts)


def media_type(headers: Headers) -> str:
    """The media type of the body, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(media: str) -> bool:
    """Whether a media type, or a ``_format``, means JSON; an absent one does."""
    return not media or media in _JSON


def _check_format(scope: Scope, headers: Headers) -> None:
    wanted = QueryParams(scope.get("query_string", b"")).get("_format")
    if wanted is not None:  # an unencoded "+" arrives as a space
        acceptable = is_json(wanted.partition(";")[0].strip().lower().replace(" ", "+"))
    else:
        ranges = headers.get("accept", "").lower().split(",")
        acceptable = any(is_json(one.partition(";")[0].strip()) for one in ranges)
    if not acceptable:
        raise NotAcceptable("Only JSON is offered: ask for application/fhir+json.")


def _allow_origin(headers: MutableHeaders, origin: str | None) -> None:
    headers["Access-Control-Allow-Origin"] = origin or "*"
    headers["Access-Control-Expose-Headers"] = _EXPOSED
    headers.add_vary_header("Origin")


def _preflight(headers: Headers) -> Response:
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": headers.get("access-control-request-headers", _REQUEST_HEADERS),
            "Access-Control-Max-Age": "600",
            "Allow": _METHODS,
        },
    )
