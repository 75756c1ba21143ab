"""The demo: service, sandbox EHR and simulator page as one application, without login, on loopback only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response

from cds_hooks.app import create_app
from cds_hooks.catalogue import queries
from cds_hooks.clock import Clock
from cds_hooks.deployment import Deployment
from cds_hooks.ehr.access import EhrAccess
from cds_hooks.ehr.connecting import outbound_client
from cds_hooks.errors import BadRequest, respond
from cds_hooks.ledger import Ledger
from cds_hooks.on_need import needs
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.settings import Settings
from cds_hooks.simulator.basis_routes import basis_routes
from cds_hooks.simulator.charts import Charts
from cds_hooks.simulator.client_doors import client_doors
from cds_hooks.simulator.client_keys import ClientKeys
from cds_hooks.simulator.client_routes import client_routes
from cds_hooks.simulator.fhir_calls import FhirCalls, Recorded
from cds_hooks.simulator.launches import demo_ehrs, launch_routes, launch_server
from cds_hooks.simulator.routes import simulator
from cds_hooks.simulator.setup import VENDORS, setup
from cds_hooks.storage.records import Records
from cds_hooks.stories import load_stories
from cds_hooks.web.intended_use import add_intended_use
from cds_hooks.web.source_attributes import add_source_attributes
from mappings.load import Knowledge
from plugin.document.assessment_document import engine_version

FHIR = "/fhir"
JWKS = "/demo/jwks.json"


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

    Of `settings` it takes limits, time zone and jurisdiction; login is off at ``/cds-services``, and the only FHIR
    server that may be called is its own sandbox at ``/fhir``, which can be written to. The synthetic patients' dates
    end on the day the demo starts. Only with `records` does it take feedback, launch the app, and
    have a door with login for each vendor's client profile.
    """
    today = clock.today(settings.time_zone)
    fhir_server = base_url + FHIR
    settings = settings.model_copy(
        update={"open_mode": True, "registry_file": None, "base_url": base_url, "fhir_servers": (fhir_server,)}
    )
    stories = load_stories(today, knowledge)
    store = ResourceStore(resource for story in stories for resource in story.resources)
    calls = FhirCalls()
    launches = launch_server(base_url=base_url, fhir_server=fhir_server, stories=stories, clock=clock)
    bare = create_sandbox(store, base_url=fhir_server, writable=True)
    sandbox = Recorded(bare, calls, otherwise=launches.guarded(bare, required=False))
    keys = ClientKeys(base_url + JWKS)
    outbound = http or outbound_client(
        rule=settings.address_rule,
        connections=settings.ehr_connections,
        http2=settings.ehr_http2,
        timeout_seconds=settings.deadline_seconds,
    )
    app = create_app(
        settings=settings,
        knowledge=knowledge,
        clock=clock,
        http=outbound,
        registry=None,
        records=records,
        ehrs=demo_ehrs(fhir_server) if records is not None else None,
        demo=True,
    )
    # A page elsewhere that had its own name point here could read what the demo answers.
    here = urlsplit(base_url).hostname or ""
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=sorted({"127.0.0.1", "localhost", "[", here} - {""}))
    # The simulator asks the sandbox as it stands alone, at its own root; the name of the host plays no part.
    ehr = httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox), base_url="http://sandbox")
    charts = Charts(store, stories, base=fhir_server, knowledge=knowledge, today=today)
    app.router.routes.extend(launches.routes())
    app.include_router(launch_routes(launches, base_url=base_url))
    app.mount(FHIR, sandbox)
    access = EhrAccess(outbound, settings, clock)
    if records is not None:
        deployment = Deployment(
            settings=settings,
            knowledge=knowledge,
            queries=queries(knowledge),
            needs=needs(knowledge, ours=settings.asks_our_codes),
            clock=clock,
            ehr=access,
            memory=None,
            engine=engine_version(),
            demo=True,
        )
        ledger = Ledger(records, settings, knowledge, clock)
        app.include_router(
            client_doors(VENDORS, deployment=deployment, keys=keys, records=records, ledger=ledger, http=outbound)
        )
    told = setup(
        base_url=base_url, fhir_server=fhir_server, knowledge=knowledge, stories=stories, doors=records is not None
    )
    app.include_router(
        simulator(charts=charts, told=told, knowledge=knowledge, today=today, fhir_server=fhir_server, ehr=ehr)
    )
    app.include_router(basis_routes(charts=charts, knowledge=knowledge, settings=settings, clock=clock, ehr=ehr))
    app.include_router(client_routes(told=told, clock=clock, calls=calls, keys=keys))
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
    _close_with(app, access, ehr, None if http is not None else outbound)
    return app


def _close_with(app: FastAPI, access: EhrAccess, ehr: httpx.AsyncClient, outbound: httpx.AsyncClient | None) -> None:
    """Give back what the demo opened, after the service has ended."""
    serving = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(running: FastAPI) -> AsyncIterator[None]:
        try:
            async with serving(running):
                yield
        finally:
            await access.aclose()
            await ehr.aclose()
            if outbound is not None:
                await outbound.aclose()

    app.router.lifespan_context = lifespan


async def _misuse(_: Request, fault: Exception) -> Response:
    """A parameter of the simulator that cannot be used; the framework's own answer would repeat its value."""
    where = fault.errors()[0]["loc"][-1] if isinstance(fault, RequestValidationError) else ""
    return respond(BadRequest("A parameter cannot be used.", "Choose one that the page offers.", where=str(where)))
