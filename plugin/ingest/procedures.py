"""Procedures of the kinds the knowledge names: by code, else by the words of the procedure.

A Procedure is one session or a whole series; a series says how many sessions it holds only in an extension, and never
in words that are read here.
"""

from __future__ import annotations

from mappings.schema import ProcedureKind
from plugin.findings import SetAside
from plugin.ingest.codings import Concept, concept_of, names_any
from plugin.ingest.conditions import ENTERED_IN_ERROR
from plugin.ingest.indications import read_indications
from plugin.ingest.references import Received
from plugin.ingest.resources import ClosedList, Json, first_date, obj, objects, text, whole
from plugin.ingest.vocabulary import Vocabulary
from plugin.record import ProcedureFact

_STATUSES = ClosedList(
    *("preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error"),
    *("unknown", "aborted", "suspended"),
)
_COUNTS = ("valueUnsignedInt", "valuePositiveInt", "valueInteger")


def read_procedure(
    reference: str, resource: Json, vocabulary: Vocabulary, received: Received
) -> ProcedureFact | SetAside:
    """One Procedure as a fact, or why it is not used."""
    status = _STATUSES.word(resource.get("status"), "unknown")
    if status == ENTERED_IN_ERROR:
        return SetAside(reference=reference, reason="entered in error")
    concept = concept_of(resource.get("code"))
    kind = kind_of(concept, vocabulary)
    if kind is None:
        return SetAside(reference=reference, reason="not a procedure this version judges")
    period = obj(resource.get("performedPeriod")) or obj(resource.get("occurrencePeriod"))
    day = first_date(
        resource.get("performedDateTime"), resource.get("occurrenceDateTime"), resource.get("performedString")
    )
    start, end = first_date(period.get("start")), first_date(period.get("end"))
    # A session has a beginning and an end on one day; only a longer or open period is a series.
    is_period = start is not None and (end is None or end.latest > start.earliest) and start != end
    reasons = read_indications(resource, received, vocabulary)
    return ProcedureFact(
        reference=reference,
        kind=kind.id,
        status=status,
        start=start or day or end,
        end=end if is_period else (start or day or end),
        is_period=is_period,
        sessions=_sessions(resource, vocabulary),
        traits=_traits(kind, concept, resource, vocabulary),
        indications=("other",) if reasons.unresolved and not reasons.categories else reasons.categories,
    )


def kind_of(concept: Concept, vocabulary: Vocabulary) -> ProcedureKind | None:
    """The kind of a procedure: by its codes, else by its words unless they speak of relatives or deny it."""
    coded = vocabulary.procedures.find(concept.codings)
    if coded:
        return coded[0]
    kinds = vocabulary.knowledge.procedures.kinds
    return next((kind for kind in kinds if names_any(concept.names, kind.words, denials=vocabulary.denials)), None)


def _sessions(resource: Json, vocabulary: Vocabulary) -> int | None:
    """How many sessions an extension of the knowledge states; None without one, or when two disagree."""
    stated = set()
    for extension in objects(resource.get("extension")):
        if text(extension.get("url")) not in vocabulary.knowledge.procedures.count_extensions:
            continue
        values = [extension.get(name) for name in _COUNTS] + [obj(extension.get("valueQuantity")).get("value")]
        stated |= {count for value in values if (count := whole(value)) is not None and count > 0}
    return stated.pop() if len(stated) == 1 else None


def _traits(kind: ProcedureKind, concept: Concept, resource: Json, vocabulary: Vocabulary) -> frozenset[str]:
    """What codes and words of the procedure, or of its category, say besides the kind."""
    category = concept_of(resource.get("category"))
    codings = (*concept.codings, *category.codings)
    names = (*concept.names, *category.names)
    coded = {trait for owner, trait in vocabulary.procedure_traits.find(codings) if owner == kind.id}
    worded = {t.id for t in kind.traits if names_any(names, t.words, denials=vocabulary.denials)}
    return frozenset(coded | worded)
