"""Short builders of facts, so that a test of one stage reads as its rule."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from mappings.load import load
from plugin.exposure.supply import Supply, supply_of
from plugin.record import (
    Component,
    DosageLine,
    Layer,
    MedicationFact,
    PatientFact,
    Product,
    Score,
)
from plugin.spans import PartialDate

RULES = load().reconstruction
INSTRUMENTS = load().instruments
DAY_0 = date(2025, 1, 1)
ADULT = PatientFact(reference="Patient/p", birth=PartialDate.exactly(date(1985, 1, 1)))


def on(offset: int) -> date:
    """The day `offset` days after day 0."""
    return DAY_0 + timedelta(days=offset)


def offset_of(day: date) -> int:
    """The offset of a day from day 0."""
    return (day - DAY_0).days


def when(offset: int | None) -> PartialDate | None:
    """The same as a written date."""
    return None if offset is None else PartialDate.exactly(on(offset))


def product(ingredient: str = "sertraline", amount: float | None = 50, **more: Any) -> Product:
    """A tablet of one ingredient."""
    component = Component(ingredient=ingredient, amount=amount)
    return Product(label=ingredient, components=(component,), recognised_by="rxnorm", **more)


def daily(units: float = 1, **more: Any) -> DosageLine:
    """So many units once a day."""
    return DosageLine(dose_low=units, dose_high=units, unit="unit", times_low=1, times_high=1, **more)


def fill(number: int, start: int, days: float | None = 30, **more: Any) -> MedicationFact:
    """A completed dispense of one unit a day."""
    values: dict[str, Any] = {
        "reference": f"MedicationDispense/{number}",
        "layer": Layer.DISPENSE,
        "status": "completed",
        "product": product(),
        "start": when(start),
        "dosage": (daily(),),
        "days_supply": days,
        **more,
    }
    return MedicationFact(**values)


def order(number: int, written: int, days: float | None = 30, **more: Any) -> MedicationFact:
    """An active order of one unit a day, first fill of `days` days."""
    values: dict[str, Any] = {
        "reference": f"MedicationRequest/{number}",
        "layer": Layer.ORDER,
        "status": "active",
        "intent": "order",
        "product": product(),
        "written": when(written),
        "dosage": (daily(),),
        "days_supply": days,
        **more,
    }
    return MedicationFact(**values)


def report(number: int, start: int | None, end: int | None, **more: Any) -> MedicationFact:
    """A completed statement of use."""
    values: dict[str, Any] = {
        "reference": f"MedicationStatement/{number}",
        "layer": Layer.REPORT,
        "status": "completed",
        "product": product(),
        "start": when(start),
        "end": when(end),
        "dosage": (daily(),),
        **more,
    }
    return MedicationFact(**values)


def supply(fact: MedicationFact, cut: int | None = None) -> Supply:
    """What one fact supplies."""
    assert fact.product is not None
    start = fact.start or fact.written
    assert start is not None
    return supply_of(fact, fact.product.components[0], start=start.latest, cut=None if cut is None else on(cut))


def phq9(offset: int, value: float, order: str = "", **more: Any) -> Score:
    """A PHQ-9 total."""
    return Score(
        instrument="phq9",
        value=value,
        day=on(offset),
        references=(f"Observation/{offset}{order}",),
        order=order,
        **more,
    )
