"""Writing what a clinician reported to the EHR: with the session's token, at its base, kinds that were granted only.

It looks like an HTTP client, so that what saves need not know of sessions. Nothing is sent twice: a lost answer may
mean that the first one was kept.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx
import orjson

from cds_hooks.clock import stopwatch
from cds_hooks.ehr.failures import Outcome
from cds_hooks.observing.call_line import CallLine
from cds_hooks.smart.registration import RegisteredEhr
from cds_hooks.smart.sessions import Session
from cds_hooks.smart.wanted_scopes import may_create

WRITE_SECONDS = 8.0
LARGEST_ANSWER = 1_000_000


def writable(ehr: RegisteredEhr, session: Session) -> frozenset[str]:
    """The kinds of resources that this session may create: the operator wants them saved, and the EHR granted it."""
    if not session.user:
        return frozenset()
    return frozenset(kind for kind in ehr.entry.writes if may_create(session.scope, kind))


@dataclass(frozen=True, slots=True)
class ChartWriter:
    """Creates resources for one session; every attempt is noted on `line`. `http` stays the caller's to close."""

    http: httpx.AsyncClient
    ehr: RegisteredEhr
    session: Session
    line: CallLine

    async def request(
        self, method: str, url: str, *, params: Any = None, json: Any = None, headers: Any = None
    ) -> httpx.Response:
        """Search for resources of a kind (GET), or create one (POST); `url` is the kind.

        Whatever must not be asked here is answered with 403 and not sent. Of an answer come back its status, its
        Location and its body. Raises httpx.HTTPError when there is none.
        """
        kind, address = url.strip("/"), f"{self.ehr.base}/{url.strip('/')}"
        named = json.get("resourceType") if isinstance(json, dict) else None
        if kind not in writable(self.ehr, self.session) or method not in ("GET", "POST") or named not in (None, kind):
            return httpx.Response(HTTPStatus.FORBIDDEN, request=httpx.Request(method, address))
        sent = {
            "Accept": "application/fhir+json, application/json;q=0.9",
            **(dict(headers) if headers is not None else {}),
            "Authorization": f"Bearer {self.session.token}",
            "Accept-Encoding": "identity",
        }
        started = stopwatch()
        outcome: Outcome = "unreachable"
        try:
            content = orjson.dumps(json) if json is not None else None
            answer = await self._sent(method, address, params=params, headers=sent, content=content)
            outcome = _outcome(answer.status_code)
        except (httpx.TimeoutException, asyncio.CancelledError):  # its own time, or that of all resources together
            outcome = "timeout"
            raise
        finally:
            self.line.note_fhir(kind, outcome, (stopwatch() - started) * 1000)
        return answer

    async def _sent(self, method: str, address: str, **more: Any) -> httpx.Response:
        received = bytearray()
        try:
            async with (
                asyncio.timeout(WRITE_SECONDS),
                self.http.stream(method, address, timeout=WRITE_SECONDS, follow_redirects=False, **more) as answer,
            ):
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise httpx.DecodingError("the answer is compressed, which was not asked for")
                async for chunk in answer.aiter_bytes():
                    received += chunk
                    if len(received) > LARGEST_ANSWER:
                        raise httpx.DecodingError("the answer is larger than may be read")
        except TimeoutError:  # byte by byte, each within its own time
            raise httpx.ReadTimeout("the answer did not come in time") from None
        kept = {name: answer.headers[name] for name in ("location", "content-type") if name in answer.headers}
        return httpx.Response(answer.status_code, headers=kept, content=bytes(received), request=answer.request)


def _outcome(status: int) -> Outcome:
    if status in (HTTPStatus.OK, HTTPStatus.CREATED):
        return "ok"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return "refused"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return "redirected"
    return "server-error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "client-error"
