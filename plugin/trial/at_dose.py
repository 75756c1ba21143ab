"""On which days was the dose high enough, and what is the longest run of them? No definition has a say here.

A day is *sure* when its lowest reading reaches the default dose, *possible* when its highest reading reaches the
lenient dose (rule A1). The best run of such days has short holes and enough coverage (A2); a plasma level outranks the
dose (A4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from mappings.arranged import Arranged
from mappings.schema import Drug, Reconstruction
from plugin.exposure.eras import Era
from plugin.exposure.supply import CoveredDay, Days
from plugin.record import PatientFact
from plugin.spans import DateSpan
from plugin.trial.levels import NO_EFFECT, Band, DrugLevels, LevelEffect, level_effect

# What a level proves about the days at its dose: at the default dose, or at least at the lenient one.
_PROVEN = frozenset({Band.WITHIN, Band.ABOVE})
_REACHED = _PROVEN | {Band.BORDERLINE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Daily dose in `unit`: at `default` and above sure, below `lenient` never."""

    lenient: float
    default: float
    unit: str
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DosesInForce:
    """The two doses of a drug from the day `since` on; `older`, if any: those of patients of `older_from` years on."""

    since: date
    doses: Thresholds
    older: Thresholds | None
    older_from: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A stretch of at-dose days: `days` of them inside `span`; `graded` on grade A or B; `coverage` a share."""

    span: DateSpan
    days: int
    graded: int
    coverage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AtDose:
    """The days of an era at its dose, on which no definition has a say.

    `sure`/`possible` are the best runs by either reading, None when there is none; `days` are all possible days.
    `thresholds` are None where the drug has none, `effect` is what plasma levels change, `uses` the records behind.
    """

    thresholds: Thresholds | None
    effect: LevelEffect
    sure: Run | None
    possible: Run | None
    days: int
    uses: tuple[str, ...]


def doses_in_force(drug: Drug) -> tuple[DosesInForce, ...]:
    """The drug's two doses and the days from which they hold, oldest first; empty where it has none.

    With the geriatric lenient dose where there is one.
    """
    dose = drug.adequate_dose
    if dose is None:
        return ()
    geriatric = dose.lenient_geriatric
    dated = [dose.lenient, dose.default, *((geriatric.amount, geriatric.from_age) if geriatric is not None else ())]
    found = []
    for day in sorted({date.min, *(effective for value in dated for effective in value.values)}):
        lenient, default = dose.lenient.on(day), dose.default.on(day)
        low, cites, unit = lenient.amount, (*default.cites, *lenient.cites), dose.default.unit
        older, older_from = None, 0.0
        if geriatric is not None:
            least = geriatric.amount.on(day)
            older_from = geriatric.from_age.on(day).amount
            older = _thresholds(min(low, least.amount), default.amount, unit, (*cites, *least.cites))
        doses = _thresholds(low, default.amount, unit, cites)
        found.append(DosesInForce(since=day, doses=doses, older=older, older_from=older_from))
    return tuple(found)


def _thresholds(lenient: float, default: float, unit: str, cites: tuple[str, ...]) -> Thresholds:
    return Thresholds(lenient=lenient, default=default, unit=unit, cites=tuple(dict.fromkeys(cites)))


def _of_all(drugs: Mapping[str, Drug]) -> Mapping[str, tuple[DosesInForce, ...]]:
    return MappingProxyType({name: doses_in_force(drug) for name, drug in drugs.items()})


doses_of_drugs = Arranged(_of_all)
"""The doses of all drugs of a knowledge, by drug."""


def thresholds_of(doses: tuple[DosesInForce, ...], *, patient: PatientFact | None, day: date) -> Thresholds | None:
    """The two doses in force on `day`, with the geriatric lenient dose where the age is known to reach it."""
    if not doses:
        return None
    held = doses[0]
    for later in doses[1:]:
        if later.since > day:
            break
        held = later
    if held.older is not None and patient is not None:
        age = patient.age_on(day)
        if age is not None and age[0] >= held.older_from:
            return held.older
    return held.doses


def is_sure(day: CoveredDay, doses: Thresholds) -> bool:
    """At the default dose on every reading, on days surely taken."""
    return day.sure and not day.doubtful and day.dose.low >= doses.default - 1e-9


def is_possible(day: CoveredDay, doses: Thresholds) -> bool:
    """At the lenient dose on the most generous reading."""
    return day.dose.high >= doses.lenient - 1e-9


def is_reached(day: CoveredDay, doses: Thresholds, effect: LevelEffect) -> bool:
    """Possibly at the lenient dose, by the dose or by a level."""
    return is_possible(day, doses) or effect.band_of(day) in _REACHED


def _surely_at_dose(day: CoveredDay, doses: Thresholds, effect: LevelEffect) -> bool:
    band = effect.band_of(day)
    if band is None:
        return is_sure(day, doses)
    return band in _PROVEN and day.sure and not day.doubtful


def best_run(days: Days, rules: Reconstruction, *, graded_first: bool) -> Run | None:
    """The run with most days whose holes are short enough and whose coverage is high enough.

    `days` are the at-dose days only. `graded_first`: most days on grade A or B before most days.
    """
    blocks: list[list[int]] = []  # first, stop, days of grade A or B
    for first, stop, day in days.stretches:
        graded = stop - first if day.grade in ("A", "B") else 0
        if blocks and blocks[-1][1] == first:
            blocks[-1][1:] = [stop, blocks[-1][2] + graded]
        else:
            blocks.append([first, stop, graded])
    most = _most_from(blocks, rules.run_gap_days, graded_first=graded_first)
    best: Run | None = None
    best_rank = (0, 0)
    for place, (begin, _, _) in enumerate(blocks):
        if best is not None and most[place] <= best_rank:
            continue
        total = graded = 0
        end = begin
        for first, stop, good in blocks[place:]:
            if first - end > rules.run_gap_days:
                break
            total, graded, end = total + stop - first, graded + good, stop
            coverage = total / (end - begin)
            rank = (graded, total) if graded_first else (total, graded)
            if coverage >= rules.run_coverage_min - 1e-9 and (best is None or rank > best_rank):
                span = DateSpan(date.fromordinal(begin), date.fromordinal(end - 1))
                best, best_rank = Run(span=span, days=total, graded=graded, coverage=coverage), rank
    return best


def _most_from(blocks: Sequence[Sequence[int]], largest_gap: int, *, graded_first: bool) -> list[tuple[int, int]]:
    """For each block the rank that a run from it on can have at most: with all that follows without too long a hole."""
    most: list[tuple[int, int]] = []
    total = graded = following = 0
    for first, stop, good in reversed(blocks):
        if following - stop > largest_gap:
            total = graded = 0
        total, graded, following = total + stop - first, graded + good, first
        most.append((graded, total) if graded_first else (total, graded))
    return most[::-1]


def at_dose_of(
    era: Era, doses: Thresholds | None, *, rules: Reconstruction, levels: DrugLevels | None = None
) -> AtDose:
    """The days of one era at its dose, and its best runs.

    `levels` are the drug's plasma levels: where one was drawn it outranks the dose, in both directions (rule A4).
    """
    if doses is None:
        return AtDose(thresholds=None, effect=NO_EFFECT, sure=None, possible=None, days=0, uses=era.uses())
    effect = level_effect(era.days, levels, adequate=lambda day: is_possible(day, doses))
    if effect.by_dose:
        reached = era.days.where(lambda day: is_reached(day, doses, effect))
        surely = era.days.where(lambda day: _surely_at_dose(day, doses, effect))
    else:  # as most: by the dose alone
        reached = era.days.where(lambda day: is_possible(day, doses))
        surely = era.days.where(lambda day: is_sure(day, doses))
    return AtDose(
        thresholds=doses,
        effect=effect,
        sure=best_run(surely, rules, graded_first=True),
        possible=best_run(reached, rules, graded_first=False),
        days=len(reached),
        uses=era.uses(),
    )
