"""The outermost layers of the application: cross-origin rules, the last resort for faults, and what is
said of each call.

Order, outermost first: `ServiceCors` (so that errors carry its headers too), `CallBoundary`, the routes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks.clock import stopwatch
from cds_hooks.errors import BadRequest, OwnFault, respond
from cds_hooks.observing.call_line import OTHER, CallLine
from cds_hooks.observing.correlation import HEADER, caller_trace, new_correlation_id
from cds_hooks.observing.metrics import Metrics
from cds_hooks.observing.request_log import RequestLog, place_of

SERVICES_PATH = "/cds-services"
_LINE = "trd_cds.call_line"
_ABOUT_PATIENTS = ("hook", "feedback", OTHER)


class ServiceCors(CORSMiddleware):
    """CORS for discovery, services and feedback only; a refused preflight says so as an OperationOutcome."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply the rules below `SERVICES_PATH`, nothing elsewhere."""
        if scope["type"] == "http" and str(scope["path"]).startswith(SERVICES_PATH):
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight: it needs no credentials."""
        decided = super().preflight_response(request_headers)
        if decided.status_code < 400:
            return decided
        refused = respond(
            BadRequest(
                "This origin, method or header is not allowed for browser clients.",
                "Ask the operator to add the origin to cors_origins; methods are GET and POST.",
            )
        )
        kept = {
            name: value for name, value in decided.headers.items() if name not in ("content-length", "content-type")
        }
        refused.headers.update(kept)
        return refused


class CallBoundary:
    """Gives each call its correlation id, one log line and its metrics; turns the unexpected into a bare 500."""

    def __init__(self, app: ASGIApp, *, log: RequestLog, new_line: Callable[[], CallLine], metrics: Metrics) -> None:
        self.app = app
        self._log = log
        self._new_line = new_line
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one call."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        line = self._new_line()
        line.correlation_id, line.caller_trace = new_correlation_id(), caller_trace(Headers(scope=scope))
        scope[_LINE] = line
        started = stopwatch()
        try:
            with self._metrics.in_flight():
                await self._run(line, scope, receive, send)
        finally:
            line.milliseconds = (stopwatch() - started) * 1000
            if not line.client and line.call in _ABOUT_PATIENTS:
                line.caller_trace = ""  # refused before anybody knew whether it is an id of the patient
            try:
                self._log.write(line)
            finally:
                self._metrics.observe(line)

    async def _run(self, line: CallLine, scope: Scope, receive: Receive, send: Send) -> None:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                line.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[HEADER] = line.correlation_id
                # Records and errors are JSON and nothing else, whatever a browser might make of them.
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            line.outcome = "client-left"
        except asyncio.CancelledError:
            line.outcome = "cut-off"
            raise
        except Exception as error:
            line.fault, line.fault_place = type(error).__name__, place_of(error)
            if not line.status:
                await respond(OwnFault(line.correlation_id))(scope, receive, watched)


def call_line(scope: Scope) -> CallLine:
    """The log line of the call that `scope` belongs to."""
    line = scope.get(_LINE)
    return line if isinstance(line, CallLine) else CallLine()
