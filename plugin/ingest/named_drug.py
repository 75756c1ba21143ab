"""Which product a resource names: by concept, by reference to a Medication, or by the words shown with it.

The order of looking is: concept in the resource, contained Medication, Medication among the resources
received, text of the reference. Recognition itself is `plugin.ingest.recognition`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from plugin.ingest.codings import Concept, concept_of
from plugin.ingest.contents import Contents
from plugin.ingest.dosage import read_dosage
from plugin.ingest.indications import Indications, read_indications
from plugin.ingest.quantities import FillSupply, read_supply, supply_sent
from plugin.ingest.recognition import recognise
from plugin.ingest.references import Received
from plugin.ingest.resources import Json, obj, objects, text
from plugin.ingest.vocabulary import Vocabulary
from plugin.record import DosageLine, Product

_RXNORM = "rxnorm"


@dataclass(frozen=True)
class Met:
    """What the contents met so far say of drugs; all of one patient, read with one knowledge and jurisdiction."""

    products: dict[Concept, Product | None] = field(default_factory=dict)
    named: Contents[tuple[Product | None, bool]] = field(default_factory=Contents)
    dosages: Contents[tuple[DosageLine, ...]] = field(default_factory=Contents)
    supplies: Contents[FillSupply] = field(default_factory=Contents)
    indications: Contents[Indications] = field(default_factory=Contents)


@dataclass
class Drugs:
    """Names the drugs of resources, remembering what it has met and which Medication resources were read (`used`)."""

    vocabulary: Vocabulary
    received: Received
    jurisdiction: str
    met: Met = field(default_factory=Met)
    used: list[str] = field(default_factory=list)

    def named_by(self, resource: Json) -> tuple[Product | None, bool]:
        """The product, None when the knowledge does not name it; and whether the resource names anything at
        all.
        """
        if "medication" in resource or "medicationReference" in resource:
            return self._named_by(resource)
        return self.met.named.of(resource.get("medicationCodeableConcept"), lambda: self._named_by(resource))

    def _named_by(self, resource: Json) -> tuple[Product | None, bool]:
        concepts = self.concepts(resource)
        for concept in concepts:
            product = self._recognised(concept)
            if product is not None:
                return product, True
        return None, any(concept.stated for concept in concepts)

    def dosage_of(self, value: object) -> tuple[DosageLine, ...]:
        """The dosage instructions: refills repeat their directions."""
        if value is None:
            return ()
        return self.met.dosages.of(value, lambda: read_dosage(value, self.vocabulary.dosing))

    def supply_of(self, resource: Json) -> FillSupply:
        """How much one fill holds: refills repeat that too."""
        return self.met.supplies.of(tuple(supply_sent(resource)), lambda: read_supply(resource, self.vocabulary.dosing))

    def indications_of(self, resource: Json) -> Indications:
        """What it was given for; a reason that is another resource is looked up each time."""
        if "reasonReference" in resource or "reason" in resource:
            return read_indications(resource, self.received, self.vocabulary)
        return self.met.indications.of(
            resource.get("reasonCode"), lambda: read_indications(resource, self.received, self.vocabulary)
        )

    def ingredients_of(self, concept: Concept) -> tuple[str, ...]:
        """The drugs of the knowledge that a substance or product named elsewhere stands for."""
        product = self._recognised(concept) if concept.stated else None
        return product.ingredients if product is not None else ()

    def concepts(self, resource: Json) -> list[Concept]:
        """Everything that names the drug of a resource, the most direct first."""
        if "medication" not in resource and "medicationReference" not in resource:
            concept = concept_of(resource.get("medicationCodeableConcept"))
            return [concept] if concept.stated else []
        either = obj(resource.get("medication"))  # the shape of later versions
        found = [concept_of(resource.get("medicationCodeableConcept")), concept_of(either.get("concept"))]
        if not either.get("concept") and not either.get("reference"):
            found.append(concept_of(either))
        for reference in (resource.get("medicationReference"), either.get("reference"), either):
            target = self.received.find(reference, parent=resource, kind="Medication")
            if target is not None:
                self.used.append(target[0])
                found.extend(_medication_concepts(target[1]))
            found.append(Concept(text=text(obj(reference).get("display"))))
        return [concept for concept in found if concept.stated]

    def _recognised(self, concept: Concept) -> Product | None:
        known = self.met.products
        if concept not in known:
            known[concept] = self._by_table(concept) if self._is_of_table(concept) else self._recognise(concept)
        return known[concept]

    def _recognise(self, concept: Concept) -> Product | None:
        return recognise(concept.codings, concept.text, self.vocabulary.knowledge, jurisdiction=self.jurisdiction)

    def _is_of_table(self, concept: Concept) -> bool:
        """Whether a concept is one RxNorm code with nothing but its name in the table of products, so no words of a
        sender.
        """
        if len(concept.codings) != 1:
            return False
        [coding] = concept.codings
        row = self.vocabulary.knowledge.products.rxnorm.get(coding.code)
        if row is None or self.vocabulary.knowledge.system_of(coding.system) != _RXNORM:
            return False
        return coding.display in ("", row.name) and concept.text in ("", row.name)

    def _by_table(self, concept: Concept) -> Product | None:
        """The product of such a concept, worked out once for all records."""
        known = self.vocabulary.products
        key = (concept.codings[0].code, concept.codings[0].display or concept.text, self.jurisdiction)
        if key not in known:
            known[key] = self._recognise(concept)
        return known[key]


def _medication_concepts(medication: Json) -> list[Concept]:
    """The code of a Medication, else its ingredients taken together."""
    own = concept_of(medication.get("code"))
    parts = [
        concept_of(part.get("itemCodeableConcept") or obj(part.get("item")).get("concept"))
        for part in objects(medication.get("ingredient"))
    ]
    together = Concept(
        tuple(coding for part in parts for coding in part.codings),
        " / ".join(p.text for p in parts if p.text),
    )
    return [concept for concept in (own, together) if concept.stated]
