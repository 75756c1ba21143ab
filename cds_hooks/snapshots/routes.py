"""The two addresses of snapshots. Whatever goes wrong on purpose ends in a page, and in its name on the log line."""

from __future__ import annotations

from collections.abc import Awaitable

from fastapi import APIRouter, Request
from starlette.responses import Response

from cds_hooks.boundary import call_line
from cds_hooks.errors import RecordsUnavailable
from cds_hooks.observing.call_line import CallLine
from cds_hooks.smart.refusals import SmartRefused
from cds_hooks.snapshots.making import PATH
from cds_hooks.snapshots.opening import SIGNED_IN, Snapshots
from cds_hooks.snapshots.refusals import SnapshotRefused, refusal


def snapshot_routes(snapshots: Snapshots) -> APIRouter:
    """The routes of `snapshots` below ``/app``. GET alone: HEAD, by which links are tried, is answered with 405."""
    router = APIRouter(include_in_schema=False)

    def line_of(request: Request, call: str) -> CallLine:
        line = call_line(request.scope)
        line.call = call
        line.caller_trace = ""  # a proxy's id may come from the address
        return line

    async def handled(answer: Awaitable[Response], line: CallLine) -> Response:
        try:
            return await answer
        except (SnapshotRefused, SmartRefused) as refused:
            line.outcome = refused.outcome
        except RecordsUnavailable:
            line.note_write_failure("audit")
            line.outcome = "records-unavailable"
        return refusal(line.outcome)

    @router.get(f"{PATH}/{{secret}}")
    async def follow(request: Request, secret: str) -> Response:
        line = line_of(request, "snapshot-link")
        return await handled(snapshots.start(request, secret, line), line)

    @router.get(SIGNED_IN)
    async def answer(request: Request) -> Response:
        line = line_of(request, "snapshot-page")
        return await handled(snapshots.signed_in(request, line), line)

    return router
