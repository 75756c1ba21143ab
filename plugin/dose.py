"""From dosage instructions and product strength to milligrams a day, as an interval.

Follows the daily-dose rules (E7): dose per intake times intakes per day, summed over concurrent instructions; units
of a product times its strength; ranges stay ranges; as-needed instructions schedule nothing. What cannot be read is
`UNKNOWN`, the interval from nothing to infinity, never a guess.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from plugin.record import Component, DosageLine, MedicationFact, Product


@dataclass(frozen=True, slots=True)
class DailyDose:
    """Milligrams a day of the reference product, lowest and highest reading. Unknown reaches to infinity."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ValueError("a daily dose needs 0 <= low <= high")

    @property
    def is_known(self) -> bool:
        """Whether an upper end is known."""
        return math.isfinite(self.high)

    def plus(self, other: DailyDose) -> DailyDose:
        """Both taken on the same day."""
        return DailyDose(self.low + other.low, self.high + other.high)

    def spanning(self, other: DailyDose) -> DailyDose:
        """Either may be true: the smallest interval holding both."""
        return DailyDose(min(self.low, other.low), max(self.high, other.high))


UNKNOWN = DailyDose(0.0, math.inf)


@dataclass(frozen=True, slots=True)
class DoseStep:
    """A daily dose kept for `days` days; None: until the supply ends."""

    days: int | None
    dose: DailyDose


@dataclass(frozen=True, slots=True)
class DoseSchedule:
    """The doses of one record in the order taken. `scheduled` is False when everything is as needed (E8)."""

    steps: tuple[DoseStep, ...]
    scheduled: bool = True

    def profile(self, days: int) -> tuple[DailyDose, ...]:
        """The dose of each of `days` days; the last step lasts as long as the supply."""
        doses: list[DailyDose] = []
        for step in self.steps:
            length = days - len(doses) if step.days is None else step.days
            doses.extend([step.dose] * max(0, min(length, days - len(doses))))
        last = self.steps[-1].dose if self.steps else UNKNOWN
        doses.extend([last] * (days - len(doses)))
        return tuple(doses)


def units_per_day(fact: MedicationFact) -> float | None:
    """Product units (tablets, capsules, mL) a day from one plain scheduled instruction, or None if not that simple."""
    lines = [line for line in fact.dosage if not line.as_needed]
    if len(lines) != 1 or fact.product is None or len(fact.product.components) != 1:
        return None
    line, component = lines[0], fact.product.components[0]
    if line.dose_high is None or line.times_high is None:
        return None
    if line.unit in ("unit", "mL"):
        return line.dose_high * line.times_high or None
    if line.unit == "mg" and component.amount:
        return line.dose_high * line.times_high / component.amount or None
    return None


def schedule_of(fact: MedicationFact, component: Component) -> DoseSchedule:
    """The dose schedule of one ingredient of one record.

    Structured dosage first; else dispensed quantity times strength over days' supply; else unknown. Starter packs
    are expanded part by part, never averaged.
    """
    product = fact.product
    if product is not None and product.pack:
        return _pack_schedule(fact, product, component.ingredient)
    lines = [line for line in fact.dosage if not line.as_needed]
    if fact.dosage and not lines:
        return DoseSchedule((), scheduled=False)
    alone = product is None or len(product.components) == 1
    doses = [_line_dose(line, component, alone=alone) for line in lines]
    if doses and all(dose is not None for dose in doses):
        return _arranged(lines, [dose for dose in doses if dose is not None])
    return DoseSchedule((DoseStep(None, _from_quantity(fact, component) or UNKNOWN),))


def _line_dose(line: DosageLine, component: Component, *, alone: bool) -> DailyDose | None:
    """One instruction's dose, None when amount, unit or frequency cannot be read."""
    if line.dose_low is None or line.dose_high is None or line.times_low is None or line.times_high is None:
        return None
    if line.unit == "mg":
        # Milligrams of a fixed combination do not say which ingredient they count.
        factor = component.equivalence if alone and component.per != "count" else None
    elif line.unit in ("unit", "mL") and component.amount is not None:
        matches = (line.unit == "mL") == (component.per == "mL")
        factor = component.amount * component.equivalence if matches else None
    else:
        factor = None
    if factor is None:
        return None
    return DailyDose(line.dose_low * line.times_low * factor, line.dose_high * line.times_high * factor)


def _from_quantity(fact: MedicationFact, component: Component) -> DailyDose | None:
    if not fact.quantity or not fact.days_supply or component.amount is None:
        return None
    dose = fact.quantity * component.amount * component.equivalence / fact.days_supply
    return DailyDose(dose, dose)


def _arranged(lines: list[DosageLine], doses: list[DailyDose]) -> DoseSchedule:
    """Concurrent instructions add, numbered ones follow each other, unnumbered several keep both readings."""
    if len(lines) == 1:
        return DoseSchedule((DoseStep(None, doses[0]),))
    numbers = [line.sequence for line in lines]
    total = _sum(doses)
    if all(number is None for number in numbers):
        lowest = min(dose.low for dose in doses)
        return DoseSchedule((DoseStep(None, DailyDose(lowest, total.high)),))
    if len(set(numbers)) == 1:
        return DoseSchedule((DoseStep(None, total),))
    steps = []
    for number in sorted({n for n in numbers if n is not None}):
        members = [i for i, n in enumerate(numbers) if n == number]
        lengths = [_length(lines[i]) for i in members]
        known = [length for length in lengths if length is not None]
        steps.append(DoseStep(max(known) if known else None, _sum([doses[i] for i in members])))
    if any(step.days is None for step in steps[:-1]):
        # The change day is not written: any of the doses may hold on any day.
        span = DailyDose(min(s.dose.low for s in steps), max(s.dose.high for s in steps))
        return DoseSchedule((DoseStep(None, span),))
    return DoseSchedule((*steps[:-1], DoseStep(steps[-1].days, steps[-1].dose)))


def _length(line: DosageLine) -> int | None:
    if line.bounds_days is not None:
        return round(line.bounds_days)
    first, last = line.bounds_start, line.bounds_end
    if first is not None and last is not None and first.is_exact and last.is_exact:
        return max(0, (last.latest - first.earliest).days + 1)
    return None


def _pack_schedule(fact: MedicationFact, product: Product, ingredient: str) -> DoseSchedule:
    total = sum(part.count for part in product.pack)
    a_day = total / fact.days_supply if fact.days_supply else (units_per_day(fact) or 1.0)
    steps = []
    for part in product.pack:
        amounts = [c.amount * c.equivalence for c in part.components if c.ingredient == ingredient and c.amount]
        dose = DailyDose(sum(amounts) * a_day, sum(amounts) * a_day) if amounts else UNKNOWN
        steps.append(DoseStep(round(part.count / a_day), dose))
    return DoseSchedule(tuple(steps))


def _sum(doses: list[DailyDose]) -> DailyDose:
    total = DailyDose(0.0, 0.0)
    for dose in doses:
        total = total.plus(dose)
    return total
