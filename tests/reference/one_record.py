"""What one record says: whether it counts, when it begins and ends, how long a fill lasts (trials 4.1, 4.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plugin.record import Component, Layer, MedicationFact
from tests.reference.daily_doses import Directions

ORDER_INTENTS = {"order", "original-order", "reflex-order", "filler-order", "instance-order"}
ORDER_STATUSES = {"active", "completed", "stopped", "on-hold", "unknown"}
DISPENSE_STATUSES = {"completed", "in-progress", "unknown"}
STATEMENT_STATUSES = {"active", "completed", "stopped", "unknown", "on-hold", "not-taken"}  # the last denies days
ADMINISTRATION_STATUSES = {"completed", "in-progress"}

Key = tuple[str, str | None]  # ingredient, labelled non-depression use of the product


@dataclass(frozen=True)
class Day:
    """One ingredient on one day. `proven` is False where only allowed repeats (or an assumed issue) speak for it.

    `grade` is ``A``, ``B`` or ``order`` (B or C, which the whole era decides). `doubtful` by an adherence statement.
    """

    dose: tuple[float, float]
    sure: bool
    repeats_only: bool
    grade: str
    layer: Layer
    by: frozenset[str]


def counted(fact: MedicationFact) -> bool:
    """Whether status and intent let this record count at all (4.1)."""
    if fact.do_not_perform or fact.product is None:
        return False
    if fact.layer is Layer.ADMINISTRATION:
        return fact.status in ADMINISTRATION_STATUSES
    if fact.layer is Layer.DISPENSE:
        return fact.status in DISPENSE_STATUSES
    if fact.reference.startswith("MedicationStatement/"):
        return fact.status in STATEMENT_STATUSES
    intents = ORDER_INTENTS | {"plan"} if fact.layer is Layer.REPORT else ORDER_INTENTS
    return fact.intent in intents and fact.status in ORDER_STATUSES


def begin(fact: MedicationFact) -> int | None:
    """First day: hand-over or explicit period, then the validity period, then the day of writing."""
    for written in (fact.start, fact.validity_start, fact.written):
        if written is not None and written.day is not None:
            if written is not fact.start and fact.layer not in (Layer.ORDER,):
                return None
            return written.day.toordinal()
    return None


def component_of(fact: MedicationFact, ingredient: str) -> Component:
    """The component of the product that is this ingredient."""
    assert fact.product is not None
    return next(c for c in fact.product.components if c.ingredient == ingredient)


def begun(fact: MedicationFact) -> int:
    day = begin(fact)
    assert day is not None
    return day


def cut_of(fact: MedicationFact) -> int | None:
    """The first day that a written end takes away."""
    if fact.layer is Layer.ORDER and fact.status == "stopped":
        return stop_of(fact)
    if fact.end is None or fact.end.day is None:
        return None
    return fact.end.day.toordinal() + (0 if fact.status == "stopped" else 1)


def days_of(fact: MedicationFact, told: Directions) -> int | None:
    """Days in one fill. A dispense states them; for an order its quantity comes before the expected duration."""
    stated = math.floor(fact.days_supply) if fact.days_supply is not None and fact.days_supply > 0 else None
    counted = None
    if fact.quantity is not None and fact.quantity > 0 and told.units_a_day:
        counted = math.floor(fact.quantity / told.units_a_day)
    for days in (counted, stated) if fact.layer is Layer.ORDER else (stated, counted):
        if days:
            return days
    if fact.product is not None and fact.product.pack:
        return sum(part.count for part in fact.product.pack)
    return None


def strength_of(fact: MedicationFact, ingredient: str) -> tuple[object, ...]:
    component = component_of(fact, ingredient)
    assert fact.product is not None
    return (component.amount, component.per, component.equivalence, fact.product.release)


def stop_of(order: MedicationFact) -> int | None:
    """The first day without a stopped order: the end of its period, else the day the stop was noted."""
    when = order.end or order.stop_noted
    return when.day.toordinal() if when is not None and when.day is not None else None


def report_end(fact: MedicationFact) -> int | None:
    """The first day after a reported use that is over."""
    over = fact.layer is Layer.REPORT and fact.status in ("stopped", "completed")
    return fact.end.day.toordinal() + 1 if over and fact.end is not None and fact.end.day is not None else None
