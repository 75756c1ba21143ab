"""One way to ask a FHIR server, carried through: all its requests with all their pages, and how it went.

It climbs as the service does: POST where an address is too long or GET is refused, then shorter lists. It gives up
nothing silently: `Answer.why` says what is not complete, without address, id or anything the server wrote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx

from cds_hooks.ehr.breaker import Breaker
from cds_hooks.ehr.exchange import Caps, Exchange, Host
from cds_hooks.ehr.failures import FhirFailure
from cds_hooks.ehr.gate import Gate
from cds_hooks.ehr.rungs import next_rung
from cds_hooks.ehr.search_schema import OF_PATIENT, PatientForm, placeholders
from cds_hooks.ehr.searches import LONGEST_ADDRESS, ROOM, SHORT, Request, Variant, Wanted
from cds_hooks.ehr.turns import Turns
from cds_hooks.envelope import Resource
from cds_hooks.outbound import FhirBase
from cds_hooks.probing.answers import Answer, Part, take, together
from cds_hooks.references import local_reference

ACCEPT = "application/fhir+json, application/json;q=0.9"
STRICT = {"Prefer": "handling=strict"}
IN_A_CIRCLE = "the pages repeat themselves"
LATER_PAGE = "a later page could not be read: {}"
LEADS_AWAY = "a next page lies outside the FHIR server"
TOO_MANY = "there are more pages than the service reads"
# Requests under way at once: the probe is a guest on the server.
AT_ONCE = 8
# The first failures in a row end nothing, because they are what is looked for; a server that is down is not pressed.
_FAILURES = 15

Authority = Callable[[], Awaitable[str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is read: seconds of one request, pages of one search, bytes of one answer."""

    seconds: float
    pages: int
    response_bytes: int


class Asker:
    """Asks the server at `base`. `authority` gives the access token anew for each request, or None.

    `http` stays the caller's to close; it must check the addresses that it connects to.
    """

    def __init__(self, http: httpx.AsyncClient, base: FhirBase, *, authority: Authority, bounds: Bounds) -> None:
        self.base = base
        self._http, self._authority, self._bounds = http, authority, bounds
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._host = Host(Gate(AT_ONCE), Breaker(failures=_FAILURES), Turns(AT_ONCE))
        self._caps = Caps(response_bytes=bounds.response_bytes, call_bytes=bounds.response_bytes, attempts=2)

    async def statement(self, *, authorized: bool) -> Resource:
        """The CapabilityStatement as it came. FhirFailure when there is none."""
        spent: list[float] = []
        return await self._send("GET", f"{self.base}/metadata", "CapabilityStatement", spent, authorized=authorized)

    async def ask(
        self,
        variant: Variant,
        patient_id: str,
        form: PatientForm,
        needs: Sequence[Wanted],
        *,
        include: Sequence[str] = (),
    ) -> Answer:
        """Everything that `variant` brings about the patient, known to the server in `form`."""
        whose = _whose(variant, patient_id)
        posted = shortened = False
        while True:
            room = SHORT if shortened else ROOM
            made = [one for need in needs for one in variant.requests(patient_id, form, need, room=room)]
            post = posted and not shortened
            parts = await asyncio.gather(*(self._carry(one.including(include), whose, post=post) for one in made))
            failure = next((part.failure for part in parts if part.failure is not None), None)
            rung = next_rung(failure, posted=posted, shortened=shortened) if failure and not variant.read else "stop"
            if rung == "post":
                posted = True
            elif rung == "shorter":
                shortened = True
            else:
                return together(parts, failure)

    async def strictly(self, variant: Variant, patient_id: str, form: PatientForm, needs: Sequence[Wanted]) -> Answer:
        """The first page of the first request, with the server told to refuse what it does not know."""
        request = variant.requests(patient_id, form, needs[0])[0]
        part = await self._carry(request, _whose(variant, patient_id), post=False, headers=STRICT, pages=1)
        return together([part], part.failure)

    async def _carry(
        self,
        request: Request,
        whose: str,
        *,
        post: bool,
        headers: Mapping[str, str] | None = None,
        pages: int | None = None,
    ) -> Part:
        part, spent = Part(patient_id=whose, since=request.since), list[float]()
        try:
            if request.identifier:
                await self._read(request, part, spent)
            else:
                most = pages or self._bounds.pages
                await self._search(request, part, spent, post=post, headers=headers or {}, most=most)
        except FhirFailure as failure:
            part.why = failure.why if part.pages == 0 else LATER_PAGE.format(failure.why)
            part.everybodys = failure.ignored
            if part.pages == 0:
                part.failure = failure
        part.milliseconds = sum(spent)
        return part

    async def _read(self, request: Request, part: Part, spent: list[float]) -> None:
        address = self.base.relative(f"{request.resource_type}/{request.identifier}")
        if address is None:
            raise FhirFailure("the id cannot be part of an address", outcome="not-asked")
        kind = request.resource_type
        found = await self._send("GET", f"{self.base}/{address}", kind, spent)
        if found.get("resourceType") != kind:
            raise FhirFailure("the FHIR server answered with another kind of resource")
        part.resources[local_reference(found)] = found
        part.pages = 1

    async def _search(
        self,
        request: Request,
        part: Part,
        spent: list[float],
        *,
        post: bool,
        headers: Mapping[str, str],
        most: int,
    ) -> None:
        kind, parameters = request.resource_type, request.parameters
        address = str(httpx.URL(f"{self.base}/{kind}", params=dict(parameters)))
        part.posted = post or len(address) > LONGEST_ADDRESS
        if part.posted:
            at = f"{self.base}/{kind}/_search"
            page = await self._send("POST", at, kind, spent, form=parameters, headers=headers)
        else:
            page = await self._send("GET", address, kind, spent, headers=headers)
        count = int(parameters.get("_count", "0"))
        link = take(page, kind, part, count)
        seen = set()
        while link is not None and part.pages < most:
            if link in seen:
                part.why = IN_A_CIRCLE
                return
            seen.add(link)
            following = self.base.absolute(link)
            if following is None:
                part.why = LEADS_AWAY
                return
            before = len(part.resources)
            link = take(await self._send("GET", following, kind, spent, headers=headers), kind, part, count)
            if link is not None and len(part.resources) == before:
                part.why = IN_A_CIRCLE
                return
        if link is not None:
            part.why = TOO_MANY

    async def _send(
        self,
        method: str,
        address: str,
        about: str,
        spent: list[float],
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        authorized: bool = True,
    ) -> Resource:
        told = {"Accept": ACCEPT, **(headers or {})}
        async with self._turn:
            token = await self._authority() if authorized else None
            if token is not None:
                told["Authorization"] = f"Bearer {token}"
            exchange = Exchange(
                self._http,
                self._host,
                caps=self._caps,
                deadline=asyncio.get_running_loop().time() + self._bounds.seconds,
                note=lambda _about, _outcome, milliseconds: spent.append(milliseconds),
            )
            return await exchange.resource(method, address, headers=told, about=about, expected=about, form=form)


def _whose(variant: Variant, patient_id: str) -> str:
    """Whose data `variant` asks for; empty where it asks by ids of resources that are nobody's."""
    named = frozenset(name for text in variant.parameters.values() for name in placeholders(text))
    return patient_id if named & OF_PATIENT else ""
