"""The service as an EHR of a certain kind sees it: below ``/as/<profile>``, with login, in the form that profile takes.

The open door of the demo, ``/cds-services``, answers everybody as a client of which nothing is known. Behind these
doors the same service asks for a signed token of the demo's own client and answers as it would a registered client with
that profile.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

import httpx
import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cds_hooks.admission import Admission
from cds_hooks.boundary import SERVICES_PATH, call_line
from cds_hooks.caller import Caller, card_form, order_style
from cds_hooks.catalogue import discovery
from cds_hooks.deployment import Deployment
from cds_hooks.ledger import Ledger
from cds_hooks.observing.call_line import CallLine
from cds_hooks.outbound import AllowList
from cds_hooks.reception import Reception
from cds_hooks.routes import service_routes
from cds_hooks.simulator.client_keys import ALGORITHM, ClientKeys
from cds_hooks.storage.records import Records
from cds_hooks.trust.client_auth import Authenticator
from cds_hooks.trust.entries import Client
from cds_hooks.trust.key_sets import KeySets
from cds_hooks.trust.profiles import client_profiles
from cds_hooks.trust.public_keys import read_key
from cds_hooks.trust.rates import RateLimits
from cds_hooks.trust.registry import ClientRegistry, RegisteredClient
from mappings.load import Knowledge

PREFIX = "/as"


def door(base_url: str, profile: str) -> str:
    """The base address of the service for clients of this profile."""
    return f"{base_url}{PREFIX}/{profile}"


def client_doors(
    profiles: Iterable[str],
    *,
    deployment: Deployment,
    keys: ClientKeys,
    records: Records,
    ledger: Ledger,
    http: httpx.AsyncClient,
) -> APIRouter:
    """Discovery, services and feedback for a client of each of `profiles`, whose tokens `keys` sign."""
    router, admission = APIRouter(include_in_schema=False), Admission(deployment.settings.queue_seconds)
    for profile in profiles:
        base = door(deployment.settings.base_url, profile)
        reception = _ProfiledReception(profile, base, deployment=deployment, keys=keys, records=records, http=http)
        router.include_router(_discovery(deployment.knowledge, base), prefix=f"{PREFIX}/{profile}")
        router.include_router(
            service_routes(deployment, reception, ledger, admission=admission), prefix=f"{PREFIX}/{profile}"
        )
    return router


def _discovery(knowledge: Knowledge, base: str) -> APIRouter:
    router = APIRouter()
    announced = orjson.dumps(discovery(knowledge, base))

    @router.get(SERVICES_PATH)
    async def discover(request: Request) -> Response:
        call_line(request.scope).call = "discovery"
        return Response(announced, media_type="application/json")

    return router


class _ProfiledReception(Reception):
    """Admits the one client of a door. It is live: the demo is no site that could have accepted the knowledge."""

    def __init__(
        self,
        profile: str,
        base: str,
        *,
        deployment: Deployment,
        keys: ClientKeys,
        records: Records,
        http: httpx.AsyncClient,
    ) -> None:
        settings, knowledge = deployment.settings, deployment.knowledge
        super().__init__(
            settings=settings,
            knowledge=knowledge,
            authenticator=None,
            rates=RateLimits(deployment.clock),
            records=records,
        )
        behaviour = client_profiles()[profile]
        entry = Client.model_validate(
            {
                **behaviour.model_dump(exclude={"note", "source"}),
                "id": f"demo-{profile}",
                "name": f"The demo as a client of the profile {profile}",
                "issuer": base,
                "jku": (keys.key_address,),
                "algorithms": (ALGORITHM,),
                "fhir_servers": settings.fhir_servers,
                "profile": profile,
                "mode": "live",
                "smart_app": behaviour.links and behaviour.smart_links != "none",
            }
        )
        pinned = MappingProxyType(dict(read_key(one, entry.algorithms) for one in keys.public_set()["keys"]))
        self._caller_here = Caller(
            id=entry.id,
            allowed=AllowList(settings.fhir_servers),
            time_zone=settings.time_zone,
            jurisdiction=knowledge.jurisdiction_for(settings.jurisdiction),
            selection=entry.selection_behavior,
            style=order_style(entry),
            form=card_form(entry),
            searches=entry.searches,
        )
        self._proof = Authenticator(
            registry=ClientRegistry((RegisteredClient(entry, pinned, AllowList(entry.fhir_servers)),)),
            clock=deployment.clock,
            base_url=base,
            replays=records.replays,
            # The key is pinned above; nothing is fetched.
            key_sets=KeySets(frozenset(), http, deployment.clock),
        )

    async def admit(
        self, request: Request, service_id: str, line: CallLine, *, body_bytes: int, feedback: bool = False
    ) -> Caller:
        """The client of this door, once its token proves it. Raises NotAuthenticated or RecordsUnavailable."""
        with line.stage("authenticate"):
            await self._proof.authenticate(
                request.headers.get("authorization"), service_id=service_id, feedback=feedback
            )
        line.client = self._caller_here.id
        return self._caller_here
