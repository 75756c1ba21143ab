"""From dosage instructions and product strength to milligrams a day, as an interval.

Follows the daily-dose rules (E7): dose per intake times intakes per day, summed over concurrent instructions; units
of a product times its strength; ranges stay ranges; as-needed instructions schedule nothing (E8). Structured dosage
comes first. Directions in words stand in where it is absent or incomplete and hold only if the supply agrees; where
both speak and differ, the interval spans both. What cannot be read is `UNKNOWN`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from plugin.exposure.directed_dose import line_length, read_line
from plugin.exposure.dose_schedule import (
    UNKNOWN,
    DailyDose,
    DoseSchedule,
    DoseStep,
    Steps,
    length_of,
    together,
    whole_span,
)
from plugin.record import Component, DosageLine, MedicationFact, Product, WrittenDose

__all__ = [
    "UNKNOWN",
    "DailyDose",
    "DoseSchedule",
    "DoseStep",
    "add_up",
    "days_lasting",
    "schedule_of",
    "units_per_day",
]


def schedule_of(fact: MedicationFact, component: Component, *, agreement: float = 0.0) -> DoseSchedule:
    """The dose schedule of one ingredient of one record.

    Structured dosage first, then its words; else dispensed quantity times strength over days' supply; else unknown.
    Starter packs are expanded part by part, never averaged. `agreement` is the share by which a dose read from words
    may differ from the supply (`Reconstruction.dose_agreement`); without it they have to be equal.
    """
    product = fact.product
    if product is not None and product.pack:
        return _pack_schedule(fact, product, component.ingredient)
    lines = [line for line in fact.dosage if not line.as_needed]
    if fact.dosage and not lines:
        return DoseSchedule((), scheduled=False)
    alone = product is None or len(product.components) == 1
    readings = [read_line(line, component, alone=alone) for line in lines]
    flags = tuple(dict.fromkeys(flag for reading in readings for flag in reading.flags))
    total = _stated_total(fact, component) if alone else None
    if not readings or any(reading.steps is None for reading in readings):
        return _from_supply(fact, component, total)
    steps = _arranged(lines, [reading.steps or () for reading in readings])
    if not any(reading.from_text for reading in readings):
        return DoseSchedule(steps, stated_total=total, flags=flags)
    agrees = _agrees(DoseSchedule(steps), fact, component, agreement)
    if agrees is False:
        unknown = (DoseStep(None, UNKNOWN),)
        return DoseSchedule(unknown, stated_total=total, flags=(*flags, "dose_text_disagrees"))
    return DoseSchedule(steps, weak=agrees is None, stated_total=total, flags=flags)


def add_up(schedules: Sequence[DoseSchedule]) -> bool:
    """Whether supplies of one day are surely meant together: the directions of one state the sum of all as the total.

    Both conditions of decision 31 must hold: every dose is exact, and no directions state another total.
    """
    doses = [schedule.steps[0].dose for schedule in schedules if schedule.steps]
    stated = [schedule.stated_total for schedule in schedules if schedule.stated_total is not None]
    if len(doses) < max(len(schedules), 2) or not all(dose.is_exact for dose in doses):
        return False
    whole = sum(dose.high for dose in doses)
    return bool(stated) and all(math.isclose(total, whole) for total in stated)


def units_per_day(fact: MedicationFact) -> float | None:
    """Product units (tablets, capsules, mL) a day from plain scheduled instructions, or None if not that simple.

    Instructions of one sequence number add. Where words and structure differ, the higher number counts: the supply
    then lasts the shorter time. Words alone say nothing against a stated quantity and days' supply.
    """
    lines = fact.dosage
    if not lines or any(line.as_needed for line in lines) or fact.product is None or len(fact.product.components) != 1:
        return None
    if len(lines) > 1 and (lines[0].sequence is None or len({line.sequence for line in lines}) > 1):
        return None
    component = fact.product.components[0]
    counted = [_line_units(line, component, words_count=not (fact.quantity and fact.days_supply)) for line in lines]
    if any(units is None for units in counted):
        return None
    return sum(units for units in counted if units is not None) or None


def days_lasting(fact: MedicationFact, component: Component, schedule: DoseSchedule) -> int | None:
    """Whole days for which the quantity of one fill lasts, step after step; None when not known.

    For directions that change ("1 daily for 7 days, then 2 daily"), of which `units_per_day` knows no single number.
    """
    per_unit = (component.amount or 0.0) * component.equivalence
    if not fact.quantity or not per_unit or any(line.as_needed for line in fact.dosage):
        return None
    left, days = fact.quantity * per_unit, 0
    for step in schedule.steps:
        if not step.dose.is_known:
            return None
        if not step.dose.high:
            return days or None
        possible = _whole(left / step.dose.high)
        if step.days is None or possible <= step.days:
            return days + possible or None
        days, left = days + step.days, left - step.days * step.dose.high
    return days or None


def _line_units(line: DosageLine, component: Component, *, words_count: bool) -> float | None:
    structured = _units(line.dose_high, line.unit, line.times_high, component)
    worded = _worded_units(line, component)
    if structured is None:
        return worded if words_count else None
    return structured if worded is None else max(structured, worded)


def _worded_units(line: DosageLine, component: Component) -> float | None:
    said: Sequence[WrittenDose] = line.written
    if not said or any(dose.step or dose.as_needed for dose in said):
        return None
    counted = [
        _units(
            dose.dose_high if dose.dose_high is not None else line.dose_high,
            dose.unit if dose.dose_high is not None else line.unit,
            dose.times_high if dose.times_high is not None else line.times_high,
            component,
        )
        for dose in said
    ]
    known = [units for units in counted if units is not None]
    return sum(known) if len(known) == len(said) else None


def _units(dose: float | None, unit: str, times: float | None, component: Component) -> float | None:
    if dose is None or times is None:
        return None
    if unit in ("unit", "mL"):
        return dose * times or None
    return dose * times / component.amount or None if unit == "mg" and component.amount else None


def _whole(days: float) -> int:
    """Whole days, and the next one where only the last digits of the arithmetic are short of it."""
    return round(days) if math.isclose(days, round(days)) else math.floor(days)


def _stated_total(fact: MedicationFact, component: Component) -> float | None:
    stated = {line.stated_total_mg for line in fact.dosage if line.stated_total_mg is not None}
    return stated.pop() * component.equivalence if len(stated) == 1 else None


def _supplied(fact: MedicationFact, component: Component) -> float | None:
    """Milligrams a day that quantity, strength and days' supply come to."""
    if not fact.quantity or not fact.days_supply or component.amount is None:
        return None
    return fact.quantity * component.amount * component.equivalence / fact.days_supply


def _from_supply(fact: MedicationFact, component: Component, total: float | None) -> DoseSchedule:
    """The dose from the supply alone. Words of caution, and units taken as needed, leave only its upper end."""
    supplied = _supplied(fact, component)
    if supplied is None:
        return DoseSchedule((DoseStep(None, UNKNOWN),), stated_total=total)
    unclear = any(line.as_needed or line.caution for line in fact.dosage)
    dose = DailyDose(0.0 if unclear else supplied, supplied)
    flags = ("directions_unclear",) if unclear else ()
    return DoseSchedule((DoseStep(None, dose),), stated_total=total, flags=flags)


def _agrees(schedule: DoseSchedule, fact: MedicationFact, component: Component, agreement: float) -> bool | None:
    """Whether a dose from words fits the supply; None when there is no supply to hold it against."""
    supplied = _supplied(fact, component)
    if supplied is None or any(line.as_needed for line in fact.dosage):
        return None
    days = schedule.profile(max(1, round(fact.days_supply or 1)))
    low, high = sum(day.low for day in days) / len(days), sum(day.high for day in days) / len(days)
    least, most = supplied * (1 - agreement), supplied * (1 + agreement)
    return (high >= least or math.isclose(high, least)) and (low <= most or math.isclose(low, most))


def _arranged(lines: Sequence[DosageLine], columns: Sequence[Steps]) -> Steps:
    """Concurrent instructions add, numbered ones follow each other, unnumbered several keep both readings."""
    if len(lines) == 1:
        return (*columns[0][:-1], DoseStep(None, columns[0][-1].dose))
    numbers = [line.sequence for line in lines]
    if any(number is None for number in numbers):
        spans = [whole_span(column) for column in columns]
        lowest = min(dose.low for dose in spans)
        return (DoseStep(None, DailyDose(lowest, sum(dose.high for dose in spans))),)
    groups: list[Steps] = []
    lengths: list[int | None] = []
    places: dict[int, list[int]] = {}
    for place, number in enumerate(numbers):
        if number is not None:
            places.setdefault(number, []).append(place)
    for number in sorted(places):
        bounded = [_bounded(columns[place], line_length(lines[place])) for place in places[number]]
        groups.append(together(bounded))
        known = [length for column in bounded if (length := length_of(column)) is not None]
        lengths.append(max(known) if known else None)
    if any(length is None for length in lengths[:-1]):
        # The change day is not written: any of the doses may hold on any day.
        return (DoseStep(None, whole_span(tuple(step for group in groups for step in group))),)
    lengths[-1] = length_of(groups[-1])  # the last one goes on where any of its instructions does
    steps: list[DoseStep] = []
    for group, length in zip(groups, lengths, strict=True):
        before = length_of(group[:-1]) or 0
        steps += [*group[:-1], DoseStep(None if length is None else length - before, group[-1].dose)]
    return tuple(steps)


def _bounded(column: Steps, days: int | None) -> Steps:
    """The column with its open last step cut to a written length of the whole instruction."""
    if days is None or column[-1].days is not None:
        return column
    return (*column[:-1], DoseStep(max(0, days - (length_of(column[:-1]) or 0)), column[-1].dose))


def _pack_schedule(fact: MedicationFact, product: Product, ingredient: str) -> DoseSchedule:
    """A starter pack part by part. Days' supply and directions say how fast; where they differ, either may be true."""
    total = sum(part.count for part in product.pack)
    speeds = [total / fact.days_supply] if fact.days_supply else []
    directed = units_per_day(fact)
    speeds += [directed] if directed else []
    speeds = speeds or [1.0]
    steps = []
    for part in product.pack:
        amounts = [c.amount * c.equivalence for c in part.components if c.ingredient == ingredient and c.amount]
        dose = DailyDose(sum(amounts) * min(speeds), sum(amounts) * max(speeds)) if amounts else UNKNOWN
        steps.append(DoseStep(round(part.count / speeds[0]), dose))
    return DoseSchedule(tuple(steps))
