"""What everybody may read: discovery, the schema of the assessment, and what runs here."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from cds_hooks.boundary import call_line
from cds_hooks.catalogue import discovery
from cds_hooks.contract import SCHEMA_PATH, assessment_schema
from cds_hooks.deployment import Deployment


def published_routes(deployment: Deployment) -> APIRouter:
    """The addresses that ask for no token: they say nothing that is not public."""
    router = APIRouter()
    settings, knowledge = deployment.settings, deployment.knowledge
    announced = orjson.dumps(discovery(knowledge, settings.base_url, versions=settings.announce_versions))
    published = assessment_schema()

    @router.get("/cds-services")
    async def discover(request: Request) -> Response:
        call_line(request.scope).call = "discovery"
        return Response(announced, media_type="application/json")

    @router.get(SCHEMA_PATH)
    async def schema(request: Request) -> Response:
        call_line(request.scope).call = "schema"
        return Response(published, media_type="application/schema+json")

    @router.get("/health")
    async def health(request: Request) -> Response:
        call_line(request.scope).call = "health"
        return Response(
            orjson.dumps(
                {
                    "status": "ok",
                    "version": deployment.engine,
                    "knowledge": {"version": knowledge.version, "hash": knowledge.content_hash},
                    "definition": settings.definition or knowledge.default_definition,
                }
            ),
            media_type="application/json",
        )

    return router
