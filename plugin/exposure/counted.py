"""Which medication records are evidence of use at all: status and intent tables (E1), de-duplication (E4).

Everything refused leaves with a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from plugin.findings import SetAside
from plugin.record import Layer, MedicationFact

_COUNTED = {
    Layer.ORDER: frozenset({"active", "completed", "stopped", "on-hold", "unknown"}),
    Layer.DISPENSE: frozenset({"completed", "in-progress", "unknown"}),
    Layer.REPORT: frozenset({"active", "completed", "stopped", "unknown", "on-hold"}),
    Layer.ADMINISTRATION: frozenset({"completed", "in-progress"}),
}
_ORDER_INTENTS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_CHILD_INTENTS = frozenset({"filler-order", "instance-order"})

# What two records of one layer have in common that makes them one: an identifier, product and day, or all their fields.
_Mark = tuple[Layer, str, str, date | None] | tuple[Layer, str]


def counted_facts(
    facts: Sequence[MedicationFact], *, as_of: date, aside: list[SetAside]
) -> tuple[list[MedicationFact], bool]:
    """The facts that count, each record once; the others are added to `aside` with the reason.

    And whether one of them is left out because of another one.
    """
    usable = [fact for fact in facts if _counts(fact, as_of, aside)]
    counted = _without_parents(_without_duplicates(usable, aside), aside)
    return counted, len(counted) < len(usable)


def _counts(fact: MedicationFact, as_of: date, aside: list[SetAside]) -> bool:
    reason = _why_not(fact, as_of)
    if reason is not None:
        aside.append(SetAside(reference=fact.reference, reason=reason))
    return reason is None


def _why_not(fact: MedicationFact, as_of: date) -> str | None:
    if fact.layer is Layer.REPORT and fact.status == "not-taken":
        return None  # positive evidence of non-exposure: used, as a veto
    if fact.status not in _COUNTED[fact.layer] and not (fact.reported and fact.status in _COUNTED[Layer.REPORT]):
        return f"status {fact.status or 'missing'}: not evidence of use"
    if fact.do_not_perform:
        return "marked do-not-perform"
    if fact.reported and fact.intent not in (*_ORDER_INTENTS, "plan"):
        return f"intent {fact.intent or 'missing'}: neither an order nor a report of use"
    if fact.layer is Layer.ORDER and fact.intent not in _ORDER_INTENTS:
        return f"intent {fact.intent or 'missing'}: not an order"
    start = first_day(fact)
    if start is not None and start > as_of:
        return "dated after the day of judgement"
    if fact.product is not None and fact.dosage and all(line.as_needed for line in fact.dosage):
        return "as needed only: no scheduled days"
    return None


def first_day(fact: MedicationFact) -> date | None:
    """First possible day: explicit start, else for an order the day it was written. Partial dates count late."""
    if fact.start is not None:
        return fact.start.latest
    if fact.layer is Layer.ORDER and fact.written is not None:
        return fact.written.latest
    if fact.layer is Layer.ORDER and fact.validity_start is not None:
        return fact.validity_start.latest
    return None


def _without_duplicates(facts: Sequence[MedicationFact], aside: list[SetAside]) -> list[MedicationFact]:
    """Drop records sharing an identifier and a day, or alike in every field when neither has one (E4)."""
    kept: list[MedicationFact] = []
    seen: dict[_Mark, str] = {}
    for fact in sorted(facts, key=_reference):
        marks = _marks(fact)
        twin = next((seen[mark] for mark in marks if mark in seen), None)
        if twin is not None and fact.product is not None:
            aside.append(SetAside(reference=fact.reference, reason=f"duplicate of {twin}"))
            continue
        for mark in marks:
            seen.setdefault(mark, fact.reference)
        kept.append(fact)
    return kept


def _reference(fact: MedicationFact) -> str:
    return fact.reference


def _marks(fact: MedicationFact) -> list[_Mark]:
    if fact.identifiers:
        # Pharmacies put one prescription number on every refill: on another day, or for another product, it is another.
        label, day = fact.product.label if fact.product is not None else "", first_day(fact)
        return [(fact.layer, identifier, label, day) for identifier in sorted(fact.identifiers)]
    return [(fact.layer, fact.fingerprint)] if fact.fingerprint else []


def _without_parents(facts: Sequence[MedicationFact], aside: list[SetAside]) -> list[MedicationFact]:
    """An order split into filler or instance orders is counted by its children only."""
    parents = {
        parent
        for fact in facts
        if fact.based_on and fact.layer is Layer.ORDER and fact.intent in _CHILD_INTENTS
        for parent in fact.based_on
    }
    if not parents:
        return list(facts)
    kept = []
    for fact in facts:
        if fact.layer is Layer.ORDER and fact.reference in parents:
            aside.append(SetAside(reference=fact.reference, reason="counted through the orders based on it"))
        else:
            kept.append(fact)
    return kept
