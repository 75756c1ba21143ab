"""Which days orders cover when no dispense tells (E6): first fills surely, repeats as far as renewals prove them.

A newer order replaces an older one without carry-over; orders of other strengths written within days of each other may
be meant together. All windows come from the knowledge.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from mappings.schema import Reconstruction
from plugin.exposure.dose import DailyDose, add_up
from plugin.exposure.layer_days import unknown_supply
from plugin.exposure.supply import CoveredDay, Days, Supply, profile_of
from plugin.record import Layer
from plugin.timeline import overlay


def ordered_days(supplies: Sequence[Supply], rules: Reconstruction, *, later_evidence: Sequence[date] = ()) -> Days:
    """First fills are sure, repeats only possible unless a renewal or later evidence follows; newer replaces older."""
    orders = sorted(supplies, key=lambda s: (s.start, s.fact.reference))
    issues = sorted({order.start for order in orders} | set(later_evidence))
    begins = [order.start for order in orders]
    columns = [_order_profile(order, orders[bisect_right(begins, order.start) :], issues, rules) for order in orders]
    if len(columns) == 1:
        return columns[0]
    return overlay(columns, lambda active: _combined([(orders[place], day) for place, day in active]))


def _order_profile(order: Supply, newer: Sequence[Supply], issues: Sequence[date], rules: Reconstruction) -> Days:
    later = issues[bisect_right(issues, order.start) :]
    if order.days is None:
        first, sure = unknown_supply(order.start, later[0] if later else None, rules)
        total = first
    else:
        first, sure = order.first_days or order.days, True
        total = first + order.days * (order.fact.repeats or 0)
    horizon = order.start + timedelta(days=total + rules.era_gap_days)
    renewals = later[: bisect_right(later, horizon)]
    proven = max(first, min(total, (renewals[-1] - order.start).days)) if renewals else first
    length = total
    for end in (_replaced_on(order, newer, rules), order.cut):
        if end is not None:
            length = min(length, (end - order.start).days)
    if order.fact.validity_end is not None:
        length = min(length, max(first, (order.fact.validity_end.latest - order.start).days + 1))
    proven_day = CoveredDay(
        dose=order.first_dose,
        layer=Layer.ORDER,
        grade="B" if order.days is None and order.grade == "A" else "C",
        sure=sure and order.grade == "A",
        weak=order.grade != "A",
        uses=order.uses,
    )
    whole = profile_of(order.schedule, order.start, max(0, length), proven_day)
    if length <= proven:
        return whole
    change = order.start + timedelta(days=proven)
    return whole.before(change).then(whole.since(change).changed(_by_repeats))


def _by_repeats(day: CoveredDay) -> CoveredDay:
    return replace(day, sure=False, repeat_only=True)


def _replaced_on(order: Supply, newer: Sequence[Supply], rules: Reconstruction) -> date | None:
    """The start of the first newer order that takes this one's place; near orders of other strengths do not."""
    for later in newer:
        gap = (later.start - order.start).days
        linked = later.fact.replaces == order.fact.reference
        if linked or gap > rules.order_replaced_after_days or later.strength == order.strength:
            return later.start
    return None


def _combined(active: Sequence[tuple[Supply, CoveredDay]]) -> CoveredDay:
    """Several orders on one day: same-day ones add, one to seven days apart give [later, sum].

    The low end adds only what is sure; days on repeats alone raise the high end.
    """
    if len(active) == 1:
        return active[0][1]
    newest = max(order.start for order, _ in active)
    today = [(order, day) for order, day in active if order.start == newest]
    sure = any(day.sure for _, day in today)
    by_strength: dict[tuple[float | None, str], list[tuple[Supply, CoveredDay]]] = defaultdict(list)
    for order, day in today:
        by_strength[order.strength].append((order, day))
    dose = DailyDose(0.0, 0.0)
    for members in by_strength.values():
        dose = dose.plus(_same_strength(members, sure=sure))
    replaced = {new.fact.replaces for new, _ in today}
    for order, day in active:
        if order.start < newest and order.fact.reference not in replaced:
            dose = DailyDose(dose.low, dose.high + day.dose.high)
    return replace(
        today[0][1],
        dose=dose,
        sure=sure,
        repeat_only=all(day.repeat_only for _, day in today),
        grade=max(day.grade for _, day in today),
        uses=tuple(dict.fromkeys(use for _, day in active for use in day.uses)),
    )


def _same_strength(members: Sequence[tuple[Supply, CoveredDay]], *, sure: bool) -> DailyDose:
    """The same product ordered more than once on one day: one course, or all together where directions say so."""
    counted = [day.dose for _, day in members if day.sure or not sure]
    total = sum(day.dose.high for _, day in members)
    if not counted:
        return DailyDose(0.0, total)
    if add_up([order.schedule for order, _ in members]) and len(counted) == len(members):
        return DailyDose(sum(dose.low for dose in counted), total)
    return DailyDose(min(dose.low for dose in counted), total)
