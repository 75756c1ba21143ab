"""What a FHIR server says of itself, asked for once a day and without token, and what calls have learnt about it.

A statement never forbids: servers answer searches that they do not list. It orders the ways to ask, allows what is only
useful where it works (`_include`, several ids at once), and names the version. Nothing in here is about a patient.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import httpx

from cds_hooks.clock import Clock
from cds_hooks.ehr.exchange import Caps, Exchange, Hosts
from cds_hooks.ehr.failures import FhirFailure, Outcome
from cds_hooks.ehr.search_schema import PatientForm
from cds_hooks.ehr.versions import FhirVersion, read_version, refusal
from cds_hooks.outbound import FhirBase

LIFETIME = timedelta(hours=24)
PAUSE = timedelta(minutes=5)
"""A server that gave no statement, or one of a version not read, is asked again after this."""
FLIGHT_SECONDS = 5.0
_ACCEPT = "application/fhir+json, application/json;q=0.9"
_STATEMENTS = ("CapabilityStatement", "Conformance")
# Bounds of what is kept of a statement, far beyond any real one.
_MOST_TYPES, _MOST_NAMES = 400, 400
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_INCLUDE = re.compile(r"(?:([A-Z][A-Za-z]{1,63})[:.])?([A-Za-z][A-Za-z-]{0,63}|\*)(?::[A-Z][A-Za-z]{1,63})?")


@dataclass(frozen=True, slots=True)
class Capability:
    """What matters to us of a statement.

    `searches` are the search parameters listed, by resource type; `includes` are ``Type:parameter``, or ``Type:*``.
    `posts`: whether searches are offered at all, for by FHIR R4 a server that searches takes POST too, and a statement
    has no place to deny it.
    """

    version: FhirVersion = "unknown"
    searches: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    includes: frozenset[str] = frozenset()
    posts: bool = False

    @classmethod
    def read(cls, statement: object) -> Capability:
        """Read any JSON; what is no statement says nothing. Never raises."""
        if not isinstance(statement, dict) or statement.get("resourceType") not in _STATEMENTS:
            return cls()
        version = read_version(statement.get("fhirVersion"))
        if version == "unknown" and statement["resourceType"] == "Conformance":
            version = "DSTU2"  # the name that the resource had until then
        searched: dict[str, frozenset[str]] = {}
        includes: set[str] = set()
        posts = False
        for rest in _objects(statement.get("rest")):
            if rest.get("mode", "server") != "server":
                continue
            of_all = frozenset(_names(rest.get("searchParam")))
            for one in _objects(rest.get("resource")):
                kind = one.get("type")
                if not isinstance(kind, str) or not _NAME.fullmatch(kind):
                    continue
                names = frozenset(_names(one.get("searchParam")))
                searched[kind] = searched.get(kind, frozenset()) | names | (of_all if names else frozenset())
                includes.update(_includes(kind, one.get("searchInclude")))
                posts = posts or any(item.get("code") == "search-type" for item in _objects(one.get("interaction")))
        return cls(version, MappingProxyType(searched), frozenset(includes), posts)

    def includes_all(self, wanted: Iterable[str]) -> bool:
        """Whether each of `wanted`, ``Type:parameter``, is listed for `_include`; False for none."""
        asked = tuple(wanted)
        return bool(asked) and all(
            one in self.includes or f"{one.partition(':')[0]}:*" in self.includes for one in asked
        )

    def reads_many(self) -> bool:
        """Whether several Medication resources can be had by one search for their ids."""
        return "_id" in self.searches.get("Medication", frozenset())


@dataclass(slots=True)
class _Known:
    """What is known of one server, and when it was learnt."""

    capability: Capability | None = None
    answered: datetime | None = None
    asked: datetime | None = None
    flight: asyncio.Task[None] | None = None
    variants: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    refused: dict[tuple[str, PatientForm], datetime] = field(default_factory=dict)
    form: tuple[PatientForm, datetime] | None = None

    @property
    def under_way(self) -> asyncio.Task[None] | None:
        """The request that has not ended."""
        return self.flight if self.flight is not None and not self.flight.done() else None


class Servers:
    """The servers of one application, by base address. `http` stays the caller's to close."""

    def __init__(self, http: httpx.AsyncClient, hosts: Hosts, caps: Caps, clock: Clock) -> None:
        self._http, self._hosts, self._caps, self._clock = http, hosts, caps, clock
        self._by_base: dict[FhirBase, _Known] = {}

    def known(self, base: FhirBase) -> Capability | None:
        """The statement of `base` as far as it came; never waits. A stale one counts until a new one arrives, for as
        long again as it was fresh.
        """
        one = self._of(base)
        return one.capability if self._within(one.answered, 2 * LIFETIME) else None

    def ask(self, base: FhirBase) -> None:
        """Have the statement of `base` fetched in the background, by one request for all, when it is due."""
        one = self._of(base)
        if one.under_way is None and self._is_due(one):
            one.asked = self._clock.now()
            one.flight = asyncio.create_task(self._fetch(base, one))

    async def settled(self, base: FhirBase) -> Capability | None:
        """As `known`, after the request under way, if there is one. Whoever gives up waiting ends it for nobody."""
        flight = self._of(base).under_way
        if flight is not None:
            await asyncio.wait((flight,))
        return self.known(base)

    def learn(
        self,
        base: FhirBase,
        *,
        search: str | None = None,
        variant: str | None = None,
        form: PatientForm | None = None,
    ) -> None:
        """Remember for a day what `base` answered: the `variant` of `search`, or the `form` it knows patients by."""
        one, now = self._of(base), self._clock.now()
        if search is not None and variant is not None:
            one.variants[search] = (variant, now)
        if form is not None:
            one.form = (form, now)

    def learn_refused(self, base: FhirBase, search: str, form: PatientForm) -> None:
        """Remember for a pause that `base` refused every variant of `search` for a patient in `form`."""
        if not self.refused(base, search, form):
            self._of(base).refused[search, form] = self._clock.now()

    def variant(self, base: FhirBase, search: str) -> str | None:
        """The variant of `search` that `base` answered last."""
        learnt = self._of(base).variants.get(search)
        return learnt[0] if learnt is not None and self._within(learnt[1], LIFETIME) else None

    def refused(self, base: FhirBase, search: str, form: PatientForm) -> bool:
        """Whether `base` refused every variant of `search` a moment ago, for a patient in `form`."""
        return self._within(self._of(base).refused.get((search, form)), PAUSE)

    def form(self, base: FhirBase) -> PatientForm | None:
        """How `base` knows patients in searches, once an answer showed it."""
        learnt = self._of(base).form
        return learnt[0] if learnt is not None and self._within(learnt[1], LIFETIME) else None

    async def aclose(self) -> None:
        """End the requests under way."""
        flights = [flight for one in self._by_base.values() if (flight := one.under_way) is not None]
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _of(self, base: FhirBase) -> _Known:
        # Bases are those of the allow-lists, so their number is bounded.
        return self._by_base.setdefault(base, _Known())

    def _within(self, since: datetime | None, span: timedelta) -> bool:
        """Whether `since` is less than `span` ago; no when the clock was set back behind it."""
        return since is not None and timedelta(0) <= self._clock.now() - since < span

    def _is_due(self, one: _Known) -> bool:
        """Fresh statements wait a day; a missing one, and one that has us refuse the server, only for a pause."""
        if self._within(one.asked, PAUSE):
            return False
        usable = one.capability is not None and not refusal(one.capability.version)
        return not (usable and self._within(one.answered, LIFETIME))

    async def _fetch(self, base: FhirBase, one: _Known) -> None:
        deadline = asyncio.get_running_loop().time() + FLIGHT_SECONDS
        exchange = Exchange(self._http, self._hosts.of(base), caps=self._caps, deadline=deadline, note=_untold)
        try:
            async with asyncio.timeout_at(deadline):
                statement = await exchange.resource(
                    "GET", f"{base}/metadata", headers={"Accept": _ACCEPT}, about="metadata", expected=_STATEMENTS[0]
                )
        except (FhirFailure, TimeoutError):
            return
        if statement.get("resourceType") in _STATEMENTS:
            one.capability, one.answered = Capability.read(statement), self._clock.now()


def _untold(resource_type: str, outcome: Outcome, milliseconds: float) -> None:
    """The request belongs to no call, so no call's line has it."""


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of a list, or the one that stands in its place, up to a bound."""
    listed = value if isinstance(value, list) else [value]
    return (item for item in listed[:_MOST_TYPES] if isinstance(item, dict))


def _names(value: Any) -> Iterator[str]:
    return (name for item in _objects(value) if isinstance(name := item.get("name"), str) and _NAME.fullmatch(name))


def _includes(kind: str, value: Any) -> Iterator[str]:
    """``Type:parameter`` from the ways it is written: with and without the type, with a dot, with a target, ``*``."""
    listed = value if isinstance(value, list) else [value]
    for item in listed[:_MOST_NAMES]:
        match = _INCLUDE.fullmatch(item) if isinstance(item, str) else None
        if match is not None and (match[1] or kind) == kind:
            yield f"{kind}:{match[2]}"
