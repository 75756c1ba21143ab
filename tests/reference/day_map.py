"""Which days an ingredient covers, at which dose, how surely and from which source (trials 4.1 to 4.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from mappings.schema import Reconstruction
from plugin.record import Layer, MedicationFact
from tests.reference.daily_doses import Directions, directions
from tests.reference.dispensed import dispensed_days
from tests.reference.one_record import DISPENSE_STATUSES, Day, Key, begin, begun, component_of, counted
from tests.reference.ordered import ordered_days

LAYERS = (Layer.ADMINISTRATION, Layer.DISPENSE, Layer.REPORT, Layer.ORDER)


@dataclass
class Supplied:
    """Everything an ingredient has: the day map and the records behind it."""

    days: dict[int, Day] = field(default_factory=dict)
    facts: list[MedicationFact] = field(default_factory=list)
    own: list[MedicationFact] = field(default_factory=list)  # without the orders that are somebody's fill
    never_filled: list[MedicationFact] = field(default_factory=list)


def supplied(facts: Iterable[MedicationFact], rules: Reconstruction, as_of: int) -> dict[Key, Supplied]:
    """Day maps by ingredient (and labelled other use)."""
    every = list(facts)
    kept = _without_copies([fact for fact in every if counted(fact)])
    parents = {reference for fact in kept if fact.layer is Layer.ORDER for reference in fact.based_on}
    kept = [fact for fact in kept if not (fact.layer is Layer.ORDER and fact.reference in parents)]
    feed = [
        b
        for f in every
        if f.layer is Layer.DISPENSE and f.status in DISPENSE_STATUSES and (b := begin(f)) and b <= as_of
    ]
    result: dict[Key, Supplied] = {}
    for key in sorted({(i, f.product.excluded_for) for f in kept if f.product for i in f.product.ingredients}, key=str):
        own = [f for f in kept if f.product and key[0] in f.product.ingredients and f.product.excluded_for == key[1]]
        result[key] = _one(key[0], own, feed, rules, as_of)
    return result


def _without_copies(facts: list[MedicationFact]) -> list[MedicationFact]:
    kept: list[MedicationFact] = []
    for fact in sorted(facts, key=lambda f: f.reference):
        for other in kept:
            if (other.layer, other.product, begin(other)) != (fact.layer, fact.product, begin(fact)):
                continue
            if other.identifiers & fact.identifiers or (fact.fingerprint and other.fingerprint == fact.fingerprint):
                break
        else:
            kept.append(fact)
    return kept


def _one(ingredient: str, facts: list[MedicationFact], feed: list[int], rules: Reconstruction, as_of: int) -> Supplied:
    facts = [f for f in facts if (b := begin(f)) is None or b <= as_of]
    told = {f.reference: directions(f, component_of(f, ingredient)) for f in facts}
    facts = [f for f in facts if told[f.reference].scheduled]
    layers = {
        layer: [f for f in facts if f.layer is layer and begin(f) is not None and f.status != "not-taken"]
        for layer in LAYERS
    }
    dispensed = [begun(f) for f in layers[Layer.DISPENSE]]

    def filled(order: MedicationFact) -> bool:
        return any(abs(day - begun(order)) <= rules.fill_window_days for day in dispensed)

    def unfilled(order: MedicationFact) -> bool:
        live = any(abs(day - begun(order)) <= rules.feed_window_days for day in feed)
        return live and not filled(order) and as_of - begun(order) >= rules.fill_window_days

    own_orders = [order for order in layers[Layer.ORDER] if not filled(order)]
    maps = {
        Layer.ADMINISTRATION: _administrations(layers[Layer.ADMINISTRATION], told),
        Layer.DISPENSE: dispensed_days(layers[Layer.DISPENSE], facts, ingredient, told, rules),
        Layer.REPORT: _reports(layers[Layer.REPORT], told, as_of),
        Layer.ORDER: ordered_days(own_orders, facts, ingredient, told, rules),
    }
    # A drug ordered, not dispensed, in a live feed: never filled; beside days that were dispensed: possible.
    inside = {
        order.reference
        for order in own_orders
        if any(abs(day - begun(order)) <= rules.era_gap_days + 1 for day in maps[Layer.DISPENSE])
    }
    never = [order for order in own_orders if unfilled(order) and order.reference not in inside]
    own_orders = [order for order in own_orders if order not in never]
    others = [fact for fact in facts if fact not in never]
    maps[Layer.ORDER] = ordered_days(own_orders, others, ingredient, told, rules)
    for day, entry in maps[Layer.ORDER].items():
        if entry.by & inside:
            maps[Layer.ORDER][day] = replace(entry, sure=False)
    _bridge(maps[Layer.ADMINISTRATION], dispensed, rules.inpatient_bridge_days)
    days = _denied(_union(maps, as_of), facts, as_of)
    own = [f for f in others if f.layer is not Layer.ORDER or f in own_orders]
    return Supplied(days=days, facts=others, own=own, never_filled=never)


def _administrations(facts: list[MedicationFact], told: dict[str, Directions]) -> dict[int, Day]:
    days: dict[int, Day] = {}
    for fact in facts:
        day, dose = begun(fact), told[fact.reference].on(0)
        if day in days:
            before = days[day]
            dose = (before.dose[0] + dose[0], before.dose[1] + dose[1])
        days[day] = Day(dose, True, False, "A", fact.layer, frozenset({fact.reference}))
    return days


def _reports(facts: list[MedicationFact], told: dict[str, Directions], as_of: int) -> dict[int, Day]:
    """A statement with start and end is its period; without an end it is weak, to the day it was made if told."""
    days: dict[int, Day] = {}
    for fact in sorted(facts, key=lambda f: (begun(f), f.reference)):
        if fact.end is not None and fact.end.day is not None:
            grade, last = "A", fact.end.day.toordinal()
        else:
            still = as_of if fact.status == "active" else begun(fact)
            grade = "C"
            last = fact.written.day.toordinal() if fact.written is not None and fact.written.day is not None else still
        for day in range(begun(fact), min(as_of, last) + 1):
            dose = told[fact.reference].on(day - begun(fact))
            days.setdefault(day, Day(dose, True, False, grade, fact.layer, frozenset({fact.reference})))
    return days


def _union(maps: dict[Layer, dict[int, Day]], as_of: int) -> dict[int, Day]:
    """The best source that surely covers the day, else the best that may."""
    days: dict[int, Day] = {}
    for day in sorted({day for found in maps.values() for day in found if day <= as_of}):
        there = [maps[layer][day] for layer in LAYERS if day in maps[layer]]
        days[day] = next((entry for entry in there if entry.sure), there[0])
    return days


def _bridge(given: dict[int, Day], dispensed: list[int], longest: int) -> None:
    """From the ward to a fill soon after: the days between are taken to be on the drug."""
    for fill in sorted(dispensed):
        before = [day for day in given if day < fill]
        if before and fill - max(before) - 1 <= longest:
            for day in range(max(before) + 1, fill):
                given[day] = given[max(before)]


def _denied(days: dict[int, Day], facts: list[MedicationFact], as_of: int) -> dict[int, Day]:
    """Days on which the patient is recorded as not taking the drug."""
    for fact in facts:
        if fact.status == "not-taken" and (first := begin(fact)) is not None:
            last = fact.end.day.toordinal() if fact.end is not None and fact.end.day is not None else as_of
            days = {day: entry for day, entry in days.items() if not first <= day <= last}
    return days
