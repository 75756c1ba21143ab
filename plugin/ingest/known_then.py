"""A resource as it stood on a past day: nothing that was written or happened later (``known_then.yaml``).

What a record became later does not say since when: an order that is stopped today was running on most of the days
before. Only what is shown to have been known by then is kept; a state that was reached at an unknown day is taken back.
A status without a day that withdraws a record (entered in error, cancelled before it began) stays: such a record
says nothing either way.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from mappings.known_then_schema import KnownThen
from mappings.load import Knowledge
from plugin.ingest.codings import concept_of
from plugin.ingest.resources import Json, items, moment_of, obj, text, written_date


class Past:
    """The resources of one patient as they stood on past days.

    Each state of a resource is made once and is then the same object, so that what it says need be read but once.
    """

    def __init__(self, resources: Iterable[object], knowledge: Knowledge) -> None:
        kinds = {kind.type: kind for kind in knowledge.known_then.kinds}
        self._dated = [
            _Dated(one, kinds[name]) for one in resources if isinstance(one, dict) and (name := _kind_of(one)) in kinds
        ]

    def on(self, day: date, *, before: datetime | None = None, but: Collection[int] = ()) -> list[Json]:
        """What a reader of `day` could have met, as `as_known` says, without the resources of the identities `but`."""
        states = (dated.on(day, before) for dated in self._dated if id(dated.resource) not in but)
        return [state for state in states if state is not None]


def _kind_of(resource: Json) -> str:
    return text(resource.get("resourceType"))


class _Dated:
    """One resource with every day that what was known of it turns on; between two of them nothing changes."""

    __slots__ = ("_days", "_kind", "_known", "_states", "_touched", "resource")

    def __init__(self, resource: Json, kind: KnownThen) -> None:
        self.resource, self._kind = resource, kind
        self._touched = _days(resource, ("meta.lastUpdated",))
        known = _first_day(resource, kind.since)
        self._known = known or (self._touched[-1] if self._touched else None)
        # Every comparison of `as_known` is with one of these; the days between two have one answer.
        self._days = sorted({*self._touched, *_days(resource, (*kind.ends, *kind.last_days))})
        self._states: dict[tuple[int, int], Json] = {}

    def on(self, day: date, before: datetime | None) -> Json | None:
        known, kind = self._known, self._kind
        if known is None:
            return self.resource if kind.undated == "known" else None
        if known > day or (known == day and kind.same_day == "left-out" and not _earlier(self.resource, kind, before)):
            return None
        place = (bisect_left(self._days, day), bisect_right(self._days, day))
        if place not in self._states:
            self._states[place] = _as_it_stood(self.resource, kind, day, self._touched)
        return self._states[place]


def as_known(
    resource: Json, day: date, kinds: Mapping[str, KnownThen], *, before: datetime | None = None
) -> Json | None:
    """`resource` as a reader of `day` could have met it; None when it was not there yet.

    `kinds` are those of the knowledge by type. A resource of `day` itself counts where its kind says so, or where both
    it and `before`, the moment of judgement, tell a time of day and it came first. The days are those written
    (decision 10). Nothing is changed in place.
    """
    kind = kinds.get(text(resource.get("resourceType")))
    if kind is None:
        return None
    known = _first_day(resource, kind.since)
    touched = _days(resource, ("meta.lastUpdated",))
    if known is None:
        known = touched[-1] if touched else None
    if known is None:
        return resource if kind.undated == "known" else None
    if known > day or (known == day and kind.same_day == "left-out" and not _earlier(resource, kind, before)):
        return None
    return _as_it_stood(resource, kind, day, touched)


def _as_it_stood(resource: Json, kind: KnownThen, day: date, touched: Sequence[date]) -> Json:
    as_today = (bool(touched) and touched[-1] < day) or bool(_days(resource, kind.asserted))
    return resource if as_today else _before_its_end(resource, kind, day)


def as_drafted(resource: Json, day: date, kinds: Mapping[str, KnownThen]) -> Json:
    """An order of `day` as the draft that it was before it was signed, without anything it became later."""
    kind = kinds.get(text(resource.get("resourceType")))
    known = resource if kind is None else _before_its_end(resource, kind, day)
    return {**known, "status": "draft"}


def _before_its_end(resource: Json, kind: KnownThen, day: date) -> Json:
    """`resource` without what it tells of a time after `day`."""
    ends = _days(resource, kind.ends)
    # A kind without an earlier status (a problem) ends by its date alone, whatever its status says.
    over = _state(resource) in kind.ended or (kind.before is None and bool(ends) and ends[-1] > day)
    if over and ends and ends[-1] <= day:
        return resource
    dropped: tuple[str, ...] = ()
    if over:
        dropped = (*kind.told_at_end, *kind.last_days, "note")
    elif kind.last_days and not kind.ended:
        dropped = kind.last_days
    if not dropped:
        return resource
    changed: dict[str, Any] = dict(resource)
    for path in dropped:
        changed = _without(changed, path.split("."), day if path in kind.last_days else None)
    if over and kind.before is not None:
        changed["status"] = kind.before
    return changed


def _state(resource: Json) -> str:
    """The status, or the code of a condition's clinical status."""
    said = text(resource.get("status"))
    if said:
        return said
    clinical = resource.get("clinicalStatus")
    if isinstance(clinical, str):
        return text(clinical)
    return next((code.code for code in concept_of(clinical).codings), "")


def _earlier(resource: Json, kind: KnownThen, before: datetime | None) -> bool:
    found = next(
        (moment for path in kind.since for value in _at(resource, path) if (moment := moment_of(value))),
        None,
    )
    if found is None or before is None or (found.tzinfo is None) != (before.tzinfo is None):
        return False
    return found < before


def _first_day(resource: Json, paths: Iterable[str]) -> date | None:
    for path in paths:
        if found := _days(resource, (path,)):
            return found[-1]
    return None


def _days(resource: Json, paths: Iterable[str]) -> list[date]:
    """The last possible day of each date under `paths`, in order of time."""
    read = [written_date(value) for path in paths for value in _at(resource, path)]
    return sorted([day.latest for day in read if day is not None])


def _at(resource: Json, path: str) -> Sequence[object]:
    """What stands at `path`, through every list on the way."""
    first, *inner = path.split(".")
    if first not in resource:  # as most are
        return ()
    found: Sequence[object] = items(resource[first])
    for name in inner:
        found = [value for one in found if name in obj(one) for value in items(obj(one)[name])]
    return found


def _without(value: Any, path: list[str], only_after: date | None) -> Any:
    """A copy of `value` without the element at `path`; with `only_after`, only where it is a day after that."""
    if isinstance(value, list):
        return [_without(item, path, only_after) for item in value]
    if not isinstance(value, Mapping) or path[0] not in value:
        return value
    changed = dict(value)
    if len(path) > 1:
        changed[path[0]] = _without(value[path[0]], path[1:], only_after)
        return changed
    if only_after is not None:
        written = written_date(value[path[0]])
        if written is not None and written.latest <= only_after:
            return value
    del changed[path[0]]
    return changed
