"""Which days orders cover when no dispense tells (E6): first fills surely, repeats as far as renewals prove them.

A newer order replaces an older one without carry-over; orders of other strengths written within days of each other may
be meant together. All windows come from the knowledge.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from mappings.schema import Reconstruction
from plugin.dose import UNKNOWN, DailyDose
from plugin.record import Layer
from plugin.supply import CoveredDay, Days, Supply, unknown_supply


def ordered_days(supplies: Sequence[Supply], rules: Reconstruction, *, later_evidence: Sequence[date] = ()) -> Days:
    """First fills are sure, repeats only possible unless a renewal or later evidence follows; newer replaces older."""
    orders = sorted(supplies, key=lambda s: (s.start, s.fact.reference))
    starts = sorted({order.start for order in orders} | set(later_evidence))
    columns = [(order, _order_profile(order, orders, starts, rules)) for order in orders]
    days: Days = {}
    for day in sorted({d for _, profile in columns for d in profile}):
        active = [(order, profile[day]) for order, profile in columns if day in profile]
        days[day] = _combined(active, rules)
    return days


def _order_profile(order: Supply, orders: list[Supply], starts: list[date], rules: Reconstruction) -> Days:
    end = _replaced_on(order, orders, rules)
    following = next((start for start in starts if start > order.start), None)
    fills = 1 + (order.fact.repeats or 0)
    if order.days is None:
        first, sure = unknown_supply(order.start, following, rules)
        total = first
    else:
        first, total, sure = order.days, order.days * fills, True
    proven = first
    horizon = order.start + timedelta(days=total + rules.era_gap_days)
    if following is not None and following <= horizon:
        proven = max(first, min(total, (following - order.start).days))
    profile: Days = {}
    validity = order.fact.validity_end
    for offset, dose in enumerate(order.doses(total)):
        day = order.start + timedelta(days=offset)
        if (end is not None and day >= end) or (order.cut is not None and day >= order.cut):
            break
        if validity is not None and offset >= first and day > validity.latest:
            break
        within = offset < proven
        profile[day] = CoveredDay(
            dose=dose,
            layer=Layer.ORDER,
            grade="B" if order.days is None else "C",
            sure=sure and within and order.grade == "A",
            repeat_only=not within,
            uses=(order.fact.reference,),
        )
    return profile


def _replaced_on(order: Supply, orders: list[Supply], rules: Reconstruction) -> date | None:
    """The start of the first newer order that takes this one's place; near orders of other strengths do not."""
    for newer in orders:
        gap = (newer.start - order.start).days
        if gap <= 0 or newer.fact is order.fact:
            continue
        linked = newer.fact.replaces == order.fact.reference
        if linked or gap > rules.order_replaced_after_days or newer.strength == order.strength:
            return newer.start
    return None


def _combined(active: list[tuple[Supply, CoveredDay]], rules: Reconstruction) -> CoveredDay:
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
    base = today[0][1]
    uses = tuple(dict.fromkeys(use for _, day in active for use in day.uses))
    return replace(base, dose=dose if math.isfinite(dose.low) else UNKNOWN, uses=uses)
