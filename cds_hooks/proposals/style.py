"""How the orders of one client look: what it takes, under which codes, and what of an order survives there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from cds_hooks.fhir_writer import Element, coding
from mappings.load import Knowledge
from mappings.values import Code

Intent = Literal["proposal", "plan", "order"]
# Procedure codes of this system are never shipped (licence); those that stand in the knowledge come from the site.
_SITE_ONLY = "cpt"
ORDERS = frozenset({"MedicationRequest", "ServiceRequest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStyle:
    """What a client takes: some accept order drafts only, some only certain code systems, some no orders at all.

    `systems` are short names of code systems; none: those of the jurisdiction, and the site's own. `uris` are the
    addresses under which the client knows a system, where that is not FHIR's. `site_codes`: system address and code
    under which the client itself orders something, by the name of the order (`order_names`). With `coded_only` an order
    without a code is none. `keeps_dose`: a created order keeps its dosage. `creates`, `deletes` and `updates`: resource
    types of unsigned orders; `actions`: how many may go together in one suggestion.
    """

    intent: Intent = "proposal"
    systems: tuple[str, ...] = ()
    uris: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    site_codes: Mapping[str, tuple[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    coded_only: bool = False
    keeps_dose: bool = True
    creates: frozenset[str] = ORDERS
    deletes: frozenset[str] = ORDERS
    updates: frozenset[str] = frozenset({"ServiceRequest"})
    actions: int = 10

    def takes(self, knowledge: Knowledge, jurisdiction: str) -> frozenset[str]:
        """The short names of the code systems whose codes may stand in an order."""
        if self.systems:
            return frozenset(self.systems)
        by_place = knowledge.clinical.strategies.order_systems
        usual = (system for place, systems in by_place.items() if place == jurisdiction for system in systems)
        return frozenset({*usual, *knowledge.local_systems})

    def codings(self, name: str, codes: Iterable[Code], knowledge: Knowledge, jurisdiction: str) -> list[Element]:
        """Codings for the order `name`: the client's own code alone where it has one, else the confirmed `codes` of the
        systems it takes, each once.
        """
        if name in self.site_codes:
            return [coding(*self.site_codes[name])]
        taken = self.takes(knowledge, jurisdiction)
        kept = dict.fromkeys(
            (code.system, code.code) for code in codes if code.system in taken and code.confidence == "high"
        )
        return [coding(self.uris.get(system) or knowledge.uri_of(system), code) for system, code in kept]


def site_codes(kind_id: str, knowledge: Knowledge) -> Iterator[Code]:
    """The codes under which the site itself orders a kind of procedure."""
    own = knowledge.local_systems | {_SITE_ONLY}
    for kind in knowledge.procedures.kinds:
        for one in kind.code_sets if kind.id == kind_id else ():
            if one.system in own:
                yield from (Code(system=one.system, code=code, confidence=one.confidence) for code in one.exact)
