"""How the orders of one client look: intent, and the code systems it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from cds_hooks.fhir_writer import Element, coding
from mappings.load import Knowledge
from mappings.values import Code

Intent = Literal["proposal", "plan", "order"]
# Procedure codes of this system are never shipped (licence); those that stand in the knowledge come from the site.
_SITE_ONLY = "cpt"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStyle:
    """What a client takes: some accept order drafts only, some only certain code systems.

    `systems` are short names; none: those of the jurisdiction, and the site's own.
    """

    intent: Intent = "proposal"
    systems: tuple[str, ...] = ()

    def takes(self, knowledge: Knowledge, jurisdiction: str) -> frozenset[str]:
        """The short names of the code systems whose codes may stand in an order."""
        if self.systems:
            return frozenset(self.systems)
        by_place = knowledge.clinical.strategies.order_systems
        usual = (system for place, systems in by_place.items() if place == jurisdiction for system in systems)
        return frozenset({*usual, *knowledge.local_systems})


def codings(codes: Iterable[Code], taken: frozenset[str], knowledge: Knowledge) -> list[Element]:
    """Codings of the confirmed codes of the systems taken, each once."""
    kept = dict.fromkeys(
        (code.system, code.code) for code in codes if code.system in taken and code.confidence == "high"
    )
    return [coding(knowledge.uri_of(system), code) for system, code in kept]


def site_codes(kind_id: str, knowledge: Knowledge) -> Iterator[Code]:
    """The codes under which the site itself orders a kind of procedure."""
    own = knowledge.local_systems | {_SITE_ONLY}
    for kind in knowledge.procedures.kinds:
        for one in kind.code_sets if kind.id == kind_id else ():
            if one.system in own:
                yield from (Code(system=one.system, code=code, confidence=one.confidence) for code in one.exact)
