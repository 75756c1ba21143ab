"""The hard stops of a drafted order: the named ones and no others (decisions 24, 80, 105, 107).

A stop is a row of a safety rule that names the drug as an order, an allergy, or the same substance twice. A procedure
is stopped as the drug is that it gives. The other drafts of the request count as taken on the day, selected or not.
Taking a drug already is no conflict with its renewal. Words that name a condition stop an order as a provisional
diagnosis does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from mappings.decision_tables import SafetyRow
from mappings.load import Knowledge
from mappings.modifier_schema import NamedCheck
from plugin.exposure.dose import schedule_of
from plugin.findings import Reason
from plugin.record import DraftOrder, Layer, MedicationFact, PatientRecord
from plugin.safety.decision_rows import reason_of
from plugin.safety.drafts import JudgedOrder, OrderStop
from plugin.safety.known_values import Known
from plugin.safety.named_facts import NamedFacts
from plugin.safety.option_safety import allergies_to, rows_that_hold

_LOUDEST_FIRST = ("critical", "warning", "info")
_WARNING, _INFO = _LOUDEST_FIRST[1:]


def with_stops(
    judged: Sequence[JudgedOrder],
    orders: Sequence[DraftOrder],
    record: PatientRecord,
    facts: NamedFacts,
    *,
    knowledge: Knowledge,
    as_of: date,
    jurisdiction: str = "us",
) -> tuple[JudgedOrder, ...]:
    """The judged drafts with their hard stops; `orders` are all drafts of the session, selected or not."""
    return tuple(
        replace(
            one,
            label=_group_label(one, knowledge) or one.label,
            stops=_loudest_first(_stops(one, orders, record, facts, knowledge, as_of, jurisdiction)),
        )
        for one in judged
    )


def _stops(
    judged: JudgedOrder,
    orders: Sequence[DraftOrder],
    record: PatientRecord,
    facts: NamedFacts,
    knowledge: Knowledge,
    as_of: date,
    jurisdiction: str,
) -> Iterator[OrderStop]:
    drug, groups, order = judged.drug, judged.order.groups, judged.order
    own = facts_for(judged, orders, facts)

    def is_meant(row: SafetyRow) -> bool:
        return row.hard_stop and (drug in row.orders or not groups.isdisjoint(row.order_groups))

    for rule, row, found in rows_that_hold(own, knowledge, as_of, jurisdiction, about=is_meant):
        reason = reason_of(rule.id, rule.label, found, own, as_of, cites=row.cites)
        name = rule.order_finding or rule.id
        level = row.order_level or rule.order_level
        yield OrderStop(rule=name, level=level, label=rule.label, note=row.note, reasons=(reason,))
    if drug is not None:
        yield from _allergy(drug, record, knowledge)
        yield from _duplicate(drug, order, orders, facts, knowledge, as_of)


def facts_for(judged: JudgedOrder, orders: Sequence[DraftOrder], facts: NamedFacts) -> NamedFacts:
    """The facts as they are for one draft among all `orders` of the request."""
    drug, order = judged.drug, judged.order
    if drug is None:
        return facts.for_order(drug, None, readable=False, reference=order.reference, orders=orders)
    alike = [one for one in orders if one.reference != order.reference and drug in _ingredients(one)]
    doses = [(daily_dose(one, drug), least_dose(one, drug)) for one in (order, *alike)]
    readable = all(dose is not None for dose, _ in doses)
    known = [known for dose, least in doses if (known := dose or least) is not None]
    return facts.for_order(drug, _sum(known), readable=readable, reference=order.reference, orders=orders)


def _ingredients(order: DraftOrder) -> tuple[str, ...]:
    return order.product.ingredients if order.product is not None else ()


def _sum(doses: Sequence[Known]) -> Known | None:
    """What several drafts of one drug come to in a day; one dose as it is."""
    if len(doses) < 2:
        return doses[0] if doses else None
    total = sum(float(str(dose.value)) for dose in doses)
    uses = tuple(dict.fromkeys(use for dose in doses for use in dose.uses))
    return Known(value=total, shown=f"{total:g} mg a day in all drafts together", uses=uses)


def _allergy(drug: str, record: PatientRecord, knowledge: Knowledge) -> Iterator[OrderStop]:
    check = knowledge.clinical.order_checks.order_allergy
    allergies = allergies_to(drug, record, knowledge)
    if allergies:
        named = _labels((i for allergy in allergies for i in allergy.ingredients), knowledge)
        yield _stop(check, _WARNING, named, tuple(allergy.reference for allergy in allergies))


def _duplicate(
    drug: str,
    order: DraftOrder,
    orders: Sequence[DraftOrder],
    facts: NamedFacts,
    knowledge: Knowledge,
    as_of: date,
) -> Iterator[OrderStop]:
    """The same substance in another draft or in another drug taken now; the same drug taken now may be a renewal.

    Another drug whose order this request ends gives way to the one ordered. A procedure and an order of the very drug
    it gives are one treatment, and so are its sessions.
    """
    checks = knowledge.clinical.order_checks
    alike = {drug} | {d for s in checks.same_substance if s.duplicate and drug in s.drugs for d in s.drugs}
    taken = [
        (use, group)
        for taking in facts.takings
        if taking.meets(as_of, as_of) and order.reference not in taking.uses
        for group in sorted(taking.groups & alike)
        if group == drug or not facts.is_ended_here(taking, group)
        for use in taking.uses
    ]
    others = [one for one in taken if one[1] != drug]
    standing = {use for use, _ in taken}  # an order that is signed again is taken
    drafts = [
        (other.reference, i)
        for other in orders
        if other.reference != order.reference and other.reference not in standing
        for i in _brought_by(other, knowledge)
        if i in alike and (i != drug or not (_is_session(other, order) or _is_another_strength(other, order)))
    ]
    if drafts or others:
        named = [_labels((i for _, i in others), knowledge)] if others else []
        also = f"also being ordered: {_labels((i for _, i in drafts), knowledge)}"
        named += [also] if drafts else []
        drugs = _labels((i for _, i in (*drafts, *others)), knowledge)
        yield _stop(checks.duplicate, _WARNING, drugs, _uses((*drafts, *others)), told="; ".join(named))
    elif taken and order.procedure is None:
        yield _stop(checks.renewal, _INFO, _labels((i for _, i in taken), knowledge), _uses(taken))


def _is_session(one: DraftOrder, other: DraftOrder) -> bool:
    """Whether one of two drafts of a drug is a visit at which it is given: together they are one treatment."""
    return one.procedure is not None or other.procedure is not None


def _is_another_strength(one: DraftOrder, other: DraftOrder) -> bool:
    """Whether two drafts of a drug are strengths of one product: together they make up one dose."""
    if one.product is None or other.product is None or one.product.release != other.product.release:
        return False
    strengths = [[(c.ingredient, c.amount) for c in product.components] for product in (one.product, other.product)]
    known = all(amount is not None for strength in strengths for _, amount in strength)
    return known and strengths[0] != strengths[1]


def _brought_by(order: DraftOrder, knowledge: Knowledge) -> tuple[str, ...]:
    if order.product is not None:
        return order.product.ingredients
    return tuple(kind.gives for kind in knowledge.procedures.kinds if kind.gives and kind.id == order.procedure)


def _stop(check: NamedCheck, level: str, named: str, uses: tuple[str, ...], *, told: str = "") -> OrderStop:
    text = f"{check.label[:1].upper()}{check.label[1:]}: {told or named}."
    reason = Reason(rule=check.id, text=text, facts=(("drug", named),), cites=check.cites, uses=uses)
    return OrderStop(rule=check.id, level=level, label=check.label, note=check.note, reasons=(reason,))


def daily_dose(order: DraftOrder, drug: str) -> Known | None:
    """The highest daily dose of `drug` that the draft may mean, in mg; None when it cannot be read."""
    fact = MedicationFact(
        reference=order.reference, layer=Layer.ORDER, status="draft", product=order.product, dosage=order.dosage
    )
    components = order.product.components if order.product is not None else ()
    steps = [step for part in components if part.ingredient == drug for step in schedule_of(fact, part).steps]
    doses = [step.dose.high for step in steps if step.dose.is_known]
    if not doses:
        return None
    return Known(value=max(doses), shown=f"{max(doses):g} mg a day", uses=(order.reference,))


def least_dose(order: DraftOrder, drug: str) -> Known | None:
    """The least a day that a draft without a readable dose can mean: one unit of its strength, in mg; None without one.

    It is taken for the dose itself, so that a stop of a high dose holds only where it is sure.
    """
    components = order.product.components if order.product is not None else ()
    amounts = [c.amount * c.equivalence for c in components if c.ingredient == drug and c.amount and c.per == "unit"]
    if not amounts:
        return None
    return Known(value=min(amounts), shown=f"at least {min(amounts):g} mg a day", uses=(order.reference,))


def _labels(drugs: Iterable[str], knowledge: Knowledge) -> str:
    return ", ".join(dict.fromkeys(knowledge.drugs[drug].label for drug in drugs))


def _group_label(judged: JudgedOrder, knowledge: Knowledge) -> str:
    """What a drug that is none of ours is called: by its group."""
    return ", ".join(knowledge.clinical.drug_groups[group].label for group in sorted(judged.order.groups))


def _uses(found: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(use for use, _ in found))


def _loudest_first(stops: Iterable[OrderStop]) -> tuple[OrderStop, ...]:
    """Each name once with all its reasons, the loudest first."""
    by_rule: dict[str, OrderStop] = {}
    for stop in stops:
        known = by_rule.get(stop.rule)
        if known is None:
            by_rule[stop.rule] = stop
            continue
        loudest, other = sorted((known, stop), key=lambda one: _LOUDEST_FIRST.index(one.level))
        reasons = tuple(dict.fromkeys((*loudest.reasons, *other.reasons)))
        notes = "; ".join(dict.fromkeys(note for note in (loudest.note, other.note) if note))
        by_rule[stop.rule] = replace(loudest, reasons=reasons, note=notes)
    return tuple(sorted(by_rule.values(), key=lambda stop: _LOUDEST_FIRST.index(stop.level)))
