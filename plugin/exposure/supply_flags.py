"""What is odd in the supplies of one ingredient: doses that contradict each other, days not stated or beyond belief."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from mappings.schema import Reconstruction
from plugin.exposure.supply import Supply
from plugin.record import Layer


def flags_of(layers: Mapping[Layer, Sequence[Supply]], rules: Reconstruction) -> tuple[str, ...]:
    """What is odd or missing in the supplies of one ingredient, by layer, as the flags of its exposure."""
    flags = []
    every = [supply for group in layers.values() for supply in group]
    if _conflict(layers.get(Layer.DISPENSE, ()), layers.get(Layer.ORDER, ()), rules):
        flags.append("order_dispense_conflict")
    if any((s.days or 0) > rules.supply_suspect_above_days for s in every):
        flags.append("supply_suspect")
    if any(s.days is None for s in every if s.fact.layer in (Layer.DISPENSE, Layer.ORDER)):
        flags.append("supply_unknown")
    if any(s.fact.prepared_only for s in every):
        flags.append("prepared_only")
    for supply in every:
        flags += supply.fact.flags
        flags += supply.schedule.flags
    return tuple(dict.fromkeys(flags))


def _conflict(fills: Sequence[Supply], orders: Sequence[Supply], rules: Reconstruction) -> bool:
    """Whether a fill surely has another dose than each of the orders near it that it may be of."""
    if not fills or not orders:
        return False
    doses = [supply.first_dose for group in (fills, orders) for supply in group]
    if max(dose.low for dose in doses) <= min(dose.high for dose in doses):  # as most: one dose that all may have
        return False
    ordered = sorted(orders, key=lambda order: order.start)
    starts = [order.start for order in ordered]
    known = frozenset(order.fact.reference for order in ordered)
    for fill in fills:
        first = bisect_left(starts, fill.start - timedelta(days=rules.fill_window_days))
        last = bisect_right(starts, fill.start + timedelta(days=rules.fill_window_days))
        if _is_apart(fill, _orders_of(fill, ordered[first:last], known)):
            return True
    return False


def _orders_of(fill: Supply, near: Sequence[Supply], known: Collection[str]) -> Sequence[Supply]:
    """The orders that a fill may be of, among those `near` it in order of time. `known` are the names of all orders.

    Those that it names, else the last ones written up to its day, else the first ones after it: the fill of a later
    order is none of an earlier one.
    """
    if any(reference in known for reference in fill.fact.based_on):
        return [order for order in near if order.fact.reference in fill.fact.based_on]
    written = max((order.start for order in near if order.start <= fill.start), default=None)
    day = written or min((order.start for order in near), default=None)
    return [order for order in near if order.start == day]


def _is_apart(fill: Supply, orders: Sequence[Supply]) -> bool:
    """Whether a fill surely has another dose than each of its orders."""
    ours = fill.first_dose
    theirs = [order.first_dose for order in orders]
    known = ours.is_known and all(dose.is_known for dose in theirs)
    return bool(theirs) and known and all(ours.high < dose.low or dose.high < ours.low for dose in theirs)
