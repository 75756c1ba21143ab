"""One kind of data brought as far as it goes: what was sent, else what the client's FHIR server gives.

Nothing here raises for what a client or its server did: a failure is how far the kind was read, and why.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus

from cds_hooks.catalogue import Query
from cds_hooks.envelope import Resource
from cds_hooks.fhir_client import FhirClient, FhirFailure, SearchAnswer
from cds_hooks.on_need import Need
from cds_hooks.prefetch import Sent, State
from plugin.record import Read

_NO_ROUTE = "it was not sent and the client's FHIR server cannot be called"
# A server that has no such data, or gives us no access to them, answers with one of these.
_NOT_OFFERED = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.NOT_IMPLEMENTED,
)
# Of these, the ones that say the server knows no such resource type; the others refuse or fail.
_UNKNOWN_TYPE = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)


@dataclass(slots=True)
class Kind:
    """One kind of data on its way: what arrived, and how far it was read.

    `name` is what its availability is told by. `status` is the server's when that was the failure. Not `offered`:
    the client neither sent it nor has it, which is nothing to tell. `feed`: see `Availability`.
    """

    query: Query
    read: Read
    why: str = ""
    resources: list[Resource] = field(default_factory=list, repr=False)
    name: str = ""
    status: int | None = None
    offered: bool = True
    feed: bool = True

    def __post_init__(self) -> None:
        self.name = self.name or self.query.resource_type


async def settle(query: Query, sent: Sent, patient_id: str, fhir: FhirClient | None, deadline: float) -> Kind:
    """Bring the data of one query as far as they go."""
    if sent.state in (State.PRESENT, State.EMPTY):
        return Kind(query, Read.COMPLETE, resources=list(sent.resources))
    if fhir is None:
        read = Read.PARTIAL if sent.state is State.INCOMPLETE else Read.UNREAD
        return Kind(query, read, sent.why or _NO_ROUTE, list(sent.resources), feed=sent.state is not State.ABSENT)
    pulled = SearchAnswer(list(sent.resources), announced=sent.announced)
    failure, status = "", None
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
        failure, status = fault.why, fault.status
    except TimeoutError:
        failure = "the time allowed for reading ran out"
    if pulled.complete and not failure:
        return Kind(query, Read.COMPLETE, resources=pulled.resources)
    some = any(item.get("resourceType") == query.resource_type for item in pulled.resources)
    read = Read.PARTIAL if some else Read.UNREAD
    feed = some or sent.state is not State.ABSENT or status not in _UNKNOWN_TYPE
    return Kind(query, read, failure or pulled.why, pulled.resources, status=status, feed=feed)


async def settle_need(
    need: Need, sent: Sent, patient_id: str, day: date, fhir: FhirClient | None, deadline: float
) -> Kind:
    """Bring what one need asks for as far as it goes: all its searches at once, unless the client sent it."""
    if fhir is None or sent.state in (State.PRESENT, State.EMPTY) or sent.next_link is not None:
        kind = await settle(need.sent, sent, patient_id, fhir, deadline)
        kind.name = need.read_as
        kind.offered = not (need.often_not_offered and sent.state is State.ABSENT)
        return kind
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(settle(query, Sent(State.ABSENT), patient_id, fhir, deadline))
            for query in need.queries(day)
        ]
    parts = [task.result() for task in tasks]
    resources = [*sent.resources, *(item for part in parts for item in part.resources)]
    open_ = [part for part in parts if part.read is not Read.COMPLETE]
    if not open_:
        return Kind(need.sent, Read.COMPLETE, resources=resources, name=need.read_as)
    some = bool(sent.resources) or any(part.read is not Read.UNREAD for part in parts)
    refused = all(part.status in _NOT_OFFERED for part in open_)
    return Kind(
        need.sent,
        Read.PARTIAL if some else Read.UNREAD,
        "; ".join(dict.fromkeys(part.why for part in open_)),
        resources,
        name=need.read_as,
        offered=some or not (need.often_not_offered and refused),
    )
