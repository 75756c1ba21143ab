"""Resources held in memory, found by type and id, or by what they refer to.

What goes in is copied and never changes afterwards: replacing a resource puts a new holding in its place, so
a search that is under way keeps seeing what it saw. There is no clock here; given one, the store stamps
``meta``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from cds_hooks.clock import Clock
from cds_hooks.sandbox.elements import Document, references_in

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@dataclass(frozen=True, slots=True)
class Held:
    """One resource: its type name and logical id, the document, the same as JSON bytes, and its place in the
    order.
    """

    kind: str
    id: str
    document: Document
    encoded: bytes
    order: int
    refers_to: frozenset[str]


class ResourceStore:
    """An in-memory set of FHIR resources.

    `resources` are decoded FHIR resources, each with ``resourceType`` and ``id``; the same resource may come
    twice, two different ones of one type and id raise ValueError, as does a resource without a usable type or
    id. With `clock`, ``meta.lastUpdated`` and ``meta.versionId`` are set on the way in; without it documents
    are served as given.
    """

    def __init__(self, resources: Iterable[Mapping[str, Any]] = (), *, clock: Clock | None = None) -> None:
        self._clock = clock
        self._kinds: dict[str, dict[str, Held]] = {}
        self._referrers: dict[str, dict[tuple[str, str], Held]] = {}
        self._deleted: set[tuple[str, str]] = set()
        self._orders = 0
        given: dict[tuple[str, str], bytes] = {}
        for resource in resources:
            key = identity(resource)
            encoded = orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)
            if given.setdefault(key, encoded) != encoded:
                raise ValueError(f"two different resources are called {key[0]}/{key[1]}")
            self.put(resource)

    def __len__(self) -> int:
        return sum(len(held) for held in self._kinds.values())

    def kinds(self) -> tuple[str, ...]:
        """The type names of which something is held, in alphabetical order."""
        return tuple(sorted(kind for kind, held in self._kinds.items() if held))

    def find(self, kind: str, resource_id: str) -> Held | None:
        """The resource of that type and id, or None."""
        return self._kinds.get(kind, {}).get(resource_id)

    def was_deleted(self, kind: str, resource_id: str) -> bool:
        """Whether such a resource existed and was removed."""
        return (kind, resource_id) in self._deleted

    def of_kind(self, kind: str) -> list[Held]:
        """All resources of a type, in the order they first came."""
        return list(self._kinds.get(kind, {}).values())

    def referring_to(self, keys: Iterable[str], kind: str | None = None) -> list[Held]:
        """Resources (of type `kind`) that anywhere hold a reference with one of these `index_key` values.

        A superset for the caller to test: the same type and id at another server has the same key.
        """
        found = {
            identity_: held
            for key in keys
            for identity_, held in self._referrers.get(key, {}).items()
            if kind is None or held.kind == kind
        }
        return sorted(found.values(), key=lambda held: held.order)

    def read(self, kind: str, resource_id: str) -> dict[str, Any] | None:
        """A copy of the resource for the caller to keep, or None."""
        held = self.find(kind, resource_id)
        return None if held is None else orjson.loads(held.encoded)

    def put(self, resource: Mapping[str, Any]) -> bool:
        """Add `resource`, or replace the one of its type and id; True when it is new. ValueError as in the
        class.
        """
        kind, resource_id = identity(resource)
        before = self.find(kind, resource_id)
        document = orjson.loads(orjson.dumps(resource))
        if self._clock is not None:
            _stamp(document, before, self._clock)
        self._orders += before is None
        keys = frozenset(index_key(reference) for reference in references_in(document))
        order = before.order if before else self._orders
        held = Held(kind, resource_id, document, orjson.dumps(document), order, keys)
        if before is not None:
            self._forget_references(before)
        self._kinds.setdefault(kind, {})[resource_id] = held
        for key in keys:
            self._referrers.setdefault(key, {})[kind, resource_id] = held
        self._deleted.discard((kind, resource_id))
        return before is None

    def remove(self, kind: str, resource_id: str) -> bool:
        """Remove a resource and remember that it was there; False when there was none."""
        held = self._kinds.get(kind, {}).pop(resource_id, None)
        if held is None:
            return False
        self._forget_references(held)
        self._deleted.add((kind, resource_id))
        return True

    def fresh_id(self, kind: str, taken: Iterable[str] = ()) -> str:
        """An id that no resource of that type has or had, and that is not in `taken`."""
        number = len(self._kinds.get(kind, {})) + 1
        used = {*self._kinds.get(kind, {}), *taken, *(gone for of, gone in self._deleted if of == kind)}
        while f"{kind.lower()}-{number}" in used:
            number += 1
        return f"{kind.lower()}-{number}"

    def _forget_references(self, held: Held) -> None:
        for key in held.refers_to:
            self._referrers[key].pop((held.kind, held.id), None)


def identity(resource: Any) -> tuple[str, str]:
    """Type name and logical id of a resource; ValueError, which repeats nothing of it, when it has not both."""
    if not isinstance(resource, Mapping):
        raise ValueError("a resource is a JSON object")
    kind, resource_id = resource.get("resourceType"), resource.get("id")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise ValueError("a resource needs a resourceType that is the name of a FHIR type")
    if not isinstance(resource_id, str) or not _ID.fullmatch(resource_id):
        raise ValueError("a resource needs an id of 1 to 64 letters, digits, hyphens and dots")
    return kind, resource_id


def index_key(reference: str) -> str:
    """What the index keeps of a literal reference: type and id without server and version.

    >>> index_key("http://ehr.example/fhir/Patient/p1/_history/3")
    'Patient/p1'
    """
    bare = reference.partition("/_history/")[0]
    parts = bare.rsplit("/", 2)
    return "/".join(parts[-2:])


def _stamp(document: dict[str, Any], before: Held | None, clock: Clock) -> None:
    old = before.document.get("meta") if before else None
    version = old.get("versionId") if isinstance(old, Mapping) else None
    number = int(version) + 1 if isinstance(version, str) and version.isdecimal() else 1
    meta = document.get("meta")
    stamp = {"versionId": str(number), "lastUpdated": clock.now().isoformat(timespec="milliseconds")}
    document["meta"] = {**(meta if isinstance(meta, Mapping) else {}), **stamp}
