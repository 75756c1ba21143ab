"""Which resource is meant: references normalised to ``Type/id``, and the resources received, each once.

Relative, absolute and versioned references, ``urn:uuid:`` addresses and contained ``#id`` all lead to the
same place. Ids are not checked against the FHIR pattern: real ones run to 200 characters and are echoed
unchanged.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import count
from typing import NamedTuple

from plugin.ingest.documents import flattened
from plugin.ingest.resources import Json, moment_rank, number, obj, objects, text

# Types met most; any other is read all the same, by the pattern.
_USUAL = frozenset(
    {
        *("Patient", "Observation", "QuestionnaireResponse", "Condition", "Procedure", "Encounter", "Practitioner"),
        *("MedicationRequest", "MedicationDispense", "MedicationStatement", "MedicationAdministration", "Medication"),
        *("AllergyIntolerance", "Organization", "DiagnosticReport"),
    }
)
_NOT_AN_ID = re.compile(r"[/?#\s]")
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,59}")
_REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]{1,59})/([^/?#\s]+)(?:/_history/[^/]*)?/?$")


def reference_of(value: object) -> str:
    """A Reference, or its bare string, as ``Type/id``, ``#id`` or the id of a ``urn:uuid:``; empty when there
    is none.
    """
    written = text(value) if isinstance(value, str) else text(obj(value).get("reference"))
    if not written:
        return ""
    kind, _, rest = written.partition("/")
    if kind in _USUAL and rest and not _NOT_AN_ID.search(rest):  # as it should be: spared the search
        return written
    if written.startswith("#"):
        return written
    if written.lower().startswith("urn:"):
        return written.rsplit(":", 1)[-1]
    found = _REFERENCE.search(written)
    return f"{found.group(1)}/{found.group(2)}" if found else written


def references_of(value: object) -> tuple[str, ...]:
    """All references in a list (or the one sent in its place), each once."""
    if value is None:
        return ()
    found = [reference_of(item) for item in objects(value)]
    return tuple(dict.fromkeys([reference for reference in found if reference]))


def bare_id(reference: str) -> str:
    """The id without its type."""
    return reference.rpartition("/")[2]


def type_of(resource: Json) -> str:
    """The resource type, empty when it is missing or cannot be one."""
    sent = resource.get("resourceType")
    if isinstance(sent, str) and sent in _USUAL:  # as it should be: spared the search
        return sent
    kind = text(sent)
    return kind if _TYPE.fullmatch(kind) else ""


class Member(NamedTuple):
    """One resource received: its ``Type/id``, its type (empty when it has none), and itself."""

    reference: str
    kind: str
    resource: Json


class Search(NamedTuple):
    """A Reference that was followed to another resource, the type looked for, and what was found."""

    value: object
    kind: str
    found: tuple[str, Json] | None


class Received:
    """All resources received, each under one ``Type/id``, in the order of arrival.

    A resource sent twice is kept once: the newest by ``meta.lastUpdated``, then by ``meta.versionId``, else
    the first. One without an id is called ``Type/unnamed-n``. `searches` lists what was looked up in another resource.
    """

    def __init__(self, resources: Iterable[object]) -> None:
        self.searches: list[Search] = []
        self._members: dict[str, Member] = {}
        self._numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(1))
        unnamed: list[tuple[int, str, Json]] = []
        arrivals: list[str] = []
        for resource in _singly(resources):
            named, kind = text(resource.get("id")), type_of(resource)
            if not named:
                unnamed.append((len(arrivals), kind, resource))
                arrivals.append("")
                continue
            reference = f"{kind or 'Unknown'}/{named}"
            arrivals.append(reference)
            known = self._members.get(reference)
            if known is None or _version(resource) > _version(known.resource):
                self._members[reference] = Member(reference, kind, resource)
        for position, kind, nameless in unnamed:
            arrivals[position] = self._name(kind, nameless)
        self._order = tuple(dict.fromkeys(arrivals))

    def _name(self, kind: str, resource: Json) -> str:
        called = kind or "Unknown"
        while (reference := f"{called}/unnamed-{next(self._numbers[called])}") in self._members:
            pass
        self._members[reference] = Member(reference, kind, resource)
        return reference

    @cached_property
    def _by_id(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for reference in self._order:
            found[bare_id(reference)].append(reference)
        return found

    @property
    def references(self) -> tuple[str, ...]:
        """Every reference, once, in the order received."""
        return self._order

    def __iter__(self) -> Iterator[Member]:
        return map(self._members.__getitem__, self._order)

    def find(self, value: object, *, parent: Json, kind: str) -> tuple[str, Json] | None:
        """The resource of type `kind` that the Reference `value` inside `parent` points to, with its
        reference.
        """
        reference = reference_of(value)
        if not reference:
            return None
        if reference.startswith("#"):
            for inner in objects(parent.get("contained")):
                if text(inner.get("id")).lstrip("#") == reference[1:] and type_of(inner) == kind:
                    return reference, inner
            return None
        found = self._found(reference, kind)
        self.searches.append(Search(value, kind, found))
        return found

    def _found(self, reference: str, kind: str) -> tuple[str, Json] | None:
        if reference in self._members:
            return (reference, self._members[reference].resource) if reference.startswith(f"{kind}/") else None
        # A bare id (urn:uuid) leads to the resource of the wanted type with that id.
        named = [known for known in self._by_id.get(reference, ()) if known.startswith(f"{kind}/")]
        return (named[0], self._members[named[0]].resource) if "/" not in reference and named else None


def _singly(resources: Iterable[object]) -> Iterator[Json]:
    """The resources one by one, as they are; those of a Bundle, and what is no plain object, made so first."""
    for given in resources:
        if isinstance(given, dict) and given.get("resourceType") != "Bundle":
            yield given
        else:
            yield from flattened(given)


def _version(resource: Json) -> tuple[float, float]:
    meta = obj(resource.get("meta"))
    return moment_rank(meta.get("lastUpdated")), number(meta.get("versionId")) or 0.0
