"""The hard stops of a drafted order: the named ones and no others (decisions 24, 80, 105, 107).

A stop is a row of a safety rule that names the drug as an order, an allergy, or the same substance twice. Taking a drug
already is no conflict with its renewal. Words that name a condition stop an order as a provisional diagnosis does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

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
    drug, groups = judged.ingredient, judged.order.groups
    dose = daily_dose(judged.order, drug) if drug is not None else None
    own = facts.for_order(drug, dose)
    for rule, row, found in rows_that_hold(own, knowledge, as_of, jurisdiction):
        if row.hard_stop and (drug in row.orders or groups & set(row.order_groups)):
            reason = reason_of(rule.id, rule.label, found, own, as_of, cites=row.cites)
            name = rule.order_finding or rule.id
            yield OrderStop(rule=name, level=rule.order_level, label=rule.label, note=row.note, reasons=(reason,))
    if drug is not None:
        yield from _allergy(drug, record, knowledge)
        yield from _duplicate(drug, judged.order, orders, facts, knowledge, as_of)


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
    """The same substance in another draft or in another drug taken now; the same drug taken now may be a renewal."""
    checks = knowledge.clinical.order_checks
    alike = {drug} | {d for s in checks.same_substance if s.duplicate and drug in s.drugs for d in s.drugs}
    drafted = [
        (other.reference, i)
        for other in orders
        if other.reference != order.reference and other.product is not None
        for i in other.product.ingredients
        if i in alike
    ]
    taken = [
        (use, group)
        for taking in facts.takings
        if taking.meets(as_of, as_of)
        for group in sorted(taking.groups & alike)
        for use in taking.uses
    ]
    twice = [*drafted, *(one for one in taken if one[1] != drug)]
    if twice:
        yield _stop(checks.duplicate, _WARNING, _labels((i for _, i in twice), knowledge), _uses(twice))
    elif taken:
        yield _stop(checks.renewal, _INFO, _labels((i for _, i in taken), knowledge), _uses(taken))


def _stop(check: NamedCheck, level: str, named: str, uses: tuple[str, ...]) -> OrderStop:
    text = f"{check.label[:1].upper()}{check.label[1:]}: {named}."
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
        reasons = stop.reasons if known is None else tuple(dict.fromkeys((*known.reasons, *stop.reasons)))
        by_rule[stop.rule] = replace(known or stop, reasons=reasons)
    return tuple(sorted(by_rule.values(), key=lambda stop: _LOUDEST_FIRST.index(stop.level)))
