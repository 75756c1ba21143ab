"""A resource as it stood on a past day: nothing that was written or happened later (``known_then.yaml``).

What a record became later does not say since when: an order that is stopped today was running on most of the days
before. Only what is shown to have been known by then is kept; a state that was reached at an unknown day is taken back.
A status without a day that withdraws a record (entered in error, cancelled before it began) stays: such a record
says nothing either way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from mappings.known_then_schema import KnownThen
from plugin.ingest.codings import concept_of
from plugin.ingest.resources import Json, items, moment_of, obj, text, written_date


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
        (moment for path in kind.since for value in _at(resource, path.split(".")) if (moment := moment_of(value))),
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
    read = (written_date(value) for path in paths for value in _at(resource, path.split(".")))
    return sorted(day.latest for day in read if day is not None)


def _at(value: object, path: list[str]) -> Iterator[object]:
    if not path:
        yield from items(value)
        return
    for item in items(value):
        if path[0] in obj(item):
            yield from _at(obj(item)[path[0]], path[1:])


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
