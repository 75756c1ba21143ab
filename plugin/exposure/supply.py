"""What one record supplies: from when, for how many days, at which dose on each.

`plugin.exposure.layer_days` and `order_supply` count the days that the records of one layer cover together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from plugin.exposure.directed_dose import REMEMBERED, ToldDose, told_by
from plugin.exposure.dose import UNKNOWN, DailyDose, DoseSchedule, days_lasting, schedule_of, units_per_day
from plugin.record import Component, DosageLine, Layer, MedicationFact, Product
from plugin.timeline import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredDay:
    """One day on a drug. `sure` is False where supply is only possible; `repeat_only`: known from repeats only.

    `grade` is the exposure grade A, B or C; `weak`: C whatever follows, as the dose is known from words alone or the
    start not to the day. `doubtful` marks days of recorded partial adherence.
    """

    dose: DailyDose
    layer: Layer
    grade: str
    sure: bool = True
    repeat_only: bool = False
    doubtful: bool = False
    weak: bool = False
    uses: tuple[str, ...] = ()

    def at(self, dose: DailyDose) -> CoveredDay:
        """The same day at another dose; written out, as it is asked of every record."""
        if dose is self.dose:
            return self
        return CoveredDay(
            dose=dose,
            layer=self.layer,
            grade=self.grade,
            sure=self.sure,
            repeat_only=self.repeat_only,
            doubtful=self.doubtful,
            weak=self.weak,
            uses=self.uses,
        )


Days = Timeline[CoveredDay]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """One record's contribution: from `start`, `days` days a fill (None unknown), not beyond `cut` (exclusive).

    `first_days` is the length of the first fill where it has one of its own. `uses` are the records it is read from.
    """

    fact: MedicationFact
    start: date
    days: int | None
    first_days: int | None
    schedule: DoseSchedule
    amount: float | None
    uses: tuple[str, ...]
    cut: date | None = None
    grade: str = "A"

    @property
    def strength(self) -> tuple[float | None, str]:
        """What tells two products of one ingredient apart: amount per unit and release."""
        return (self.amount, self.fact.product.release if self.fact.product else "")

    @property
    def first_dose(self) -> DailyDose:
        """The dose of the first day."""
        return self.schedule.steps[0].dose if self.schedule.steps else UNKNOWN


class Regimens:
    """Schedules and units a day by directions and product, each worked out once: refills repeat them.

    Directions and products are told apart as objects: reading gives refills the very same ones. `agreement` is the
    share by which a dose read from words may differ from the supply.
    """

    def __init__(self, agreement: float = 0.0) -> None:
        self._agreement = agreement
        self._known: dict[tuple[object, ...], tuple[MedicationFact, Regimen]] = {}

    def of(self, fact: MedicationFact, component: Component) -> Regimen:
        """The dose schedule of one ingredient of a record, and its units a day (None when not that simple)."""
        key = (id(fact.product), component.ingredient, id(fact.dosage), fact.quantity, fact.days_supply)
        known = self._known.get(key)
        if known is None:  # with the fact, so that its parts keep their identity
            known = self._known[key] = fact, self._worked_out(fact, component)
        return known[1]

    def _worked_out(self, fact: MedicationFact, component: Component) -> Regimen:
        product = fact.product
        simple = product is not None and not product.pack and len(product.components) == 1 and len(fact.dosage) == 1
        if simple and not fact.dosage[0].as_needed:
            told = told_by(fact.dosage[0])
            return _of_one_line(told, component, fact.quantity, fact.days_supply, self._agreement)
        return schedule_of(fact, component, agreement=self._agreement), units_per_day(fact)


Regimen = tuple[DoseSchedule, float | None]


@lru_cache(maxsize=REMEMBERED)
def _of_one_line(
    told: ToldDose, component: Component, quantity: float | None, days_supply: float | None, agreement: float
) -> Regimen:
    """The regimen of one scheduled instruction of a product with one ingredient, whoever's it is."""
    fact = MedicationFact(
        reference="",
        layer=Layer.DISPENSE,
        status="",
        product=Product(label="", components=(component,), recognised_by=""),
        dosage=(DosageLine(**told._asdict()),),
        quantity=quantity,
        days_supply=days_supply,
    )
    return schedule_of(fact, component, agreement=agreement), units_per_day(fact)


def supply_of(
    fact: MedicationFact,
    component: Component,
    *,
    start: date,
    cut: date | None = None,
    regimens: Regimens | None = None,
    uses: tuple[str, ...] = (),
) -> Supply:
    """What one record supplies of one ingredient, starting on `start`.

    A start known only to the month or year, and a dose known from words alone, are grade C.
    """
    schedule, a_day = (regimens or Regimens()).of(fact, component)
    inexact = fact.start is not None and not fact.start.is_exact
    return Supply(
        fact=fact,
        start=start,
        days=_days_supplied(fact, component, schedule, a_day),
        first_days=_first_fill(fact, a_day),
        schedule=schedule,
        amount=component.amount,
        uses=uses or (fact.reference,),
        cut=cut,
        grade="C" if inexact or schedule.weak else "A",
    )


def _days_supplied(
    fact: MedicationFact, component: Component, schedule: DoseSchedule, a_day: float | None
) -> int | None:
    """Days one fill lasts: stated days, or quantity over units a day, or the bounded length of the dosage."""
    stated = int(fact.days_supply) if fact.days_supply is not None else None
    lasting = int(fact.quantity / a_day + 1e-9) if fact.quantity and a_day else None
    counted = lasting if lasting is not None else days_lasting(fact, component, schedule)
    first, second = (counted, stated) if fact.layer is Layer.ORDER else (stated, counted)
    for days in (first, second):
        if days is not None and days > 0:
            return days
    bounded = _bounded_days(fact)
    return bounded if bounded is not None and bounded > 0 else None


def _first_fill(fact: MedicationFact, a_day: float | None) -> int | None:
    """Days of a first fill of another size, None when the first fill is like the others or its length is unknown."""
    counted = int(fact.initial_quantity / a_day + 1e-9) if fact.initial_quantity and a_day else None
    stated = int(fact.initial_days) if fact.initial_days is not None else None
    return counted or stated or None


def _bounded_days(fact: MedicationFact) -> int | None:
    bounded = [line for line in fact.dosage if line.bounds_days is not None]
    lengths = [round(line.bounds_days or 0) for line in bounded]
    if lengths:
        together = len({line.sequence for line in bounded}) == 1 and bounded[0].sequence is not None
        return max(lengths) if together else sum(lengths)
    if fact.start is not None and fact.end is not None and fact.end.latest >= fact.start.latest:
        return (fact.end.latest - fact.start.latest).days + 1
    return None


def profile_of(schedule: DoseSchedule, start: date, days: int, covered: CoveredDay) -> Timeline[CoveredDay]:
    """`days` days from `start` like `covered`, each with the dose of the schedule; its last step lasts as supplied.

    Where `covered` has the first dose already, its days are that very value.
    """
    stretches: list[tuple[int, int, CoveredDay]] = []
    at, stop = start.toordinal(), start.toordinal() + days
    dose = UNKNOWN
    for step in schedule.steps:
        length = stop - at if step.days is None else max(0, min(step.days, stop - at))
        dose = step.dose
        if length > 0:
            stretches.append((at, at + length, covered.at(dose)))
        at += length
    if at < stop:
        stretches.append((at, stop, covered.at(dose)))
    return Timeline(stretches)
