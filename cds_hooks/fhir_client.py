"""Reading from the client's FHIR server with the token of one call: searches with paging, and instance reads.

The client is made for one call and forgotten with it. It never follows a redirect, never leaves the admitted
base, and says of every failure in a few words why (`FhirFailure.why`), without address, token or content.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import quote, urlencode

import httpx

from cds_hooks.ehr.exchange import Caps, Exchange, Hosts, Note
from cds_hooks.ehr.failures import NOT_WAITED_FOR, FhirFailure, Outcome, Refused
from cds_hooks.ehr.searches import LONGEST_ADDRESS, Request
from cds_hooks.ehr.understanding import names_no_patient, refuse_everybodys
from cds_hooks.ehr.ways import Ways
from cds_hooks.ehr.windows import within
from cds_hooks.envelope import Resource, entries_of
from cds_hooks.outbound import FhirBase
from cds_hooks.prefetch import FEWER, REPORTED, State, announced_total, page_size, read_bundle
from cds_hooks.references import local_reference

__all__ = ["LONGEST_ADDRESS", "FhirClient", "FhirFailure", "SearchAnswer"]

FULL_PAGE = "as many entries came as were asked for at once, and nothing says whether there are more"
_REPORTED = "the FHIR server reported an error"
REPEATING = "the pages repeat themselves"
_ACCEPT = "application/fhir+json, application/json;q=0.9"
# For a client without an exchange of the application's: one attempt, and answers of a usual size.
_PLAIN = Caps(response_bytes=20_000_000, call_bytes=60_000_000, attempts=1)


@dataclass(slots=True)
class SearchAnswer:
    """What a search has given so far. It grows page by page, so that a deadline leaves the pages already
    read.

    `why` is empty once the last page was read and holds as many different matches as `announced`, else the
    reason why the answer is incomplete. `matched` are the references of all matches, of those too that lie before
    `since` and are not among the `resources`. `cut_off`: time ended the reading. `patient_id` is whose data were asked
    for, empty where that does not matter; `unlimited`: the server says that it searched without regard to the patient.
    """

    resources: list[Resource] = field(default_factory=list, repr=False)
    why: str = "not asked"
    announced: int | None = None
    since: date | None = None
    matched: set[str] = field(default_factory=set, repr=False)
    cut_off: bool = False
    patient_id: str = field(default="", repr=False)
    unlimited: bool = False

    @property
    def complete(self) -> bool:
        """Whether the last page was read."""
        return not self.why

    def take(self, found: Iterable[Resource], resource_type: str) -> bool:
        """Add what is new and, if it is a match, not older than `since`; whether anything was new, or nothing came.

        Without an id nothing shows that two resources are the same.
        """
        came = news = False
        for resource in found:
            came = True
            reference = local_reference(resource)
            if reference in self.matched and not reference.endswith("/"):
                continue
            news = True
            self.matched.add(reference)
            if resource.get("resourceType") != resource_type or within(resource, self.since):
                self.resources.append(resource)
        return news or not came

    def matches(self, resource_type: str) -> int:
        """How many different resources of the type came; those without an id count as one."""
        return sum(reference.startswith(f"{resource_type}/") for reference in self.matched)


def _nobody_listens(resource_type: str, outcome: Outcome, milliseconds: float) -> None:
    pass


def _nobody_counts(reason: Refused) -> None:
    pass


class FhirClient:
    """One FHIR base, one token, one call.

    `note` is told of every request that ended: the resource type asked for, how it ended, and its milliseconds;
    `refused` of every address that was not called. `exchange` is what requests go through (without one the client has
    its own, without deadline), `ways` what is known of how this server is asked.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base: FhirBase,
        token: str | None,
        *,
        max_pages: int,
        max_resources: int,
        note: Note = _nobody_listens,
        refused: Callable[[Refused], None] = _nobody_counts,
        exchange: Exchange | None = None,
        ways: Ways | None = None,
    ) -> None:
        self.base = base
        self.ways = ways or Ways(base=base)
        self.note = note
        self.refused = refused
        self._exchange = exchange or Exchange(http, Hosts(8).of(base), caps=_PLAIN, deadline=math.inf, note=note)
        self._max_pages = max_pages
        self._max_resources = max_resources
        self._headers = {"Accept": _ACCEPT}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    async def read(self, resource_type: str, identifier: str, *, rank: int = 1) -> Resource:
        """The resource ``resource_type/identifier``. FhirFailure when it cannot be had; `rank` as in `Gate`."""
        address = self.base.relative(f"{resource_type}/{identifier}")
        if address is None:
            raise FhirFailure("the id cannot be part of an address")
        answer = await self._send(
            "GET", f"{self.base}/{address}", about=resource_type, expected=resource_type, rank=rank
        )
        if answer.get("resourceType") == "OperationOutcome":
            raise FhirFailure(_REPORTED)
        if answer.get("resourceType") != resource_type:
            raise FhirFailure("the FHIR server answered with another kind of resource")
        return answer

    async def ask(
        self, request: Request, into: SearchAnswer, *, rank: int = 1, post: bool = False, until: float | None = None
    ) -> None:
        """Make `request`, a read or a search, and follow its pages, as `search` does."""
        if request.identifier:
            found = await self.read(request.resource_type, request.identifier, rank=rank)
            into.take((found,), request.resource_type)
            into.why = ""
            return
        into.since = request.since
        await self.search(request.resource_type, request.parameters, into, rank=rank, post=post, until=until)

    async def search(
        self,
        resource_type: str,
        parameters: Mapping[str, str],
        into: SearchAnswer,
        *,
        rank: int = 1,
        post: bool = False,
        until: float | None = None,
    ) -> None:
        """Search and follow the pages into `into`; with `post`, or where the address would be long, by POST.

        No page is begun after `until`, an event-loop time. FhirFailure when not even the first page could be read.
        """
        address = f"{self.base}/{resource_type}?{urlencode(parameters, safe='', quote_via=quote)}"
        into.why = "the search was not answered in time"
        if not post and len(address) <= LONGEST_ADDRESS:
            page = await self._send("GET", address, about=resource_type, rank=rank)
        else:
            page = await self._send(
                "POST", f"{self.base}/{resource_type}/_search", about=resource_type, form=parameters, rank=rank
            )
        into.unlimited = bool(into.patient_id) and names_no_patient(page)
        link = self._absorb(page, resource_type, into)
        if link is not None:
            await self.follow(link, resource_type, into, rank=rank, until=until)
        elif into.complete and into.announced is None and _is_full(page, resource_type, parameters):
            into.why = FULL_PAGE

    async def follow(
        self, next_link: str, resource_type: str, into: SearchAnswer, *, rank: int = 1, until: float | None = None
    ) -> None:
        """Read on from `next_link` into `into`; whatever stops the reading is said in ``into.why``."""
        seen = set()
        link: str | None = next_link
        for _ in range(self._max_pages):
            if link is None:
                return
            if link in seen:
                into.why = "the pages run in a circle"
                return
            seen.add(link)
            address = self.base.absolute(link)
            if address is None:
                into.why = "a next page lies outside the client's FHIR server"
                self.refused("link-elsewhere")
                return
            if until is not None and asyncio.get_running_loop().time() >= until:
                into.why = NOT_WAITED_FOR
                return
            into.why = "a later page was not answered in time"
            try:
                page = await self._send("GET", address, about=resource_type, rank=rank)
                link = self._absorb(page, resource_type, into)
            except FhirFailure as failure:
                into.why = f"a later page could not be read: {failure.why}"
                into.cut_off = failure.outcome == "cut-off"
                return
            if into.why == REPEATING:
                return
            if len(into.matched) >= self._max_resources and link is not None:
                into.why = "there are more resources than the service reads"
                return
        if link is not None:
            into.why = "there are more pages than the service reads"

    @staticmethod
    def _absorb(page: Resource, resource_type: str, into: SearchAnswer) -> str | None:
        """Add a page; the next link, or None with ``into.why`` settled."""
        if page.get("resourceType") == "OperationOutcome":
            raise FhirFailure(_REPORTED)
        if page.get("resourceType") != "Bundle":
            raise FhirFailure("the FHIR server did not answer with a Bundle")
        said = announced_total(page)
        into.announced = max((total for total in (into.announced, said) if total is not None), default=None)
        # A total counts all pages, so it says nothing about one page unless it is 0.
        sent = read_bundle(page if said == 0 else {**page, "total": None}, resource_type)
        if sent.state is State.UNAVAILABLE and sent.why == REPORTED:
            raise FhirFailure(_REPORTED)
        if into.unlimited:
            refuse_everybodys(sent.resources, resource_type, into.patient_id)
        news = into.take(sent.resources, resource_type)
        if sent.next_link is not None:
            if news:
                return sent.next_link
            into.why = REPEATING
            return None
        into.why = sent.why if sent.state in (State.INCOMPLETE, State.UNAVAILABLE) else ""
        if not into.why and into.announced is not None and into.matches(resource_type) < into.announced:
            into.why = FEWER
        return None

    async def _send(
        self,
        method: str,
        address: str,
        *,
        about: str,
        expected: str = "Bundle",
        form: Mapping[str, str] | None = None,
        rank: int,
    ) -> Resource:
        """One request through the exchange, which notes each attempt; an address that was not called is told."""
        try:
            return await self._exchange.resource(
                method, address, headers=self._headers, about=about, expected=expected, rank=rank, form=form
            )
        except FhirFailure as failure:
            if failure.refused is not None:
                self.refused(failure.refused)
            raise


def _is_full(page: Resource, resource_type: str, parameters: Mapping[str, str]) -> bool:
    """Whether an only page holds as many matches as it may: the size asked for, or the one its own link names."""
    asked = parameters.get("_count", "")
    sizes = [size for size in (int(asked) if asked.isdecimal() else None, page_size(page)) if size]
    found = sum(resource.get("resourceType") == resource_type for _, resource in entries_of(page))
    return bool(sizes) and found >= min(sizes)
