"""Medications by reference: EHRs send an order that only points to its drug.

A reference is looked up in the resource itself, then among everything received, and only then read from the
client's server. What stays unread leaves the display text, which `plugin.ingest` reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from cds_hooks.ehr.failures import FhirFailure
from cds_hooks.ehr.searches import Wanted, searches
from cds_hooks.envelope import Resource
from cds_hooks.fhir_client import FhirClient, SearchAnswer
from cds_hooks.references import local_reference, reference_of, type_and_id

# Reads of one call: a history rarely names more drugs, and each read is a round trip.
_READS_AT_MOST = 60
_AT_ONCE = 8
_MANY = "many"  # the variant of ``searches.yaml`` that asks for several ids at once


def missing_medications(resources: Iterable[Resource], known: Iterable[Resource] = ()) -> list[str]:
    """References, as written, to Medication resources that are not among `resources` and `known`."""
    resources = list(resources)
    here = {local_reference(item) for item in (*resources, *known) if item.get("resourceType") == "Medication"}
    wanted: dict[str, str] = {}
    for written in _written(resources):
        kind, identifier = type_and_id(written)
        if kind == "Medication" and identifier and f"Medication/{identifier}" not in here:
            wanted.setdefault(identifier, written)
    return list(wanted.values())


class Resolver:
    """Reads the Medication resources of one call, each once, whichever kinds of data point to it.

    `read` are those that came; `cut_off` tells that the end of the time for reading kept some away.
    """

    def __init__(self, fhir: FhirClient | None, known: Iterable[Resource] = (), *, rank: int = 1) -> None:
        self._fhir = fhir if fhir is not None and not fhir.ways.refusal else None
        self._known = [one for one in known if one.get("resourceType") == "Medication"]
        self._rank = rank
        self._asked: set[str] = set()
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self.read: list[Resource] = []
        self.cut_off = False

    async def resolve(self, resources: Sequence[Resource]) -> None:
        """Read what `resources` point to and neither hold nor was asked for before. Nothing is raised for a failure."""
        fhir = self._fhir
        if fhir is None:
            return
        ids: list[str] = []
        for written in missing_medications(resources, self._known):
            address = fhir.base.relative(written)
            if address is None:  # an absolute reference to some other server
                if written not in self._asked:
                    fhir.refused("link-elsewhere")
                self._asked.add(written)
                continue
            identifier = type_and_id(address)[1]
            if identifier not in self._asked and len(self._asked) < _READS_AT_MOST:
                self._asked.add(identifier)
                ids.append(identifier)
        if len(ids) > 1 and fhir.ways.reads_many():
            await self._many(ids, fhir)
            came = {local_reference(one) for one in self.read}
            ids = [one for one in ids if f"Medication/{one}" not in came]
        async with asyncio.TaskGroup() as group:
            for identifier in ids:
                group.create_task(self._one(identifier, fhir))

    async def _many(self, ids: Sequence[str], fhir: FhirClient) -> None:
        [variant] = [one for one in searches()["medications"].variants if one.id == _MANY]
        answers: list[SearchAnswer] = []

        async def ask(number: int) -> None:
            with suppress(FhirFailure):  # what does not come is read one by one
                await fhir.ask(requests[number], answers[number], rank=self._rank)

        requests = variant.requests("", "bare", Wanted(ids=tuple(ids)))
        async with asyncio.TaskGroup() as group:
            for number in range(len(requests)):
                answers.append(SearchAnswer())
                group.create_task(ask(number))
        wanted = {f"Medication/{one}" for one in ids}
        found = (one for answer in answers for one in answer.resources)
        self.read += [one for one in found if local_reference(one) in wanted]

    async def _one(self, identifier: str, fhir: FhirClient) -> None:
        try:
            async with self._gate:
                self.read.append(await fhir.read("Medication", identifier, rank=self._rank))
        except FhirFailure as failure:
            self.cut_off = self.cut_off or failure.outcome == "cut-off"


async def resolve(
    resources: Sequence[Resource], fhir: FhirClient | None, *, known: Sequence[Resource] = ()
) -> tuple[Resource, ...]:
    """The Medication resources that the drafted orders `resources` lack and `known` does not hold, read from `fhir`."""
    resolver = Resolver(fhir, known, rank=0)
    await resolver.resolve(resources)
    return tuple(resolver.read)


def nameless(resources: Iterable[Resource], known: Iterable[Resource]) -> tuple[Resource, ...]:
    """Those of `resources` that only point to their drug, to one not among `known`, and give it no display."""
    here = {local_reference(item) for item in known}
    found = []
    for resource in resources:
        pointer = resource.get("medicationReference")
        reference = reference_of(pointer)
        if not reference or not isinstance(pointer, dict) or pointer.get("display"):
            continue
        if f"Medication/{type_and_id(reference)[1]}" not in here:
            found.append(resource)
    return tuple(found)


def _written(resources: Iterable[Resource]) -> Iterator[str]:
    for resource in resources:
        reference = reference_of(resource.get("medicationReference"))
        if reference:
            yield reference
