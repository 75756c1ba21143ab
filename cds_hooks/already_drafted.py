"""What of our suggestions is in the request already: an order that is drafted is not offered a second time.

A draft is recognised by what the reasoning reads from it (drug, kind of procedure), else by a code or by its words.
Selected or not makes no difference; what was withdrawn is no draft.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_hooks.fhir_writer import Resource
from cds_hooks.proposals import ProposedOrder
from mappings.load import Knowledge
from mappings.values import Code
from plugin.record import DraftOrder

_WITHDRAWN = frozenset({"entered-in-error", "cancelled", "revoked", "stopped", "completed", "ended"})


@dataclass(frozen=True, slots=True)
class Drafted:
    """The drugs and kinds of procedure that are drafted, and the codes and words of all drafts.

    `codes` are pairs of a code system, by its short name where it is known, and a code.
    """

    treatments: frozenset[str]
    codes: frozenset[tuple[str, str]]
    words: frozenset[str]
    _knowledge: Knowledge

    def holds(self, order: ProposedOrder) -> bool:
        """Whether a draft has a code or the words of `order`."""
        mine = _concepts(order.resource)
        return not self.codes.isdisjoint(_codes(mine, self._knowledge)) or not self.words.isdisjoint(_words(mine))

    def holds_code(self, codes: Iterable[Code]) -> bool:
        """Whether a draft has one of `codes`."""
        return not self.codes.isdisjoint((code.system, code.code) for code in codes)

    def treats(self, option: str) -> bool:
        """Whether one of the drugs or procedures that an option of the knowledge stands for is drafted."""
        treatment = self._knowledge.clinical.options.get(option)
        if treatment is None:
            return False
        closes = treatment.closes
        return not self.treatments.isdisjoint((*closes.drugs, *closes.while_taking, *closes.procedures))


def already_drafted(drafts: Sequence[Resource], orders: Sequence[DraftOrder], knowledge: Knowledge) -> Drafted:
    """What `drafts` hold, `orders` being those among them that the reasoning knows."""
    standing = [one for one in drafts if _word(one.get("status")) not in _WITHDRAWN]
    standing = [one for one in standing if _word(one.get("doNotPerform")) != "true"]
    found = [concept for draft in standing for concept in _concepts(draft)]
    drugs = (drug for order in orders if order.product is not None for drug in order.product.ingredients)
    procedures = (order.procedure for order in orders if order.procedure is not None)
    return Drafted(
        frozenset((*drugs, *procedures)),
        frozenset(_codes(found, knowledge)),
        frozenset(_words(found)),
        knowledge,
    )


def _word(value: object) -> str:
    return str(value).strip().lower() if isinstance(value, str | bool) else ""


def _concepts(resource: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What is ordered, in the shapes of FHIR R4 and R5; anything else is passed over."""
    either = [resource.get(name) for name in ("code", "medicationCodeableConcept", "medication")]
    stated = [one for one in either if isinstance(one, Mapping)]
    nested = [one.get("concept") for one in stated]
    return [*stated, *(one for one in nested if isinstance(one, Mapping))]


def _codes(concepts: Iterable[Mapping[str, Any]], knowledge: Knowledge) -> Iterator[tuple[str, str]]:
    for one in _codings(concepts):
        system, code = one.get("system"), one.get("code")
        if isinstance(system, str) and isinstance(code, str):
            yield knowledge.system_of(system) or system, code


def _words(concepts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for concept in concepts:
        for text in (concept.get("text"), *(one.get("display") for one in _codings([concept]))):
            if isinstance(text, str) and text.strip():
                yield " ".join(text.lower().split())


def _codings(concepts: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for concept in concepts:
        listed = concept.get("coding")
        yield from (one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, Mapping))
