"""Allergies, intolerances and adverse events that name a drug of the knowledge.

An entry that was refuted or entered in error says nothing. The substance is known by its codes or words, of the entry
itself or of its reactions; an adverse event names it through the medication suspected.
"""

from __future__ import annotations

from collections.abc import Iterator

from plugin.findings import SetAside
from plugin.ingest.codings import Concept, concept_of
from plugin.ingest.conditions import verification_of
from plugin.ingest.named_drug import Drugs
from plugin.ingest.references import type_of
from plugin.ingest.resources import ClosedList, Json, first_date, obj, objects
from plugin.record import AllergyFact, Verification

ALLERGY_TYPES = ("AllergyIntolerance", "AdverseEvent")
_KINDS = ClosedList("allergy", "intolerance")
_CLINICAL = ClosedList("active", "inactive", "resolved")
_ACTUALITIES = ClosedList("potential")
_SUSPECTS = ("Medication", "MedicationAdministration", "MedicationStatement", "MedicationRequest", "MedicationDispense")


def read_allergy(reference: str, resource: Json, drugs: Drugs) -> AllergyFact | SetAside:
    """One AllergyIntolerance or AdverseEvent as a fact, or why it is not used."""
    event = type_of(resource) == "AdverseEvent"
    verification = Verification.CONFIRMED if event else verification_of(resource.get("verificationStatus"))
    if verification is None:
        return SetAside(reference=reference, reason="entered in error")
    if verification is Verification.REFUTED:
        return SetAside(reference=reference, reason="refuted")
    if event and _ACTUALITIES.word(resource.get("actuality")):
        return SetAside(reference=reference, reason="an event that might have happened")
    named = _suspected(resource, drugs) if event else _substances(resource, drugs)
    ingredients = tuple(dict.fromkeys(ingredient for found in named for ingredient in found))
    if not ingredients:
        return SetAside(reference=reference, reason="names no medication this version judges")
    onsets = (resource.get("onsetDateTime"), obj(resource.get("onsetPeriod")).get("start"), resource.get("date"))
    reactions = (reaction.get("onset") for reaction in objects(resource.get("reaction")))
    return AllergyFact(
        reference=reference,
        ingredients=ingredients,
        kind="adverse-event" if event else _KINDS.word(resource.get("type")),
        verification=verification,
        clinical=_CLINICAL.word(resource.get("clinicalStatus")),
        onset=first_date(*(onsets if event else (*onsets[:2], *reactions))),
        recorded=first_date(resource.get("recordedDate"), resource.get("assertedDate")),
    )


def _substances(resource: Json, drugs: Drugs) -> Iterator[tuple[str, ...]]:
    """What the entry itself and its reactions name."""
    concepts = [concept_of(resource.get("code"))]
    concepts += [concept_of(reaction.get("substance")) for reaction in objects(resource.get("reaction"))]
    yield from (drugs.ingredients_of(concept) for concept in concepts if concept.stated)


def _suspected(resource: Json, drugs: Drugs) -> Iterator[tuple[str, ...]]:
    """The drugs of the medications suspected to have caused an event."""
    for suspect in objects(resource.get("suspectEntity")):
        instance = obj(suspect.get("instance"))
        for kind in _SUSPECTS:
            target = drugs.received.find(instance, parent=resource, kind=kind)
            if target is not None and kind == "Medication":
                yield drugs.ingredients_of(concept_of(target[1].get("code")))
            elif target is not None:
                product, _ = drugs.named_by(target[1])
                yield product.ingredients if product is not None else ()
        shown = concept_of(instance.get("display"))
        if shown.stated:
            yield drugs.ingredients_of(Concept(text=shown.text))
