"""Medications by reference: EHRs send an order that only points to its drug.

A reference is looked up in the resource itself, then among everything received, and only then read from the
client's server. What stays unread leaves the display text, which `plugin.ingest` reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from cds_hooks.envelope import Resource
from cds_hooks.fhir_client import FhirClient, FhirFailure
from cds_hooks.references import local_reference, reference_of, type_and_id

# Reads of one call: a history rarely names more drugs, and each read is a round trip.
_READS_AT_MOST = 60
_AT_ONCE = 8


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


async def resolve(
    resources: Sequence[Resource], fhir: FhirClient | None, deadline: float, *, known: Sequence[Resource] = ()
) -> tuple[tuple[Resource, ...], int]:
    """The Medication resources that `resources` lack, read from `fhir`, and how many could not be read."""
    wanted = missing_medications(resources, known)
    if fhir is None or not wanted:
        return (), len(wanted)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def read(written: str) -> Resource | None:
        address = fhir.base.relative(written)
        if address is None:  # an absolute reference to some other server
            return None
        kind, identifier = type_and_id(address)
        try:
            async with gate, asyncio.timeout_at(deadline):
                return await fhir.read(kind, identifier)
        except (FhirFailure, TimeoutError):
            return None

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(read(written)) for written in wanted[:_READS_AT_MOST]]
    found = tuple(medication for task in tasks if (medication := task.result()) is not None)
    return found, len(wanted) - len(found)


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
