"""Every fault as an answer of ours: those of a hook, and the router's."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cds_hooks.boundary import call_line
from cds_hooks.errors import (
    BadRequest,
    HookFault,
    NotAuthenticated,
    RecordsUnavailable,
    UnknownService,
    WrongMethod,
    respond,
)


async def answer_fault(request: Request, fault: Exception) -> Response:
    """The answer of a HookFault; the line of the call says which it was. Anything else is raised again."""
    if not isinstance(fault, HookFault):  # Starlette's type is wide; ours is registered
        raise fault
    line = call_line(request.scope)
    line.outcome = type(fault).__name__
    if isinstance(fault, NotAuthenticated):
        line.refused_by = fault.check
    if isinstance(fault, RecordsUnavailable) and line.call in ("hook", "feedback") and not line.write_failures:
        # It failed before there was anything to write down: who watches the records must hear of it all the same.
        line.note_write_failure("feedback" if line.call == "feedback" else "audit")
    return respond(fault)


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """404 and 405 of the router, which know no more than the status, in our own words."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == WrongMethod.status:
        fault: HookFault = WrongMethod((getattr(error, "headers", None) or {}).get("Allow", ""))
    elif status == UnknownService.status:
        fault = UnknownService("There is nothing at this address.", "The services are listed at /cds-services.")
    else:
        fault = BadRequest("The request cannot be understood.", "Send it as the specification of CDS Hooks says.")
    return await answer_fault(request, fault)
