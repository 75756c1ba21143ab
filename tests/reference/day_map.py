"""Which days an ingredient covers, at which dose, how surely and from which source (trials 4.1 to 4.3)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from mappings.schema import Reconstruction
from plugin.record import Component, Layer, MedicationFact
from tests.reference import readings
from tests.reference.daily_doses import UNKNOWN, Directions, directions

ORDER_INTENTS = {"order", "original-order", "reflex-order", "filler-order", "instance-order"}
ORDER_STATUSES = {"active", "completed", "stopped", "on-hold", "unknown"}
DISPENSE_STATUSES = {"completed", "in-progress", "unknown"}
STATEMENT_STATUSES = {"active", "completed", "stopped", "unknown", "on-hold", "not-taken"}  # the last denies days
ADMINISTRATION_STATUSES = {"completed", "in-progress"}
LAYERS = (Layer.ADMINISTRATION, Layer.DISPENSE, Layer.REPORT, Layer.ORDER)

Key = tuple[str, str | None]  # ingredient, labelled non-depression use of the product


@dataclass(frozen=True)
class Day:
    """One ingredient on one day. `proven` is False where only allowed repeats (or an assumed issue) speak for it.

    `grade` is ``A``, ``B`` or ``order`` (B or C, which the whole era decides). `doubtful` by an adherence statement.
    """

    dose: tuple[float, float]
    sure: bool
    repeats_only: bool
    grade: str
    layer: Layer
    by: frozenset[str]


@dataclass
class Supplied:
    """Everything an ingredient has: the day map and the records behind it."""

    days: dict[int, Day] = field(default_factory=dict)
    facts: list[MedicationFact] = field(default_factory=list)
    own: list[MedicationFact] = field(default_factory=list)  # without the orders that are somebody's fill
    never_filled: list[MedicationFact] = field(default_factory=list)


def counted(fact: MedicationFact) -> bool:
    """Whether status and intent let this record count at all (4.1)."""
    if fact.do_not_perform or fact.product is None:
        return False
    if fact.layer is Layer.ADMINISTRATION:
        return fact.status in ADMINISTRATION_STATUSES
    if fact.layer is Layer.DISPENSE:
        return fact.status in DISPENSE_STATUSES
    if fact.reference.startswith("MedicationStatement/"):
        return fact.status in STATEMENT_STATUSES
    intents = ORDER_INTENTS | {"plan"} if fact.layer is Layer.REPORT else ORDER_INTENTS
    return fact.intent in intents and fact.status in ORDER_STATUSES


def begin(fact: MedicationFact) -> int | None:
    """First day: hand-over or explicit period, then the validity period, then the day of writing."""
    for written in (fact.start, fact.validity_start, fact.written):
        if written is not None and written.day is not None:
            if written is not fact.start and fact.layer not in (Layer.ORDER,):
                return None
            return written.day.toordinal()
    return None


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
    dispensed = [_begun(f) for f in layers[Layer.DISPENSE]]

    def filled(order: MedicationFact) -> bool:
        return any(abs(day - _begun(order)) <= rules.fill_window_days for day in dispensed)

    def unfilled(order: MedicationFact) -> bool:
        live = any(abs(day - _begun(order)) <= rules.feed_window_days for day in feed)
        return live and not filled(order) and as_of - _begun(order) >= rules.fill_window_days

    own_orders = [order for order in layers[Layer.ORDER] if not filled(order)]
    maps = {
        Layer.ADMINISTRATION: _administrations(layers[Layer.ADMINISTRATION], told),
        Layer.DISPENSE: _dispenses(layers[Layer.DISPENSE], facts, ingredient, told, rules),
        Layer.REPORT: _reports(layers[Layer.REPORT], told, as_of),
        Layer.ORDER: _orders(own_orders, facts, ingredient, told, rules),
    }
    # A drug ordered, not dispensed, in a live feed: never filled; beside days that were dispensed: possible.
    inside = {
        order.reference
        for order in own_orders
        if any(abs(day - _begun(order)) <= rules.era_gap_days + 1 for day in maps[Layer.DISPENSE])
    }
    never = [order for order in own_orders if unfilled(order) and order.reference not in inside]
    own_orders = [order for order in own_orders if order not in never]
    others = [fact for fact in facts if fact not in never]
    maps[Layer.ORDER] = _orders(own_orders, others, ingredient, told, rules)
    for day, entry in maps[Layer.ORDER].items():
        if entry.by & inside:
            maps[Layer.ORDER][day] = replace(entry, sure=False)
    _bridge(maps[Layer.ADMINISTRATION], dispensed, rules.inpatient_bridge_days)
    days = _denied(_union(maps, as_of), facts, as_of)
    own = [f for f in others if f.layer is not Layer.ORDER or f in own_orders]
    return Supplied(days=days, facts=others, own=own, never_filled=never)


def component_of(fact: MedicationFact, ingredient: str) -> Component:
    """The component of the product that is this ingredient."""
    assert fact.product is not None
    return next(c for c in fact.product.components if c.ingredient == ingredient)


def _begun(fact: MedicationFact) -> int:
    day = begin(fact)
    assert day is not None
    return day


def _cut(fact: MedicationFact) -> int | None:
    """The first day that a written end takes away."""
    if fact.layer is Layer.ORDER and fact.status == "stopped":
        return _stop_of(fact)
    if fact.end is None or fact.end.day is None:
        return None
    return fact.end.day.toordinal() + (0 if fact.status == "stopped" else 1)


def _days_of(fact: MedicationFact, told: Directions) -> int | None:
    """Days in one fill. A dispense states them; for an order its quantity comes before the expected duration."""
    stated = math.floor(fact.days_supply) if fact.days_supply is not None and fact.days_supply > 0 else None
    counted = None
    if fact.quantity is not None and fact.quantity > 0 and told.units_a_day:
        counted = math.floor(fact.quantity / told.units_a_day)
    for days in (counted, stated) if fact.layer is Layer.ORDER else (stated, counted):
        if days:
            return days
    if fact.product is not None and fact.product.pack:
        return sum(part.count for part in fact.product.pack)
    return None


def _administrations(facts: list[MedicationFact], told: dict[str, Directions]) -> dict[int, Day]:
    days: dict[int, Day] = {}
    for fact in facts:
        day, dose = _begun(fact), told[fact.reference].on(0)
        if day in days:
            before = days[day]
            dose = (before.dose[0] + dose[0], before.dose[1] + dose[1])
        days[day] = Day(dose, True, False, "A", fact.layer, frozenset({fact.reference}))
    return days


def _reports(facts: list[MedicationFact], told: dict[str, Directions], as_of: int) -> dict[int, Day]:
    """A statement with start and end is its period; without an end it is weak, to the day it was made if told."""
    days: dict[int, Day] = {}
    for fact in sorted(facts, key=lambda f: (_begun(f), f.reference)):
        if fact.end is not None and fact.end.day is not None:
            grade, last = "A", fact.end.day.toordinal()
        else:
            still = as_of if fact.status == "active" else _begun(fact)
            grade = "C"
            last = fact.written.day.toordinal() if fact.written is not None and fact.written.day is not None else still
        for day in range(_begun(fact), min(as_of, last) + 1):
            dose = told[fact.reference].on(day - _begun(fact))
            days.setdefault(day, Day(dose, True, False, grade, fact.layer, frozenset({fact.reference})))
    return days


def _dispenses(
    facts: list[MedicationFact],
    every: list[MedicationFact],
    ingredient: str,
    told: dict[str, Directions],
    rules: Reconstruction,
) -> dict[int, Day]:
    """Day by day: take from the stock; each hand-over adds to it, rescaled when the dose changes; a stop empties it."""
    if not facts:
        return {}
    issues = sorted({_begun(fact) for fact in facts})
    stock: list[Day] = []
    days: dict[int, Day] = {}
    handed: list[MedicationFact] = []
    for today in range(issues[0], issues[-1] + 40_000):
        if any(_ends(stop, fill, today) for stop in every for fill in handed):
            stock, handed = [], []  # what is handed over on the very day is something new
        new = [fact for fact in facts if _begun(fact) == today]
        handed = new or handed
        if new:
            later = [day for day in issues if day > today]
            stock = _restock(stock, _fills(new, later, ingredient, told, rules), rules.stock_cap_days)
        if not stock and today > issues[-1]:
            break
        if stock:
            days[today] = stock.pop(0)
    return days


def _restock(old: list[Day], new: list[Day], cap: int) -> list[Day]:
    """What is left when the next fill comes, in days of the new dose: surely the least, possibly the most it can be."""
    if not old or not new:
        return old or new
    dose = new[0].dose
    if old[0].dose == dose or UNKNOWN in (old[0].dose, dose) or not dose[1]:
        return new + old[:cap]
    old = old if readings.CAP_AFTER_RESCALING else old[:cap]
    least = math.floor(sum(day.dose[0] for day in old) / dose[1] + 1e-9) if all(day.sure for day in old) else 0
    most = math.floor(sum(day.dose[1] for day in old) / (dose[0] or dose[1]) + 1e-9)
    left = [replace(new[0], sure=k < (least if readings.RESCALE_SURELY else most)) for k in range(most)]
    # The sure days come first: so many days in a row the supply lasts whatever was taken.
    return new + (left[:cap] if readings.CAP_AFTER_RESCALING else left)


def _fills(
    facts: list[MedicationFact], later: list[int], ingredient: str, told: dict[str, Directions], rules: Reconstruction
) -> list[Day]:
    """The supplies handed over on one day, as the days they last."""
    lasting: dict[tuple[object, ...], list[list[Day]]] = {}
    for fact in sorted(facts, key=lambda f: f.reference):
        lasting.setdefault(_strength(fact, ingredient), []).append(_fill(fact, later, told[fact.reference], rules))
    products: list[list[Day]] = []
    for strength, fills in lasting.items():
        of = [f for f in sorted(facts, key=lambda f: f.reference) if _strength(f, ingredient) == strength]
        orders = {f.based_on for f in of}
        if len(of) > 1 and len(orders) > 1:
            products.append(_one_or_sum(fills))
        else:
            products.append([day for fill in fills for day in fill])
    return _added(products)


def _strength(fact: MedicationFact, ingredient: str) -> tuple[object, ...]:
    component = component_of(fact, ingredient)
    assert fact.product is not None
    return (component.amount, component.per, component.equivalence, fact.product.release)


def _fill(fact: MedicationFact, later: list[int], told: Directions, rules: Reconstruction) -> list[Day]:
    length, sure, grade = _days_of(fact, told), True, "A"
    if length is None:
        grade = "B"
        if later and later[0] - _begun(fact) <= rules.issue_interval_max_days:
            length = later[0] - _begun(fact)
        else:
            length, sure = rules.assumed_last_issue_days, False
    cut = _cut(fact)
    if cut is not None:
        length = max(0, min(length, cut - _begun(fact)))
    by = frozenset({fact.reference})
    return [Day(told.on(k), sure, False, grade, fact.layer, by) for k in range(length)]


def _one_or_sum(fills: list[list[Day]]) -> list[Day]:
    """The same product under several orders: one of them, or all together, as long as the longest."""
    longest = max(fills, key=len)
    return [
        replace(
            day,
            dose=(min(f[k].dose[0] for f in fills if k < len(f)), sum(f[k].dose[1] for f in fills if k < len(f))),
        )
        for k, day in enumerate(longest)
    ]


def _added(products: list[list[Day]]) -> list[Day]:
    result = []
    for k in range(max((len(fill) for fill in products), default=0)):
        there = [fill[k] for fill in products if k < len(fill)]
        dose = (sum(d.dose[0] for d in there), sum(d.dose[1] for d in there))
        result.append(replace(there[0], dose=dose, sure=all(d.sure for d in there)))
    return result


def _orders(
    orders: list[MedicationFact],
    facts: list[MedicationFact],
    ingredient: str,
    told: dict[str, Directions],
    rules: Reconstruction,
) -> dict[int, Day]:
    """Each order alone, then together: added, widened or replaced by a newer one."""
    alone = {order.reference: _order(order, orders, facts, told[order.reference], rules) for order in orders}
    days: dict[int, Day] = {}
    for day in sorted({day for spans in alone.values() for day in spans}):
        there = [order for order in orders if day in alone[order.reference]]
        there = [
            order
            for order in there
            if not any(_begun(new) <= day and _replaces(new, order, ingredient, rules) for new in orders)
        ]
        if not there:
            continue
        newest = max(_begun(order) for order in there)
        now = [(_strength(o, ingredient), alone[o.reference][day]) for o in there if _begun(o) == newest]
        sure = any(entry.sure for _, entry in now)
        first = alone[min(o.reference for o in there if _begun(o) == newest)][day]
        low = 0.0
        for strength in {strength for strength, _ in now}:
            # What stands on repeats alone adds nothing surely.
            counts = [
                d for other, d in now if other == strength and (d.sure or not sure or not readings.ORDERS_SURE_EACH)
            ]
            low += min((d.dose[0] for d in counts), default=0.0)
        high = sum(alone[o.reference][day].dose[1] for o in there)
        days[day] = Day(
            (low, high),
            sure if readings.ORDERS_SURE_EACH else first.sure,
            all(d.repeats_only for _, d in now) if readings.ORDERS_SURE_EACH else first.repeats_only,
            min(d.grade for _, d in now),
            Layer.ORDER,
            frozenset().union(*(alone[o.reference][day].by for o in there)),
        )
    return days


def _replaces(new: MedicationFact, old: MedicationFact, ingredient: str, rules: Reconstruction) -> bool:
    apart = _begun(new) - _begun(old)
    if apart <= 0:
        return False
    if new.replaces == old.reference or _strength(new, ingredient) == _strength(old, ingredient):
        return True
    return apart > rules.order_replaced_after_days


def _order(
    order: MedicationFact,
    orders: list[MedicationFact],
    facts: list[MedicationFact],
    told: Directions,
    rules: Reconstruction,
) -> dict[int, Day]:
    """One order alone: its first fill surely, repeats as far as later evidence proves them, the rest possibly."""
    start, length, cut = _begun(order), _days_of(order, told), _cut(order)
    others = [f for f in facts if f.layer is not Layer.ORDER and f.status != "not-taken"]
    later = sorted(b for f in (*orders, *others) if (b := begin(f)) is not None and b > start)
    if length is None and order.start is not None and cut is not None and order.status != "stopped":
        sure_to = possible_to = cut
    elif length is None:
        if later and later[0] - start <= rules.issue_interval_max_days:
            sure_to = possible_to = later[0]
        else:
            sure_to, possible_to = start, start + rules.assumed_last_issue_days
    else:
        sure_to, possible_to = start + length, start + length * (1 + max(0, order.repeats or 0))
        proofs = [day for day in later if day <= possible_to + rules.era_gap_days]
        if proofs:
            sure_to = max(sure_to, min(possible_to, proofs[-1]))
    if order.validity_end is not None and order.validity_end.day is not None:
        # The period caps what may still be dispensed, not the fill already had.
        possible_to = min(possible_to, max(start + (length or 0), order.validity_end.day.toordinal() + 1))
    for end in (cut, *(_report_end(f) for f in facts if readings.REPORT_ENDS_ORDERS)):
        if end is not None and end > start:
            possible_to = min(possible_to, end)
    if cut is not None and cut <= start:
        possible_to = start
    by = frozenset({order.reference})
    grade = "B" if length is None else "order"
    return {
        day: Day(told.on(day - start), day < sure_to, day >= sure_to and length is not None, grade, Layer.ORDER, by)
        for day in range(start, possible_to)
    }


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


def _ends(stop: MedicationFact, fill: MedicationFact, today: int) -> bool:
    """Whether `stop` says that what was handed over as `fill`, on an earlier day, is not taken from `today` on."""
    if stop.layer is Layer.REPORT:
        return _report_end(stop) == today
    if stop.layer is not Layer.ORDER or stop.status != "stopped" or _stop_of(stop) != today:
        return False
    return not fill.based_on or stop.reference in fill.based_on


def _stop_of(order: MedicationFact) -> int | None:
    """The first day without a stopped order: the end of its period, else the day the stop was noted."""
    when = order.end or order.stop_noted
    return when.day.toordinal() if when is not None and when.day is not None else None


def _report_end(fact: MedicationFact) -> int | None:
    """The first day after a reported use that is over."""
    over = fact.layer is Layer.REPORT and fact.status in ("stopped", "completed")
    return fact.end.day.toordinal() + 1 if over and fact.end is not None and fact.end.day is not None else None


def _denied(days: dict[int, Day], facts: list[MedicationFact], as_of: int) -> dict[int, Day]:
    """Days on which the patient is recorded as not taking the drug."""
    for fact in facts:
        if fact.status == "not-taken" and (first := begin(fact)) is not None:
            last = fact.end.day.toordinal() if fact.end is not None and fact.end.day is not None else as_of
            days = {day: entry for day, entry in days.items() if not first <= day <= last}
    return days
