"""Data asked for only once they matter: laboratory values, scales that no template names (those of outcome and safety
apart from the others, which change neither), doses given on a ward.

Discovery announces none of them (decision 1). Order hooks ask once an order of concern is recognised, patient-view
once the history names a drug that is judged. A client may send them all the same, under the key of the need; then
nothing is asked. Each key stands for itself alone: a client that sends scales of outcome under ``otherScales``, as
before there were two keys, has them read, and they are asked for all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from cds_hooks.catalogue import Query
from cds_hooks.ehr.searches import Wanted
from mappings import schema
from mappings.load import Knowledge
from mappings.values import Code, DatedValue
from plugin.record import LABORATORY, OTHER_SCALES, OUTCOME_SCALES

_READ_AS = MappingProxyType(
    {
        "laboratory": LABORATORY,
        "outcomeScales": OUTCOME_SCALES,
        "otherScales": OTHER_SCALES,
        "administrations": "MedicationAdministration",
    }
)
# The codes of this project are what a site maps its own to; an EHR cannot be asked for them.
_OUR_OWN = "trd-instruments"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a need: the `codes` to ask for as ``system|code``, none for all of the type, and how far back."""

    codes: tuple[str, ...]
    window_days: DatedValue | None


@dataclass(frozen=True, slots=True)
class Need:
    """One kind of such data: the `key` to send it under, the name its availability is told by, and its parts.

    The key is that of ``searches.yaml`` too. `often_not_offered`: a server that refuses it does not have it, which is
    no gap.
    """

    key: str
    resource_type: str
    read_as: str
    parts: tuple[Part, ...]
    often_not_offered: bool

    @property
    def sent(self) -> Query:
        """How a value under the need's own key is to be read."""
        return Query(self.key, self.resource_type, MappingProxyType({}))

    def wanted(self, day: date) -> tuple[Wanted, ...]:
        """What to ask for on `day`, one for each part."""
        return tuple(Wanted(codes=part.codes, since=_first_day(part.window_days, day)) for part in self.parts)


def needs(knowledge: Knowledge, *, ours: bool = False) -> tuple[Need, ...]:
    """All needs of the knowledge, with codes of at least medium confidence, each of them in the first need with it.

    With `ours` the codes of this project are asked for, too: no EHR has them, but a server that holds our own synthetic
    patients does.
    """
    found, asked = [], {knowledge.uri_of(one.system) + f"|{one.code}" for one in knowledge.prefetch.scales}
    for need in knowledge.prefetch.on_need:
        parts = tuple(part for search in need.searches for part in _parts(search, knowledge, asked, ours=ours))
        asked |= {code for part in parts for code in part.codes}
        found.append(
            Need(
                key=need.id,
                resource_type=need.resource_type,
                read_as=_READ_AS[need.id],
                parts=parts,
                often_not_offered=need.often_not_offered,
            )
        )
    return tuple(found)


def _first_day(window: DatedValue | None, day: date) -> date | None:
    return None if window is None else day - timedelta(days=window.on(day).amount)


def _parts(search: schema.SearchOnNeed, knowledge: Knowledge, asked: Set[str], *, ours: bool) -> Iterator[Part]:
    """The part that `search` makes beside what is `asked` for. One by codes that has none asks for nothing, not for
    all.
    """
    codes = tuple(code for code in _tokens(search, knowledge, ours=ours) if code not in asked)
    if codes or not (search.kinds or search.measures or search.instruments):
        yield Part(codes, search.window_days)


def _tokens(search: schema.SearchOnNeed, knowledge: Knowledge, *, ours: bool) -> tuple[str, ...]:
    """``system|code`` of each code that a server can be asked for, each once."""
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
    known = (code for code in codes if code.confidence != "low" and (ours or code.system != _OUR_OWN))
    return tuple(dict.fromkeys(f"{knowledge.uri_of(code.system)}|{code.code}" for code in known))


def _measured(search: schema.SearchOnNeed, knowledge: Knowledge) -> Iterator[Code]:
    for measure in knowledge.clinical.measures.values():
        if measure.kind in search.kinds or measure.id in search.measures:
            yield from (*measure.codes, *measure.panel_codes)
            yield from (code for item in measure.items for code in item.codes)
