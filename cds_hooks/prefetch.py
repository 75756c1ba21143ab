"""What a client sent along, key by key, with the five ways of saying "no data" kept apart.

    absent key               not offered: to be read from the client's FHIR server
    null                     known to be empty
    Bundle without entries   known to be empty
    OperationOutcome         an error: not available, to be read elsewhere; a warning with total 0: empty
    Bundle with a next link  the beginning of an answer, to be followed or called incomplete

A patient that is null is treated as absent: a patient in context exists, so the client merely did not send
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from cds_hooks.catalogue import Query
from cds_hooks.envelope import Resource, entries_of

REPORTED = "the EHR reported an error"  # also compared by the FHIR client
FEWER = "fewer entries were sent than the answer announces"
_COUNT = re.compile(r"[?&]_count=(\d{1,6})(?=&|$)", re.ASCII)


class State(Enum):
    """How one kind of data arrived."""

    ABSENT = auto()
    PRESENT = auto()
    EMPTY = auto()
    UNAVAILABLE = auto()  # the client says it could not get the data
    INCOMPLETE = auto()  # a beginning only


@dataclass(frozen=True, slots=True)
class Sent:
    """The value of one prefetch key. `why` is a short reason for UNAVAILABLE and INCOMPLETE, without patient
    data.
    """

    state: State
    resources: tuple[Resource, ...] = field(default=(), repr=False)
    next_link: str | None = field(default=None, repr=False)
    why: str = ""
    announced: int | None = None  # matches over all pages, where the answer says so


def read_key(query: Query, prefetch: Mapping[str, Any]) -> Sent:
    """What arrived for `query`."""
    if query.key not in prefetch:
        return Sent(State.ABSENT)
    value = _unwrapped(prefetch[query.key])
    if query.is_read:
        return _read_instance(query, value)
    if value is None:
        return Sent(State.EMPTY)
    if isinstance(value, list):
        value = {"resourceType": "Bundle", "entry": value}
    if not isinstance(value, dict) or not value:
        return Sent(State.ABSENT)
    if value.get("resourceType") == "OperationOutcome":
        # Without a Bundle there is no total that could say "searched and found nothing".
        return Sent(State.UNAVAILABLE, why=REPORTED)
    if value.get("resourceType") == query.resource_type:
        # One resource instead of a search answer: there may be more of them.
        return Sent(State.INCOMPLETE, (value,), why="a single resource was sent instead of a search answer")
    if value.get("resourceType") not in ("Bundle", None):  # a tuple: the value may be unhashable
        return Sent(State.ABSENT)
    return read_bundle(value, query.resource_type)


def read_bundle(bundle: Mapping[str, Any], resource_type: str) -> Sent:
    """A search answer for `resource_type`: also used for the pages that a FHIR server gives."""
    resources = tuple(resource for _, resource in entries_of(bundle))
    outcomes = [resource for resource in resources if resource.get("resourceType") == "OperationOutcome"]
    data = tuple(resource for resource in resources if resource.get("resourceType") != "OperationOutcome")
    matches = sum(resource.get("resourceType") == resource_type for resource in data)
    failed = any(_is_bad(outcome) for outcome in outcomes)
    next_link = next_page(bundle)
    announced = announced_total(bundle)
    if failed or (outcomes and not matches and announced != 0):
        return Sent(State.INCOMPLETE if matches else State.UNAVAILABLE, data, why=REPORTED)
    if next_link:
        return Sent(State.INCOMPLETE, data, next_link, why="only the first page was sent", announced=announced)
    if announced is not None and announced > matches:
        return Sent(State.INCOMPLETE if matches else State.UNAVAILABLE, data, why=FEWER)
    if _unreadable(bundle) and not matches:
        # Something was sent, and none of it can be read: that is no empty answer.
        return Sent(State.UNAVAILABLE, data, why="what was sent cannot be read as resources")
    if not matches:
        # Nothing of this type among other things is no statement about this type.
        return Sent(State.UNAVAILABLE, data, why="other kinds of resource were sent") if data else Sent(State.EMPTY)
    return Sent(State.PRESENT, data)


def announced_total(bundle: Mapping[str, Any]) -> int | None:
    """How many matches an answer says there are over all pages; None where it does not say."""
    total = bundle.get("total")
    if isinstance(total, str) and total.strip().isdecimal():
        return int(total)
    return total if isinstance(total, int) and not isinstance(total, bool) else None


def _unreadable(bundle: Mapping[str, Any]) -> bool:
    """Whether there are entries and none of them holds a resource with a type."""
    entries = bundle.get("entry")
    if entries in (None, [], {}, ""):
        return False
    return not any(isinstance(resource.get("resourceType"), str) for _, resource in entries_of(bundle))


def next_page(bundle: Mapping[str, Any]) -> str | None:
    """The address of the next page, None when this is the last."""
    links = bundle.get("link")
    for link in links if isinstance(links, list) else [links]:
        if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return None


def page_size(bundle: Mapping[str, Any]) -> int | None:
    """The ``_count`` that the link to this page itself names; None without one."""
    links = bundle.get("link")
    for link in links if isinstance(links, list) else [links]:
        if isinstance(link, dict) and link.get("relation") == "self" and isinstance(link.get("url"), str):
            named = _COUNT.search(link["url"])
            return int(named[1]) if named else None
    return None


def unregistered(queries: tuple[Query, ...], prefetch: Mapping[str, Any]) -> Iterator[Resource]:
    """Resources under keys we never announced. An empty Bundle there says nothing at all."""
    known = {query.key for query in queries}
    for key, sent in prefetch.items():
        value = _unwrapped(sent)
        if key in known or not isinstance(value, dict):
            continue
        found = [resource for _, resource in entries_of(value)] if "entry" in value else [value]
        yield from (item for item in found if item.get("resourceType") not in ("OperationOutcome", "Bundle", None))


def full_urls_of_patients(prefetch: Mapping[str, Any]) -> dict[str, str]:
    """Bundle ``fullUrl`` → id of every Patient sent along, so that ``urn:`` references can be followed."""
    found: dict[str, str] = {}
    for sent in prefetch.values():
        value = _unwrapped(sent)
        for entry, resource in entries_of(value) if isinstance(value, dict) else ():
            url, identifier = entry.get("fullUrl"), resource.get("id")
            if resource.get("resourceType") == "Patient" and isinstance(url, str) and isinstance(identifier, str):
                found[url] = identifier
    return found


def _read_instance(query: Query, value: Any) -> Sent:
    if isinstance(value, dict) and value.get("resourceType") == "OperationOutcome":
        return Sent(State.UNAVAILABLE, why=REPORTED)
    if isinstance(value, dict) and value.get("resourceType") == "Bundle":
        value = next(
            (found for _, found in entries_of(value) if found.get("resourceType") == query.resource_type),
            None,
        )
    if isinstance(value, dict) and value.get("resourceType") == query.resource_type:
        return Sent(State.PRESENT, (value,))
    return Sent(State.ABSENT)


def _is_bad(outcome: Mapping[str, Any]) -> bool:
    """Whether any issue is an error; an outcome whose severity cannot be read counts as one."""
    issues = outcome.get("issue")
    listed = [issue for issue in (issues if isinstance(issues, list) else [issues]) if isinstance(issue, dict)]
    severities = [issue.get("severity") for issue in listed]
    return any(severity not in ("warning", "information") for severity in severities) or not severities


def _unwrapped(value: Any) -> Any:
    """Clients of the first drafts put the resource into ``{"response": …, "resource": …}``."""
    if isinstance(value, dict) and "resourceType" not in value and isinstance(value.get("resource"), dict):
        return value["resource"]
    return value
