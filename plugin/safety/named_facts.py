"""The named facts that decision tables test, computed from one record and what was concluded from it.

A fact has a value only where the record says so: a condition of which nothing is recorded is absent only when all
conditions were read, and a result that cannot be interpreted is no value. `NamedFacts.value` is what is sure,
`NamedFacts.candidates` what may hold, for safety. Facts that this version cannot compute (a bipolarity screen, the
family history) have no value, so that no table rests on them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from datetime import date, timedelta
from typing import TypeVar

from mappings.decision_tables import Fact
from mappings.domain_schema import Measure
from mappings.load import Knowledge
from mappings.schema import category_labels
from plugin.domains.lab_results import newest
from plugin.record import (
    LABORATORY,
    ConditionFact,
    DraftOrder,
    LabResult,
    Layer,
    PatientRecord,
    Read,
    StandingOrder,
    Verification,
)
from plugin.safety.concluded_facts import Concluded, ConcludedFacts
from plugin.safety.decision_index import index_of
from plugin.safety.known_values import (
    Certainty,
    Known,
    certainty_of,
    is_held,
    latest_results,
    read_result,
    strongest,
    sure_only,
    worst_answer,
)
from plugin.safety.taken import (
    GOING_ON,
    Taking,
    drafted,
    intake_of,
    names_of,
    standing,
    stopped_on_no_day,
    supplied,
    takings,
)

__all__ = ["Concluded", "Known", "NamedFacts"]

T = TypeVar("T")


class NamedFacts:
    """Looks up facts by name for one record on one day; computed when asked for.

    `stood` are orders of the request that stood before it: their drugs were taken. What is drafted counts only in
    `for_order` and `beside`.
    """

    def __init__(
        self,
        record: PatientRecord,
        concluded: Concluded,
        *,
        knowledge: Knowledge,
        as_of: date,
        stood: Sequence[StandingOrder] = (),
    ) -> None:
        self._record = record
        self._facts: Mapping[str, Fact] = knowledge.clinical.facts
        self._measures: Mapping[str, Measure] = knowledge.clinical.measures
        self._labels = category_labels(knowledge.conditions)
        self._knowledge, self._stood = knowledge, stood
        self._takings = (*takings(record, concluded.eras, knowledge, as_of), *standing(stood, knowledge, as_of))
        # A switch is inferred: a wash-out runs from the last day that the old supply reaches.
        by_supply = supplied(concluded.exposures, knowledge) if concluded.exposures is not None else ()
        self._supplied = (*by_supply, *stopped_on_no_day(record, knowledge, as_of))
        self._as_of = as_of
        self._ordered: str | None = None
        self._ordered_dose: Known | None = None
        self._dose_readable = True
        self._drafted: tuple[Taking, ...] = ()
        self._history = ConcludedFacts(record, concluded, knowledge)
        # Every rule asks again and records are long: everything is found by what it is about, and once.
        self._conditions = _grouped(record.conditions, lambda condition: condition.categories)
        self._taken = _grouped(self._takings, lambda taking: taking.groups)
        self._once_supplied = _grouped(self._supplied, lambda taking: taking.groups)
        self._measured = _grouped(record.laboratory, lambda result: (result.measure,))
        self._answered = _grouped(record.answers, lambda answer: (answer.instrument,))
        self._met: dict[tuple[str, int | None], tuple[Known, ...]] = {}
        self._recordable: Set[str] | None = None

    @property
    def recordable(self) -> Set[str]:
        """The facts of which something is recorded, drafted or concluded; no other can have more than an absence."""
        if self._recordable is None:
            drafted = (group for taking in self._drafted for group in taking.groups)
            self._recordable = index_of(self._knowledge).recordable(
                {
                    "condition": self._conditions,
                    "medication": (*self._taken, *self._once_supplied, *drafted),
                    "measure": self._measured,
                    "answer": self._answered,
                }
            )
        return self._recordable

    @property
    def takings(self) -> tuple[Taking, ...]:
        """Every drug known to have been taken, with its days."""
        return self._takings

    def is_ended_here(self, taking: Taking, drug: str) -> bool:
        """Whether the request ends the order of `drug` that a course rests on, and nothing on record keeps it going.

        What is left of its supply goes with it; another order that is active, and an active report that does not name
        the ended order, keep it going.
        """
        ended = {order.reference for order in self._stood if order.last is not None and drug in order.ingredients}
        going_on = {order.reference for order in self._stood if order.last is None}
        going_on |= {
            fact.reference
            for fact in self._record.medications
            if fact.layer in (Layer.ORDER, Layer.REPORT)
            and fact.status in GOING_ON
            and ended.isdisjoint((fact.reference, *fact.based_on))
        }
        return bool(ended) and going_on.isdisjoint(taking.uses)

    def with_suicidality(self, level: str, uses: tuple[str, ...]) -> NamedFacts:
        """The same facts once the level of recorded suicidality is concluded; empty when it was not assessed."""
        known = copy.copy(self)
        known._history = self._history.with_suicidality(level, uses)
        known._met = {}
        return known

    def for_order(
        self,
        drug: str | None,
        dose: Known | None,
        *,
        readable: bool = True,
        reference: str = "",
        orders: Sequence[DraftOrder] = (),
    ) -> NamedFacts:
        """The same facts when `drug` is being ordered: taking that very drug already is no conflict with it.

        `orders` are all drafts of the request: those but the order itself (`reference`) count as taken. `readable`:
        whether `dose` is what the order says, and not the least it can mean.
        """
        ordered = self.beside([order for order in orders if order.reference != reference])
        ordered._ordered, ordered._ordered_dose, ordered._dose_readable = drug, dose, readable
        ordered._met = {}
        return ordered

    def beside(self, orders: Sequence[DraftOrder], *, but: Collection[str] = ()) -> NamedFacts:
        """The same facts when what is drafted counts as taken on the day, without the drafts of the drugs `but`."""
        known = drafted(orders, self._stood, self._knowledge, self._as_of)
        beside = copy.copy(self)
        beside._drafted = tuple(taking for taking in known if taking.groups.isdisjoint(but))
        if beside._drafted != self._drafted:  # else what was found holds for both
            beside._met, beside._recordable = {}, None
        return beside

    def label(self, name: str) -> str:
        """What the fact is called."""
        return self._facts[name].label

    def past_label(self, name: str) -> str:
        """What a fact about drugs is called when all of them have ended."""
        return self._facts[name].past

    def names_itself(self, name: str) -> bool:
        """Whether the label of a fact names all that the fact can be about: one drug, or one kind of condition."""
        fact = self._facts[name]
        if fact.kind == "medication":
            return fact.group in self._knowledge.drugs
        return fact.kind == "condition" and len(fact.categories) == 1

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
        if fact.kind == "answer":
            return self._answer(fact, window)
        if fact.kind == "failed":
            return self._history.has_failed(fact)
        if fact.kind == "order":
            return self._ordered_dose if fact.type == "number" else Known(value=not self._dose_readable)
        return self._history.value(name)

    def candidates(self, name: str, window: int | None = None) -> tuple[Known, ...]:
        """What the value may be, with how sure each is; empty when nothing is recorded.

        Either age that the written birth date allows, a condition that is only suspected or has no date, each of
        several results of one moment, a number known as a bound.
        """
        known = self._met.get((name, window))
        if known is None:
            known = self._met[name, window] = self._candidates(name, window)
        return known

    def _candidates(self, name: str, window: int | None) -> tuple[Known, ...]:
        fact = self._facts[name]
        if fact.kind == "patient" and name != "sex":
            return self._ages()
        if fact.kind == "condition":
            known = self._suspected(fact, window)
        elif fact.kind == "measure" and fact.position is None:
            return self._latest(fact, window)
        else:
            known = self.value(name, window)
        return (known,) if known is not None else ()

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
        if name == "sex":
            if patient is None or patient.sex not in self._facts[name].choices:
                return None
            return Known(value=patient.sex, shown=patient.sex, uses=(patient.reference,))
        ages = self._ages()
        return ages[0] if len(ages) == 1 else None

    def _ages(self) -> tuple[Known, ...]:
        patient = self._record.patient
        age = patient.age_on(self._as_of) if patient is not None else None
        if patient is None or age is None:
            return ()
        return tuple(Known(value=years, shown=str(years), uses=(patient.reference,)) for years in dict.fromkeys(age))

    def _condition(self, fact: Fact, window: int | None) -> Known | None:
        named = self._named(fact)
        since = self._since(window)
        held = [c for c in named if is_held(c, fact, since=since, as_of=self._as_of, dated=True)]
        sure = strongest([c for c in held if certainty_of(c) is Certainty.SURE], fact, self._labels)
        if sure is not None:
            return sure
        suspected = any(c.verification is Verification.SUSPECTED for c in named)
        return self._absent() if not suspected else None

    def _suspected(self, fact: Fact, window: int | None) -> Known | None:
        named = [c for c in self._named(fact) if c.verification is not Verification.REFUTED]
        since = self._since(window)
        held = [c for c in named if is_held(c, fact, since=since, as_of=self._as_of, dated=False)]
        return strongest(held, fact, self._labels) or self._absent()

    def _named(self, fact: Fact) -> list[ConditionFact]:
        """The conditions of the fact's categories, each once."""
        found = (c for category in fact.categories for c in self._conditions.get(category, ()))
        return list({id(condition): condition for condition in found}.values())

    def _absent(self) -> Known | None:
        """Not there: only when all conditions were read."""
        return Known(value=False) if self._record.read("Condition") is Read.COMPLETE else None

    def _medication(self, fact: Fact, window: int | None) -> Known | None:
        first = self._as_of - timedelta(days=window or 0)
        group = fact.group or ""
        known = (*self._taken.get(group, ()), *(self._once_supplied.get(group, ()) if window is not None else ()))
        found = [t for t in known if self._ordered not in t.groups and t.meets(first, self._as_of)]
        being = [t for t in self._drafted if group in t.groups and self._ordered not in t.groups]
        if found or being:
            uses = tuple(dict.fromkeys(u for t in (*found, *being) for u in t.uses))
            return Known(
                value=True,
                shown=names_of(found),
                ordered=names_of(being),
                taken=bool(found),
                uses=uses,
                intake=intake_of(found, self._as_of),
            )
        complete = self._record.read("MedicationRequest") is Read.COMPLETE
        return Known(value=False) if complete else None

    def _results(self, fact: Fact, window: int | None) -> list[LabResult]:
        results = self._measured.get(fact.measure or "", ())
        return [result for result in results if self._since(window) <= result.day <= self._as_of]

    def _measure(self, fact: Fact, window: int | None) -> Known | None:
        measure = self._measures.get(fact.measure or "")
        results = self._results(fact, window)
        if measure is None or not results:
            return None
        result, places = newest(results, measure, self._record.patient, self._as_of)
        known = read_result(result, fact, measure, places)
        return next(sure_only([known]), None) if known is not None else None

    def _latest(self, fact: Fact, window: int | None) -> tuple[Known, ...]:
        """The results of the latest moment that can be interpreted, as values."""
        measure = self._measures.get(fact.measure or "")
        results = self._results(fact, window) if measure is not None else []
        read = [(r, known) for r in results if measure and (known := read_result(r, fact, measure, "")) is not None]
        latest = latest_results([result for result, _ in read])
        return tuple(known for result, known in read if result in latest)

    def _answer(self, fact: Fact, window: int | None) -> Known | None:
        since = self._since(window)
        return worst_answer(
            answer
            for answer in self._answered.get(fact.measure or "", ())
            if answer.item == fact.item and since <= answer.day <= self._as_of
        )


def _grouped(things: Sequence[T], keys: Callable[[T], Iterable[str]]) -> Mapping[str, list[T]]:
    grouped: dict[str, list[T]] = {}
    for thing in things:
        for key in keys(thing):
            grouped.setdefault(key, []).append(thing)
    return grouped
