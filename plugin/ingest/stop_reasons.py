"""Why a medication was stopped and how it was taken, from codes first and words second.

A recognised code settles the meaning, save a code of inefficacy whose own words say something else: public connectors
map unlike reasons to it, so it then counts as some other reason. Words (text of an unrecognised code, notes) are weak
evidence: they are marked ``text``, notes count only on records that were stopped and on finished reports (a note on a
completed order or dispense instructs, it does not tell of an end), and a sentence about another drug is passed over.
Rules of trials 4.6 and decisions 20, 101.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mappings.products import words_of
from mappings.schema import StopMeaning
from plugin.ingest.codings import Concept, concept_of, concepts_of, names_any, sentences_naming
from plugin.ingest.resources import Json, first_date, obj, objects, text
from plugin.ingest.vocabulary import Vocabulary
from plugin.record import Product, StopReason
from plugin.spans import PartialDate

_CODED_KEYS = ("statusReason", "statusReasonCodeableConcept", "reasonNotTaken", "reasonNotGiven")
_ENDING = frozenset({*_CODED_KEYS, "note", "statusChanged"})
_STOPPED = frozenset({"stopped", "not-taken", "on-hold", "cancelled"})
_ENDED = _STOPPED | {"completed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why and when a record ended: reasons, the day noted for it, and a report of no effect."""

    reasons: tuple[StopReason, ...] = ()
    noted: PartialDate | None = None
    reported_ineffective: bool = False


_NO_ENDING = Ending()


def read_ending(
    resource: Json, *, status: str, is_report: bool, product: Product | None, vocabulary: Vocabulary
) -> Ending:
    """The ending of one medication record."""
    if _ENDING.isdisjoint(resource):
        return _NO_ENDING
    tells = status in _STOPPED or (is_report and status in _ENDED)
    stated = [concept for key in _CODED_KEYS for concept in concepts_of(resource.get(key))]
    reasons = [reason for concept in stated for reason in _meant(concept, product, vocabulary)]
    dated: list[PartialDate] = []
    for note in objects(resource.get("note")) if status in _ENDED else ():
        said = _by_words((text(note.get("text")),), product, vocabulary) if tells else []
        written = first_date(note.get("time"))
        if written is not None and (said or stated):
            dated.append(written)
        reasons.extend(said)
    changed = first_date(resource.get("statusChanged"))
    if changed is not None and status in _ENDED:
        dated.append(changed)
    return Ending(
        reasons=tuple(dict.fromkeys(reasons)),
        noted=max(dated, key=lambda day: day.latest) if dated else None,
        reported_ineffective=any(r.by == "text" and r.meaning == "inefficacy" for r in reasons),
    )


def _meant(concept: Concept, product: Product | None, vocabulary: Vocabulary) -> list[StopReason]:
    coded = [
        StopReason(meaning=meaning.meaning, by="code", label=meaning.label)
        for meaning in vocabulary.stop_reasons.find(concept.codings)
    ]
    if any(reason.meaning == "inefficacy" for reason in coded) and _belied(concept.names, product, vocabulary):
        return [StopReason(meaning="other", by="code", label=_label("other", vocabulary))]
    return coded or _by_words(concept.names, product, vocabulary)


def _belied(names: Sequence[str], product: Product | None, vocabulary: Vocabulary) -> bool:
    """Whether the words shown with a code of inefficacy tell of another reason and not of inefficacy."""
    if names_any(names, vocabulary.knowledge.stop_reasons.misused):
        return True
    said = _by_words(names, product, vocabulary)
    return bool(said) and said[0].meaning != "inefficacy"


def _label(meaning: str, vocabulary: Vocabulary) -> str:
    return next(one.label for one in vocabulary.knowledge.stop_reasons.meanings if one.meaning == meaning)


def _by_words(texts: Iterable[str], product: Product | None, vocabulary: Vocabulary) -> list[StopReason]:
    """The first meaning, in the order of the knowledge, that the words give."""
    written = tuple(texts)
    for meaning in vocabulary.knowledge.stop_reasons.meanings:
        if _says(written, meaning, product, vocabulary):
            return [StopReason(meaning=meaning.meaning, by="text", label=meaning.label)]
    return []


def _says(texts: Sequence[str], meaning: StopMeaning, product: Product | None, vocabulary: Vocabulary) -> bool:
    return any(
        not _about_another_drug(sentence, product, vocabulary)
        for sentence in sentences_naming(_without(texts, meaning.unless), meaning.words, denials=vocabulary.denials)
    )


def _without(texts: Sequence[str], phrases: tuple[str, ...]) -> Sequence[str]:
    """The texts with the phrases that say the contrary ("no side effect") taken out; the rest still speaks."""
    if not phrases:
        return texts
    contrary = re.compile("|".join(rf"(?<!\w){re.escape(phrase)}" for phrase in phrases), re.IGNORECASE)
    return [contrary.sub(" ", written) for written in texts]


def _about_another_drug(sentence: str, product: Product | None, vocabulary: Vocabulary) -> bool:
    """Whether a sentence names a drug of the knowledge and not the one at hand."""
    products = vocabulary.knowledge.products
    words, names = words_of(sentence), products.names
    spans = range(1, products.longest_name + 1)
    named = {
        names[words[start : start + span]]
        for span in spans
        for start in range(len(words))
        if words[start : start + span] in names
    }
    return bool(named) and not (product is not None and named & set(product.ingredients))


def read_adherence(resource: Json, vocabulary: Vocabulary) -> tuple[str, PartialDate | None]:
    """How the drug is taken (``not-taking``, ``non-compliant``, ``partial``, empty) and the day that was
    asserted.

    Read from the US Core adherence extension and from `adherence` of later versions; codes come from the
    knowledge.
    """
    if "extension" not in resource and "adherence" not in resource:
        return "", None
    for extension in objects(resource.get("extension")):
        if not text(extension.get("url")).endswith("medication-adherence"):
            continue
        inner = {text(part.get("url")): part for part in objects(extension.get("extension"))}
        concept = concept_of(obj(inner.get("medicationAdherence")).get("valueCodeableConcept"))
        for meaning in vocabulary.adherence.find(concept.codings):
            return meaning, first_date(obj(inner.get("dateAsserted")).get("valueDateTime"))
    stated = concept_of(obj(resource.get("adherence")).get("code"))
    for meaning in vocabulary.adherence.find(stated.codings):
        return meaning, first_date(resource.get("dateAsserted"))
    return "", None
