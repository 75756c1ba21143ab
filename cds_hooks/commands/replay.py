"""The service's answer to a file instead of a call: the same steps in the same order, without a server or a network."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from cds_hooks.app import engine_version
from cds_hooks.caller import Caller
from cds_hooks.catalogue import Query, queries
from cds_hooks.clock import FixedClock
from cds_hooks.commands.reading import the_patient
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.registering import read_registry
from cds_hooks.deployment import Deployment
from cds_hooks.ehr.access import EhrAccess
from cds_hooks.envelope import read_request
from cds_hooks.errors import HookFault
from cds_hooks.fhir_writer import collection
from cds_hooks.hook_call import answer
from cds_hooks.observing.call_line import CallLine
from cds_hooks.on_need import needs
from cds_hooks.outbound import AllowList
from cds_hooks.settings import Settings
from cds_hooks.wire import to_wire
from mappings.load import Knowledge

_NOON = time(12)
_USER = "Practitioner/command-line"


def caller_for(client: str | None, settings: Settings, knowledge: Knowledge) -> Caller:
    """The client `client` of the registry, or one with the settings' defaults; no FHIR server is ever called."""
    nobody = AllowList(())
    if client is None:
        place = knowledge.jurisdiction_for(settings.jurisdiction)
        return Caller(id="open", allowed=nobody, time_zone=settings.time_zone, jurisdiction=place)
    for registered in read_registry(settings):
        entry = registered.entry
        if entry.id == client:
            place = knowledge.jurisdiction_for(entry.jurisdiction)
            return Caller(id=entry.id, allowed=nobody, time_zone=entry.time_zone, jurisdiction=place)
    raise Refusal("--client", "is not a client of the registry", "use the id of one of its entries")


def replay(
    resources: Sequence[Mapping[str, Any]],
    *,
    name: str,
    hook: str,
    orders: Sequence[Mapping[str, Any]],
    caller: Caller,
    day: date,
    settings: Settings,
    knowledge: Knowledge,
) -> dict[str, Any]:
    """The CDS Hooks response to `hook` on `day` with `resources` sent along and `orders` drafted.

    Raises Refusal with what the service would answer instead when it would answer with an error.
    """
    patient = the_patient(resources, name)
    if patient is None:
        raise Refusal(name, "names no patient", "add the Patient, or subjects that name one")
    kinds = queries(knowledge)
    context: dict[str, Any] = {"userId": _USER, "patientId": patient}
    if orders:
        context["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": order} for order in orders]}
    body = {
        "hook": hook,
        "hookInstance": "command-line",
        "context": context,
        "prefetch": _sent_along(resources, patient, kinds),
    }
    at = datetime.combine(day, _NOON, tzinfo=ZoneInfo(caller.time_zone))

    async def ask() -> dict[str, Any]:
        clock = FixedClock(at)
        async with httpx.AsyncClient(trust_env=False) as http:
            deployment = Deployment(
                settings=settings,
                knowledge=knowledge,
                queries=kinds,
                needs=needs(knowledge),
                clock=clock,
                ehr=EhrAccess(http, settings, clock),
                memory=None,
                engine=engine_version(),
            )
            return to_wire((await answer(deployment, read_request(body), caller, CallLine())).response)

    try:
        return asyncio.run(ask())
    except HookFault as fault:
        place = f"{name}, {fault.where}" if fault.where else name
        raise Refusal(place, f"{fault.what} (status {fault.status})", fault.remedy) from None


def _sent_along(resources: Sequence[Mapping[str, Any]], patient: str, kinds: tuple[Query, ...]) -> dict[str, Any]:
    """The prefetch: each kind that occurs under its key, everything else under a key of its own.

    A kind that does not occur is left out, as a file cannot say that it was looked for.
    """
    rest = list(resources)
    sent: dict[str, Any] = {}
    for kind in kinds:
        found = [item for item in rest if item.get("resourceType") == kind.resource_type]
        rest = [item for item in rest if item.get("resourceType") != kind.resource_type]
        if kind.is_read:
            found = [item for item in found if item.get("id") == patient]
        if found:
            sent[kind.key] = found[0] if kind.is_read else _searched(found)
    if rest:
        sent["others"] = _searched(rest)
    return sent


def _searched(found: list[Mapping[str, Any]]) -> dict[str, Any]:
    return collection([dict(item) for item in found], kind="searchset")
