"""The addresses that operators and their machines ask: `/metrics`, `/health/live` and `/health/ready`.

None of them needs a client's token, and none says anything of a patient or a client's address. `/metrics` names
clients and how much they use the service: it is given to whoever sends the token of the settings; without such a token
only to a program on the same machine, and not through a proxy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from functools import lru_cache
from hmac import compare_digest
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from cds_hooks.boundary import call_line
from cds_hooks.clock import Clock
from cds_hooks.errors import UnknownService
from cds_hooks.observing.metrics import Metrics
from cds_hooks.settings import is_loopback
from mappings.load import Knowledge
from mappings.review import overdue

# Set by proxies: whoever sends one is not the program on this machine that the peer address shows.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_SECONDS_TO_WRITE = 2.0
_FRESH = {"Cache-Control": "no-store"}


def observing_routes(
    *,
    metrics: Metrics,
    knowledge: Knowledge,
    clock: Clock,
    time_zone: str,
    writable: Callable[[], Awaitable[bool]],
    acceptance: Callable[[], str],
    failing_keys: Callable[[], int],
    draining: Callable[[], bool],
    metrics_token: str | None,
) -> APIRouter:
    """The three addresses.

    `writable` says whether the database would keep a change; `acceptance` in a word of ours whether this knowledge
    version was accepted for live use; `failing_keys` how many addresses of client keys failed
    when last asked; `draining` whether the server is stopping. `time_zone` decides which reviews are
    overdue today. An empty `metrics_token` is none.
    """
    router = APIRouter()
    check = _OneAtATime(writable)

    @lru_cache(maxsize=1)
    def overdue_on(day: date) -> list[dict[str, str]]:
        return [{"file": file, "review_by": by.isoformat()} for file, by in overdue(knowledge, day)]

    @router.get("/metrics")
    async def read_metrics(request: Request) -> Response:
        call_line(request.scope).call = "metrics"
        if not _may_read(request, metrics_token):
            raise UnknownService(
                "There is nothing here for this caller.",
                "Operators: set TRD_CDS_METRICS_TOKEN and send it as a bearer token; without that setting metrics are "
                "given only to a caller on the same machine that comes through no proxy.",
            )
        content, media_type = await run_in_threadpool(metrics.exposition)
        return Response(content, headers={**_FRESH, "Content-Type": media_type})

    @router.api_route("/health/live", methods=["GET", "HEAD"])
    async def live(request: Request) -> Response:
        call_line(request.scope).call = "health"
        return _json({"status": "alive"})

    @router.api_route("/health/ready", methods=["GET", "HEAD"])
    async def ready(request: Request) -> Response:
        call_line(request.scope).call = "health"
        kept, stopping = await check(), draining()
        is_ready = kept and not stopping
        return _json(
            {
                "status": "ready" if is_ready else "not ready",
                "knowledge": {"version": knowledge.version, "hash": knowledge.content_hash},
                "acceptance": acceptance(),
                "database_writable": kept,
                "client_keys_failing": failing_keys(),
                "draining": stopping,
                "overdue_reviews": overdue_on(clock.today(time_zone)),
            },
            HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE,
        )

    return router


def _may_read(request: Request, token: str | None) -> bool:
    if token:
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and compare_digest(sent.strip().encode(), token.encode())
    peer = request.client
    return peer is not None and is_loopback(peer.host) and not any(name in request.headers for name in _FORWARDED)


class _OneAtATime:
    """One check of the database for all who ask at the same time: nobody can make it work by asking often."""

    def __init__(self, writable: Callable[[], Awaitable[bool]]) -> None:
        self._writable = writable
        self._running: asyncio.Task[bool] | None = None

    async def __call__(self) -> bool:
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._check())
        # Who leaves early does not take the answer from the others.
        return await asyncio.shield(self._running)

    async def _check(self) -> bool:
        try:
            async with asyncio.timeout(_SECONDS_TO_WRITE):
                return await self._writable()
        except Exception:
            return False  # whatever it is, and a message may quote data: the database cannot be written


def _json(content: dict[str, Any], status: int = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(content), status_code=status, headers=dict(_FRESH), media_type="application/json")
