"""From what the client sent to what the reasoning needs: prefetch first, the client's FHIR server for what is
missing.

Each kind of data ends COMPLETE, UNKNOWN (under a key of the client's own), PARTIAL or UNREAD, and everything
not complete is a named `Gap`. Only the patient and the medication requests are essential (decision 2):
without them, by both routes, the call ends with 412. This is where async ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cds_hooks import medications, prefetch
from cds_hooks.catalogue import Query
from cds_hooks.envelope import HookRequest, Resource
from cds_hooks.errors import EssentialDataMissing
from cds_hooks.fhir_client import FhirClient, FhirFailure, SearchAnswer
from cds_hooks.patient_guard import refuse_other_patient
from cds_hooks.prefetch import Sent, State
from cds_hooks.references import local_reference
from plugin.findings import Gap
from plugin.record import Availability, Read

_NO_ROUTE = "it was not sent and the client's FHIR server cannot be called"


@dataclass(frozen=True, slots=True)
class Gathered:
    """All resources of one call, each once, and how completely each FHIR resource type was read."""

    resources: tuple[Resource, ...] = field(repr=False)
    availability: Mapping[str, Availability]
    gaps: tuple[Gap, ...]


@dataclass(slots=True)
class _Kind:
    """One kind of data on its way: what arrived, and how far it was read."""

    query: Query
    read: Read
    why: str = ""
    resources: list[Resource] = field(default_factory=list, repr=False)


async def gather(
    request: HookRequest, *, queries: tuple[Query, ...], fhir: FhirClient | None, deadline: float
) -> Gathered:
    """Everything to be had about the patient of `request`.

    `fhir` is None when the client's server cannot or must not be called; `deadline` is the event-loop time at
    which all reading ends. Raises PatientMismatch when anything is about another patient,
    EssentialDataMissing for decision 2.
    """
    sent = {query.key: prefetch.read_key(query, request.prefetch) for query in queries}
    foreign = _foreign(request, queries)
    full_urls = prefetch.full_urls_of_patients(request.prefetch)
    refuse_other_patient(
        [*(item for value in sent.values() for item in value.resources), *foreign],
        request.patient_id,
        where="prefetch",
        full_urls=full_urls,
    )
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_settle(query, sent[query.key], request.patient_id, fhir, deadline)) for query in queries
        ]
    kinds = [task.result() for task in tasks]
    for kind in kinds:
        refuse_other_patient(kind.resources, request.patient_id, where="fhirServer", full_urls=full_urls)
        _use_foreign(kind, foreign)
    _require_essential(kinds, fhir is not None)
    resources = _each_once([*(item for kind in kinds for item in kind.resources), *foreign])
    resolved, _ = await medications.resolve(resources, fhir, deadline)
    _admit_nameless(kinds, medications.nameless(resources, (*resources, *resolved)))
    gaps = [Gap(what=kind.query.resource_type, why=kind.why) for kind in kinds if kind.read is not Read.COMPLETE]
    return Gathered(
        resources=(*resources, *resolved),
        availability=MappingProxyType(
            {kind.query.resource_type: Availability(read=kind.read, why=kind.why) for kind in kinds}
        ),
        gaps=tuple(gaps),
    )


async def _settle(query: Query, sent: Sent, patient_id: str, fhir: FhirClient | None, deadline: float) -> _Kind:
    """Bring one kind of data as far as it goes. Never raises for what the client or its server did."""
    if sent.state in (State.PRESENT, State.EMPTY):
        return _Kind(query, Read.COMPLETE, resources=list(sent.resources))
    if fhir is None:
        read = Read.PARTIAL if sent.state is State.INCOMPLETE else Read.UNREAD
        return _Kind(query, read, sent.why or _NO_ROUTE, list(sent.resources))
    pulled = SearchAnswer(list(sent.resources), announced=sent.announced)
    failure = ""
    try:
        async with asyncio.timeout_at(deadline):
            if query.is_read:
                pulled.resources.append(await fhir.read(query.resource_type, patient_id))
                pulled.why = ""
            elif sent.next_link is not None:
                await fhir.follow(sent.next_link, query.resource_type, pulled)
            else:
                await fhir.search(query.resource_type, query.search(patient_id), pulled)
    except FhirFailure as fault:
        failure = fault.why
    except TimeoutError:
        failure = "the time allowed for reading ran out"
    if pulled.complete and not failure:
        return _Kind(query, Read.COMPLETE, resources=pulled.resources)
    some = any(item.get("resourceType") == query.resource_type for item in pulled.resources)
    return _Kind(query, Read.PARTIAL if some else Read.UNREAD, failure or pulled.why, pulled.resources)


def _foreign(request: HookRequest, queries: tuple[Query, ...]) -> list[Resource]:
    """Resources under keys of the client's own, without the drafted orders that some clients repeat there."""
    drafts = {local_reference(draft) for draft in request.drafts}
    return [
        item
        for item in prefetch.unregistered(queries, request.prefetch)
        if local_reference(item) not in drafts and item.get("status") != "draft"
    ]


def _use_foreign(kind: _Kind, foreign: list[Resource]) -> None:
    """Where nothing better came, data under another key stand in for this kind, completeness unknown."""
    if kind.read is Read.UNREAD and any(item.get("resourceType") == kind.query.resource_type for item in foreign):
        kind.read, kind.why = Read.UNKNOWN, "it was sent under a key this service did not announce"


def _admit_nameless(kinds: list[_Kind], nameless: tuple[Resource, ...]) -> None:
    """An entry whose drug nobody names may be any drug: its kind is not completely read."""
    for kind in kinds:
        count = sum(item.get("resourceType") == kind.query.resource_type for item in nameless)
        if count and kind.read is Read.COMPLETE:
            kind.read = Read.PARTIAL
            kind.why = f"{count} entries name their medication by a reference that could not be read"


def _require_essential(kinds: list[_Kind], reachable: bool) -> None:
    missing = [kind for kind in kinds if kind.query.essential and kind.read is Read.UNREAD]
    if not missing:
        return
    said = "; ".join(f"{kind.query.resource_type}: {kind.why}" for kind in missing)
    keys = ", ".join(kind.query.key for kind in missing)
    remedy = f"Send the prefetch keys {keys}, or a fhirServer and an access token that can read them."
    if not reachable:
        remedy += (
            " A fhirServer is called only when the operator of this service has listed it for this client "
            "(fhir_servers in the client registry) and, unless it is open, a token came along."
        )
    raise EssentialDataMissing(
        f"Data needed for any answer could not be had ({said}).",
        remedy,
        where=f"prefetch.{missing[0].query.key}",
    )


def _each_once(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Resources in order, those with the same type and id once; without an id nothing shows that two are the
    same.
    """
    kept: list[Resource] = []
    seen: set[str] = set()
    for resource in resources:
        reference = local_reference(resource)
        if not reference.endswith("/"):
            if reference in seen:
                continue
            seen.add(reference)
        kept.append(resource)
    return tuple(kept)
