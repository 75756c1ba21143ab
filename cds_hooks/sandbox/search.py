"""Running a query: narrow by the index, test what is left, put it in order, and cut out the page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

from cds_hooks.sandbox.criteria import Place, reference_values
from cds_hooks.sandbox.dates import intervals_of
from cds_hooks.sandbox.elements import Document, fold, walk
from cds_hooks.sandbox.inclusion import included
from cds_hooks.sandbox.parameters import SearchParameter
from cds_hooks.sandbox.query import Query, SortKey
from cds_hooks.sandbox.store import Held
from cds_hooks.sandbox.tokens import codings_of


@dataclass(frozen=True, slots=True)
class Page:
    """One page of an answer: how many matches there are on all pages, those on this one, and what came along."""

    total: int
    matches: tuple[Held, ...]
    included: tuple[Held, ...]


def search(query: Query, place: Place) -> Page:
    """The page of the answer that `query` asks for. Without ``_sort`` the order is that of arrival."""
    found = [held for held in _candidates(query, place) if all(one.test(held.document) for one in query.criteria)]
    if query.only_total:
        return Page(len(found), (), ())
    ordered = reduce(_sorted, reversed(query.order), found)
    matches = ordered[query.offset : query.offset + query.count]
    return Page(len(found), tuple(matches), tuple(included(matches, query.inclusions, place)))


def _candidates(query: Query, place: Place) -> list[Held]:
    """The fewest resources the index can narrow to, in order of arrival."""
    narrowed: list[list[Held]] = []
    for criterion in query.criteria:
        if criterion.ids is not None:
            by_id = (place.store.find(query.kind, one) for one in criterion.ids)
            narrowed.append(sorted((held for held in by_id if held), key=lambda held: held.order))
        elif criterion.keys is not None:
            narrowed.append(place.store.referring_to(criterion.keys, query.kind))
    return min(narrowed, key=len) if narrowed else place.store.of_kind(query.kind)


def _sorted(found: list[Held], key: SortKey) -> list[Held]:
    """`found` in order of one key, ties as they were, resources without a value last in either direction."""
    valued = [(_extreme(key, held.document), held) for held in found]
    with_value = sorted((one for one in valued if one[0] is not None), key=lambda one: one[0], reverse=key.descending)
    return [held for _, held in with_value] + [held for value, held in valued if value is None]


def _extreme(key: SortKey, document: Document) -> Any:
    """The value a resource is sorted by: its earliest when ascending, its latest when descending."""
    values = [value for path in key.parameter.paths for value in walk(document, path)]
    comparable = _comparable(key.parameter, values, document)
    if not comparable:
        return None
    return max(comparable) if key.descending else min(comparable)


def _comparable(parameter: SearchParameter, values: list[Any], document: Document) -> list[Any]:
    match parameter.kind:
        case "date":
            return [one.start for value in values for one in intervals_of(value)]
        case "token":
            return [coding.code for value in values for coding in codings_of(value) if coding.code]
        case "string":
            return [fold(value) for value in values if isinstance(value, str)]
        case "reference":
            return reference_values(parameter, document)
