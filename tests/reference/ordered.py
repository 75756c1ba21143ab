"""The days that orders cover: first fills surely, repeats as far as they are proven; newer for older (4.3, E6)."""

from __future__ import annotations

from mappings.schema import Reconstruction
from plugin.record import Layer, MedicationFact
from tests.reference.daily_doses import Directions
from tests.reference.one_record import Day, begin, begun, cut_of, days_of, report_end, strength_of


def ordered_days(
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
            if not any(begun(new) <= day and _replaces(new, order, ingredient, rules) for new in orders)
        ]
        if not there:
            continue
        newest = max(begun(order) for order in there)
        now = [(strength_of(o, ingredient), alone[o.reference][day]) for o in there if begun(o) == newest]
        sure = any(entry.sure for _, entry in now)
        low = 0.0
        for strength in {strength for strength, _ in now}:
            # What stands on repeats alone adds nothing surely.
            low += min((d.dose[0] for other, d in now if other == strength and (d.sure or not sure)), default=0.0)
        high = sum(alone[o.reference][day].dose[1] for o in there)
        days[day] = Day(
            (low, high),
            sure,
            all(d.repeats_only for _, d in now),
            min(d.grade for _, d in now),
            Layer.ORDER,
            frozenset().union(*(alone[o.reference][day].by for o in there)),
        )
    return days


def _replaces(new: MedicationFact, old: MedicationFact, ingredient: str, rules: Reconstruction) -> bool:
    apart = begun(new) - begun(old)
    if apart <= 0:
        return False
    if new.replaces == old.reference or strength_of(new, ingredient) == strength_of(old, ingredient):
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
    start, length, cut = begun(order), days_of(order, told), cut_of(order)
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
    for end in (cut, *(report_end(f) for f in facts)):
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
