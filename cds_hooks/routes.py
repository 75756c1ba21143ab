"""The addresses of the service. Each handler runs the checks in the order of decision 19 and hands over."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from cds_hooks.boundary import call_line
from cds_hooks.catalogue import SERVICES, Service, discovery
from cds_hooks.client_auth import Authenticator
from cds_hooks.contract import SCHEMA_PATH, assessment_schema
from cds_hooks.envelope import decode, read_request
from cds_hooks.errors import BodyTooLarge, UnknownService, WrongHook
from cds_hooks.feedback import FeedbackCount, read_feedback
from cds_hooks.hook_call import Caller, Deployment, answer
from cds_hooks.outbound import AllowList
from cds_hooks.proposals import OrderStyle
from cds_hooks.registry import RegisteredClient
from cds_hooks.wire import to_wire
from mappings.load import Knowledge


def service_routes(deployment: Deployment, authenticator: Authenticator | None) -> APIRouter:
    """All routes. `authenticator` is None in open mode: then nobody is asked who they are, a token sent is
    ignored.
    """
    router = APIRouter()
    settings, knowledge = deployment.settings, deployment.knowledge
    announced = orjson.dumps(discovery(knowledge, settings.base_url))
    published = assessment_schema()
    feedback_count = FeedbackCount()
    anyone = Caller(
        id="open",
        allowed=AllowList(settings.fhir_servers),
        time_zone=settings.time_zone,
        jurisdiction=knowledge.jurisdiction_for(settings.jurisdiction),
    )

    def caller_of(request: Request, service_id: str, *, feedback: bool = False) -> Caller:
        if authenticator is None:
            return anyone
        header = request.headers.get("authorization")
        return _caller(authenticator.authenticate(header, service_id=service_id, feedback=feedback), knowledge)

    @router.get("/cds-services")
    async def discover(request: Request) -> Response:
        call_line(request.scope).call = "discovery"
        return Response(announced, media_type="application/json")

    @router.post("/cds-services/{service_id}")
    async def call_service(request: Request, service_id: str) -> Response:
        line = call_line(request.scope)
        line.call, line.service = "hook", _loggable(service_id)
        hook_request = read_request(decode(await _body(request, settings.max_body_bytes)))
        caller = caller_of(request, service_id)
        line.client = caller.id
        service = _service(service_id)
        if hook_request.hook != service.hook:
            raise WrongHook(
                f"The service {service.id} answers the hook {service.hook}, not the one in the body.",
                "Call the service that discovery lists for this hook.",
                where="hook",
            )
        return _json(to_wire(await answer(deployment, hook_request, caller, line)))

    @router.post("/cds-services/{service_id}/feedback")
    async def take_feedback(request: Request, service_id: str) -> Response:
        line = call_line(request.scope)
        line.call, line.service = "feedback", _loggable(service_id)
        items = read_feedback(decode(await _body(request, settings.max_body_bytes)))
        line.client = caller_of(request, service_id, feedback=True).id
        _service(service_id)
        feedback_count.add(items)
        line.unmatched_feedback = items
        return Response(status_code=200)

    @router.get(SCHEMA_PATH)
    async def schema(request: Request) -> Response:
        call_line(request.scope).call = "schema"
        return Response(published, media_type="application/schema+json")

    @router.get("/health")
    async def health(request: Request) -> Response:
        call_line(request.scope).call = "health"
        return _json(
            {
                "status": "ok",
                "version": deployment.engine,
                "knowledge": {"version": knowledge.version, "hash": knowledge.content_hash},
                "definition": settings.definition or knowledge.default_definition,
                "feedback": {"unmatched": feedback_count.unmatched},
            }
        )

    return router


def _service(service_id: str) -> Service:
    service = SERVICES.get(service_id)
    if service is None:
        raise UnknownService("There is no service with this id.", "Read /cds-services for the ids of all services.")
    return service


def _loggable(service_id: str) -> str:
    """Our own id, or a word of ours for any other: what callers put into the address may be anything."""
    return service_id if service_id in SERVICES else "unknown"


def _caller(client: RegisteredClient, knowledge: Knowledge) -> Caller:
    entry = client.entry
    place = knowledge.jurisdiction_for(entry.jurisdiction)
    return Caller(
        id=entry.id,
        allowed=client.allowed,
        time_zone=entry.time_zone,
        jurisdiction=place,
        selection=entry.selection_behavior,
        style=OrderStyle(intent=entry.order_intent, systems=entry.order_systems),
    )


async def _body(request: Request, limit: int) -> bytes:
    """The body, whatever its declared type; BodyTooLarge as soon as it exceeds `limit` bytes."""
    announced = request.headers.get("content-length", "")
    too_large = BodyTooLarge(
        f"The body is larger than the {limit} bytes this service accepts.",
        "Send fewer resources by prefetch, or an access token so that the service can read them itself.",
    )
    if announced.isascii() and announced.isdigit() and int(announced) > limit:
        raise too_large
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > limit:
            raise too_large
    return bytes(received)


def _json(content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
