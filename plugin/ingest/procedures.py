"""Procedures of the kinds the knowledge names: by code, else by the words of the procedure."""

from __future__ import annotations

from mappings.schema import ProcedureKind
from plugin.findings import SetAside
from plugin.ingest.codings import Concept, concept_of, names_any
from plugin.ingest.conditions import ENTERED_IN_ERROR
from plugin.ingest.resources import Json, code_word, first_date, obj
from plugin.ingest.vocabulary import Vocabulary
from plugin.record import ProcedureFact

_STATUSES = (
    *("preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error"),
    *("unknown", "aborted", "suspended"),
)


def read_procedure(reference: str, resource: Json, vocabulary: Vocabulary) -> ProcedureFact | SetAside:
    """One Procedure as a fact, or why it is not used."""
    status = code_word(resource.get("status"), _STATUSES, "unknown")
    if status == ENTERED_IN_ERROR:
        return SetAside(reference=reference, reason="entered in error")
    kind = kind_of(concept_of(resource.get("code")), vocabulary)
    if kind is None:
        return SetAside(reference=reference, reason="not a procedure this version judges")
    period = obj(resource.get("performedPeriod")) or obj(resource.get("occurrencePeriod"))
    day = first_date(
        resource.get("performedDateTime"), resource.get("occurrenceDateTime"), resource.get("performedString")
    )
    return ProcedureFact(
        reference=reference,
        kind=kind.id,
        status=status,
        start=first_date(period.get("start")) or day,
        end=first_date(period.get("end")) or day,
    )


def kind_of(concept: Concept, vocabulary: Vocabulary) -> ProcedureKind | None:
    """The kind of a procedure: by its codes, else by its words unless they speak of relatives or deny it."""
    coded = vocabulary.procedures.find(concept.codings)
    if coded:
        return coded[0]
    kinds = vocabulary.knowledge.procedures.kinds
    return next((kind for kind in kinds if names_any(concept.names, kind.words, denials=vocabulary.denials)), None)
