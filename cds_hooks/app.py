"""The composition root: the only place where settings, knowledge, clock, network and registry meet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import httpx
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from cds_hooks.admission import Admission
from cds_hooks.boundary import CallBoundary, ServiceCors
from cds_hooks.caller import Caller
from cds_hooks.catalogue import queries
from cds_hooks.clock import Clock
from cds_hooks.deployment import Deployment
from cds_hooks.ehr.access import EhrAccess
from cds_hooks.ehr.connecting import outbound_client
from cds_hooks.errors import HookFault
from cds_hooks.fault_answers import answer_fault, answer_http_exception
from cds_hooks.governance.readers import Readers
from cds_hooks.governance.routes import governance_routes
from cds_hooks.ledger import Ledger
from cds_hooks.lifetime import Lifetime
from cds_hooks.modes import LIVE
from cds_hooks.observing.call_line import CallLine
from cds_hooks.observing.metrics import Metrics
from cds_hooks.observing.request_log import RequestLog, quieten_wire_loggers
from cds_hooks.observing.routes import observing_routes
from cds_hooks.on_need import needs
from cds_hooks.published import published_routes
from cds_hooks.reception import OPEN, Reception
from cds_hooks.routes import service_routes
from cds_hooks.settings import Settings
from cds_hooks.startable import require_startable
from cds_hooks.storage.records import Records
from cds_hooks.trust.client_auth import Authenticator
from cds_hooks.trust.key_sets import KeySets
from cds_hooks.trust.rates import RateLimits
from cds_hooks.trust.registry import ClientRegistry
from cds_hooks.verdict_memory import VerdictMemory
from mappings.load import Knowledge
from plugin.document.assessment_document import engine_version

__all__ = ["create_app", "engine_version"]

if TYPE_CHECKING:  # the app and snapshots are loaded only where a site has them
    from cds_hooks.smart.registration import RegisteredEhrs
    from cds_hooks.snapshots.making import SnapshotMaker
if TYPE_CHECKING:  # older releases of the framework lack it, and ignore the argument
    from fastapi.telemetry import TelemetryConfig

    from cds_hooks.observing.tracing import Tracing

# The framework's own telemetry would export query strings and the messages of exceptions, which may quote data.
_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


def create_app(
    *,
    settings: Settings,
    knowledge: Knowledge,
    clock: Clock,
    http: httpx.AsyncClient | None = None,
    registry: ClientRegistry | None,
    records: Records | None = None,
    readers: Readers | None = None,
    ehrs: RegisteredEhrs | None = None,
    log: RequestLog | None = None,
    tracing: Tracing | None = None,
    demo: bool = False,
) -> FastAPI:
    """The service as an ASGI application.

    `http` is used for FHIR reading and key addresses and stays the caller's to close; without it the application makes
    and closes its own. `records` (prepared: `Records.prepare`) are closed with the application; only open mode runs
    without, and then takes no feedback. `readers` may read the governance pages; `ehrs` may launch the app; `tracing`
    is closed with the application, too. In a `demo` everybody may read, and every card says that it is one. Raises
    ConfigurationError without a registry or records outside open mode, for an unknown definition, or for a link to an
    app that nobody can launch.
    """
    require_startable(settings, knowledge, registry, records, ehrs)
    quieten_wire_loggers()
    written = log or RequestLog(timestamp=lambda: clock.now().isoformat())
    if settings.open_mode:
        written.warn("open mode: nobody is asked to log in; never use this with real patients")
    outbound = http or outbound_client(
        rule=settings.address_rule,
        connections=settings.ehr_connections,
        http2=settings.ehr_http2,
        timeout_seconds=settings.deadline_seconds,
    )
    ehr = EhrAccess(outbound, settings, clock)
    deployment = Deployment(
        settings=settings,
        knowledge=knowledge,
        queries=queries(knowledge),
        needs=needs(knowledge, ours=settings.asks_our_codes),
        clock=clock,
        ehr=ehr,
        memory=VerdictMemory() if settings.remember_verdicts and not settings.open_mode else None,
        engine=engine_version(),
        demo=demo,
    )
    key_sets = KeySets(registry.key_addresses if registry is not None else (), outbound, clock)
    authenticator = None
    if registry is not None and records is not None and not settings.open_mode:
        authenticator = Authenticator(
            registry=registry, clock=clock, base_url=settings.base_url, replays=records.replays, key_sets=key_sets
        )
    ledger = Ledger(records, settings, knowledge, clock) if records is not None else None
    metrics = Metrics(version=deployment.engine, knowledge=knowledge, breakers_open=lambda: ehr.hosts.open_breakers)
    lifetime = Lifetime(
        ledger,
        key_sets,
        ehr,
        None if http is not None else outbound,
        metrics,
        lambda: written.warn("records past their time could not be removed: the database does not answer"),
        tracing,
    )
    admission = Admission(settings.queue_seconds)
    hash_start = knowledge.content_hash.removeprefix("sha256:")[:12]
    app = FastAPI(
        title="trd-cds",
        version=deployment.engine,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
        lifespan=lifetime.lifespan,
        middleware=[
            _cors(settings, registry),
            Middleware(
                CallBoundary,
                log=written,
                new_line=lambda: CallLine(knowledge=hash_start),
                metrics=metrics,
                admission=admission,
                traced=tracing.observe if tracing is not None else None,
            ),
        ],
    )
    reception = Reception(
        settings=settings,
        knowledge=knowledge,
        authenticator=authenticator,
        rates=RateLimits(clock),
        records=records,
        launches_in_open_mode=ehrs is not None and OPEN in ehrs.clients,
    )
    snapshots = _snapshots(deployment, ledger, registry)
    # First: what is asked most.
    app.include_router(service_routes(deployment, reception, ledger, snapshots, admission=admission))
    app.include_router(published_routes(deployment))
    app.include_router(
        observing_routes(
            metrics=metrics,
            knowledge=knowledge,
            clock=clock,
            time_zone=settings.time_zone,
            writable=records.is_writable if records is not None else _nothing_to_write,
            acceptance=lambda: "demo" if demo else "accepted" if knowledge.accepted is not None else "not accepted",
            failing_keys=lambda: len(key_sets.problems),
            draining=lambda: lifetime.ending,
            metrics_token=settings.metrics_token.get_secret_value() if settings.metrics_token is not None else None,
        )
    )
    if ledger is not None:
        modes = {client.entry.id: client.entry.mode for client in registry or ()} or {OPEN: LIVE}
        app.include_router(governance_routes(ledger, clients=modes, readers=readers, open_to_read=demo))
    if ehrs is not None and ledger is not None:
        from cds_hooks.smart.assembling import smart_app  # noqa: PLC0415
        from cds_hooks.smart.discovery import Discovery  # noqa: PLC0415
        from cds_hooks.smart.routes import smart_routes  # noqa: PLC0415

        discovery = Discovery(outbound, clock, settings.address_rule)
        app.include_router(
            smart_routes(
                smart_app(deployment, ledger, ehrs, discovery, standing=_standing(reception, registry), http=outbound)
            )
        )
        lifetime.discoveries += (discovery,)
    if snapshots is not None and registry is not None:
        from cds_hooks.snapshots.assembling import snapshot_opening  # noqa: PLC0415
        from cds_hooks.snapshots.routes import snapshot_routes  # noqa: PLC0415

        opening = snapshot_opening(snapshots, registry, standing=_standing(reception, registry), http=outbound)
        app.include_router(snapshot_routes(opening))
        lifetime.discoveries += (opening.discovery,)
    app.add_exception_handler(HookFault, answer_fault)
    app.add_exception_handler(HTTPException, answer_http_exception)
    return app


def _snapshots(deployment: Deployment, ledger: Ledger | None, registry: ClientRegistry | None) -> SnapshotMaker | None:
    if not any(client.entry.snapshots is not None for client in registry or ()):
        return None
    from cds_hooks.snapshots.assembling import snapshots_made  # noqa: PLC0415

    return snapshots_made(deployment, ledger, registry)


def _standing(reception: Reception, registry: ClientRegistry | None) -> Callable[[str, CallLine], Awaitable[Caller]]:
    """How the client of a launched app stands, by its registry id."""

    async def standing(name: str, line: CallLine) -> Caller:
        return await reception.launched(registry.by_id(name) if registry is not None else None, line)

    return standing


def _cors(settings: Settings, registry: ClientRegistry | None) -> Middleware:
    listed = {*settings.cors_origins}
    for client in registry or ():
        listed.update(client.entry.cors_origins)
    origins = ["*"] if settings.open_mode and not listed else sorted(listed)
    return Middleware(
        ServiceCors,
        allow_origins=origins,
        allow_methods=["GET", "POST", "OPTIONS"],
        allow_headers=["Authorization", "Content-Type", "Accept"],
        expose_headers=["X-Correlation-Id", "Retry-After"],
        allow_private_network=settings.open_mode,
    )


async def _nothing_to_write() -> bool:
    """Open mode without records has nothing that could fail to be written."""
    return True
