"""Which rules in force test which facts, in words: the decision tables read backwards.

Rules that a site has switched off are left out. Nothing here knows a particular rule or fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from mappings.attribute_document import Use
from mappings.decision_tables import FactTest, SafetyRow
from mappings.describe import in_force, statements
from mappings.load import Knowledge

_SIGNS = {"lt": "below", "le": "at most", "gt": "above", "ge": "at least"}
_EFFECTS = {
    "block": "blocks",
    "caution": "caution for",
    "warning": "warning about what is taken already",
    "needed-before-start": "asked for before the start of",
}
_SHOWS = {"evidence": "shown as something to consider", "gap": "named as a gap"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """One row of a rule in force: its tests, and in words what follows when all of them hold."""

    kind: str
    id: str
    label: str
    when: tuple[FactTest, ...]
    then: tuple[str, ...]
    cites: tuple[str, ...]


def rows_in_force(knowledge: Knowledge) -> Iterator[RuleRow]:
    """Every row of every decision table in force: safety, modifiers, checks before concluding resistance."""
    clinical = knowledge.clinical
    for rule in clinical.safety.values():
        if knowledge.is_on(rule.id):
            for row in rule.rows:
                yield RuleRow(
                    kind="safety rule",
                    id=rule.id,
                    label=rule.label,
                    when=row.when,
                    then=_effects(row),
                    cites=row.cites,
                )
    for modifier in clinical.modifiers.rows:
        then: tuple[str, ...] = (f"modifier {modifier.modifier} is {modifier.value}",)
        then += (f"gate {modifier.gate}",) if modifier.gate else ()
        yield RuleRow(
            kind="modifier", id=modifier.modifier, label="", when=modifier.when, then=then, cites=modifier.cites
        )
    for check in clinical.pseudo_resistance.checks:
        if knowledge.is_on(check.id):
            for each in check.rows:
                yield RuleRow(
                    kind="check before concluding resistance",
                    id=check.id,
                    label=check.label,
                    when=each.when,
                    then=(_SHOWS[each.shows],),
                    cites=each.cites,
                )


def uses_of_facts(rows: Iterable[RuleRow], facts: frozenset[str], knowledge: Knowledge, day: date) -> tuple[Use, ...]:
    """The rules among `rows` that test one of `facts`, each once, with those tests in words."""
    labels = {fact.id: fact.label for fact in knowledge.clinical.facts.values()}
    found: dict[tuple[str, str], list[RuleRow]] = {}
    for row in rows:
        if any(test.fact in facts for test in row.when):
            found.setdefault((row.kind, row.id), []).append(row)
    return tuple(
        Use(
            kind=kind,
            id=name,
            label=same[0].label,
            reads=_each(in_words(t, knowledge, day) for row in same for t in row.when if t.fact in facts),
            beside=_each(labels[t.fact] for row in same for t in row.when if t.fact not in facts),
            then=_each(word for row in same for word in row.then),
            sources=_each(cite for row in same for cite in row.cites),
        )
        for (kind, name), same in found.items()
    )


def in_words(test: FactTest, knowledge: Knowledge, day: date) -> str:
    """One condition as it holds on `day`, such as ``age at least 65 years``."""
    label = knowledge.clinical.facts[test.fact].label
    within = _amount(test.window_days, day)
    suffix = f" within {within}" if within else ""
    if test.op == "unknown":
        return f"{label}: not recorded{suffix}"
    if isinstance(test.value, bool):
        return f"{label}: {'yes' if test.value else 'no'}{suffix}"
    if isinstance(test.value, tuple):
        return f"{label}: {' or '.join(test.value)}{suffix}"
    return f"{label} {_SIGNS[test.op]} {_amount(test.value, day)}{suffix}"


def _amount(value: object, day: date) -> str:
    told = in_force(statements(value), day)
    return told.text if told is not None else ""


def _effects(row: SafetyRow) -> tuple[str, ...]:
    said = []
    of = f" ({', '.join(row.drugs)})" if row.drugs else ""
    if row.options or row.effect == "warning":
        said.append(f"{_EFFECTS[row.effect]} {', '.join(row.options)}".strip() + of)
    orders = ", ".join((*row.orders, *row.order_groups))
    if orders:
        said.append(f"{'hard stop for' if row.hard_stop else 'said about'} an order of {orders}")
    if row.jurisdictions:
        said = [f"{one} (only in: {', '.join(row.jurisdictions)})" for one in said]
    return tuple(said)


def _each(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
