"""The basis for independent review (FD&C Act 520(o)(1)(E)(iii)), written out of rules, weights and sources in force.

Who it is for, what goes in, by what logic and with what weights an answer comes about, on what evidence, and what is
done where data are missing or odd. Only sentences that no file of rules can tell come from ``source_attributes.yaml``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from mappings.attribute_document import Paragraph, Row, Section, Table
from mappings.attribute_schema import AttributeStatements, Said
from mappings.load import Knowledge
from mappings.review import UNSIGNED, reviews
from mappings.review_tables import (
    ageing,
    confidences,
    decision_tables,
    definition_in_use,
    definitions,
    findings,
    grades,
    now,
    options,
    rules_of_stage,
    rules_table,
    thresholds,
    weights,
)

_UNKNOWN = "no description written yet"
# The letter with which the ids of the rules of a stage begin.
_POPULATION, _EVIDENCE_READ, _VERDICT = "X", "E", "V"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKind:
    """One kind of data that a call reads: the `key` a client sends it under, and when it is read, in words."""

    key: str
    resource_type: str
    essential: bool
    when: str


def basis(
    told: AttributeStatements, knowledge: Knowledge, day: date, *, definition: str, inputs: Sequence[DataKind]
) -> tuple[Section, ...]:
    """All parts of the basis as the rules stand on `day`, with `definition` in use."""
    return (
        _use(told, knowledge, day),
        _inputs(told, knowledge, inputs),
        _logic(told, knowledge, day, definition),
        _weights(told, knowledge, day),
        _evidence(told, knowledge),
        _missing(told, knowledge),
        _validation(told, knowledge),
    )


def _use(told: AttributeStatements, knowledge: Knowledge, day: date) -> Section:
    said = told.basis
    adult = now(knowledge.written.reconstruction.adult_from_years, day)
    population = Paragraph(text=f"{said.population.text} Adult: {adult} and older.", sources=said.population.cites)
    return Section(
        id="intended-use",
        title="Intended use, user and population",
        paragraphs=(_said(said.intended_use), _said(said.not_for), _said(said.intended_user), population),
        tables=(rules_of_stage("Who is in, who is out", knowledge, _POPULATION),),
    )


def _inputs(told: AttributeStatements, knowledge: Knowledge, inputs: Sequence[DataKind]) -> Section:
    rows = []
    for kind in inputs:
        how = told.inputs.get(kind.key)
        when = f"{kind.when}; without it no answer" if kind.essential else kind.when
        text = how.text if how is not None else _UNKNOWN
        rows.append(Row(cells=(kind.key, kind.resource_type, text, when), sources=how.cites if how else ()))
    known = (
        f"{len(knowledge.drugs)} drugs are recognised by code or name, {len(knowledge.instruments)} rating scales of "
        f"outcome, {len(knowledge.clinical.measures)} further measures, {len(knowledge.conditions.categories)} "
        "categories of conditions. What is not recognised is counted and named, never guessed."
    )
    return Section(
        id="inputs",
        title="What is read, and how",
        paragraphs=(_said(told.basis.inputs), Paragraph(text=known)),
        tables=(
            Table(caption="Kinds of data", head=("sent as", "FHIR resource", "how it is read", "when"), rows=(*rows,)),
            rules_of_stage("How records become exposure", knowledge, _EVIDENCE_READ),
        ),
    )


def _logic(told: AttributeStatements, knowledge: Knowledge, day: date, definition: str) -> Section:
    shown = (_POPULATION, _EVIDENCE_READ, _VERDICT)
    rest = [rule for rule in knowledge.rules.values() if rule.id[0] not in shown]
    return Section(
        id="logic",
        title="The logic",
        paragraphs=(_said(told.basis.logic),),
        tables=(
            definition_in_use(knowledge, day, definition),
            definitions(knowledge, day),
            rules_table("Rules of trials, outcomes, staging and options", rest),
            rules_of_stage("Rules of the verdict, and what it does where data are missing", knowledge, _VERDICT),
            decision_tables(knowledge),
            options(knowledge, day),
        ),
    )


def _weights(told: AttributeStatements, knowledge: Knowledge, day: date) -> Section:
    return Section(
        id="weights",
        title="The weights",
        paragraphs=(_said(told.basis.weights),),
        tables=(
            weights(knowledge, day),
            thresholds(knowledge, day),
            ageing(knowledge, day),
            grades(knowledge, day),
        ),
    )


def _evidence(told: AttributeStatements, knowledge: Knowledge) -> Section:
    scoring = knowledge.clinical.scoring
    limits = (*(Paragraph(text=text, sources=scoring.cites) for text in scoring.limits), *map(_said, told.limits))
    return Section(
        id="evidence",
        title="The evidence and its limits",
        paragraphs=(_said(told.basis.evidence), *limits),
        tables=(confidences(knowledge), findings(knowledge)),
    )


def _missing(told: AttributeStatements, knowledge: Knowledge) -> Section:
    rows = (Row(cells=(one.kind.replace("-", " "), one.effort)) for one in knowledge.missing_facts)
    return Section(
        id="missing-data",
        title="Missing and unusual data",
        paragraphs=(_said(told.basis.missing), _said(told.basis.unusual)),
        tables=(
            Table(
                caption="Missing facts that are tried for what would change the verdict, the smallest effort first",
                head=("missing fact", "effort"),
                rows=(*rows,),
            ),
        ),
    )


def _validation(told: AttributeStatements, knowledge: Knowledge) -> Section:
    files = reviews(knowledge)
    signed = sum(1 for review in files.values() if review.reviewed_by != UNSIGNED)
    by = knowledge.accepted
    accepted = (
        f"Accepted for live use at this site by {by.who} on {by.when}."
        if by is not None
        else "Nobody at this site has accepted this version for live use."
    )
    return Section(
        id="validation",
        title="Validation status",
        paragraphs=(
            _said(told.basis.validation),
            Paragraph(text=f"Signed by a clinician: {signed} of {len(files)} files of the knowledge."),
            Paragraph(text=accepted),
        ),
    )


def _said(said: Said) -> Paragraph:
    return Paragraph(text=said.text, sources=said.cites)
