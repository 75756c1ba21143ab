"""From what a record measured to evidence between 0 and 1, indicator by indicator.

One value counts for an indicator: the newest that can be used, on its day the one recorded last, and where the times do
not tell, the worst (decision 72). Values too old, in the future, censored, in an unknown unit, preliminary or so high
that they speak of something else are left out and named. Evidence is interpolated between the anchors of the knowledge
and held at their ends; it fades with the half-life of its kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import TypeVar

from mappings.domain_schema import Anchors, DatedAnchors, Indicator, Measure, Point, Recency
from mappings.load import Knowledge
from plugin.record import ItemAnswer, LabResult, PatientRecord

T = TypeVar("T")
FUTURE = "dated after the day of judgement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One indicator's contribution to a domain: the value as measured, and what it weighs and says.

    `recency` is the share left of it at its age, `evidence` what the value says from 0 to 1; `cites` stand for the
    anchors. `flags`: ``convention`` (the anchors are of this project and unproven), ``summed`` (a total from its
    items), and those of the value (``computed``, ``issued-only``).
    """

    family: str
    indicator: str
    label: str
    raw: float
    unit: str
    date: date
    weight: float
    recency: float
    evidence: float
    references: tuple[str, ...]
    cites: tuple[str, ...]
    flags: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The first resource it rests on."""
        return self.references[0]

    @property
    def mass(self) -> float:
        """Weight times recency."""
        return self.weight * self.recency


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A value that was read and not used, and why. `raw` is None where no number can be given."""

    indicator: str
    label: str
    raw: float | None
    date: date
    why: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of an indicator; `why_not` is empty for one that can be used.

    `raw` is as measured, `said` what the anchors speak of (a distance, for some). `over` marks a value above its limit,
    `expired` one that is too old.
    """

    raw: float | None
    said: float
    day: date
    order: str
    references: tuple[str, ...]
    flags: tuple[str, ...] = ()
    why_not: str = ""
    over: bool = False
    expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one indicator gives on the day of judgement: the value that counts, if any, and what it says."""

    indicator: Indicator
    value: Value | None
    recency: float
    evidence: float
    cites: tuple[str, ...]
    convention: bool
    unit: str
    ignored: tuple[Ignored, ...]
    over: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Measurements:
    """The values of a record by measure and by item, ready to be looked up, and the parameters of scoring by name."""

    knowledge: Knowledge
    as_of: date
    last_day: date
    results: Mapping[str, Sequence[LabResult]]
    answers: Mapping[tuple[str, int], Sequence[ItemAnswer]]
    answered: Set[str]
    recencies: Mapping[str, Recency] = field(repr=False)
    amounts: Mapping[str, float] = field(repr=False)

    @classmethod
    def of(cls, record: PatientRecord, knowledge: Knowledge, as_of: date) -> Measurements:
        """Arrange the results and answers of a record."""
        scoring = knowledge.clinical.scoring
        amounts = {name: value.on(as_of).amount for name, value in scoring.parameters.items()}
        tolerance = timedelta(hours=amounts["future-tolerance"])
        results: dict[str, list[LabResult]] = defaultdict(list)
        for result in record.laboratory:
            results[result.measure].append(result)
        answers: dict[tuple[str, int], list[ItemAnswer]] = defaultdict(list)
        for answer in record.answers:
            answers[answer.instrument, answer.item].append(answer)
        last = as_of + timedelta(days=tolerance // timedelta(days=1))
        answered = {instrument for instrument, _ in answers}
        recencies = {one.id: one for one in scoring.recency}
        return cls(knowledge, as_of, last, results, answers, answered, recencies, amounts)

    def has(self, indicator: Indicator) -> bool:
        """Whether anything is recorded that `indicator` could be read from."""
        summed = indicator.summed.measure if indicator.summed is not None else ""
        return indicator.measure in self.results or not self.answered.isdisjoint((indicator.measure, summed))

    def take(self, indicator: Indicator) -> Taken:
        """The value that counts for `indicator` today, what it says, and what was left out."""
        recency = self.recencies[indicator.recency]
        expiry = recency.expiry.on(self.as_of).amount
        values = [self._dated(value, expiry) for value in self._values(indicator)]
        usable = [value for value in values if not value.why_not]
        chosen = _best(usable, indicator) if usable else None
        anchors = _on(indicator.anchors, self.as_of)
        half_life = recency.half_life.on(self.as_of).amount
        age = max((self.as_of - chosen.day).days, 0) if chosen is not None else 0
        return Taken(
            indicator=indicator,
            value=chosen,
            recency=2 ** -(age / half_life),
            evidence=evidence_at(anchors.points, chosen.said) if chosen is not None else 0,
            cites=anchors.cites,
            convention=anchors.confidence == "low",
            unit=indicator.anchors.unit,
            ignored=tuple(_left_out(indicator, values, chosen)) if values else (),
            over=tuple(v for v in values if v.over and v.day <= self.last_day and self._age(v) <= expiry),
        )

    def _age(self, value: Value) -> int:
        return (self.as_of - value.day).days

    def _dated(self, value: Value, expiry: float) -> Value:
        """The value with the reason why its day rules it out, if it does."""
        if value.day > self.last_day:
            return replace(value, why_not=FUTURE)
        if self._age(value) > expiry:
            return replace(value, why_not=f"older than {expiry:g} days", expired=True)
        return value

    def _values(self, indicator: Indicator) -> Iterator[Value]:
        if indicator.take in ("item", "highest"):
            yield from self._from_items(indicator)
            return
        results = self.results.get(indicator.measure, ())
        measure = self.knowledge.clinical.measures[indicator.measure]
        limit = indicator.ignored_above.on(self.as_of).amount if indicator.ignored_above is not None else None
        middle = indicator.reference.on(self.as_of).amount if indicator.reference is not None else None
        yield from (_of_result(result, measure, limit, middle) for result in results)
        if indicator.summed is not None:
            recorded = {result.day for result in results}
            for day, answers in self._by_day(indicator.summed.measure, indicator.summed.items, indicator).items():
                if day not in recorded and len(answers) == len(indicator.summed.items):
                    yield _of_answers(answers, sum(_score(answer) for answer in answers), ("summed",))

    def _from_items(self, indicator: Indicator) -> Iterator[Value]:
        for answers in self._by_day(indicator.measure, indicator.items, indicator).values():
            one = max(answers, key=lambda answer: _badness(_score(answer), indicator))
            yield _of_answers([one], _score(one), ())

    def _by_day(
        self, instrument: str, items: Iterable[int], indicator: Indicator
    ) -> Mapping[date, Sequence[ItemAnswer]]:
        """For each day the answer that counts for each of `items` that was answered."""
        found: dict[date, list[ItemAnswer]] = defaultdict(list)
        for item in items:
            days: dict[date, list[ItemAnswer]] = defaultdict(list)
            for answer in self.answers.get((instrument, item), ()):
                if answer.value is not None:
                    days[answer.day].append(answer)
            for day, answers in days.items():
                found[day].append(
                    _last([(a.order, _badness(_score(a), indicator), (a.reference,), a) for a in answers])
                )
        return found


def evidence_at(points: Sequence[Point], value: float) -> float:
    """Evidence between the anchors `points` (value, evidence), held at the first and the last of them."""
    if value <= points[0][0]:
        return points[0][1]
    for (low, start), (high, end) in pairwise(points):
        if value <= high:
            return start + (end - start) * (value - low) / (high - low)
    return points[-1][1]


def _on(anchors: DatedAnchors, day: date) -> Anchors:
    """The anchors applied on `day`; the first ones before any. Those of low confidence count too (decision 61)."""
    if len(anchors.values) == 1:
        return next(iter(anchors.values.values()))
    past = [effective for effective in anchors.values if effective <= day]
    return anchors.values[max(past) if past else min(anchors.values)]


def _of_result(result: LabResult, measure: Measure, limit: float | None, middle: float | None) -> Value:
    amount = result.amount
    raw = amount.value if amount is not None else None
    over = limit is not None and amount is not None and amount.above(limit) is True
    if "preliminary" in result.flags:
        why = "preliminary"
    elif amount is None:
        why = "its unit is not one that can be converted" if "unit-unknown" in result.flags else "it has no number"
    elif over:
        why = f"above {limit:g} {measure.unit}: possible acute inflammation, not scored"
    elif amount.bound:
        why = "known only as a bound, which is no evidence of a low value"
    else:
        why = ""
    return Value(
        raw=raw,
        said=0 if raw is None else raw if middle is None else abs(raw - middle),
        day=result.day,
        order=result.order,
        references=(result.reference, *result.also),
        flags=tuple(flag for flag in result.flags if flag in ("computed", "issued-only")),
        why_not=why,
        over=over and "preliminary" not in result.flags,
    )


def _of_answers(answers: Sequence[ItemAnswer], value: float, flags: tuple[str, ...]) -> Value:
    return Value(
        raw=value,
        said=value,
        day=answers[0].day,
        order=max(answer.order for answer in answers),
        references=tuple(dict.fromkeys(answer.reference for answer in answers)),
        flags=tuple(dict.fromkeys((*flags, *(flag for answer in answers for flag in answer.flags)))),
    )


def _score(answer: ItemAnswer) -> float:
    return answer.value if answer.value is not None else 0


def _badness(said: float, indicator: Indicator) -> float:
    return said if indicator.worse == "higher" else -said


def _best(values: Sequence[Value], indicator: Indicator) -> Value:
    """The newest value, and of its day the one that counts."""
    newest = max(value.day for value in values)
    same = [value for value in values if value.day == newest]
    return _last([(value.order, _badness(value.said, indicator), value.references, value) for value in same])


def _last(entries: Sequence[tuple[str, float, tuple[str, ...], T]]) -> T:
    """Of one day (time, badness, references, thing) the last if every time is known, then the worst of them.

    The references break the remaining ties, so that the order of arrival never matters.
    """
    timed = all(time for time, *_ in entries)
    return max(entries, key=lambda entry: (entry[0] if timed else "", entry[1], entry[2]))[3]


def _left_out(indicator: Indicator, values: Iterable[Value], chosen: Value | None) -> Iterator[Ignored]:
    """What is not older than the value that counts; where none counts, of the expired ones only the newest."""
    refused = sorted((v for v in values if v.why_not), key=lambda v: (v.day, v.order, v.references), reverse=True)
    expired = [value for value in refused if value.expired][:1]
    shown = [v for v in refused if not v.expired and (chosen is None or v.day >= chosen.day)]
    for value in (*shown, *(expired if chosen is None else ())):
        yield Ignored(
            indicator=indicator.id,
            label=indicator.label,
            raw=value.raw,
            date=value.day,
            why=value.why_not,
            references=value.references,
        )
