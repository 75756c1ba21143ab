"""From what the client sent to what the reasoning needs: prefetch first, the client's FHIR server for what is
missing.

Each kind of data ends COMPLETE, UNKNOWN (under a key of the client's own), PARTIAL or UNREAD, and everything
not complete is a named `Gap`. Only the patient and the medication requests are essential (decision 2):
without them, by both routes, the call ends with 412. This is where async ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from cds_hooks import medications, prefetch
from cds_hooks.catalogue import Query
from cds_hooks.envelope import HookRequest, Resource
from cds_hooks.errors import EssentialDataMissing
from cds_hooks.fhir_client import FhirClient
from cds_hooks.on_need import Need
from cds_hooks.patient_guard import refuse_other_patient
from cds_hooks.reading import Kind, settle, settle_need
from cds_hooks.references import local_reference
from plugin.findings import Gap
from plugin.record import Availability, Read


@dataclass(frozen=True, slots=True)
class Gathered:
    """All resources of one call, each once, and how completely each kind of data was read.

    `availability` is keyed by FHIR resource type, and by names of their own for data asked for on need.
    """

    resources: tuple[Resource, ...] = field(repr=False)
    availability: Mapping[str, Availability]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class OnNeed:
    """What is read besides on `day`, once it matters.

    `matters` judges by what was read until then; None where it is known beforehand: then all is asked at once.
    """

    needs: tuple[Need, ...]
    day: date
    matters: Callable[[tuple[Resource, ...]], bool] | None = None


async def gather(
    request: HookRequest, *, queries: tuple[Query, ...], besides: OnNeed, fhir: FhirClient | None, deadline: float
) -> Gathered:
    """Everything to be had about the patient of `request`.

    `fhir` is None when the client's server cannot or must not be called; `deadline` is the event-loop time at
    which all reading ends. Raises PatientMismatch when anything is about another patient,
    EssentialDataMissing for decision 2.
    """
    known = (*queries, *(need.sent for need in besides.needs))
    sent = {query.key: prefetch.read_key(query, request.prefetch) for query in known}
    foreign = _foreign(request, known)
    full_urls = prefetch.full_urls_of_patients(request.prefetch)
    refuse_other_patient(
        [*(item for value in sent.values() for item in value.resources), *foreign],
        request.patient_id,
        where="prefetch",
        full_urls=full_urls,
    )

    async def read(asked: Iterable[Query], needs: Iterable[Need], server: FhirClient | None) -> list[Kind]:
        async with asyncio.TaskGroup() as group:
            tasks = [
                *(group.create_task(settle(q, sent[q.key], request.patient_id, server, deadline)) for q in asked),
                *(
                    group.create_task(
                        settle_need(need, sent[need.key], request.patient_id, besides.day, server, deadline)
                    )
                    for need in needs
                ),
            ]
        kinds = [task.result() for task in tasks]
        for kind in kinds:
            refuse_other_patient(kind.resources, request.patient_id, where="fhirServer", full_urls=full_urls)
            _use_foreign(kind, foreign)
        return kinds

    kinds = await read(queries, besides.needs if besides.matters is None else (), fhir)
    _require_essential(kinds, fhir is not None)
    resources = _each_once([*(item for kind in kinds for item in kind.resources), *foreign])
    resolved, _ = await medications.resolve(resources, fhir, deadline)
    if besides.matters is not None:
        # What was sent is used in any case; where it does not matter, no server is asked.
        matters = besides.matters((*resources, *resolved))
        more = await read((), besides.needs, fhir if matters else None)
        kinds += more if matters else [kind for kind in more if kind.read is not Read.UNREAD]
        resources = _each_once([*resources, *(item for kind in more for item in kind.resources)])
        again, _ = await medications.resolve(resources, fhir, deadline, known=resolved)
        resolved = (*resolved, *again)
    _admit_nameless(kinds, medications.nameless(resources, (*resources, *resolved)))
    told = [kind for kind in kinds if kind.offered]
    return Gathered(
        resources=(*resources, *resolved),
        availability=MappingProxyType(
            {kind.name: Availability(read=kind.read, why=kind.why, feed=kind.feed) for kind in told}
        ),
        gaps=tuple(Gap(what=kind.name, why=kind.why) for kind in told if kind.read is not Read.COMPLETE),
    )


def _foreign(request: HookRequest, queries: tuple[Query, ...]) -> list[Resource]:
    """Resources under keys of the client's own, without the drafted orders that some clients repeat there."""
    drafts = {local_reference(draft) for draft in request.drafts}
    return [
        item
        for item in prefetch.unregistered(queries, request.prefetch)
        if local_reference(item) not in drafts and item.get("status") != "draft"
    ]


def _use_foreign(kind: Kind, foreign: list[Resource]) -> None:
    """Where nothing better came, data under another key stand in for this kind, completeness unknown."""
    if kind.read is Read.UNREAD and any(item.get("resourceType") == kind.query.resource_type for item in foreign):
        kind.read, kind.why = Read.UNKNOWN, "it was sent under a key this service did not announce"
        kind.offered = True


def _admit_nameless(kinds: list[Kind], nameless: tuple[Resource, ...]) -> None:
    """An entry whose drug nobody names may be any drug: its kind is not completely read."""
    for kind in kinds:
        count = sum(item.get("resourceType") == kind.query.resource_type for item in nameless)
        if count and kind.read is Read.COMPLETE:
            kind.read = Read.PARTIAL
            kind.why = f"{count} entries name their medication by a reference that could not be read"


def _require_essential(kinds: list[Kind], reachable: bool) -> None:
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
