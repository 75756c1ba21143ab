"""The addresses that clients call. Each handler runs the checks in the order of decision 19 and hands over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.routing import Route

from cds_hooks.admission import LARGE_BYTES, Admission
from cds_hooks.bodies import Intake
from cds_hooks.boundary import call_line
from cds_hooks.catalogue import SERVICES, Service
from cds_hooks.deployment import Deployment
from cds_hooks.envelope import decode, read_request
from cds_hooks.errors import HookFault, OwnFault, RecordsUnavailable, UnknownService, WrongHook
from cds_hooks.feedback import read_feedback, remarks_outcome
from cds_hooks.hook_call import answer
from cds_hooks.ledger import Ledger
from cds_hooks.observing.call_line import CallLine
from cds_hooks.reception import Reception
from cds_hooks.wire import to_wire

if TYPE_CHECKING:
    from cds_hooks.snapshots.making import SnapshotMaker


def service_routes(
    deployment: Deployment,
    reception: Reception,
    ledger: Ledger | None,
    snapshots: SnapshotMaker | None = None,
    *,
    admission: Admission,
) -> APIRouter:
    """Services and feedback. Without a `ledger` (a replay, a test in open mode) nothing is written down, and
    feedback, which could not be kept, is refused. `snapshots` links the basis of cards for the clients that have them.
    `admission` is that of the process.
    """
    knowledge = deployment.knowledge
    intake = Intake(deployment.settings.max_body_bytes)

    async def call_service(request: Request) -> Response:
        line, service_id = call_line(request.scope), str(request.path_params["service_id"])
        line.call, line.service = "hook", _loggable(service_id)
        body = await intake.read(request)
        async with admission.taken(len(body), request.is_disconnected):
            return await called(request, service_id, body)

    async def called(request: Request, service_id: str, body: bytes) -> Response:
        line, decoded = call_line(request.scope), decode(body)
        if "feedback" in decoded and "hook" not in decoded:
            return await feed_back(request, service_id, decoded, len(body))  # some clients leave the suffix out
        hook_request = read_request(decoded)
        line.never_say(hook_request.patient_id, hook_request.encounter_id, hook_request.user_id)
        caller = await reception.admit(request, service_id, line, body_bytes=len(body))
        service = _service(service_id)
        if hook_request.hook != service.hook:
            raise WrongHook(
                f"The service {service.id} answers the hook {service.hook}, not the one in the body.",
                "Call the service that discovery lists for this hook.",
                where="hook",
            )
        try:
            answered = await answer(
                deployment, hook_request, caller, line, ledger, admission, large=len(body) > LARGE_BYTES
            )
            if snapshots is not None:
                answered = await snapshots.linked(hook_request, caller, answered, line)
        except (Exception, asyncio.CancelledError) as fault:
            status = fault.status if isinstance(fault, HookFault) else OwnFault.status
            if ledger is not None:
                await _kept(ledger.keep_call(hook_request, caller, None, line, status), line)
            raise
        if ledger is not None:
            await _kept(ledger.keep_call(hook_request, caller, answered, line), line)
        if answered.told is not None:
            answered.told()
        return _json(to_wire(answered.response))

    async def take_feedback(request: Request) -> Response:
        line, service_id = call_line(request.scope), str(request.path_params["service_id"])
        line.service = _loggable(service_id)
        body = await intake.read(request)
        return await feed_back(request, service_id, decode(body), len(body))

    async def feed_back(request: Request, service_id: str, body: Mapping[str, Any], size: int) -> Response:
        line = call_line(request.scope)
        line.call = "feedback"
        report = read_feedback(body, knowledge.override_reasons)
        caller = await reception.admit(request, service_id, line, body_bytes=size, feedback=True)
        service = _service(service_id)
        if ledger is None:
            raise RecordsUnavailable
        with line.stage("record"):
            try:
                kept = await ledger.keep_feedback(report.items, caller, service.id)
            except RecordsUnavailable:
                line.note_write_failure("feedback")
                raise
        for outcome, match, items in kept.counted:
            line.note_feedback(outcome, match, items)
        if report.remarks:
            return _json(remarks_outcome(report.remarks))
        return Response(status_code=200)

    # Plain routes: both read the body themselves, so that nothing is to be injected or validated before.
    return APIRouter(
        routes=[
            Route("/cds-services/{service_id}", call_service, methods=["POST"]),
            Route("/cds-services/{service_id}/feedback", take_feedback, methods=["POST"]),
        ]
    )


async def _kept(writing: Awaitable[None], line: CallLine) -> None:
    with line.stage("record"):
        try:
            await writing
        except RecordsUnavailable:
            line.note_write_failure("audit")
            raise


def _service(service_id: str) -> Service:
    service = SERVICES.get(service_id)
    if service is None:
        raise UnknownService("There is no service with this id.", "Read /cds-services for the ids of all services.")
    return service


def _loggable(service_id: str) -> str:
    """Our own id, or a word of ours for any other: what callers put into the address may be anything."""
    return service_id if service_id in SERVICES else "unknown"


def _json(content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
