"""From what the client sent to what the reasoning needs: prefetch first, the client's FHIR server for what is
missing.

Each kind of data ends COMPLETE, UNKNOWN (under a key of the client's own), PARTIAL or UNREAD, and everything
not complete is a named `Gap`. Only the patient and the medication requests are essential (decision 2):
without them, by both routes, the call ends with 412. This is where async ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Literal

from cds_hooks import medications, prefetch
from cds_hooks.catalogue import Query
from cds_hooks.ehr.budget import Budget
from cds_hooks.ehr.search_schema import PatientForm
from cds_hooks.envelope import HookRequest, Resource
from cds_hooks.errors import EssentialDataMissing
from cds_hooks.fhir_client import FhirClient
from cds_hooks.medications import Resolver
from cds_hooks.on_need import Need
from cds_hooks.patient_guard import refuse_other_patient
from cds_hooks.reading import Kind, Patience, Sought, after_another_form, announced, on_need, settle, unread
from cds_hooks.references import local_reference
from plugin.findings import Gap
from plugin.record import Availability, Read


@dataclass(frozen=True, slots=True)
class Gathered:
    """All resources of one call, each once, and how completely each kind of data was read.

    `availability` is keyed by FHIR resource type, and by names of their own for data asked for on need. `cut` is the
    end of the time for reading that ended some of it, the hard one before the soft one. `broken_off`: of essential data
    only a beginning came.
    """

    resources: tuple[Resource, ...] = field(repr=False)
    availability: Mapping[str, Availability]
    gaps: tuple[Gap, ...]
    cut: Literal["", "soft", "hard"] = ""
    broken_off: bool = False


@dataclass(frozen=True, slots=True)
class OnNeed:
    """What is read besides on `day`, once it matters.

    `matters` judges by what was read until then; None where it is known beforehand: then all is asked at once.
    """

    needs: tuple[Need, ...]
    day: date
    matters: Callable[[tuple[Resource, ...]], Awaitable[bool]] | None = None


async def gather(
    request: HookRequest, *, queries: tuple[Query, ...], besides: OnNeed, fhir: FhirClient | None, budget: Budget
) -> Gathered:
    """Everything to be had about the patient of `request`.

    `fhir` is None when the client's server cannot or must not be called; after the ends of `budget` less and less is
    waited for. Raises PatientMismatch when anything is about another patient, EssentialDataMissing for decision 2.
    """
    known = (*queries, *(need.sent for need in besides.needs))
    sent = {query.key: prefetch.read_key(query, request.prefetch) for query in known}
    foreign = _foreign(request, known)
    everything_sent = [*(item for value in sent.values() for item in value.resources), *foreign]
    reading = _Reading(
        request.patient_id,
        fhir,
        budget,
        prefetch.full_urls_of_patients(request.prefetch),
        Resolver(fhir, everything_sent),
    )
    refuse_other_patient(everything_sent, request.patient_id, where="prefetch", full_urls=reading.full_urls)

    asked = [announced(query, sent[query.key]) for query in queries]
    later = [on_need(need, sent[need.key], need.wanted(besides.day)) for need in besides.needs]
    kinds = await reading.bring(asked if besides.matters is not None else [*asked, *later])
    _use_foreign(kinds, foreign)
    _require_essential(kinds, fhir is not None)
    await reading.medications.resolve(foreign)
    if besides.matters is not None:
        # What was sent is used in any case; where it does not matter, no server is asked.
        matters = await besides.matters(_together(kinds, foreign, reading.medications.read))
        more = await (reading if matters else reading.without_server()).bring(later)
        _use_foreign(more, foreign)
        kinds += more if matters else [kind for kind in more if kind.read is not Read.UNREAD]
        if not matters:
            await reading.medications.resolve([item for kind in more for item in kind.resources])
    if fhir is not None and fhir.ways.refusal:
        # The server's version became known while it was asked: what it gave may mean something else.
        kinds = [unread(kind, fhir.ways.refusal) if kind.pulled else kind for kind in kinds]
        reading.medications.read.clear()
        _use_foreign(kinds, foreign)
        _require_essential(kinds, reachable=True)
    resources = _together(kinds, foreign, reading.medications.read)
    broken_off = any(kind.query.essential and kind.read is Read.PARTIAL for kind in kinds)
    _admit_nameless(kinds, medications.nameless(resources, resources))
    told = [kind for kind in kinds if kind.offered]
    return Gathered(
        resources=resources,
        availability=MappingProxyType(
            {kind.name: Availability(read=kind.read, why=kind.why, feed=kind.feed) for kind in told}
        ),
        gaps=tuple(Gap(what=kind.name, why=kind.why) for kind in told if kind.read is not Read.COMPLETE),
        cut=_cut(kinds, reading.medications),
        broken_off=broken_off,
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """The reading of one call: whose data, from where, until when, and the drugs that are read by reference."""

    patient_id: str = field(repr=False)
    fhir: FhirClient | None
    budget: Budget
    full_urls: Mapping[str, str] = field(repr=False)
    medications: Resolver

    def without_server(self) -> _Reading:
        """The same, with what was sent only."""
        return _Reading(self.patient_id, None, self.budget, self.full_urls, self.medications)

    async def bring(self, sought: Sequence[Sought]) -> list[Kind]:
        """Bring all kinds of `sought`, side by side; in a second round those that a server may know by another form.

        A server that knows patients as ``Patient/p1`` only finds nothing for ``p1``, and says so as if it were true.
        So where nothing at all was found, and no earlier call has shown the form, the other form is asked by.
        """
        form = self.fhir.ways.form if self.fhir is not None else None
        kinds = await self._round(sought, form or "bare")
        if form is not None or any(kind.found_by_form for kind in kinds):
            return kinds
        doubtful = [number for number, kind in enumerate(kinds) if kind.by_another_form]
        again = await self._round([kinds[number].sought for number in doubtful], "typed")
        for number, kind in zip(doubtful, again, strict=True):
            kinds[number] = after_another_form(kinds[number], kind)
        return kinds

    async def _round(self, sought: Sequence[Sought], form: PatientForm) -> list[Kind]:
        """Bring all kinds of `sought` side by side, those that are waited for softly only while it costs nothing."""
        patience = [Patience(self.budget) for _ in sought]
        async with _Tasks() as tasks:
            for one, waited in zip(sought, patience, strict=True):
                tasks.begin(self._one(one, waited, form))
            await tasks.wait(tasks.all, until=self.budget.soft)
            await tasks.wait([task for one, task in zip(sought, tasks.all, strict=True) if not one.is_soft])
            for one, waited in zip(sought, patience, strict=True):
                if one.is_soft:
                    waited.end()
            await tasks.wait(tasks.all)
            return [task.result() for task in tasks.all]

    async def _one(self, sought: Sought, patience: Patience, form: PatientForm) -> Kind:
        kind = await settle(sought, self.patient_id, self.fhir, self.budget, patience=patience, form=form)
        refuse_other_patient(kind.resources, self.patient_id, where="fhirServer", full_urls=self.full_urls)
        await self.medications.resolve(kind.resources)
        return kind


class _Tasks:
    """Tasks that end together: the first exception of one is raised, and cancels the others."""

    def __init__(self) -> None:
        self.all: list[asyncio.Task[Kind]] = []

    async def __aenter__(self) -> _Tasks:
        return self

    async def __aexit__(self, *raised: object) -> None:
        for task in self.all:
            task.cancel()
        await asyncio.gather(*self.all, return_exceptions=True)

    def begin(self, work: Coroutine[None, None, Kind]) -> None:
        """Begin one more."""
        self.all.append(asyncio.create_task(work))

    async def wait(self, tasks: Iterable[asyncio.Task[Kind]], until: float | None = None) -> None:
        """Wait until all of `tasks` are done, or the event-loop time `until`. Raises what one of them raised."""
        pending = set(tasks)
        while pending:
            left = None if until is None else until - asyncio.get_running_loop().time()
            done, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
            if not done:
                return


def _together(kinds: Iterable[Kind], foreign: Iterable[Resource], read: Iterable[Resource]) -> tuple[Resource, ...]:
    return _each_once([*(item for kind in kinds for item in kind.resources), *foreign, *read])


def _cut(kinds: Iterable[Kind], resolver: Resolver) -> Literal["", "soft", "hard"]:
    ends = {kind.cut for kind in kinds}
    if "hard" in ends or resolver.cut_off:
        return "hard"
    return "soft" if "soft" in ends else ""


def _foreign(request: HookRequest, queries: tuple[Query, ...]) -> list[Resource]:
    """Resources under keys of the client's own, without the drafted orders that some clients repeat there."""
    drafts = {local_reference(draft) for draft in request.drafts}
    return [
        item
        for item in prefetch.unregistered(queries, request.prefetch)
        if local_reference(item) not in drafts and item.get("status") != "draft"
    ]


def _use_foreign(kinds: Iterable[Kind], foreign: list[Resource]) -> None:
    """Where nothing better came, data under another key stand in for their kind, completeness unknown."""
    sent = {item.get("resourceType") for item in foreign if isinstance(item.get("resourceType"), str)}
    for kind in kinds:
        if kind.read is Read.UNREAD and kind.query.resource_type in sent:
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
    scopes = " ".join(f"patient/{kind.query.resource_type}.rs" for kind in missing)
    remedy = f"Send the prefetch keys {keys}, or a fhirServer and an access token that can read them (scope {scopes})."
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
