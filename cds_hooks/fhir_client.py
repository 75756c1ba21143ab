"""Reading from the client's FHIR server with the token of one call: searches with paging, and instance reads.

The client is made for one call and forgotten with it. It never follows a redirect, never leaves the admitted
base, and says of every failure in a few words why (`FhirFailure.why`), without address, token or content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
import orjson

from cds_hooks.clock import stopwatch
from cds_hooks.envelope import Resource
from cds_hooks.observing.call_line import FhirOutcome
from cds_hooks.outbound import FhirBase
from cds_hooks.prefetch import FEWER, REPORTED, State, announced_total, read_bundle
from cds_hooks.references import local_reference

# Some servers and proxies cut addresses at 2 kB: longer searches go by POST.
LONGEST_ADDRESS = 1_900
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ACCEPT = "application/fhir+json, application/json;q=0.9"


class FhirFailure(Exception):  # noqa: N818 - expected, and turned into a gap
    """A read or search that gave nothing usable; `why` is a short reason without patient data.

    `status` is the server's HTTP status where that was the reason; `outcome` what is counted.
    """

    def __init__(self, why: str, status: int | None = None, *, outcome: FhirOutcome = "unusable") -> None:
        super().__init__(why)
        self.why = why
        self.status = status
        self.outcome = outcome


@dataclass(slots=True)
class SearchAnswer:
    """What a search has given so far. It grows page by page, so that a deadline leaves the pages already
    read.

    `why` is empty once the last page was read and holds as many different matches as `announced`, else the
    reason why the answer is incomplete.
    """

    resources: list[Resource] = field(default_factory=list, repr=False)
    why: str = "not asked"
    announced: int | None = None

    @property
    def complete(self) -> bool:
        """Whether the last page was read."""
        return not self.why


Note = Callable[[str, FhirOutcome, float], None]


def _nobody_listens(resource_type: str, outcome: FhirOutcome, milliseconds: float) -> None:
    pass


class FhirClient:
    """One FHIR base, one token, one call.

    `note` is told of every request that ended: the resource type asked for, how it ended, and its milliseconds.
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
    ) -> None:
        self.base = base
        self._note = note
        self._http = http
        self._max_pages = max_pages
        self._max_resources = max_resources
        self._headers = {"Accept": _ACCEPT}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"

    async def read(self, resource_type: str, identifier: str) -> Resource:
        """The resource ``resource_type/identifier``. FhirFailure when it cannot be had."""
        address = self.base.relative(f"{resource_type}/{identifier}")
        if address is None:
            raise FhirFailure("the id cannot be part of an address")
        answer = await self._send("GET", f"{self.base}/{address}", about=resource_type, expected=resource_type)
        if answer.get("resourceType") != resource_type:
            raise FhirFailure("the FHIR server answered with another kind of resource")
        return answer

    async def search(self, resource_type: str, parameters: Mapping[str, str], into: SearchAnswer) -> None:
        """Search and follow the pages into `into`. FhirFailure when not even the first page could be read."""
        address = httpx.URL(f"{self.base}/{resource_type}", params=dict(parameters))
        into.why = "the search was not answered in time"
        if len(str(address)) <= LONGEST_ADDRESS:
            page = await self._send("GET", str(address), about=resource_type)
        else:
            page = await self._send(
                "POST", f"{self.base}/{resource_type}/_search", about=resource_type, form=parameters
            )
        await self._take(page, resource_type, into)

    async def follow(self, next_link: str, resource_type: str, into: SearchAnswer) -> None:
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
            address = self._inside(link)
            if address is None:
                into.why = "a next page lies outside the client's FHIR server"
                return
            into.why = "a later page was not answered in time"
            try:
                link = self._absorb(await self._send("GET", address, about=resource_type), resource_type, into)
            except FhirFailure as failure:
                into.why = f"a later page could not be read: {failure.why}"
                return
            if len(into.resources) >= self._max_resources and link is not None:
                into.why = "there are more resources than the service reads"
                return
        if link is not None:
            into.why = "there are more pages than the service reads"

    async def _take(self, page: Resource, resource_type: str, into: SearchAnswer) -> None:
        link = self._absorb(page, resource_type, into)
        if link is not None:
            await self.follow(link, resource_type, into)

    @staticmethod
    def _absorb(page: Resource, resource_type: str, into: SearchAnswer) -> str | None:
        """Add a page; the next link, or None with ``into.why`` settled."""
        if page.get("resourceType") != "Bundle":
            raise FhirFailure("the FHIR server did not answer with a Bundle")
        said = announced_total(page)
        into.announced = max((total for total in (into.announced, said) if total is not None), default=None)
        # A total counts all pages, so it says nothing about one page unless it is 0.
        sent = read_bundle(page if said == 0 else {**page, "total": None}, resource_type)
        if sent.state is State.UNAVAILABLE and sent.why == REPORTED:
            raise FhirFailure("the FHIR server reported an error")
        into.resources.extend(sent.resources)
        if sent.next_link is not None:
            return sent.next_link
        into.why = sent.why if sent.state in (State.INCOMPLETE, State.UNAVAILABLE) else ""
        matches = {local_reference(r) for r in into.resources if r.get("resourceType") == resource_type}
        if not into.why and into.announced is not None and len(matches) < into.announced:
            into.why = FEWER
        return None

    def _inside(self, link: str) -> str | None:
        """`link` as an absolute address inside the base, None when it leads elsewhere."""
        if _SCHEME.match(link) and "://" not in link:
            return None
        address = link if "://" in link else f"{self.base}/{link.lstrip('/')}" if not link.startswith("/") else None
        if address is None:
            origin = str(self.base)[: len(str(self.base)) - len(self.base.path)] if self.base.path else str(self.base)
            address = origin + link
        return address if self.base.owns(address) else None

    async def _send(
        self, method: str, address: str, *, about: str, expected: str = "Bundle", form: Mapping[str, str] | None = None
    ) -> Resource:
        """One request; it is noted however it ends, also when the time allowed for reading runs out."""
        started = stopwatch()
        outcome: FhirOutcome = "cut-off"
        try:
            answer = await self._exchange(method, address, form)
            outcome = "ok" if answer.get("resourceType") == expected else "unusable"
            return answer
        except FhirFailure as failure:
            outcome = failure.outcome
            raise
        finally:
            self._note(about, outcome, (stopwatch() - started) * 1000)

    async def _exchange(self, method: str, address: str, form: Mapping[str, str] | None) -> Resource:
        try:
            response = await self._http.request(
                method, address, headers=self._headers, data=form, follow_redirects=False
            )
        except httpx.TimeoutException:
            raise FhirFailure("the FHIR server did not answer in time", outcome="timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise FhirFailure("the FHIR server is not reachable", outcome="unreachable") from None
        if response.status_code != HTTPStatus.OK:
            raise _not_ok(response.status_code)
        try:
            decoded: Any = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            raise FhirFailure("the FHIR server's answer is not JSON") from None
        if not isinstance(decoded, dict):
            raise FhirFailure("the FHIR server's answer is not a resource")
        return decoded


def _not_ok(status: int) -> FhirFailure:
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return FhirFailure(f"the FHIR server refused access ({status})", status, outcome="refused")
    if 300 <= status < 400:
        why = f"the FHIR server redirected elsewhere, which is not followed ({status})"
        return FhirFailure(why, status, outcome="redirected")
    outcome: FhirOutcome = "unusable"
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        outcome = "not-found"
    elif 400 <= status < 500:
        outcome = "client-error"
    elif status >= 500:
        outcome = "server-error"
    return FhirFailure(f"the FHIR server answered {status}", status, outcome=outcome)
