"""Data asked for only once they matter: laboratory values, scales that no template names, doses given on a ward.

Discovery announces none of them (decision 1). Order hooks ask once an order of concern is recognised, patient-view
once the history names a drug that is judged. A client may send them all the same, under the key of the need; then
nothing is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from urllib.parse import quote

from cds_hooks.catalogue import Query
from cds_hooks.fhir_client import LONGEST_ADDRESS
from mappings import schema
from mappings.load import Knowledge
from mappings.values import Code, DatedValue
from plugin.record import LABORATORY, OTHER_SCALES

# Left of an address for the server's base, the patient, the window and the page size.
_ROOM = 500
# Servers choose small pages by themselves; each page is a round trip.
_PAGE = "200"
_READ_AS = MappingProxyType(
    {"laboratory": LABORATORY, "otherScales": OTHER_SCALES, "administrations": "MedicationAdministration"}
)
# The codes of this project are what a site maps its own to; no server can be asked for them.
_OUR_OWN = "trd-instruments"


@dataclass(frozen=True, slots=True)
class Search:
    """One search of a need: a list of codes short enough for an address, empty for all of the type."""

    codes: str
    window_days: DatedValue | None


@dataclass(frozen=True, slots=True)
class Need:
    """One kind of such data: the `key` to send it under, the name its availability is told by, and its searches.

    `often_not_offered`: a server that refuses it does not have it, which is no gap.
    """

    key: str
    resource_type: str
    read_as: str
    searches: tuple[Search, ...]
    often_not_offered: bool

    @property
    def sent(self) -> Query:
        """How a value under the need's own key is to be read."""
        return Query(self.key, self.resource_type, MappingProxyType({}))

    def queries(self, day: date) -> tuple[Query, ...]:
        """The searches to make on `day`."""
        return tuple(Query(self.key, self.resource_type, _parameters(search, day)) for search in self.searches)


def needs(knowledge: Knowledge) -> tuple[Need, ...]:
    """All needs of the knowledge, with codes of at least medium confidence."""
    return tuple(
        Need(
            key=need.id,
            resource_type=need.resource_type,
            read_as=_READ_AS[need.id],
            searches=tuple(
                Search(codes, search.window_days) for search in need.searches for codes in _lists(search, knowledge)
            ),
            often_not_offered=need.often_not_offered,
        )
        for need in knowledge.prefetch.on_need
    )


def _parameters(search: Search, day: date) -> Mapping[str, str]:
    parameters = {"code": search.codes} if search.codes else {}
    if search.window_days is not None:
        since = day - timedelta(days=search.window_days.on(day).amount)
        parameters["date"] = f"ge{since.isoformat()}"
    return MappingProxyType({**parameters, "_count": _PAGE})


def _tokens(search: schema.SearchOnNeed, knowledge: Knowledge) -> tuple[str, ...]:
    """``system|code`` of each code to ask for, each once; those that every call asks for are left out."""
    codes = list(_measured(search, knowledge))
    if search.instruments:
        codes += [
            code
            for scale in knowledge.instruments.values()
            for code in (
                *(*scale.total_codes, *scale.panel_codes, *scale.other_scales),
                *(code for item in scale.items for code in item.codes),
            )
        ]
    announced = {(scale.system, scale.code) for scale in knowledge.prefetch.scales}
    asked = (
        code
        for code in codes
        if code.confidence != "low" and code.system != _OUR_OWN and (code.system, code.code) not in announced
    )
    return tuple(dict.fromkeys(f"{knowledge.uri_of(code.system)}|{code.code}" for code in asked))


def _measured(search: schema.SearchOnNeed, knowledge: Knowledge) -> Iterator[Code]:
    for measure in knowledge.clinical.measures.values():
        if measure.kind in search.kinds:
            yield from (*measure.codes, *measure.panel_codes)
            yield from (code for item in measure.items for code in item.codes)


def _lists(search: schema.SearchOnNeed, knowledge: Knowledge) -> list[str]:
    """The codes as comma lists, each short enough to leave room in an address; one empty list asks for all."""
    if not search.kinds and not search.instruments:
        return [""]
    lists: list[str] = []
    for token in _tokens(search, knowledge):
        longer = f"{lists[-1]},{token}" if lists else token
        if lists and len(quote(longer, safe="")) <= LONGEST_ADDRESS - _ROOM:
            lists[-1] = longer
        else:
            lists.append(token)
    return lists
