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
from plugin.dose import UNKNOWN, DailyDose
from plugin.record import Layer
from plugin.supply import CoveredDay, Days, Supply, profile_of, unknown_supply
from plugin.timeline import overlay


def ordered_days(supplies: Sequence[Supply], rules: Reconstruction, *, later_evidence: Sequence[date] = ()) -> Days:
    """First fills are sure, repeats only possible unless a renewal or later evidence follows; newer replaces older."""
    orders = sorted(supplies, key=lambda s: (s.start, s.fact.reference))
    issues = sorted({order.start for order in orders} | set(later_evidence))
    begins = [order.start for order in orders]
    columns = [_order_profile(order, orders[bisect_right(begins, order.start) :], issues, rules) for order in orders]
    return overlay(columns, lambda active: _combined([(orders[place], day) for place, day in active]))


def _order_profile(order: Supply, newer: Sequence[Supply], issues: Sequence[date], rules: Reconstruction) -> Days:
    place = bisect_right(issues, order.start)
    following = issues[place] if place < len(issues) else None
    fills = 1 + (order.fact.repeats or 0)
    if order.days is None:
        first, sure = unknown_supply(order.start, following, rules)
        total = first
    else:
        first, total, sure = order.days, order.days * fills, True
    proven = first
    if following is not None and following <= order.start + timedelta(days=total + rules.era_gap_days):
        proven = max(first, min(total, (following - order.start).days))
    length = total
    for end in (_replaced_on(order, newer, rules), order.cut):
        if end is not None:
            length = min(length, (end - order.start).days)
    if order.fact.validity_end is not None:
        length = min(length, max(first, (order.fact.validity_end.latest - order.start).days + 1))
    proven_day = CoveredDay(
        dose=UNKNOWN,
        layer=Layer.ORDER,
        grade="B" if order.days is None else "C",
        sure=sure and order.grade == "A",
        uses=(order.fact.reference,),
    )
    whole = profile_of(order.schedule, order.start, max(0, length), proven_day)
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
    """Several orders on one day: same-day ones add, one to seven days apart give [later, sum]."""
    if len(active) == 1:
        return active[0][1]
    newest = max(order.start for order, _ in active)
    today = [(order, day) for order, day in active if order.start == newest]
    dose = DailyDose(0.0, 0.0)
    by_strength: dict[tuple[float | None, str], list[DailyDose]] = defaultdict(list)
    for order, day in today:
        by_strength[order.strength].append(day.dose)
    for doses in by_strength.values():
        # The same product ordered twice on one day is either one course or both together.
        dose = dose.plus(DailyDose(min(d.low for d in doses), sum(d.high for d in doses)))
    for order, day in active:
        linked = any(new.fact.replaces == order.fact.reference for new, _ in today)
        if order.start < newest and not linked:
            dose = DailyDose(dose.low, dose.high + day.dose.high)
    uses = tuple(dict.fromkeys(use for _, day in active for use in day.uses))
    return replace(today[0][1], dose=dose, uses=uses)
