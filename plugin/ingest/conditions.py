"""Conditions by the categories of the knowledge, with how sure they are and when they began and ended.

A recognised code decides. Where none is recognised, words naming a category make it suspected (decision 26),
never in a sentence about relatives or denying it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from plugin.findings import SetAside
from plugin.ingest.codings import Coding, Concept, concept_of, names_any
from plugin.ingest.resources import ClosedList, Json, first_date, obj
from plugin.ingest.vocabulary import Vocabulary
from plugin.record import ConditionFact, Verification

_CERTAIN = ("confirmed",)
_UNSURE = ("provisional", "differential", "unconfirmed")
_REFUTED = ("refuted",)
_CLINICAL = ClosedList("active", "recurrence", "relapse", "inactive", "remission", "resolved", "unknown")
ENTERED_IN_ERROR = "entered-in-error"
_VERIFICATIONS = ClosedList(*_CERTAIN, *_UNSURE, *_REFUTED, ENTERED_IN_ERROR)


@dataclass
class Categories:
    """The categories of concepts, remembered while one record is read: the same problem is often listed many times."""

    vocabulary: Vocabulary
    _known: dict[Concept, tuple[frozenset[str], bool]] = field(default_factory=dict)

    def of(self, concept: Concept) -> tuple[frozenset[str], bool]:
        """The categories, and whether only words told them."""
        if concept not in self._known:
            coded = coded_categories(concept.codings, self.vocabulary) | _coded_with_words(concept, self.vocabulary)
            words = frozenset() if coded else worded_categories(concept.names, self.vocabulary)
            self._known[concept] = (coded or words, not coded)
        return self._known[concept]


def read_condition(reference: str, resource: Json, named: Categories) -> ConditionFact | SetAside:
    """One Condition as a fact, or why it is not used."""
    sure = verification_of(resource.get("verificationStatus"))
    if sure is None:
        return SetAside(reference=reference, reason="entered in error")
    categories, by_text = named.of(concept_of(resource.get("code")))
    if not categories:
        return SetAside(reference=reference, reason="not a condition this version judges")
    if by_text and sure is Verification.CONFIRMED:
        sure = Verification.SUSPECTED
    return ConditionFact(
        reference=reference,
        categories=categories,
        verification=sure,
        clinical=_CLINICAL.word(resource.get("clinicalStatus")),
        onset=first_date(resource.get("onsetDateTime"), obj(resource.get("onsetPeriod")).get("start")),
        recorded=first_date(resource.get("recordedDate"), resource.get("assertedDate"), resource.get("dateRecorded")),
        abatement=first_date(resource.get("abatementDateTime"), obj(resource.get("abatementPeriod")).get("end")),
        by_text=by_text,
    )


def verification_of(value: object) -> Verification | None:
    """How sure a condition is; None when it was entered in error. A status nobody defined is not taken as
    certain.
    """
    word = _VERIFICATIONS.word(value)
    if word == ENTERED_IN_ERROR:
        return None
    if word in _REFUTED:
        return Verification.REFUTED
    if word in _CERTAIN or not concept_of(value).stated:
        return Verification.CONFIRMED
    return Verification.SUSPECTED


def coded_categories(codings: Iterable[Coding], vocabulary: Vocabulary) -> frozenset[str]:
    """All categories that the codes belong to."""
    return frozenset(vocabulary.conditions.find(codings))


def _coded_with_words(concept: Concept, vocabulary: Vocabulary) -> frozenset[str]:
    """Categories whose codes count only together with words that name them, as those of "other" conditions do."""
    return frozenset(
        category.id
        for category in vocabulary.conditions_with_words.find(concept.codings)
        if names_any(concept.names, category.words, denials=vocabulary.denials)
    )


def worded_categories(texts: Iterable[str], vocabulary: Vocabulary) -> frozenset[str]:
    """All categories that the words name, relatives and denials left out."""
    written = tuple(texts)
    if not vocabulary.condition_words.may_occur_in(written):
        return frozenset()
    return frozenset(
        category.id
        for category in vocabulary.knowledge.conditions.categories
        if names_any(written, category.words, denials=vocabulary.denials)
    )
