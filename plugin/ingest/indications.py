"""What a medication was given for, by the same categories as conditions.

Reasons are read as codes, as words, and through references to conditions received. A reference that leads
nowhere and shows no words is no stated reason: it is unresolved, and must not pass for a reason other than
depression.
"""

from __future__ import annotations

from dataclasses import dataclass

from plugin.ingest.codings import Concept, concept_of, concepts_of
from plugin.ingest.conditions import coded_categories, verification_of, worded_categories
from plugin.ingest.references import Received
from plugin.ingest.resources import Json, objects, text
from plugin.ingest.vocabulary import Vocabulary

# Categories of the knowledge that are depression carry the word in their id.
_DEPRESSION = "depression"
_REASONS = frozenset({"reasonCode", "reasonReference", "reason"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Indications:
    """``depression``, other categories of the knowledge, ``other`` for a reason not among them."""

    categories: tuple[str, ...] = ()
    unresolved: bool = False


_NONE_STATED = Indications()


def read_indications(resource: Json, received: Received, vocabulary: Vocabulary) -> Indications:
    """The categories of all stated reasons, each once."""
    if _REASONS.isdisjoint(resource):
        return _NONE_STATED
    concepts = [*concepts_of(resource.get("reasonCode"))]
    references = [*objects(resource.get("reasonReference"))]
    for reason in objects(resource.get("reason")):  # the shape of later versions
        concepts.extend(concepts_of(reason.get("concept")))
        references.extend(objects(reason.get("reference")))
    unresolved = False
    for reference in references:
        target = received.find(reference, parent=resource, kind="Condition")
        if target is not None and verification_of(target[1].get("verificationStatus")) is None:
            continue  # entered in error
        shown = Concept(text=text(reference.get("display")))
        coded = concept_of(target[1].get("code")) if target is not None else Concept()
        if coded.stated or shown.stated:
            concepts.append(coded if coded.stated else shown)
        else:
            unresolved = True
    found = [category for concept in concepts for category in _categories(concept, vocabulary)]
    return Indications(categories=tuple(dict.fromkeys(found)), unresolved=unresolved)


def _categories(concept: Concept, vocabulary: Vocabulary) -> list[str]:
    known = coded_categories(concept.codings, vocabulary) or worded_categories(concept.names, vocabulary)
    if not known:
        return ["other"]
    if "other-indication" in known and _DEPRESSION not in known:
        # A premenstrual disorder is coded among the depressive disorders but is another use of the drug.
        return ["other-indication"]
    return sorted({_DEPRESSION if _DEPRESSION in category.split("-") else category for category in known})
