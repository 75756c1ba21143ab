"""What one fact says to take on each day of its supply, as an interval in mg a day (trials 4.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plugin.record import Component, DosageLine, MedicationFact

UNKNOWN = (0.0, math.inf)


@dataclass(frozen=True)
class Directions:
    """The doses of a fact: `on(k)` is the interval on the k-th day of the supply. `scheduled` is False for PRN only."""

    scheduled: bool
    steps: tuple[tuple[int | None, tuple[float, float]], ...]  # (length in days, dose); the last one goes on
    units_a_day: float | None

    def on(self, k: int) -> tuple[float, float]:
        """The dose on day `k` of the supply, the first being 0."""
        for length, dose in self.steps:
            if length is None or k < length:
                return dose
            k -= length
        return self.steps[-1][1]


def directions(fact: MedicationFact, component: Component) -> Directions:
    """Read the dosage lines of `fact` for one component of its product."""
    lines = [line for line in fact.dosage if not line.as_needed]
    if fact.dosage and not lines:
        return Directions(False, ((None, UNKNOWN),), None)
    units = _units_a_day(lines, component)
    if fact.product is not None and fact.product.pack:
        return _pack(fact, component, units)
    doses = [_dose(line, component) for line in lines]
    if not lines or all(dose is None for dose in doses):
        derived = _derived(fact, component)
        return Directions(True, ((None, derived or UNKNOWN),), units)
    known = [dose or UNKNOWN for dose in doses]
    numbers = [line.sequence for line in lines]
    if len(lines) > 1 and any(number is None for number in numbers):
        # Concurrent (add) or consecutive (one after the other)? Both readings, so the interval over both.
        low = min(dose[0] for dose in known)
        high = sum(dose[1] for dose in known)
        return Directions(True, ((None, (low, high)),), units)
    steps: list[tuple[int | None, tuple[float, float]]] = []
    for number in sorted({number or 0 for number in numbers}):
        group = [(line, dose) for line, dose in zip(lines, known, strict=True) if (line.sequence or 0) == number]
        lengths = [length for line, _ in group if (length := _length(line)) is not None]
        dose = (sum(d[0] for _, d in group), sum(d[1] for _, d in group))
        steps.append((max(lengths) if lengths else None, dose))
    return Directions(True, tuple(steps), units if len(steps) == 1 else None)


def _dose(line: DosageLine, component: Component) -> tuple[float, float] | None:
    if line.dose_low is None or line.dose_high is None or line.times_low is None or line.times_high is None:
        return None
    mg = _mg(line.unit, component)
    return None if mg is None else (line.dose_low * line.times_low * mg, line.dose_high * line.times_high * mg)


def _mg(unit: str, component: Component) -> float | None:
    """Milligrams of the reference salt in one `unit`."""
    if unit == "mg":
        return component.equivalence
    if component.amount is None or unit == "":
        return None
    if (unit == "mL") != (component.per == "mL"):
        return None
    return component.amount * component.equivalence


def _units_a_day(lines: list[DosageLine], component: Component) -> float | None:
    """Tablets a day at most: a quantity surely lasts no longer than this allows."""
    if len(lines) != 1:
        return None
    [line] = lines
    if line.dose_high is None or line.times_high is None:
        return None
    if line.unit == "unit":
        return line.dose_high * line.times_high
    if line.unit == "mg" and component.amount:
        return line.dose_high * line.times_high / component.amount
    return None


def _derived(fact: MedicationFact, component: Component) -> tuple[float, float] | None:
    """Quantity times strength over days' supply."""
    if not fact.quantity or not fact.days_supply or component.amount is None or component.per != "unit":
        return None
    dose = fact.quantity * component.amount * component.equivalence / fact.days_supply
    return (dose, dose)


def _length(line: DosageLine) -> int | None:
    if line.bounds_days is not None:
        return math.floor(line.bounds_days)
    if line.bounds_start is not None and line.bounds_end is not None:
        return (line.bounds_end.latest - line.bounds_start.latest).days + 1
    return None


def _pack(fact: MedicationFact, component: Component, units: float | None) -> Directions:
    """A starter pack, part after part, one unit a day unless the signature says how many."""
    a_day = units or 1.0
    steps: list[tuple[int | None, tuple[float, float]]] = []
    assert fact.product is not None
    for part in fact.product.pack:
        [mg] = [c.amount * c.equivalence for c in part.components if c.ingredient == component.ingredient and c.amount]
        steps.append((math.floor(part.count / a_day), (mg * a_day, mg * a_day)))
    return Directions(True, tuple(steps), a_day)
