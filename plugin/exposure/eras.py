"""Eras: days on one ingredient joined across short gaps, and what happens where two drugs meet.

T1 joins covered days (gap of at most the era gap); recorded non-adherence is applied to the era it was asserted in;
T5 tells a switch from a combination and ends the old drug where the new one starts; T7 clips to an episode.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from mappings.schema import Reconstruction
from plugin.exposure.exposures import Exposure, ExposureKey
from plugin.exposure.supply import CoveredDay, Days
from plugin.findings import Reason
from plugin.record import Layer, MedicationFact
from plugin.spans import DateSpan

EraId = tuple[ExposureKey, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class Era:
    """Days on one ingredient without a gap longer than the era gap; `days` is empty only for undated use.

    `began` is the first day of the era before any clipping. `reasons` says what truncation or adherence did.
    """

    key: ExposureKey
    days: Days
    facts: tuple[MedicationFact, ...]
    began: date
    order_starts: tuple[date, ...] = ()
    evidence_starts: tuple[date, ...] = ()
    in_combination_with: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def id(self) -> EraId:
        """What tells it from all other eras, clipped or not."""
        return (self.key, self.began)

    @property
    def start(self) -> date:
        """First covered day."""
        return self.days.first_day

    @property
    def end(self) -> date:
        """Last covered day."""
        return self.days.last_day

    @property
    def span(self) -> DateSpan:
        """From first to last covered day."""
        return DateSpan(self.start, self.end)

    def supplied(self) -> Days:
        """Days proven by supply: those covered only by allowed repeats are left out."""
        return self.days.where(lambda covered: not covered.repeat_only)

    def uses(self) -> tuple[str, ...]:
        """References of the records behind the days, in order of first use."""
        return tuple(dict.fromkeys(use for covered in self.days.each() for use in covered.uses))

    def last_issue(self) -> date:
        """The day of the last fill, order, report or administration in the era."""
        starts = [s for s in (*self.order_starts, *self.evidence_starts) if s <= self.end]
        return max(starts, default=self.began)


def eras_of(exposure: Exposure, rules: Reconstruction) -> tuple[Era, ...]:
    """Join the days of one exposure into eras and apply recorded adherence to the right one (rule 32)."""
    spans = exposure.days.spans(largest_gap=rules.era_gap_days)
    parts = [exposure.days.between(span.start, span.end) for span in spans]
    before = timedelta(days=rules.stop_before_era_days)
    near = [DateSpan(span.start - before, span.end) for span in spans]
    eras = []
    for span, days, facts in zip(spans, parts, _facts_of(exposure.facts, parts, near), strict=True):
        order_starts = _inside(exposure.order_starts, span)
        evidence_starts = _inside(exposure.evidence_starts, span)
        era = Era(
            key=exposure.key,
            days=_graded(days, order_starts, evidence_starts),
            facts=tuple(facts),
            began=span.start,
            order_starts=order_starts,
            evidence_starts=evidence_starts,
            flags=exposure.flags,
        )
        eras.append(era)
    return _with_adherence(tuple(eras), exposure)


def _inside(days: tuple[date, ...], span: DateSpan) -> tuple[date, ...]:
    """Those of the days, given in order, that lie in the span."""
    return days[bisect_left(days, span.start) : bisect_right(days, span.end)]


def _facts_of(
    facts: Sequence[MedicationFact], eras: Sequence[Days], near: Sequence[DateSpan]
) -> list[list[MedicationFact]]:
    """For each era the facts that its days rest on, or that are dated in it or shortly before (`near`).

    And the reports without dates that name one of its records: they tell of that course and add no days of their own.
    """
    found: list[list[MedicationFact]] = [[] for _ in eras]
    resting: dict[str, set[int]] = {}
    for place, days in enumerate(eras):
        for covered in days.each():
            for use in covered.uses:
                resting.setdefault(use, set()).add(place)
    firsts, lasts = [span.start for span in near], [span.end for span in near]
    for fact in facts:
        places = set(resting.get(fact.reference, ()))
        for dated in (fact.start, fact.end, fact.written):
            if dated is not None:
                places.update(range(bisect_left(lasts, dated.latest), bisect_right(firsts, dated.latest)))
        if fact.layer is Layer.REPORT and fact.start is None:
            for record in fact.based_on:
                places |= resting.get(record, set())
        for place in places:
            found[place].append(fact)
    return found


def _graded(days: Days, order_starts: Sequence[date], evidence_starts: Sequence[date]) -> Days:
    """Order days are grade B when the era holds a renewal or later evidence, else C."""
    if not any(_is_single(covered) for covered in days.each()):
        return days

    def graded(covered: CoveredDay) -> CoveredDay:
        return replace(covered, grade="B") if _is_single(covered) else covered

    if len(set(order_starts)) > 1:  # several orders of one day are one prescription
        return days.changed(graded)
    last_evidence = max(evidence_starts, default=days.first_day)
    return days.before(last_evidence).changed(graded).then(days.since(last_evidence))


def _is_single(covered: CoveredDay) -> bool:
    """A day of an order that nothing else supports so far."""
    return covered.layer is Layer.ORDER and covered.grade == "C" and not covered.weak


def _with_adherence(eras: tuple[Era, ...], exposure: Exposure) -> tuple[Era, ...]:
    """Adherence statements act on the era holding the asserted day, else the latest before it, else the latest."""
    result = list(eras)
    denied: set[int] = set()
    for fact in exposure.facts:
        index = _era_meant(eras, fact) if fact.adherence else None
        if index is None:
            continue
        if fact.adherence == "not-taking":
            denied.add(index)
            continue
        era = result[index]
        reason = Reason(rule="E9", text="Partial adherence is recorded: its days are not sure.", uses=(fact.reference,))
        doubtful = era.days.changed(lambda covered: replace(covered, doubtful=True))
        flags = tuple(dict.fromkeys((*era.flags, "adherence_doubtful")))
        result[index] = replace(era, days=doubtful, flags=flags, reasons=(*era.reasons, reason))
    return tuple(era for index, era in enumerate(result) if index not in denied)


def _era_meant(eras: Sequence[Era], fact: MedicationFact) -> int | None:
    """Which era an adherence statement speaks of; None when it was made before all of them."""
    if fact.adherence_asserted is None:
        return len(eras) - 1 if eras else None
    begun = [index for index, era in enumerate(eras) if era.start <= fact.adherence_asserted.latest]
    return begun[-1] if begun else None


def beside(eras: Iterable[Era]) -> Mapping[EraId, Sequence[Era]]:
    """For each era that has one the eras of other drugs with a day inside its span, in order of their start."""
    found: dict[EraId, list[Era]] = {}
    going_on: list[Era] = []
    for era in sorted(eras, key=_by_start):
        going_on = [other for other in going_on if other.end >= era.start]
        for other in going_on:
            if other.key.ingredient != era.key.ingredient:
                found.setdefault(other.id, []).append(era)
                found.setdefault(era.id, []).append(other)
        going_on.append(era)
    return found


def meet(eras: Iterable[Era], others: Mapping[EraId, Sequence[Era]], rules: Reconstruction) -> tuple[Era, ...]:
    """T5 for every pair of drugs: end the old one at a switch, mark both at a combination.

    `others` tells which eras act beside an era (`beside`): only antidepressants that reach the lenient dose and are not
    excluded act on each other.
    """
    result = []
    for era in sorted(eras, key=_by_start):
        changed = era
        for new in others.get(era.id, ()):
            if era.start < new.start:
                changed = _where_new_starts(changed, new, rules)
            else:
                changed = _joined(changed, new, rules) if _combined(new, era, rules) else changed
        result.append(changed)
    return tuple(result)


def _by_start(era: Era) -> tuple[date, str]:
    return era.start, era.key.ingredient


def _combined(first: Era, second: Era, rules: Reconstruction) -> bool:
    """A combination: the earlier drug is issued again after the later one starts and they overlap long enough."""
    earlier, later = (first, second) if first.start <= second.start else (second, first)
    overlap = _days_shared(earlier.supplied(), later.supplied())
    refilled = earlier.last_issue() > later.start or earlier.start == later.start
    return refilled and overlap > rules.crosstaper_overlap_max_days


def _days_shared(one: Days, other: Days) -> int:
    both = [
        min(stop, span.end.toordinal() + 1) - max(first, span.start.toordinal())
        for span in one.spans()
        for first, stop, _ in other.between(span.start, span.end).stretches
    ]
    return sum(both)


def _joined(era: Era, other: Era, rules: Reconstruction) -> Era:
    names = tuple(dict.fromkeys((*era.in_combination_with, other.key.ingredient)))
    return replace(era, in_combination_with=names)


def _where_new_starts(old: Era, new: Era, rules: Reconstruction) -> Era:
    """What remains of `old` when `new` starts inside it."""
    if new.start > old.end:  # an earlier switch has ended it already
        return old
    if old.last_issue() > new.start:
        return _joined(old, new, rules) if _combined(old, new, rules) else old
    supplied = old.supplied()
    after = len(supplied.since(new.start))
    last = supplied.last_day if supplied else old.start
    ended = (new.start - last).days >= rules.truncation_ended_before_days
    uses = tuple(fact.reference for fact in new.facts[:1])
    until = _recorded_until(old, new.start)
    before, since = old.days.before(until), old.days.since(until)
    # `until` is the first day that is not its own; a recorded end is told as it was written.
    told = f"{until}, when" if until == new.start else f"{until - timedelta(days=1)}, its recorded end, after"
    if after <= rules.truncation_leftover_max_days and (after or ended):
        kept = before
        text = f"Ended on {told} {new.key.ingredient} started and no refill followed (switch)."
    else:
        kept = before.then(since.changed(lambda covered: replace(covered, sure=False)))
        text = f"Days after {told} {new.key.ingredient} started without a refill, are possible, not sure."
    if kept == old.days:
        return old
    facts = (("started", f"{new.start} {new.key.ingredient}"), ("supplied days after", after))
    return replace(old, days=kept, reasons=(*old.reasons, Reason(rule="T5", text=text, facts=facts, uses=uses)))


def _recorded_until(old: Era, new_start: date) -> date:
    """Up to which day (exclusive) a switch takes nothing from `old`: a recorded end later than `new_start`, else that.

    A recorded end outranks one that is inferred (4.2). It is the end of a reported period, or a dated stop of an order
    with which the days end: one that lies later ended nothing, as lists are often cleared long after the last tablet.
    """
    beyond = old.end + timedelta(days=1)
    recorded = [new_start]
    for fact in old.facts:
        if fact.layer is Layer.ORDER and fact.status == "stopped":
            when = fact.end or fact.stop_noted
            if when is not None and when.earliest == beyond:
                recorded.append(beyond)
        elif fact.layer is Layer.REPORT and fact.status != "not-taken" and fact.end is not None:
            recorded.append(min(beyond, fact.end.earliest + timedelta(days=1)))
    return max(recorded)


def clip(era: Era, start: date, end: date) -> Era | None:
    """The part of an era inside [start, end], or None (T7)."""
    days = era.days.between(start, end)
    if not days:
        return None
    if days == era.days:
        return era
    text = f"Counted from {days.first_day}: earlier days belong to an earlier episode."
    facts = (("counted from", days.first_day.isoformat()), ("era began", era.began.isoformat()))
    return replace(era, days=days, reasons=(*era.reasons, Reason(rule="T7", text=text, facts=facts)))
