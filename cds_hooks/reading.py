"""One kind of data brought as far as it goes: what was sent, else what the client's FHIR server gives.

Nothing here raises for what a client or its server did: a failure is how far the kind was read, and why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from cds_hooks.catalogue import Query
from cds_hooks.ehr.budget import Budget
from cds_hooks.ehr.failures import CUT_OFF, NOT_WAITED_FOR, OUT_OF_SCOPE, FhirFailure
from cds_hooks.ehr.search_schema import PatientForm
from cds_hooks.ehr.searches import Search, Wanted, searches
from cds_hooks.envelope import Resource
from cds_hooks.fhir_client import FhirClient, SearchAnswer
from cds_hooks.on_need import Need
from cds_hooks.prefetch import FEWER, Sent, State
from cds_hooks.pulling import Asking, Pulled, pull
from cds_hooks.references import local_reference
from plugin.record import Read

NOTHING_FOUND = "the FHIR server found nothing at all for the patient, which could not be asked a second time"
_NO_ROUTE = "it was not sent and the client's FHIR server cannot be called"
# A server that has no such data, or gives us no access to them, answers with one of these.
NOT_OFFERED = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.NOT_IMPLEMENTED,
)
# Of these, the ones that say the server knows no such resource type; the others refuse or fail.
_UNKNOWN_TYPE = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)
_ESSENTIAL, _ANNOUNCED, _ON_NEED = range(3)  # ranks at the gate of a host


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """One kind of data to bring: how it may be sent (`query`), and what to ask a server for.

    `name` is what its availability is told by. `often_not_offered`: a server that refuses it does not have it.
    """

    query: Query
    sent: Sent
    wanted: tuple[Wanted, ...]
    name: str
    rank: int
    often_not_offered: bool = False

    @property
    def search(self) -> Search:
        """The ways to ask for it."""
        return searches()[self.query.key]

    @property
    def is_soft(self) -> bool:
        """Whether it is waited for to the soft end only."""
        return self.search.wait == "soft"


def announced(query: Query, sent: Sent) -> Sought:
    """A kind of data that every call reads."""
    rank = _ESSENTIAL if query.essential else _ANNOUNCED
    return Sought(query=query, sent=sent, wanted=(Wanted(codes=query.codes),), name=query.resource_type, rank=rank)


def on_need(need: Need, sent: Sent, wanted: tuple[Wanted, ...]) -> Sought:
    """A kind of data that only some calls read."""
    return Sought(
        query=need.sent,
        sent=sent,
        wanted=wanted,
        name=need.read_as,
        rank=_ON_NEED,
        often_not_offered=need.often_not_offered,
    )


@dataclass(slots=True)
class Kind:
    """One kind of data on its way: what arrived, and how far it was read.

    Not `offered`: the client neither sent it nor has it, which is nothing to tell. `feed`: see `Availability`. `cut`:
    which end of the time for reading ended it. `by_another_form`: a server that knows patients by another form of
    their id would have answered like this; `found_by_form`: the form asked by is one that the server knows. `pulled`:
    a server was asked for it.
    """

    sought: Sought
    read: Read
    why: str = ""
    resources: list[Resource] = field(default_factory=list, repr=False)
    offered: bool = True
    feed: bool = True
    cut: Literal["", "soft", "hard"] = ""
    by_another_form: bool = False
    found_by_form: bool = False
    pulled: bool = False

    @property
    def query(self) -> Query:
        """How the kind may be sent."""
        return self.sought.query

    @property
    def name(self) -> str:
        """What its availability is told by."""
        return self.sought.name


class Patience:
    """How long one kind is waited for: until the hard end, or until somebody says that it is enough."""

    def __init__(self, budget: Budget) -> None:
        self._limit = asyncio.timeout_at(budget.hard)
        self._waiting = False
        self.cut: Literal["", "soft", "hard"] = ""

    def end(self) -> None:
        """Wait no longer for a kind that is only waited for softly."""
        if self._waiting:
            self.cut = "soft"
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def __aenter__(self) -> Patience:
        await self._limit.__aenter__()
        self._waiting = True
        return self

    async def __aexit__(self, *raised: object) -> bool:
        """Swallow the end of the time, which `cut` then tells."""
        self._waiting = False
        try:
            await self._limit.__aexit__(*raised)  # type: ignore[arg-type]
        except TimeoutError:
            self.cut = self.cut or "hard"
            return True
        self.cut = ""
        return False


async def settle(
    sought: Sought,
    patient_id: str,
    fhir: FhirClient | None,
    budget: Budget,
    *,
    patience: Patience | None = None,
    form: PatientForm = "bare",
) -> Kind:
    """Bring one kind as far as it goes: what was sent, else from `fhir` in every way that `searches.yaml` has."""
    sent = sought.sent
    if sent.state in (State.PRESENT, State.EMPTY):
        return Kind(sought, Read.COMPLETE, resources=list(sent.resources))
    refusal = _not_asked(sought, fhir)
    if fhir is None or refusal:
        read = Read.PARTIAL if sent.state is State.INCOMPLETE else Read.UNREAD
        absent = sent.state is State.ABSENT
        return Kind(
            sought,
            read,
            refusal or sent.why or _NO_ROUTE,
            list(sent.resources),
            offered=not (sought.often_not_offered and absent),
            feed=bool(refusal) or not absent,
        )
    patience = patience or Patience(budget)
    asking = Asking(form=form, rank=sought.rank, until=budget.soft if sought.is_soft else None)
    if sent.next_link is not None:
        return await _followed(sought, sent.next_link, fhir, patience, asking)
    parts = [Pulled(sought.query.resource_type) for _ in sought.wanted]
    async with patience, asyncio.TaskGroup() as group:
        for wanted, part in zip(sought.wanted, parts, strict=True):
            group.create_task(pull(sought.search, wanted, patient_id, fhir, part, asking))
    return _judged(sought, parts, patience, fhir, form)


def unread(kind: Kind, why: str) -> Kind:
    """`kind` as if no server had been asked, because of `why`."""
    sent = kind.sought.sent
    read = Read.PARTIAL if sent.state is State.INCOMPLETE else Read.UNREAD
    return Kind(kind.sought, read, why, list(sent.resources))


def after_another_form(kind: Kind, again: Kind) -> Kind:
    """What holds after `kind`, which found nothing, was asked once more by the other form of the patient's id.

    What the second round found, or also found to be nothing, holds. A server that refuses the other form understood
    it, so that the first answer holds; where the second round did not come to an end, neither is known to be whole.
    """
    if again.found_by_form or again.read is Read.COMPLETE:
        return again
    if kind.read is not Read.COMPLETE or again.by_another_form:
        return kind
    return Kind(
        kind.sought,
        Read.PARTIAL,
        NOTHING_FOUND,
        [*kind.resources, *again.resources],
        cut=again.cut,
        feed=kind.feed,
        pulled=True,
    )


def _not_asked(sought: Sought, fhir: FhirClient | None) -> str:
    """Why the server is not asked for this kind although it may be called; empty when it is."""
    if fhir is None:
        return ""
    if fhir.ways.refusal:
        return fhir.ways.refusal
    if not sought.query.essential and fhir.ways.is_out_of_scope(sought.search):
        fhir.note(sought.query.resource_type, "not-asked", 0.0)
        return OUT_OF_SCOPE
    return ""


async def _followed(sought: Sought, next_link: str, fhir: FhirClient, patience: Patience, asking: Asking) -> Kind:
    """What was sent, and the pages after it."""
    answer = SearchAnswer(announced=sought.sent.announced)
    answer.take(sought.sent.resources, sought.query.resource_type)
    answer.why = CUT_OFF
    async with patience:
        await fhir.follow(next_link, sought.query.resource_type, answer, rank=asking.rank, until=asking.until)
    if patience.cut:
        answer.why = NOT_WAITED_FOR if patience.cut == "soft" else CUT_OFF
    read = Read.COMPLETE if answer.complete else Read.PARTIAL
    if not answer.complete and not answer.matches(sought.query.resource_type):
        read = Read.UNREAD
    cut = patience.cut or ("hard" if answer.cut_off else "")
    return Kind(sought, read, answer.why, answer.resources, cut=cut, pulled=True)


def _judged(sought: Sought, parts: Sequence[Pulled], patience: Patience, fhir: FhirClient, form: PatientForm) -> Kind:
    """How far a kind was read whose `parts` were asked for."""
    sent, resource_type = sought.sent, sought.query.resource_type
    resources = [*sent.resources, *(item for part in parts for item in part.resources)]
    cut = patience.cut or ("hard" if any(part.cut_off for part in parts) else "")
    by_form = any(part.by_form and part.found for part in parts)
    if by_form:
        fhir.ways.learn_form(form)
    open_ = [part for part in parts if part.why]
    whys = list(dict.fromkeys(part.why for part in open_))
    if patience.cut:
        whys = [NOT_WAITED_FOR if patience.cut == "soft" else CUT_OFF]
    elif not whys and sent.announced is not None and sent.announced > _different(resources, parts, resource_type):
        whys = [FEWER]
    ambiguous = not patience.cut and bool(parts) and all(part.may_be_another_form for part in parts)
    if not whys:
        return Kind(
            sought, Read.COMPLETE, resources=resources, by_another_form=ambiguous, found_by_form=by_form, pulled=True
        )
    some = any(item.get("resourceType") == resource_type for item in resources)
    # What was answered to its end, if with nothing, is the beginning of an answer.
    some = some or any(part.answered for part in parts)
    failures = [part.failure for part in open_]
    absent = sent.state is State.ABSENT
    return Kind(
        sought,
        Read.PARTIAL if some else Read.UNREAD,
        "; ".join(whys),
        resources,
        offered=some
        or not absent
        or not (sought.often_not_offered and not patience.cut and all(map(_has_no_such, failures))),
        # A server may answer 404 for what it says it has: that is no absence.
        feed=some
        or not absent
        or bool(cut)
        or fhir.ways.is_listed(sought.search)
        or not all(map(_knows_no_such_type, failures)),
        cut=cut,
        by_another_form=ambiguous,
        found_by_form=by_form,
        pulled=True,
    )


def _different(resources: Sequence[Resource], parts: Sequence[Pulled], resource_type: str) -> int:
    """How many different resources of the type came, also those that a window of time leaves out."""
    came = {local_reference(resource) for resource in resources}
    came.update(reference for part in parts for answer in part.answers for reference in answer.matched)
    return sum(reference.startswith(f"{resource_type}/") for reference in came)


def _has_no_such(failure: FhirFailure | None) -> bool:
    return failure is not None and failure.status in NOT_OFFERED


def _knows_no_such_type(failure: FhirFailure | None) -> bool:
    return failure is not None and failure.status in _UNKNOWN_TYPE
