"""Drugs that are judged by no trial but belong to a drug group of the knowledge: inducers, depressogenic drugs.

Only records that say the drug was taken or ordered to be taken are read. Most such drugs have no code in the
knowledge but that of their ingredient, so their names decide as well. A group that the knowledge does not name for
a drug says nothing about that drug.
"""

from __future__ import annotations

from mappings.option_schema import DrugGroup
from plugin.ingest.codings import Concept, names_any
from plugin.ingest.named_drug import Drugs
from plugin.ingest.references import type_of
from plugin.ingest.resources import ClosedList, Json, first_date, obj, objects, truth
from plugin.ingest.vocabulary import Vocabulary, plain_code
from plugin.record import OtherMedication

_TAKEN = ClosedList("active", "completed", "in-progress", "stopped", "on-hold", "unknown")
_NO_ORDER = ClosedList("proposal", "plan", "option")


def read_other_medication(
    reference: str, resource: Json, drugs: Drugs, names: DrugGroupNames
) -> OtherMedication | None:
    """The drug groups a record's drug belongs to, and when it was taken; None when there is nothing to say."""
    status = _TAKEN.word(resource.get("status"))
    reported = truth(resource.get("reportedBoolean")) or bool(obj(resource.get("reportedReference")))
    planned = _NO_ORDER.word(resource.get("intent")) and not reported
    if not status or planned or truth(resource.get("doNotPerform")):
        return None
    groups = names.of(tuple(drugs.concepts(resource)))
    if not groups:
        return None
    period = obj(resource.get("effectivePeriod"))
    validity = [
        obj(obj(obj(line.get("timing")).get("repeat")).get("boundsPeriod"))
        for key in ("dosageInstruction", "dosage")
        for line in objects(resource.get(key))
    ]
    end = first_date(period.get("end"), *(bounds.get("end") for bounds in validity))
    if type_of(resource) == "MedicationAdministration":
        end = end or first_date(resource.get("effectiveDateTime"))
    return OtherMedication(
        reference=reference,
        groups=groups,
        start=first_date(
            resource.get("whenHandedOver"),
            resource.get("whenPrepared"),
            period.get("start"),
            resource.get("effectiveDateTime"),
            *(bounds.get("start") for bounds in validity),
            resource.get("authoredOn"),
            resource.get("dateAsserted"),
        ),
        end=end,
        days_supply=drugs.supply_of(resource).days,
        ongoing=status == "active" and end is None,
    )


class DrugGroupNames:
    """Which drug groups of the knowledge a drug belongs to, by code or by name; what was met is remembered."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._knowledge = vocabulary.knowledge
        self._denials = vocabulary.denials
        self._groups = tuple(vocabulary.knowledge.clinical.drug_groups.values())
        self._words, self._codes = vocabulary.drug_group_words, vocabulary.drug_group_codes
        self._met: dict[tuple[Concept, ...], frozenset[str]] = {}

    def of(self, concepts: tuple[Concept, ...]) -> frozenset[str]:
        """The ids of the groups."""
        if concepts not in self._met:
            self._met[concepts] = self._find(concepts)
        return self._met[concepts]

    def _find(self, concepts: tuple[Concept, ...]) -> frozenset[str]:
        codes = {
            (self._knowledge.system_of(coding.system) or "", plain_code(coding.code))
            for concept in concepts
            for coding in concept.codings
            if coding.system and coding.code
        }
        names = tuple(dict.fromkeys(name for concept in concepts for name in concept.names))
        if codes.isdisjoint(self._codes) and not names_any(names, self._words):
            return frozenset()
        return frozenset(group.id for group in self._groups if self._belongs(group, codes, names))

    def _belongs(self, group: DrugGroup, codes: set[tuple[str, str]], names: tuple[str, ...]) -> bool:
        if names_any(names, group.not_words):
            return False
        coded = any((code.system, plain_code(code.code)) in codes for code in group.codes)
        return coded or names_any(names, group.words, denials=self._denials)
