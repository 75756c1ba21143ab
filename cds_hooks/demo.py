"""The demo: service, sandbox EHR and simulator page as one application, without login, on loopback only."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response

from cds_hooks.app import create_app
from cds_hooks.clock import Clock
from cds_hooks.errors import BadRequest, respond
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.settings import Settings
from cds_hooks.storage.records import Records
from cds_hooks.stories import load_stories
from cds_hooks.web.intended_use import add_intended_use
from cds_hooks.web.simulator import simulator
from cds_hooks.web.source_attributes import add_source_attributes
from mappings.load import Knowledge

FHIR = "/fhir"


def create_demo(
    *,
    settings: Settings,
    knowledge: Knowledge,
    clock: Clock,
    base_url: str,
    http: httpx.AsyncClient | None = None,
    records: Records | None = None,
) -> FastAPI:
    """The application that answers under `base_url`; the caller sees to it that only loopback reaches it.

    Of `settings` it takes limits, time zone and jurisdiction; login is off, and the only FHIR server that may be
    called is its own sandbox at ``/fhir``. The synthetic patients' dates end on the day the demo starts.
    """
    today = clock.today(settings.time_zone)
    fhir_server = base_url + FHIR
    stories = load_stories(today, knowledge)
    sandbox = create_sandbox(
        ResourceStore(resource for story in stories for resource in story.resources), base_url=fhir_server
    )
    app = create_app(
        settings=settings.model_copy(
            update={
                "open_mode": True,
                "registry_file": None,
                "base_url": base_url,
                "fhir_servers": (fhir_server,),
            }
        ),
        knowledge=knowledge,
        clock=clock,
        http=http,
        registry=None,
        records=records,
        demo=True,
    )
    # A page elsewhere that had its own name point here could read what the demo answers.
    here = urlsplit(base_url).hostname or ""
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=sorted({"127.0.0.1", "localhost", "[", here} - {""}))
    # The simulator asks the sandbox as it stands alone, at its own root; the name of the host plays no part.
    ehr = httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox), base_url="http://sandbox")
    app.mount(FHIR, sandbox)
    app.include_router(simulator(stories=stories, knowledge=knowledge, today=today, fhir_server=fhir_server, ehr=ehr))
    app.add_exception_handler(RequestValidationError, _misuse)
    add_intended_use(app, home="/")
    add_source_attributes(
        app,
        knowledge,
        knowledge.attribute_statements,
        clock=clock,
        time_zone=settings.time_zone,
        definition=settings.definition,
        home="/",
    )
    return app


async def _misuse(_: Request, fault: Exception) -> Response:
    """A parameter of the simulator that cannot be used; the framework's own answer would repeat its value."""
    where = fault.errors()[0]["loc"][-1] if isinstance(fault, RequestValidationError) else ""
    return respond(BadRequest("A parameter cannot be used.", "Choose one that the page offers.", where=str(where)))
