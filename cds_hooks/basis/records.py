"""What each record says, in a few words of our own: what the list of records on the page shows beside its reference.

Chart text is never repeated: drugs, scales and conditions are named as the knowledge names them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from cds_hooks.basis.telling import number
from mappings.load import Knowledge
from mappings.schema import category_labels
from plugin.record import (
    ConditionFact,
    Layer,
    MedicationFact,
    PatientRecord,
    ProcedureFact,
    Score,
)
from plugin.spans import PartialDate

# How records of each kind are called, one and several, in the order of the list.
KINDS: Mapping[str, tuple[str, str]] = {
    "Patient": ("patient", "patients"),
    "Condition": ("condition", "conditions"),
    "MedicationDispense": ("dispense", "dispenses"),
    "MedicationRequest": ("order", "orders"),
    "MedicationStatement": ("reported drug", "reported drugs"),
    "MedicationAdministration": ("dose given", "doses given"),
    "Observation": ("observation", "observations"),
    "QuestionnaireResponse": ("questionnaire", "questionnaires"),
    "Procedure": ("procedure", "procedures"),
    "AllergyIntolerance": ("allergy", "allergies"),
    "AdverseEvent": ("adverse event", "adverse events"),
}
_LAYERS = {
    Layer.DISPENSE: "dispensed",
    Layer.ORDER: "ordered",
    Layer.REPORT: "reported",
    Layer.ADMINISTRATION: "given",
}
Said = tuple[str, date | None]
_NOTHING: Said = ("", None)


def descriptions(record: PatientRecord, knowledge: Knowledge) -> dict[str, Said]:
    """For each reference what it says and its day; a record without a fact of its own is not in it."""
    found: dict[str, Said] = {}
    for reference, said, day in _each(record, knowledge):
        before, first = found.get(reference, _NOTHING)
        text = said if not before or said == before else f"{before}; {said}"
        found[reference] = (text, first or day)
    return found


def _each(record: PatientRecord, knowledge: Knowledge) -> Iterator[tuple[str, str, date | None]]:
    for fact in record.medications:
        yield fact.reference, _medication(fact, knowledge), _day(fact.start or fact.written)
    for score in record.scores:
        for reference in score.references:
            yield reference, _score(score, knowledge), score.day
    for result in record.laboratory:
        label = knowledge.clinical.measures[result.measure].label
        value = str(result.amount) if result.amount is not None else result.meaning
        yield result.reference, f"{label} {value}".rstrip(), result.day
    scored = {reference for score in record.scores for reference in score.references}
    for answer in record.answers:
        if answer.reference not in scored:
            yield answer.reference, f"{_scale(answer.instrument, knowledge)} item {answer.item}", answer.day
    for condition in record.conditions:
        yield condition.reference, _condition(condition, knowledge), _day(condition.onset or condition.recorded)
    for procedure in record.procedures:
        yield procedure.reference, _procedure(procedure, knowledge), _day(procedure.start)
    for allergy in record.allergies:
        names = ", ".join(_drug(ingredient, knowledge) for ingredient in allergy.ingredients)
        yield allergy.reference, f"{allergy.kind or 'allergy'}: {names}", _day(allergy.recorded or allergy.onset)
    for other in record.other_medications:
        groups = knowledge.clinical.drug_groups
        names = "; ".join(groups[group].label for group in sorted(other.groups) if group in groups)
        yield other.reference, names or "another drug", _day(other.start)


def _medication(fact: MedicationFact, knowledge: Knowledge) -> str:
    if fact.product is None:
        return "another drug"
    named = [
        f"{_drug(part.ingredient, knowledge)} {number(part.amount)} mg" if part.amount and part.per == "unit" else
        _drug(part.ingredient, knowledge)
        for part in fact.product.components
    ]  # fmt: skip
    names = named or [_drug(ingredient, knowledge) for ingredient in fact.product.ingredients]
    how = [_LAYERS[fact.layer]]
    how += [f"{number(fact.quantity)} units"] if fact.quantity else []
    how += [f"{number(fact.days_supply)} days"] if fact.days_supply else []
    how += [fact.status] if fact.status in ("stopped", "cancelled", "on-hold", "entered-in-error", "draft") else []
    return f"{' with '.join(dict.fromkeys(names))}, {', '.join(how)}"


def _score(score: Score, knowledge: Knowledge) -> str:
    flags = f" ({', '.join(flag.replace('-', ' ') for flag in score.flags)})" if score.flags else ""
    return f"{_scale(score.instrument, knowledge)} {number(score.value)}{flags}"


def _scale(instrument: str, knowledge: Knowledge) -> str:
    if instrument in knowledge.instruments:
        return knowledge.instruments[instrument].label
    measure = knowledge.clinical.measures.get(instrument)
    return measure.label if measure is not None else instrument


def _condition(fact: ConditionFact, knowledge: Knowledge) -> str:
    labels = category_labels(knowledge.conditions)
    names = ", ".join(labels.get(category, category) for category in sorted(fact.categories)) or "another condition"
    doubt = "" if fact.verification.value == "confirmed" else f", {fact.verification.value}"
    return f"{names}{doubt}{f', {fact.clinical}' if fact.clinical else ''}"


def _procedure(fact: ProcedureFact, knowledge: Knowledge) -> str:
    label = next((kind.label for kind in knowledge.procedures.kinds if kind.id == fact.kind), fact.kind)
    sessions = f", {fact.sessions} sessions" if fact.sessions else ""
    return f"{label}, {fact.status}{sessions}"


def _drug(ingredient: str, knowledge: Knowledge) -> str:
    known = knowledge.drugs.get(ingredient)
    return known.label if known is not None else ingredient


def _day(day: PartialDate | None) -> date | None:
    return day.earliest if day is not None else None
