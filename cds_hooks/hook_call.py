"""One call to a service from checked envelope to cards: the order of decision 19, from "whose user" to the
answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from functools import partial
from zoneinfo import ZoneInfo

from cds_hooks import gather, medications, prefetch
from cds_hooks.admission import Admission
from cds_hooks.answering import NOTHING_READ, Answer, answered
from cds_hooks.caller import Caller
from cds_hooks.deployment import Deployment
from cds_hooks.ehr.budget import Budget
from cds_hooks.ehr.turns import NoTurnError
from cds_hooks.envelope import HookRequest, Resource, entries_of
from cds_hooks.errors import EssentialDataMissing, TooBusy
from cds_hooks.fhir_client import FhirClient
from cds_hooks.gather import OnNeed
from cds_hooks.ledger import Ledger
from cds_hooks.modes import OFF
from cds_hooks.observing.call_line import CallLine
from cds_hooks.outbound import FhirBase
from cds_hooks.patient_guard import refuse_other_patient, refuse_other_token
from cds_hooks.references import local_reference
from cds_hooks.settings import Settings
from plugin.ingest import read_orders, read_record
from plugin.record import DraftOrder

# A token is not used in its last second: the clocks of two machines differ, and a request takes its time.
_TOKEN_MARGIN_SECONDS = 1.0
# A record of more resources, or a large body, is read and judged in a thread, so that the calls of others need not wait
# for it; for a smaller one changing threads costs more than it spares them.
_ON_THE_LOOP = 400


async def answer(
    deployment: Deployment,
    request: HookRequest,
    caller: Caller,
    line: CallLine,
    ledger: Ledger | None = None,
    admission: Admission | None = None,
    *,
    large: bool = False,
) -> Answer:
    """What `request` is answered with. Raises the faults of `cds_hooks.errors`; notes counts and names on `line`.

    Without a `ledger` nothing is known of earlier answers, and everything is said. Without `admission` the
    call is the only one there is. A `large` body takes long to read, however few its resources are.
    """
    if caller.standing.mode == OFF:
        line.outcome = "switched-off"
        return NOTHING_READ
    if request.for_patient_or_proxy:
        line.outcome = "patient-or-proxy-user"
        return NOTHING_READ
    now = deployment.clock.now()
    arrived = asyncio.get_running_loop().time()

    noted: list[FhirBase | None] = []

    def base() -> FhirBase | None:
        """The request's FHIR server; asked for only where something is to be read from it, and noted once."""
        if not noted:
            noted.append(_admitted(request, caller, line))
        return noted[0]

    orders: tuple[DraftOrder, ...] = ()
    if request.takes_orders:
        orders = await _concerning(
            deployment,
            request,
            caller,
            lambda: _fhir_client(deployment, request, caller, line, base(), _budget(deployment.settings, request)),
            large=large,
        )
        line.drafts, line.concerning = len(request.drafts), sum(order.selected for order in orders)
        if not line.concerning:
            line.outcome = "nothing-of-concern"
            return NOTHING_READ
    refuse_other_token(request.authorization.patient if request.authorization else None, request.patient_id)
    refuse_other_patient(
        request.drafts,
        request.patient_id,
        where="context.draftOrders",
        full_urls=prefetch.full_urls_of_patients(request.prefetch),
    )

    async def has_judged_drug(known: tuple[Resource, ...]) -> bool:
        looking = partial(_has_judged_drug, deployment, request, caller, known)
        return await asyncio.to_thread(looking) if large or len(known) > _ON_THE_LOOP else looking()

    besides = OnNeed(
        deployment.needs,
        now.astimezone(ZoneInfo(caller.time_zone)).date(),
        # Behind an order of concern they matter; on opening a record, once its history names a judged drug.
        matters=None if request.takes_orders else has_judged_drug,
    )
    spent = asyncio.get_running_loop().time() - arrived
    async with _turn(deployment, base(), line):
        gone = asyncio.get_running_loop().time() - arrived
        budget = _budget(deployment.settings, request, spent=spent, gone=gone)
        fhir = _fhir_client(deployment, request, caller, line, base(), budget)
        with line.stage("gather"):
            gathered = await gather.gather(
                request, queries=deployment.queries, besides=besides, fhir=fhir, budget=budget
            )
        line.resources, line.gaps = len(gathered.resources), tuple(gap.what for gap in gathered.gaps)
        line.budget = gathered.cut
        answers = await ledger.answers(request, caller) if ledger is not None else None
        judging = partial(
            answered, deployment, request, caller, gathered, orders=orders, now=now, line=line, answers=answers
        )
        if not large and line.resources <= _ON_THE_LOOP:
            return judging()
        async with admission.alone() if admission is not None else nullcontext():
            return await asyncio.to_thread(judging)


@asynccontextmanager
async def _turn(deployment: Deployment, base: FhirBase | None, line: CallLine) -> AsyncIterator[None]:
    """Be among those who read from the FHIR server `base`, until the answer is made; a call that reads from none
    needs no turn. Raises TooBusy.
    """
    if base is None:
        yield
        return
    turns = deployment.ehr.hosts.of(base).turns
    async with AsyncExitStack() as turn:
        with line.stage("wait"):
            try:
                await turn.enter_async_context(turns.taken(deployment.settings.turn_seconds))
            except NoTurnError:
                raise TooBusy from None
        yield


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


def _budget(settings: Settings, request: HookRequest, *, spent: float = 0.0, gone: float = 0.0) -> Budget:
    """How long reading may take: the settings' time without what is `spent` already, or what is left of the token's
    life where that is shorter; it has been `gone` since the request came. All in seconds.
    """
    expires = request.authorization.expires_in if request.authorization else None
    return Budget.starting(
        asyncio.get_running_loop().time(),
        soft_seconds=settings.soft_budget_seconds - spent,
        hard_seconds=settings.deadline_seconds - spent,
        token_seconds=None if expires is None else expires - gone - _TOKEN_MARGIN_SECONDS,
    )


def _admitted(request: HookRequest, caller: Caller, line: CallLine) -> FhirBase | None:
    """The request's FHIR server; None, noted on `line`, when it is not on the caller's list."""
    base = caller.allowed.admit(request.fhir_server)
    if base is None and request.fhir_server is not None:
        line.note_refused("not-an-address" if FhirBase.parse(request.fhir_server) is None else "not-listed")
    return base


def _fhir_client(
    deployment: Deployment,
    request: HookRequest,
    caller: Caller,
    line: CallLine,
    base: FhirBase | None,
    budget: Budget,
) -> FhirClient | None:
    """A client for the request's FHIR server `base`; None without one, or when the token has expired."""
    if base is None:
        return None
    if budget.hard <= asyncio.get_running_loop().time():
        return None
    return deployment.ehr.client(base, request.authorization, budget=budget, stated=caller.searches, line=line)


async def _concerning(
    deployment: Deployment,
    request: HookRequest,
    caller: Caller,
    fhir: Callable[[], FhirClient | None],
    *,
    large: bool,
) -> tuple[DraftOrder, ...]:
    """The drafts of concern, asked before any patient data are read.

    A draft may only point to its medication: that one resource is looked for in what was sent, else read, with what
    `fhir` makes. A selected draft whose drug
    stays without any name is not "nothing of concern": without another reason to answer it ends the call with
    412.
    """
    selected = [draft for draft in request.drafts if _is_selected(request, draft)]
    known = request.drafts
    if medications.missing_medications(known):
        known = (*known, *_medications_sent(request))
    if medications.missing_medications(selected, known):
        known = (*known, *await medications.resolve(selected, fhir(), known=known))
    reading = partial(
        read_orders,
        known,
        knowledge=deployment.knowledge,
        selections=request.selections,
        jurisdiction=caller.jurisdiction,
    )
    orders = await asyncio.to_thread(reading) if large else reading()
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
