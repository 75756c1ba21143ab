"""The outermost layers of the application: cross-origin rules, the last resort for faults, and what is
said of each call.

Order, outermost first: `ServiceCors` (so that errors carry its headers too), `CallBoundary`, the routes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks.admission import Admission
from cds_hooks.clock import stopwatch
from cds_hooks.errors import BadRequest, Overloaded, OwnFault, respond
from cds_hooks.observing.call_line import OTHER, CallLine
from cds_hooks.observing.correlation import HEADER, caller_span, caller_trace, new_correlation_id
from cds_hooks.observing.metrics import Metrics
from cds_hooks.observing.refusals import RefusalsTold
from cds_hooks.observing.request_log import RequestLog, place_of

SERVICES_PATH = "/cds-services"
_SERVICE, _FEEDBACK = f"{SERVICES_PATH}/", "/feedback"
_HOLD_SECONDS, _MOST_HELD = 0.2, 1_000
_CORRELATION = HEADER.encode("ascii")
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
    """Gives each call its correlation id, one log line, its metrics and its spans if there is a collector (`traced`);
    turns the unexpected into a bare 500.

    What `admission` has no room for is refused here, before its body is read; such calls are counted, and one line
    tells of many.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        log: RequestLog,
        new_line: Callable[[], CallLine],
        metrics: Metrics,
        admission: Admission | None = None,
        traced: Callable[[CallLine], None] | None = None,
    ) -> None:
        self.app = app
        self._log = log
        self._new_line = new_line
        self._metrics = metrics
        self._admission = admission
        self._held = 0  # refused calls that are told a little later
        self._refused = RefusalsTold(lambda event, calls: log.warn(event, calls=calls))
        self._traced = traced

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one call."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if (refused := self._no_room(scope)) is not None:
            await self._refuse(refused, scope, receive, send)
            return
        line = self._new_line()
        headers = Headers(scope=scope)
        line.correlation_id, line.caller_trace = new_correlation_id(), caller_trace(headers)
        line.caller_span = caller_span(headers) if self._traced is not None else None
        scope[_LINE] = line
        started = stopwatch()
        try:
            with self._metrics.in_flight():
                await self._run(line, scope, receive, send)
        finally:
            line.milliseconds = (stopwatch() - started) * 1000
            if not line.client and line.call in _ABOUT_PATIENTS:
                # Refused before anybody knew whether it is an id of the patient.
                line.caller_trace, line.caller_span = "", None
            try:
                if line.outcome == Overloaded.__name__:
                    self._refused.note()
                else:
                    if not self._log.write(line):
                        line.note_write_failure("log")  # told by the metrics alone
                    self._refused.tell()
            finally:
                self._metrics.observe(line)
                if self._traced is not None:
                    self._traced(line)

    def _no_room(self, scope: Scope) -> Overloaded | None:
        """What a call of a service is told when it cannot be answered in time; None for any other."""
        if self._admission is None or self._admission.idle:
            return None
        path = str(scope["path"])
        if scope["method"] != "POST" or not path.startswith(_SERVICE) or path.endswith(_FEEDBACK):
            return None
        announced = Headers(scope=scope).get("content-length", "")
        return self._admission.refusal(int(announced) if announced.isascii() and announced.isdigit() else 0)

    async def _refuse(self, refused: Overloaded, scope: Scope, receive: Receive, send: Send) -> None:
        # Who tries again without waiting must not take up the time in which others are answered.
        if self._held < _MOST_HELD:
            self._held += 1
            try:
                await asyncio.sleep(_HOLD_SECONDS)
            finally:
                self._held -= 1
        answer = respond(refused)
        answer.headers.update({HEADER: new_correlation_id(), "X-Content-Type-Options": "nosniff"})
        try:
            await answer(scope, receive, send)
        finally:
            self._metrics.observe_refused()
            self._refused.note()

    async def _run(self, line: CallLine, scope: Scope, receive: Receive, send: Send) -> None:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                line.status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (_CORRELATION, line.correlation_id.encode("ascii")),
                    # Records and errors are JSON and nothing else, whatever a browser might make of them.
                    (b"x-content-type-options", b"nosniff"),
                ]
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
