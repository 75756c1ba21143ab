"""Which days one kind of record covers, and with what dose.

One way of counting per layer of evidence: administrations cover the days given; dispenses cover their days' supply with
carry-over of early refills (E5); reports cover their stated period; for orders see `order_supply`. Each returns a map
from day to `CoveredDay`; `plugin.exposures` decides which layer wins on a day. Windows come from the knowledge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from mappings.schema import Reconstruction
from plugin.dose import DailyDose, DoseSchedule, schedule_of, units_per_day
from plugin.record import Component, Layer, MedicationFact
from plugin.spans import PartialDate

Days = dict[date, "CoveredDay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredDay:
    """One day on a drug. `sure` is False where supply is only possible; `repeat_only`: known from repeats only.

    `grade` is the exposure grade A, B or C; `doubtful` marks days of recorded partial adherence.
    """

    dose: DailyDose
    layer: Layer
    grade: str
    sure: bool = True
    repeat_only: bool = False
    doubtful: bool = False
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """One record's contribution: from `start`, `days` days (None unknown), not beyond `cut` (exclusive)."""

    fact: MedicationFact
    start: date
    days: int | None
    schedule: DoseSchedule
    amount: float | None
    cut: date | None = None
    grade: str = "A"

    @property
    def strength(self) -> tuple[float | None, str]:
        """What tells two products of one ingredient apart: amount per unit and release."""
        return (self.amount, self.fact.product.release if self.fact.product else "")

    def doses(self, days: int) -> tuple[DailyDose, ...]:
        """The dose of each of the first `days` days."""
        return self.schedule.profile(days)


def supply_of(fact: MedicationFact, component: Component, *, start: date, cut: date | None = None) -> Supply:
    """What one record supplies of one ingredient, starting on `start`."""
    grade = "C" if fact.start is not None and not fact.start.is_exact else "A"
    schedule = schedule_of(fact, component)
    return Supply(
        fact=fact,
        start=start,
        days=_days_supplied(fact),
        schedule=schedule,
        amount=component.amount,
        cut=cut,
        grade=grade,
    )


def _days_supplied(fact: MedicationFact) -> int | None:
    """Days one fill lasts: stated days, or quantity over units a day, or the bounded length of the dosage."""
    stated = int(fact.days_supply) if fact.days_supply is not None else None
    a_day = units_per_day(fact)
    counted = int(fact.quantity / a_day + 1e-9) if fact.quantity and a_day else None
    first, second = (counted, stated) if fact.layer is Layer.ORDER else (stated, counted)
    for days in (first, second, _bounded_days(fact)):
        if days is not None and days > 0:
            return days
    return None


def _bounded_days(fact: MedicationFact) -> int | None:
    lengths = [round(line.bounds_days) for line in fact.dosage if line.bounds_days is not None]
    if lengths:
        return sum(lengths)
    if fact.start is not None and fact.end is not None and fact.end.latest >= fact.start.latest:
        return (fact.end.latest - fact.start.latest).days + 1
    return None


def administered_days(supplies: Sequence[Supply]) -> Days:
    """Each administration covers its day or its whole period; several of one day add up."""
    days: Days = {}
    for supply in sorted(supplies, key=lambda s: (s.start, s.fact.reference)):
        last = supply.fact.end.latest if supply.fact.end is not None else supply.start
        dose = supply.doses(1)[0]
        for offset in range((max(last, supply.start) - supply.start).days + 1):
            day = supply.start + timedelta(days=offset)
            known = days.get(day)
            total = known.dose.plus(dose) if known else dose
            uses = (*known.uses, supply.fact.reference) if known else (supply.fact.reference,)
            days[day] = CoveredDay(dose=total, layer=Layer.ADMINISTRATION, grade="A", uses=uses)
    return days


def reported_days(supplies: Sequence[Supply], *, as_of: date) -> Days:
    """A report with explicit start and end covers that period (grade A); one without an end is grade C."""
    days: Days = {}
    for supply in sorted(supplies, key=lambda s: (s.start, s.fact.reference)):
        fact = supply.fact
        if fact.end is not None:
            last = fact.end.earliest
            exact = fact.end.is_exact and fact.start is not None and fact.start.is_exact
        else:
            asserted: PartialDate | None = fact.written
            still = fact.status == "active"
            last = asserted.latest if asserted is not None else (as_of if still else supply.start)
            exact = False
        span = (min(last, as_of) - supply.start).days + 1
        for offset, dose in enumerate(supply.doses(max(0, span))):
            day = CoveredDay(dose=dose, layer=Layer.REPORT, grade="A" if exact else "C", uses=(fact.reference,))
            days.setdefault(supply.start + timedelta(days=offset), day)
    return days


def dispensed_days(supplies: Sequence[Supply], rules: Reconstruction) -> Days:
    """Fills in order; stock left at a refill moves behind it, rescaled to the new dose, up to the stock cap (E5)."""
    groups: dict[date, list[Supply]] = defaultdict(list)
    for supply in supplies:
        groups[supply.start].append(supply)
    starts = sorted(groups)
    days: Days = {}
    running: list[CoveredDay] = []
    running_from = starts[0] if starts else date.min
    cut: date | None = None
    for index, start in enumerate(starts):
        _write(days, running, running_from, until=min(start, cut) if cut else start)
        left = [] if cut is not None and cut <= start else running[(start - running_from).days :]
        following = starts[index + 1] if index + 1 < len(starts) else None
        fresh = _group_profile(groups[start], following, rules)
        running, running_from = fresh + _carried(left[: rules.stock_cap_days], fresh), start
        cuts = [supply.cut for supply in groups[start] if supply.cut is not None]
        cut = min(cuts) if cuts else None
    _write(days, running, running_from, until=cut)
    return days


def _write(days: Days, profile: list[CoveredDay], start: date, *, until: date | None) -> None:
    for offset, covered in enumerate(profile):
        day = start + timedelta(days=offset)
        if until is not None and day >= until:
            return
        days[day] = covered


def _carried(left: list[CoveredDay], fresh: list[CoveredDay]) -> list[CoveredDay]:
    """Leftover days behind a refill: unchanged at the same dose, rescaled to the new one (part days round down)."""
    if not left or not fresh:
        return left
    old, new = left[0].dose, fresh[-1].dose
    if old == new or not (old.is_known and new.is_known) or not new.high:
        return left
    lasting = int(len(left) * old.high / new.high + 1e-9)
    return [replace(fresh[-1], uses=(*left[0].uses, *fresh[-1].uses))] * lasting


def _group_profile(group: list[Supply], following: date | None, rules: Reconstruction) -> list[CoveredDay]:
    """The days of all fills of one day: other strengths add, the same strength follows on or may add (rule E7)."""
    by_strength: dict[tuple[float | None, str], list[Supply]] = defaultdict(list)
    for supply in sorted(group, key=lambda s: s.fact.reference):
        by_strength[supply.strength].append(supply)
    columns = [_same_product(members, following, rules) for members in by_strength.values()]
    merged: list[CoveredDay] = []
    for offset in range(max(len(column) for column in columns)):
        cells = [column[offset] for column in columns if offset < len(column)]
        dose = cells[0].dose
        for cell in cells[1:]:
            dose = dose.plus(cell.dose)
        uses = tuple(dict.fromkeys(use for cell in cells for use in cell.uses))
        merged.append(
            replace(
                cells[0],
                dose=dose,
                uses=uses,
                sure=all(c.sure for c in cells),
                grade=max(c.grade for c in cells),
            )
        )
    return merged


def _same_product(group: list[Supply], following: date | None, rules: Reconstruction) -> list[CoveredDay]:
    orders = [supply.fact.based_on for supply in group]
    different = len(group) > 1 and all(orders) and len(set(orders)) == len(group)
    profiles = [_fill_profile(supply, following, rules) for supply in group]
    if not different:
        return [day for profile in profiles for day in profile]
    # Under different orders the fills may be meant together: the dose is [one, sum] for the longer single supply.
    longest = max(profiles, key=len)
    uses = tuple(supply.fact.reference for supply in group)
    return [
        replace(day, uses=uses, dose=DailyDose(day.dose.low, sum(p[0].dose.high for p in profiles if p)))
        for day in longest
    ]


def _fill_profile(supply: Supply, following: date | None, rules: Reconstruction) -> list[CoveredDay]:
    uses = (supply.fact.reference,)
    if supply.days is not None:
        return [
            CoveredDay(dose=dose, layer=Layer.DISPENSE, grade=supply.grade, uses=uses)
            for dose in supply.doses(supply.days)
        ]
    length, sure = unknown_supply(supply.start, following, rules)
    grade = max("B", supply.grade)
    return [
        CoveredDay(dose=dose, layer=Layer.DISPENSE, grade=grade, sure=sure, uses=uses) for dose in supply.doses(length)
    ]


def unknown_supply(start: date, following: date | None, rules: Reconstruction) -> tuple[int, bool]:
    """Without days' supply: up to the next issue if near enough, else an assumed length that is only possible."""
    if following is not None and (following - start).days <= rules.issue_interval_max_days:
        return (following - start).days, True
    return rules.assumed_last_issue_days, False
