"""One call to a service from checked envelope to cards: the order of decision 19, from "whose user" to the
answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx

from cds_hooks import gather, medications, prefetch
from cds_hooks.catalogue import Query
from cds_hooks.clock import Clock
from cds_hooks.envelope import HookRequest, Resource, entries_of
from cds_hooks.errors import EssentialDataMissing
from cds_hooks.fhir_client import FhirClient
from cds_hooks.gather import OnNeed
from cds_hooks.on_need import Need
from cds_hooks.outbound import AllowList
from cds_hooks.patient_guard import refuse_other_patient, refuse_other_token
from cds_hooks.proposals import OrderStyle
from cds_hooks.references import local_reference
from cds_hooks.render import Provenance, render, response
from cds_hooks.request_log import CallLine
from cds_hooks.settings import Settings
from cds_hooks.suggesting import AT_MOST_ONE, Ordering
from cds_hooks.verdict_memory import VerdictMemory
from cds_hooks.wire import HookResponse
from mappings.load import Knowledge
from plugin import assess
from plugin.advice import advise
from plugin.ingest import read_orders, read_record
from plugin.record import DraftOrder

_NO_CARDS = HookResponse(cards=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What is known of the client that calls: from its registry entry, or from the settings in open mode."""

    id: str
    allowed: AllowList
    time_zone: str
    jurisdiction: str
    selection: str = AT_MOST_ONE
    style: OrderStyle = field(default_factory=OrderStyle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What every call needs, made once by the composition root."""

    settings: Settings
    knowledge: Knowledge
    queries: tuple[Query, ...]
    needs: tuple[Need, ...]
    clock: Clock
    http: httpx.AsyncClient
    memory: VerdictMemory | None
    engine: str


async def answer(deployment: Deployment, request: HookRequest, caller: Caller, line: CallLine) -> HookResponse:
    """The cards for `request`. Raises the faults of `cds_hooks.errors`; notes counts and names on `line`."""
    if request.for_patient_or_proxy:
        line.outcome = "patient-or-proxy-user"
        return _NO_CARDS
    now = deployment.clock.now()
    deadline = asyncio.get_running_loop().time() + _seconds_allowed(deployment.settings, request)
    fhir = _fhir_client(deployment, request, caller)
    orders: tuple[DraftOrder, ...] = ()
    if request.takes_orders:
        orders = await _concerning(deployment, request, caller, fhir, deadline)
        line.drafts, line.concerning = len(request.drafts), sum(order.selected for order in orders)
        if not line.concerning:
            line.outcome = "nothing-of-concern"
            return _NO_CARDS
    refuse_other_token(request.authorization.patient if request.authorization else None, request.patient_id)
    refuse_other_patient(
        request.drafts,
        request.patient_id,
        where="context.draftOrders",
        full_urls=prefetch.full_urls_of_patients(request.prefetch),
    )
    besides = OnNeed(
        deployment.needs,
        now.astimezone(ZoneInfo(caller.time_zone)).date(),
        # Behind an order of concern they matter; on opening a record, once its history names a judged drug.
        matters=None if request.takes_orders else lambda known: _has_judged_drug(deployment, request, caller, known),
    )
    gathered = await gather.gather(request, queries=deployment.queries, besides=besides, fhir=fhir, deadline=deadline)
    line.resources, line.gaps = len(gathered.resources), tuple(gap.what for gap in gathered.gaps)
    return _cards(deployment, request, caller, gathered, orders=orders, now=now, line=line)


def _has_judged_drug(
    deployment: Deployment, request: HookRequest, caller: Caller, resources: tuple[Resource, ...]
) -> bool:
    """Whether any record of a medication names a drug that the reasoning judges; without one nothing is said."""
    record = read_record(
        resources,
        knowledge=deployment.knowledge,
        patient_id=request.patient_id,
        availability={},
        jurisdiction=caller.jurisdiction,
    )
    return any(fact.product is not None for fact in record.medications)


def _cards(
    deployment: Deployment,
    request: HookRequest,
    caller: Caller,
    gathered: gather.Gathered,
    *,
    orders: tuple[DraftOrder, ...],
    now: datetime,
    line: CallLine,
) -> HookResponse:
    """The synchronous rest: facts, judgement, what to say, and how."""
    knowledge, settings = deployment.knowledge, deployment.settings
    zone = ZoneInfo(caller.time_zone)
    as_of = now.astimezone(zone).date()
    record = read_record(
        gathered.resources,
        knowledge=knowledge,
        patient_id=request.patient_id,
        availability=gathered.availability,
        zone=zone,
        jurisdiction=caller.jurisdiction,
    )
    assessment = assess(
        record,
        knowledge=knowledge,
        as_of=as_of,
        definition=settings.definition,
        jurisdiction=caller.jurisdiction,
        orders=orders,
    )
    verdict = str(assessment.verdict.value)
    line.verdict = verdict
    encounter = f"Encounter/{request.encounter_id}" if request.encounter_id else ""
    drafts = advise(assessment, hook=request.hook, knowledge=knowledge, user=request.user_id, encounter=encounter)
    if drafts and not request.takes_orders and deployment.memory is not None:
        news = deployment.memory.is_news(
            client=caller.id, user=request.user_id, patient=request.patient_id, verdict=verdict, now=now
        )
        if not news:
            line.outcome = "already-said"
            return _NO_CARDS
    line.cards = tuple(draft.kind for draft in drafts)
    line.rules = tuple(dict.fromkeys(reason.rule for reason in assessment.verdict.reasons))
    provenance = Provenance(
        engine=deployment.engine,
        knowledge=knowledge.version,
        content_hash=knowledge.content_hash,
        definition=assessment.definition.id,
        as_of=as_of,
        site=knowledge.site_id,
    )
    ordering = Ordering(
        assessment=assessment,
        patient_id=request.patient_id,
        encounter=encounter,
        selection=caller.selection,
        style=caller.style,
    )
    cards = render(drafts, knowledge=knowledge, base_url=settings.base_url, ordering=ordering)
    return response(cards, provenance)


def _seconds_allowed(settings: Settings, request: HookRequest) -> float:
    """How long reading may take: the deadline, or the token's remaining life where that is shorter."""
    expires = request.authorization.expires_in if request.authorization else None
    return settings.deadline_seconds if expires is None else max(0.0, min(settings.deadline_seconds, expires))


def _fhir_client(deployment: Deployment, request: HookRequest, caller: Caller) -> FhirClient | None:
    """A client for the request's FHIR server; None when it is not on the caller's list or the token has expired."""
    base = caller.allowed.admit(request.fhir_server)
    if base is None or _seconds_allowed(deployment.settings, request) <= 0:
        return None
    return FhirClient(
        deployment.http,
        base,
        request.authorization.token if request.authorization else None,
        max_pages=deployment.settings.max_pages,
        max_resources=deployment.settings.max_resources,
    )


async def _concerning(
    deployment: Deployment, request: HookRequest, caller: Caller, fhir: FhirClient | None, deadline: float
) -> tuple[DraftOrder, ...]:
    """The drafts of concern, asked before any patient data are read.

    A draft may only point to its medication: that one resource is read first. A selected draft whose drug
    stays without any name is not "nothing of concern": without another reason to answer it ends the call with
    412.
    """
    sent = tuple(_medications_sent(request))
    selected = [draft for draft in request.drafts if _is_selected(request, draft)]
    read, _ = await medications.resolve(selected, fhir, deadline, known=(*request.drafts, *sent))
    known = (*request.drafts, *sent, *read)
    orders = read_orders(
        known,
        knowledge=deployment.knowledge,
        selections=request.selections,
        jurisdiction=caller.jurisdiction,
    )
    if not any(order.selected for order in orders) and medications.nameless(selected, known):
        raise EssentialDataMissing(
            "A drafted order points to a medication that was not sent, has no display text and could not be read.",
            "Send the Medication with the draft orders, give the reference a display, or send a fhirServer "
            "and an access token that can read Medication.",
            where="context.draftOrders",
        )
    return orders


def _medications_sent(request: HookRequest) -> Iterator[Resource]:
    for value in request.prefetch.values():
        if not isinstance(value, dict):
            continue
        found = [resource for _, resource in entries_of(value)] if "entry" in value else [value]
        yield from (item for item in found if item.get("resourceType") == "Medication")


def _is_selected(request: HookRequest, draft: Resource) -> bool:
    return request.selections is None or local_reference(draft) in request.selections
