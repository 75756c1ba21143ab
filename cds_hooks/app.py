"""The composition root: the only place where settings, knowledge, clock, network and registry meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
from anyio import lowlevel
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from cds_hooks.admission import Admission
from cds_hooks.boundary import CallBoundary, ServiceCors, call_line
from cds_hooks.caller import Caller
from cds_hooks.catalogue import queries
from cds_hooks.clock import Clock
from cds_hooks.deployment import Deployment
from cds_hooks.ehr.access import EhrAccess
from cds_hooks.ehr.connecting import outbound_client
from cds_hooks.errors import (
    BadRequest,
    HookFault,
    NotAuthenticated,
    RecordsUnavailable,
    UnknownService,
    WrongMethod,
    respond,
)
from cds_hooks.governance.readers import Readers
from cds_hooks.governance.routes import governance_routes
from cds_hooks.housekeeping import keep_house
from cds_hooks.ledger import Ledger
from cds_hooks.modes import LIVE
from cds_hooks.observing.call_line import CallLine
from cds_hooks.observing.metrics import Metrics
from cds_hooks.observing.request_log import RequestLog, quieten_wire_loggers
from cds_hooks.observing.routes import observing_routes
from cds_hooks.on_need import needs
from cds_hooks.published import published_routes
from cds_hooks.reception import OPEN, Reception
from cds_hooks.routes import service_routes
from cds_hooks.settings import Settings, is_loopback
from cds_hooks.storage.records import Records
from cds_hooks.trust.client_auth import Authenticator
from cds_hooks.trust.key_sets import KeySets
from cds_hooks.trust.rates import RateLimits
from cds_hooks.trust.registry import ClientRegistry
from cds_hooks.verdict_memory import VerdictMemory
from mappings.load import Knowledge
from plugin.document.assessment_document import engine_version

__all__ = ["ConfigurationError", "create_app", "engine_version"]

if TYPE_CHECKING:  # the app and snapshots are loaded only where a site has them
    from cds_hooks.smart.discovery import Discovery
    from cds_hooks.smart.registration import RegisteredEhrs
    from cds_hooks.snapshots.making import SnapshotMaker
if TYPE_CHECKING:  # older releases of the framework lack it, and ignore the argument
    from fastapi.telemetry import TelemetryConfig

    from cds_hooks.observing.tracing import Tracing

_LAST_WORDS_SECONDS = 5.0
# The framework's own telemetry would export query strings and the messages of exceptions, which may quote data.
_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


class ConfigurationError(Exception):
    """The service must not start like this; the message says what to set."""


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
    if registry is None and not settings.open_mode:
        raise ConfigurationError(
            "There is no client registry: set TRD_CDS_REGISTRY_FILE, or use the demo, which is open on loopback only."
        )
    if records is None and not settings.open_mode:
        raise ConfigurationError("There is no database for the records that a service with client login keeps.")
    if settings.definition is not None and settings.definition not in knowledge.definitions:
        raise ConfigurationError(
            f"There is no definition of that name: set TRD_CDS_DEFINITION to one of {', '.join(knowledge.definitions)}."
        )
    _require_launches(settings, registry, ehrs, records)
    _require_https(settings, registry)
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
    lifetime = _Lifetime(
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
    app.add_exception_handler(HookFault, _answer_fault)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    return app


def _snapshots(deployment: Deployment, ledger: Ledger | None, registry: ClientRegistry | None) -> SnapshotMaker | None:
    if not any(client.entry.snapshots is not None for client in registry or ()):
        return None
    from cds_hooks.snapshots.assembling import snapshots_made  # noqa: PLC0415

    return snapshots_made(deployment, ledger, registry)


def _require_launches(
    settings: Settings, registry: ClientRegistry | None, ehrs: RegisteredEhrs | None, records: Records | None
) -> None:
    """Raise ConfigurationError when cards would link to an app that no EHR launches, an EHR would be nobody's, or the
    app could keep nothing, or would be read along on the way.
    """
    launched = ehrs.clients if ehrs is not None else frozenset[str]()
    for client in registry or ():
        if client.entry.smart_app and client.entry.id not in launched:
            raise ConfigurationError(
                f"The client {client.entry.id} has smart_app, and the SMART file names no EHR for it: "
                "set TRD_CDS_SMART_FILE to a file that does, or take smart_app away."
            )
    if ehrs is None:
        return
    known = {client.entry.id for client in registry} if registry is not None else {OPEN}
    if not ehrs.clients <= known:
        raise ConfigurationError("The SMART file names a client that there is not: name one of the registry.")
    if records is None:
        raise ConfigurationError("The app needs a database for its sessions, and there is none.")
    parts = urlsplit(settings.base_url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            "The public address is plain http, and the app would show records over it: "
            "set TRD_CDS_BASE_URL to an https address, or unset TRD_CDS_SMART_FILE."
        )


def _require_https(settings: Settings, registry: ClientRegistry | None) -> None:
    """Raise ConfigurationError when what clients send, or the page of a snapshot, would go over the network for all to
    read. In open mode only loopback reaches the service.
    """
    named = [client.entry.id for client in registry or () if client.entry.snapshots is not None]
    parts = urlsplit(settings.base_url)
    if named and parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            f"The client {named[0]} has snapshots, and the public address is plain http: "
            "set TRD_CDS_BASE_URL to an https address, or take snapshots away."
        )
    if registry is not None and parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            "The public address is plain http, and clients would send tokens and patient data over it: "
            "set TRD_CDS_BASE_URL to the https address at which TLS ends."
        )


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


class _Lifetime:
    """What begins and ends with the application."""

    def __init__(
        self,
        ledger: Ledger | None,
        key_sets: KeySets,
        ehr: EhrAccess,
        own_http: httpx.AsyncClient | None,
        metrics: Metrics,
        chores_failed: Callable[[], None],
        tracing: Tracing | None,
    ) -> None:
        self.ending = False
        self.discoveries: tuple[Discovery, ...] = ()
        self._metrics = metrics
        self._chores_failed = chores_failed
        self._ledger = ledger
        self._key_sets = key_sets
        self._ehr = ehr
        self._own_http = own_http
        self._tracing = tracing

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Keep house while the application runs; afterwards give back what was opened for it."""
        # What calls out loads a part of itself at its first call. That must not be when no file can be opened any more.
        await lowlevel.checkpoint()
        chores = None
        if self._ledger is not None:
            chores = asyncio.create_task(keep_house(self._ledger, self._chores_failed))
        try:
            yield
        finally:
            self.ending = True
            if chores is not None:
                chores.cancel()
                with suppress(asyncio.CancelledError):
                    await chores
            await self._key_sets.aclose()
            for discovery in self.discoveries:
                await discovery.aclose()
            await self._ehr.aclose()
            if self._own_http is not None:
                await self._own_http.aclose()
            if self._ledger is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_WORDS_SECONDS):
                        while self._metrics.calls_now:  # those just cut off still write down what they read
                            await asyncio.sleep(0.01)
                await self._ledger.records.database.close()
            if self._tracing is not None:
                await asyncio.to_thread(self._tracing.close)


async def _nothing_to_write() -> bool:
    """Open mode without records has nothing that could fail to be written."""
    return True


async def _answer_fault(request: Request, fault: Exception) -> Response:
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


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    """404 and 405 of the router, which know no more than the status, in our own words."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == WrongMethod.status:
        fault: HookFault = WrongMethod((getattr(error, "headers", None) or {}).get("Allow", ""))
    elif status == UnknownService.status:
        fault = UnknownService("There is nothing at this address.", "The services are listed at /cds-services.")
    else:
        fault = BadRequest("The request cannot be understood.", "Send it as the specification of CDS Hooks says.")
    return await _answer_fault(request, fault)
