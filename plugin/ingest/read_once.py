"""One patient read for several days: what a resource says is worked out once, as long as it is the same object.

A record as it stood on another day is mostly made of the same resources. What was read of one holds for as long as
every other resource it led to (a Medication, a Condition) is the same as well. Nothing is ever shared between patients.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import Any, NamedTuple, TypeVar

from mappings.load import Knowledge
from plugin.ingest.references import Received, Search
from plugin.ingest.resources import Json

T = TypeVar("T")


class _Kept(NamedTuple):
    """What one resource said: the resource itself, held so that no other takes its place in memory, and on what the
    reading rested besides it.
    """

    resource: Json
    given: object
    said: Any
    searches: tuple[Search, ...]


class ReadOnce:
    """What was read of one patient's resources so far; an empty one is given to the first of several readings.

    The resources must not be changed in place between readings. One knowledge, time zone and jurisdiction hold for all.
    Not for use by several threads at once.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], _Kept] = {}
        self._parts: dict[str, Any] = {}
        self._bound: tuple[Knowledge, str, tzinfo | None] | None = None

    def bind(self, knowledge: Knowledge, jurisdiction: str, zone: tzinfo | None) -> None:
        """Make sure that every reading is of one kind. Raises ValueError when this one differs from the first."""
        bound = self._bound or (knowledge, jurisdiction, zone)
        if bound[0] is not knowledge or bound[1:] != (jurisdiction, zone):
            raise ValueError("readings of one patient differ in knowledge, jurisdiction or time zone")
        self._bound = bound

    def part(self, name: str, made: Callable[[], T]) -> T:
        """What the readings share beside resources, made for the first of them."""
        if name not in self._parts:
            self._parts[name] = made()
        part: T = self._parts[name]
        return part

    def of(
        self,
        stage: str,
        resource: Json,
        read: Callable[[], T],
        *,
        given: object = None,
        received: Received | None = None,
    ) -> T:
        """What a stage of the reading makes of a resource.

        It may go by `given` besides, and by what it looks up among the resources `received`, and by nothing else.
        """
        known = self._kept.get((stage, id(resource)))
        if known is not None and known.given == given and _same(known.searches, resource, received):
            said: T = known.said
            return said
        before = len(received.searches) if received is not None else 0
        said = read()
        searches = tuple(received.searches[before:]) if received is not None else ()
        self._kept[stage, id(resource)] = _Kept(resource, given, said, searches)
        return said


def _same(searches: tuple[Search, ...], resource: Json, received: Received | None) -> bool:
    """Whether each look-up leads to the same resource as before."""
    if received is None:
        return True
    for value, kind, before in searches:
        now = received.find(value, parent=resource, kind=kind)
        if now is None or before is None:
            if now is not before:
                return False
        elif now[0] != before[0] or now[1] is not before[1]:
            return False
    return True
