"""The named facts that decision tables test, computed from one record and what was concluded from it.

A fact has a value only where the record says so: a condition of which nothing is recorded is absent only when all
conditions were read, and a result that cannot be interpreted is no value. Facts that this version cannot compute (a
bipolarity screen, the family history, what only a drafted order would tell) have no value, so that no table rests on
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mappings.decision_tables import Fact
from mappings.domain_schema import Measure
from mappings.load import Knowledge
from mappings.schema import Drug
from plugin.adequacy import Adequacy
from plugin.amounts import Amount
from plugin.eras import Era
from plugin.lab_results import newest, place_of
from plugin.measurement import Status
from plugin.record import LABORATORY, ConditionFact, LabResult, MedicationFact, PatientRecord, Read, Verification
from plugin.taken import Taking, takings
from plugin.trials import Trial

_PLAIN = str.maketrans(dict.fromkeys("[]{}"))
_ENDED = frozenset({"inactive", "resolved", "remission"})
_FAILED = (Status.FAILED_MEASURED, Status.FAILED_PROXY)
_TIMED = (Adequacy.ADEQUATE, Adequacy.BORDERLINE, Adequacy.INADEQUATE, Adequacy.IN_PROGRESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A fact that is known. `shown` is its value in words, `day` the day it is of, `uses` what it rests on."""

    value: bool | float | str
    shown: str = ""
    day: date | None = None
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """What was concluded before: eras of the whole life, trials of the episode and before it, orders never filled."""

    eras: tuple[Era, ...] = ()
    trials: tuple[Trial, ...] = ()
    earlier: tuple[Trial, ...] = ()
    never_filled: tuple[MedicationFact, ...] = ()


class NamedFacts:
    """Looks up facts by name for one record on one day; computed when asked for."""

    def __init__(self, record: PatientRecord, concluded: Concluded, *, knowledge: Knowledge, as_of: date) -> None:
        self._record = record
        self._concluded = concluded
        self._facts: Mapping[str, Fact] = knowledge.clinical.facts
        self._measures: Mapping[str, Measure] = knowledge.clinical.measures
        self._drugs: Mapping[str, Drug] = knowledge.drugs
        self._labels = {category.id: category.label for category in knowledge.conditions.categories}
        self._takings = takings(record, concluded.eras, knowledge, as_of)
        self._as_of = as_of
        self._computed: Mapping[str, Callable[[], Known | None]] = {
            "run-coverage": self._coverage,
            "not-filled": self._not_filled,
            "adherence-doubted": lambda: self._flagged("adherence_doubtful"),
            "level-below-range": lambda: self._flagged("level_below_range"),
            "never-above-minimum": self._never_above_minimum,
            "onset-age": self._onset_age,
            "failed-antidepressants": self._failed,
        }

    def label(self, name: str) -> str:
        """What the fact is called."""
        return self._facts[name].label

    def unmeasured(self, name: str) -> str:
        """The label of what was to be measured for a measure fact; the fact's own label for another."""
        measure = self._measures.get(self._facts[name].measure or "")
        return measure.label if measure is not None else self.label(name)

    def value(self, name: str, window: int | None = None) -> Known | None:
        """The value of a fact; `window` limits in days how old it may be. None when it is unknown."""
        fact = self._facts[name]
        if fact.kind == "patient":
            return self._patient(name)
        if fact.kind == "condition":
            return self._condition(fact, window)
        if fact.kind == "medication":
            return self._medication(fact, window)
        if fact.kind == "measure":
            return self._measure(fact, window)
        computed = self._computed.get(name)
        return computed() if computed is not None else None

    def is_gap(self, name: str, window: int | None = None) -> bool:
        """Whether nothing at all was measured for a measure fact although such data were read completely."""
        fact = self._facts[name]
        return (
            fact.kind == "measure"
            and self._record.read(LABORATORY) is Read.COMPLETE
            and not self._results(fact, window)
        )

    def _since(self, window: int | None) -> date:
        return date.min if window is None else self._as_of - timedelta(days=window)

    def _patient(self, name: str) -> Known | None:
        patient = self._record.patient
        if patient is None:
            return None
        if name == "sex":
            choices = self._facts[name].choices
            return (
                Known(value=patient.sex, shown=patient.sex, uses=(patient.reference,))
                if patient.sex in choices
                else None
            )
        age = patient.age_on(self._as_of)
        if age is None or age[0] != age[1]:
            return None
        return Known(value=age[0], shown=str(age[0]), uses=(patient.reference,))

    def _condition(self, fact: Fact, window: int | None) -> Known | None:
        held = [c for c in self._record.conditions if c.categories & set(fact.categories)]
        sure = [c for c in held if c.verification is Verification.CONFIRMED and self._holds(c, fact, window)]
        if sure:
            names = dict.fromkeys(self._labels[c] for one in sure for c in fact.categories if c in one.categories)
            return Known(value=True, shown=", ".join(names), uses=tuple(one.reference for one in sure))
        suspected = any(c.verification is Verification.SUSPECTED for c in held)
        complete = self._record.read("Condition") is Read.COMPLETE
        return Known(value=False) if complete and not suspected else None

    def _holds(self, condition: ConditionFact, fact: Fact, window: int | None) -> bool:
        dated = condition.recorded or condition.onset
        if dated is not None and dated.earliest > self._as_of:
            return False
        if window is not None and (dated is None or dated.latest < self._since(window)):
            return False
        if fact.status == "ever":
            return True
        ended = condition.abatement is not None and condition.abatement.latest <= self._as_of
        return condition.clinical not in _ENDED and not ended

    def _medication(self, fact: Fact, window: int | None) -> Known | None:
        first = self._as_of - timedelta(days=window or 0)
        found = [taking for taking in self._takings if fact.group in taking.groups and taking.meets(first, self._as_of)]
        if found:
            return Known(value=True, shown=_names(found), uses=tuple(dict.fromkeys(u for t in found for u in t.uses)))
        complete = self._record.read("MedicationRequest") is Read.COMPLETE
        return Known(value=False) if complete else None

    def _results(self, fact: Fact, window: int | None) -> list[LabResult]:
        return [
            result
            for result in self._record.laboratory
            if result.measure == fact.measure and self._since(window) <= result.day <= self._as_of
        ]

    def _measure(self, fact: Fact, window: int | None) -> Known | None:
        measure = self._measures.get(fact.measure or "")
        results = self._results(fact, window)
        if measure is None or not results:
            return None
        result, places = newest(results, measure, self._record.patient, self._as_of)
        shown = _with_unit(result.amount, measure) if result.amount is not None else result.meaning
        known = Known(value=False, shown=shown, day=result.day, uses=(result.reference,))
        if fact.type == "choice":
            return _valued(known, result.meaning) if result.meaning in fact.choices else None
        if fact.type == "number":
            usable = result.amount is not None and not result.amount.bound and fact.unit == (measure.unit or "points")
            return _valued(known, result.amount.value) if usable and result.amount is not None else None
        inside = place_of(fact.position, places)
        return None if inside is None else _valued(known, inside)

    def _timed(self) -> Sequence[Trial]:
        return [t for t in self._concluded.trials if t.judged.adequacy in _TIMED and t.judged.era.days]

    def _coverage(self) -> Known | None:
        shares = [(len(t.judged.era.days) / len(t.judged.era.span), t) for t in self._timed()]
        if not shares:
            return None
        share, trial = min(shares, key=lambda one: one[0])
        return Known(value=share, shown=f"{trial.drug.label} {share:.0%}", uses=trial.sources)

    def _not_filled(self) -> Known | None:
        orders = self._concluded.never_filled
        named = (i for order in orders if order.product is not None for i in order.product.ingredients)
        shown = ", ".join(dict.fromkeys(self._drugs[ingredient].label for ingredient in named))
        return Known(value=bool(orders), shown=shown, uses=tuple(order.reference for order in orders))

    def _flagged(self, flag: str) -> Known | None:
        found = [t for t in self._concluded.trials if flag in t.judged.flags]
        uses = dict.fromkeys(use for t in found for reason in t.judged.reasons for use in reason.uses)
        return Known(value=bool(found), shown=_drugs(found), uses=tuple(uses))

    def _never_above_minimum(self) -> Known | None:
        found = []
        for trial in self._concluded.trials:
            doses = trial.judged.thresholds
            if doses is None or trial.judged.adequacy is not Adequacy.ADEQUATE or trial.outcome.status not in _FAILED:
                continue
            if all(day.dose.high <= doses.default for day in trial.judged.era.days.each()):
                found.append(trial)
        return Known(value=bool(found), shown=_drugs(found), uses=tuple(u for t in found for u in t.sources))

    def _onset_age(self) -> Known | None:
        """The age at the first depression on record: the first of all may have been earlier."""
        patient = self._record.patient
        dated = [
            (c.onset, c.reference)
            for c in self._record.conditions
            if "depression" in c.categories and c.verification is Verification.CONFIRMED and c.onset is not None
        ]
        if patient is None or not dated:
            return None
        onset, reference = min(dated, key=lambda one: (one[0].latest, one[1]))
        age = patient.age_on(onset.latest)
        return Known(value=age[1], shown=str(age[1]), uses=(reference,)) if age is not None else None

    def _failed(self) -> Known | None:
        trials = [
            t
            for t in (*self._concluded.earlier, *self._concluded.trials)
            if t.judged.adequacy is Adequacy.ADEQUATE and t.outcome.status in _FAILED
        ]
        distinct = {t.ingredient: t for t in trials}
        uses = tuple(dict.fromkeys(use for t in trials for use in t.sources))
        return Known(value=len(distinct), shown=_drugs(tuple(distinct.values())), uses=uses)


def _with_unit(amount: Amount, measure: Measure) -> str:
    """An amount with its unit as people write it, without the brackets of UCUM."""
    return f"{amount} {(measure.unit or '').translate(_PLAIN)}".strip()


def _valued(known: Known, value: bool | float | str) -> Known:
    return Known(value=value, shown=known.shown, day=known.day, uses=known.uses)


def _drugs(trials: Sequence[Trial]) -> str:
    return ", ".join(dict.fromkeys(trial.drug.label for trial in trials))


def _names(found: Sequence[Taking]) -> str:
    return ", ".join(dict.fromkeys(taking.label for taking in found if taking.label))
