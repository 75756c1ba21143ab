"""Conditions by the categories of the knowledge, with how sure they are and when they began and ended.

A recognised code decides. Where none is recognised, words naming a category make it suspected (decision 26),
never in a sentence about relatives or denying it.
"""

from __future__ import annotations

from collections.abc import Iterable

from plugin.findings import SetAside
from plugin.ingest.codings import Coding, concept_of, names_any
from plugin.ingest.resources import Json, code_word, first_date, obj
from plugin.ingest.vocabulary import Vocabulary
from plugin.record import ConditionFact, Verification

_CERTAIN = ("confirmed",)
_UNSURE = ("provisional", "differential", "unconfirmed")
_REFUTED = ("refuted",)
_CLINICAL = ("active", "recurrence", "relapse", "inactive", "remission", "resolved", "unknown")
ENTERED_IN_ERROR = "entered-in-error"


def read_condition(reference: str, resource: Json, vocabulary: Vocabulary) -> ConditionFact | SetAside:
    """One Condition as a fact, or why it is not used."""
    sure = verification_of(resource.get("verificationStatus"))
    if sure is None:
        return SetAside(reference=reference, reason="entered in error")
    concept = concept_of(resource.get("code"))
    categories = coded_categories(concept.codings, vocabulary)
    by_text = not categories
    if by_text:
        categories = worded_categories(concept.names, vocabulary)
        sure = Verification.SUSPECTED if sure is Verification.CONFIRMED else sure
    if not categories:
        return SetAside(reference=reference, reason="not a condition this version judges")
    return ConditionFact(
        reference=reference,
        categories=categories,
        verification=sure,
        clinical=code_word(resource.get("clinicalStatus"), _CLINICAL),
        onset=first_date(resource.get("onsetDateTime"), obj(resource.get("onsetPeriod")).get("start")),
        recorded=first_date(resource.get("recordedDate"), resource.get("assertedDate"), resource.get("dateRecorded")),
        abatement=first_date(resource.get("abatementDateTime"), obj(resource.get("abatementPeriod")).get("end")),
        by_text=by_text,
    )


def verification_of(value: object) -> Verification | None:
    """How sure a condition is; None when it was entered in error. A status nobody defined is not taken as
    certain.
    """
    stated = concept_of(value)
    word = code_word(value, (*_CERTAIN, *_UNSURE, *_REFUTED, ENTERED_IN_ERROR))
    if word == ENTERED_IN_ERROR:
        return None
    if word in _REFUTED:
        return Verification.REFUTED
    if word in _CERTAIN or not stated.stated:
        return Verification.CONFIRMED
    return Verification.SUSPECTED


def coded_categories(codings: Iterable[Coding], vocabulary: Vocabulary) -> frozenset[str]:
    """All categories that the codes belong to."""
    return frozenset(vocabulary.conditions.find(codings))


def worded_categories(texts: Iterable[str], vocabulary: Vocabulary) -> frozenset[str]:
    """All categories that the words name, relatives and denials left out."""
    written = tuple(texts)
    return frozenset(
        category.id
        for category in vocabulary.knowledge.conditions.categories
        if names_any(written, category.words, denials=vocabulary.denials)
    )
