"""Which days the records of one layer cover together, and with what dose.

One way of counting per layer of evidence: administrations cover the days given; dispenses cover their days' supply with
carry-over of early refills (E5); reports cover their stated period; for orders see `order_supply`. Each returns a
timeline of `CoveredDay`; `plugin.exposure.exposures` decides which layer wins on a day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import reduce

from mappings.schema import Reconstruction
from plugin.exposure.dose import DailyDose, add_up
from plugin.exposure.supply import CoveredDay, Days, Supply, profile_of
from plugin.record import Layer
from plugin.spans import PartialDate
from plugin.timeline import Timeline, overlay

_FINISHED = frozenset({"completed", "stopped"})


def administered_days(supplies: Sequence[Supply]) -> Days:
    """Each administration covers its day or its whole period; several of one day add up."""
    if not supplies:
        return Timeline()
    given: list[Days] = []
    for supply in sorted(supplies, key=lambda s: (s.start, s.fact.reference)):
        last = supply.fact.end.latest if supply.fact.end is not None else supply.start
        covered = CoveredDay(dose=supply.first_dose, layer=Layer.ADMINISTRATION, grade="A", uses=supply.uses)
        given.append(Timeline([(supply.start.toordinal(), max(last, supply.start).toordinal() + 1, covered)]))
    return overlay(given, lambda active: _added([covered for _, covered in active]))


def _added(cells: Sequence[CoveredDay]) -> CoveredDay:
    """Everything taken on one day: doses add, the weakest grade and certainty hold."""
    if len(cells) == 1:
        return cells[0]
    dose = cells[0].dose
    for cell in cells[1:]:
        dose = dose.plus(cell.dose)
    return replace(
        cells[0],
        dose=dose,
        uses=tuple(dict.fromkeys(use for cell in cells for use in cell.uses)),
        sure=all(cell.sure for cell in cells),
        grade=max(cell.grade for cell in cells),
    )


def reported_days(supplies: Sequence[Supply], *, as_of: date) -> Days:
    """A report with explicit start and end covers that period (grade A); one without an end is grade C.

    A finished report without an end covers the length it states, and else goes on to the day it was asserted.
    """
    if not supplies:
        return Timeline()
    told: list[Days] = []
    for supply in sorted(supplies, key=lambda s: (s.start, s.fact.reference)):
        fact = supply.fact
        if fact.end is not None:
            last = fact.end.earliest
            exact = fact.end.is_exact and fact.start is not None and fact.start.is_exact
        elif fact.status in _FINISHED and supply.days is not None:
            last, exact = supply.start + timedelta(days=supply.days - 1), False
        else:
            asserted: PartialDate | None = fact.written
            still = fact.status == "active"
            last = asserted.latest if asserted is not None else (as_of if still else supply.start)
            exact = False
        grade = supply.grade if exact else "C"
        covered = CoveredDay(dose=supply.first_dose, layer=Layer.REPORT, grade=grade, uses=supply.uses)
        span = (min(last, as_of) - supply.start).days + 1
        told.append(profile_of(supply.schedule, supply.start, max(0, span), covered))
    return overlay(told, lambda active: _told_alike([covered for _, covered in active]))


def _told_alike(cells: Sequence[CoveredDay]) -> CoveredDay:
    """A day that several reports speak of: the doses they state are readings of one, the best of them shows the use."""
    stated = [cell.dose for cell in cells if cell.dose.is_known]
    return replace(
        cells[0],
        dose=reduce(DailyDose.spanning, stated) if stated else cells[0].dose,
        grade=min(cell.grade for cell in cells),
        uses=tuple(dict.fromkeys(use for cell in cells for use in cell.uses)),
    )


def dispensed_days(supplies: Sequence[Supply], rules: Reconstruction) -> Days:
    """Fills in order; stock left at a refill moves behind it, rescaled to the new dose, up to the stock cap (E5)."""
    if not supplies:
        return Timeline()
    groups: dict[date, list[Supply]] = defaultdict(list)
    for supply in supplies:
        groups[supply.start].append(supply)
    starts = sorted(groups)
    used: list[tuple[int, int, CoveredDay]] = []
    running: Days = Timeline()
    cut: date | None = None
    for index, start in enumerate(starts):
        used += running.before(min(start, cut) if cut else start).stretches
        left = Timeline() if cut is not None and cut <= start else running.since(start)
        following = starts[index + 1] if index + 1 < len(starts) else None
        fresh = _group_profile(groups[start], following, rules)
        running = fresh.then(_carried(left, fresh).head(rules.stock_cap_days))
        cuts = [supply.cut for supply in groups[start] if supply.cut is not None]
        cut = min(cuts) if cuts else None
    used += (running.before(cut) if cut is not None else running).stretches
    return Timeline(used)


def _carried(left: Days, fresh: Days) -> Days:
    """Leftover days behind a refill: unchanged at the same dose, else what is left rescaled to the new dose.

    Part days round down. Days that only the higher reading of a dose leaves over are possible, not sure.
    """
    if not left or not fresh:
        return left
    behind = fresh.last_day + timedelta(days=1)
    last = fresh.stretches[-1][2]
    doses = {day.dose for day in left.each()}
    known = last.dose.high > 0 and all(dose.is_known for dose in (last.dose, *doses))
    if doses == {last.dose} or not known:
        return left.moved((behind - left.first_day).days)
    least = sum((stop - first) * day.dose.low for first, stop, day in left.stretches)
    most = sum((stop - first) * day.dose.high for first, stop, day in left.stretches)
    lasting = int(most / (last.dose.low or last.dose.high) + 1e-9)
    surely = int(least / last.dose.high + 1e-9) if all(day.sure for day in left.each()) else 0
    rescaled = replace(last, uses=(*next(left.each()).uses, *last.uses))
    first = behind.toordinal()
    return Timeline(
        [(first, first + surely, rescaled), (first + surely, first + lasting, replace(rescaled, sure=False))]
    )


def _group_profile(group: list[Supply], following: date | None, rules: Reconstruction) -> Days:
    """The days of all fills of one day: other strengths add, the same strength follows on or may add (rule E7)."""
    if len(group) == 1:
        return _fill_profile(group[0], following, rules)
    by_strength: dict[tuple[float | None, str], list[Supply]] = defaultdict(list)
    for supply in sorted(group, key=lambda s: s.fact.reference):
        by_strength[supply.strength].append(supply)
    columns = [_same_product(members, following, rules) for members in by_strength.values()]
    if len(columns) == 1:
        return columns[0]
    return overlay(columns, lambda active: _added([covered for _, covered in active]))


def _same_product(group: list[Supply], following: date | None, rules: Reconstruction) -> Days:
    orders = [supply.fact.based_on for supply in group]
    different = len(group) > 1 and all(orders) and len(set(orders)) == len(group)
    profiles = [_fill_profile(supply, following, rules) for supply in group]
    if not different:
        running = profiles[0]
        for profile in profiles[1:]:
            running = running.then(profile.moved(len(running)))
        return running
    # Under different orders the fills may be meant together: the dose is [one, sum] for the longer single supply.
    longest = max(profiles, key=len)
    uses = tuple(use for supply in group for use in supply.uses)
    if add_up([supply.schedule for supply in group]):
        return overlay(profiles, lambda active: replace(_added([day for _, day in active]), uses=uses))
    together = sum(next(profile.each()).dose.high for profile in profiles)
    return longest.changed(
        lambda day: replace(day, uses=uses, dose=DailyDose(day.dose.low, max(day.dose.high, together)))
    )


def _fill_profile(supply: Supply, following: date | None, rules: Reconstruction) -> Days:
    if supply.days is not None:
        covered = CoveredDay(dose=supply.first_dose, layer=Layer.DISPENSE, grade=supply.grade, uses=supply.uses)
        return profile_of(supply.schedule, supply.start, supply.days, covered)
    length, sure = unknown_supply(supply.start, following, rules)
    grade = max("B", supply.grade)
    covered = CoveredDay(dose=supply.first_dose, layer=Layer.DISPENSE, grade=grade, sure=sure, uses=supply.uses)
    return profile_of(supply.schedule, supply.start, length, covered)


def unknown_supply(start: date, following: date | None, rules: Reconstruction) -> tuple[int, bool]:
    """Without days' supply: up to the next issue if near enough, else an assumed length that is only possible."""
    if following is not None and (following - start).days <= rules.issue_interval_max_days:
        return (following - start).days, True
    return rules.assumed_last_issue_days, False
