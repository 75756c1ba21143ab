"""What a plasma level says about the doses of an era (rule A4): a level outranks the dose, in both directions.

A level speaks for the days at exactly the daily dose it was drawn at. Of several at one dose the lowest holds, and one
below range at an adequate dose makes the whole era borderline at most, whatever the others say: not taken, or not
absorbed, cannot be told apart from here. A level counts only when the last covered day before it had the same dose: one
drawn on the first day of a dose shows what was taken before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from mappings.domain_schema import Measure
from mappings.values import DatedValue
from plugin.exposure.dose import DailyDose
from plugin.exposure.supply import CoveredDay, Days
from plugin.findings import Reason
from plugin.record import LabResult


class Band(StrEnum):
    """Where a level stands, lowest first."""

    BELOW = "below range"
    BORDERLINE = "borderline"
    WITHIN = "within range"
    ABOVE = "above range"


_ORDER = tuple(Band)
_FLAGS = {Band.BELOW: "level_below_range", Band.BORDERLINE: "level_borderline", Band.ABOVE: "level_toxic"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugLevels:
    """The levels of one drug up to the day of judgement, oldest first, and its cut-offs in `unit`.

    From `adequate_from` on a level is adequate, above `toxic_above` it is more than that; from `borderline_from` on
    (where there is one) it is borderline.
    """

    ingredient: str
    label: str
    unit: str
    adequate_from: float
    borderline_from: float | None
    toxic_above: float | None
    results: tuple[LabResult, ...]
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelEffect:
    """What the levels of an era change. Without any usable level it changes nothing.

    `at_most_borderline`: a level below range was drawn at an adequate dose. `lowest` is the lowest band of all usable
    levels. `flags`: ``level_below_range``, ``level_borderline``, ``level_toxic``, ``level_unknown`` (a level was drawn
    that cannot be placed).
    """

    at_most_borderline: bool = False
    lowest: Band | None = None
    by_dose: Mapping[DailyDose, Band] = field(default_factory=lambda: MappingProxyType({}))
    flags: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()

    def band_of(self, covered: CoveredDay) -> Band | None:
        """The band proven for days at this very dose, None when no level was drawn at it."""
        return self.by_dose.get(covered.dose)


NO_EFFECT = LevelEffect()
"""What an era without levels has."""


def levels_of(results: Iterable[LabResult], measures: Mapping[str, Measure], as_of: date) -> Mapping[str, DrugLevels]:
    """The levels of each drug, by its id; results after `as_of` are left out."""
    by_measure: dict[str, list[LabResult]] = {}
    for result in results:
        if result.day <= as_of and result.measure in measures and measures[result.measure].level_of is not None:
            by_measure.setdefault(result.measure, []).append(result)
    found = {}
    for name, own in by_measure.items():
        measure = measures[name]
        cut_offs = measure.cut_offs
        ingredient = measure.level_of or ""
        adequate = cut_offs["level-adequate-from"].on(as_of)
        found[ingredient] = DrugLevels(
            ingredient=ingredient,
            label=measure.label,
            unit=measure.unit or "",
            adequate_from=adequate.amount,
            borderline_from=_amount(cut_offs.get("level-borderline-from"), as_of),
            toxic_above=_amount(cut_offs.get("level-toxic-above"), as_of),
            results=tuple(sorted(own, key=lambda result: (result.day, result.order, result.reference))),
            cites=adequate.cites,
        )
    return MappingProxyType(found)


def _amount(value: DatedValue | None, day: date) -> float | None:
    return value.on(day).amount if value is not None else None


def band_of_level(result: LabResult, levels: DrugLevels) -> Band | None:
    """Where one level stands; None when its unit is unknown or it is censored across a cut-off."""
    if result.amount is None:
        return None
    below = result.amount.below(levels.adequate_from)
    if below is None:
        return None
    if below:
        if levels.borderline_from is None:
            return Band.BELOW
        under = result.amount.below(levels.borderline_from)
        return None if under is None else Band.BELOW if under else Band.BORDERLINE
    if levels.toxic_above is None:
        return Band.WITHIN
    over = result.amount.above(levels.toxic_above)
    return None if over is None else Band.ABOVE if over else Band.WITHIN


def level_effect(days: Days, levels: DrugLevels | None, *, adequate: Callable[[CoveredDay], bool]) -> LevelEffect:
    """What the levels drawn on `days` (one era) change; `adequate` tells an adequate dose on the widest reading."""
    if levels is None:
        return NO_EFFECT
    by_dose: dict[DailyDose, Band] = {}
    bands: list[Band] = []
    flags: list[str] = []
    reasons: list[Reason] = []
    capped = False
    for result in levels.results:
        covered = days.get(result.day)
        if covered is None:
            continue
        before = days.last_before(result.day)
        band = band_of_level(result, levels)
        if band is None or before is None or days[before].dose != covered.dose:
            flags.append("level_unknown")
            reasons.append(_reason(result, levels, None))
            continue
        bands.append(band)
        reasons.append(_reason(result, levels, band))
        if band in _FLAGS and (band is not Band.BELOW or adequate(covered)):
            flags.append(_FLAGS[band])
        capped = capped or (band is Band.BELOW and adequate(covered))
        if covered.dose.low == covered.dose.high:
            by_dose[covered.dose] = _lower(band, by_dose.get(covered.dose, band))
    return LevelEffect(
        at_most_borderline=capped,
        lowest=min(bands, key=_ORDER.index, default=None),
        by_dose=MappingProxyType(by_dose),
        flags=tuple(dict.fromkeys(flags)),
        reasons=tuple(reasons),
    )


def _lower(one: Band, other: Band) -> Band:
    return min(one, other, key=_ORDER.index)


def _reason(result: LabResult, levels: DrugLevels, band: Band | None) -> Reason:
    """The level, its cut-offs and what it shows."""
    shown = f"{result.amount} {levels.unit}" if result.amount is not None else "in a unit that is not known"
    said = band.value if band is not None else "shows nothing about this dose"
    facts: list[tuple[str, str | int | float]] = [("adequate_from", levels.adequate_from)]
    cut_offs = f"{levels.adequate_from:g} {levels.unit} or more is adequate"
    if result.amount is not None:
        facts.insert(0, ("level", str(result.amount)))
    if levels.toxic_above is not None:
        facts.append(("toxic_above", levels.toxic_above))
        cut_offs += f", above {levels.toxic_above:g} too high"
    text = f"{levels.label.capitalize()} {shown} on {result.day}: {said} ({cut_offs})."
    return Reason(rule="A4", text=text, facts=tuple(facts), cites=levels.cites, uses=(result.reference,))
