"""The app's addresses. Whatever goes wrong on purpose ends in a page that says why, and in its name on the log line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from starlette.responses import Response

from cds_hooks.boundary import call_line
from cds_hooks.errors import RecordsUnavailable
from cds_hooks.observing.call_line import CallLine
from cds_hooks.smart import pages
from cds_hooks.smart.app import SmartApp
from cds_hooks.smart.launching import CALLBACK
from cds_hooks.smart.refusals import TOLD, SmartRefused

Handler = Callable[[Request, CallLine], Awaitable[Response]]


def smart_routes(app: SmartApp) -> APIRouter:
    """The routes of `app` below ``/app``."""
    router = APIRouter(include_in_schema=False)

    async def handled(request: Request, call: str, handler: Handler) -> Response:
        line = call_line(request.scope)
        line.call = call
        line.caller_trace = ""  # a proxy's id may come from an address that names the patient
        try:
            return await handler(request, line)
        except SmartRefused as refused:
            line.outcome = refused.outcome
        except RecordsUnavailable:
            line.note_write_failure("audit")
            line.outcome = "records-unavailable"
        # Whose frame it stands in is not known; it holds nothing of anybody.
        return pages.refusal(TOLD[line.outcome], app.frame_origins)

    @router.get("/app/launch")
    async def launch(request: Request) -> Response:
        return await handled(request, "app-launch", app.launch)

    @router.get("/app/standalone")
    async def standalone(request: Request) -> Response:
        return await handled(request, "app-launch", app.standalone)

    @router.get(f"{CALLBACK}/{{ehr}}")
    async def answer(request: Request) -> Response:
        return await handled(request, "app-callback", app.answer)

    @router.get("/app/patient")
    async def show(request: Request) -> Response:
        return await handled(request, "app-page", app.page)

    @router.post("/app/patient")
    async def enter(request: Request) -> Response:
        return await handled(request, "app-page", app.page)

    @router.get("/app/end")
    async def end(request: Request) -> Response:
        return await handled(request, "app-end", app.end)

    @router.post("/app/end")
    async def end_by_form(request: Request) -> Response:
        return await handled(request, "app-end", app.end)

    return router
