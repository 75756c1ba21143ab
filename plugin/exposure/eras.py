"""Eras: days on one ingredient joined across short gaps, and what happens where two drugs meet.

T1 joins covered days (gap of at most the era gap); recorded non-adherence is applied to the era it was asserted in;
T5 tells a switch from a combination and ends the old drug where the new one starts; T7 clips to an episode.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    eras = []
    for span in exposure.days.spans(largest_gap=rules.era_gap_days):
        days = exposure.days.between(span.start, span.end)
        uses = {use for covered in days.each() for use in covered.uses}
        near = DateSpan(span.start - timedelta(days=rules.stop_before_era_days), span.end)
        facts = tuple(f for f in exposure.facts if f.reference in uses or _touches(f, near) or _is_about(f, uses))
        era = Era(
            key=exposure.key,
            days=days,
            facts=facts,
            began=span.start,
            order_starts=tuple(s for s in exposure.order_starts if s in span),
            evidence_starts=tuple(s for s in exposure.evidence_starts if s in span),
            flags=exposure.flags,
        )
        eras.append(_graded(era))
    return _with_adherence(tuple(eras), exposure)


def _touches(fact: MedicationFact, span: DateSpan) -> bool:
    dates = [d.latest for d in (fact.start, fact.end, fact.written) if d is not None]
    return any(day in span for day in dates)


def _is_about(fact: MedicationFact, uses: Collection[str]) -> bool:
    """Whether an undated report names records of the era: it tells of that course and adds no days of its own."""
    return fact.layer is Layer.REPORT and fact.start is None and any(record in uses for record in fact.based_on)


def _graded(era: Era) -> Era:
    """Order days are grade B when the era holds a renewal or later evidence, else C."""
    renewed = len(set(era.order_starts)) > 1  # several orders of one day are one prescription
    last_evidence = max(era.evidence_starts, default=era.start)

    def graded(covered: CoveredDay) -> CoveredDay:
        single = covered.layer is Layer.ORDER and covered.grade == "C" and not covered.weak
        return replace(covered, grade="B") if single else covered

    if renewed:
        return replace(era, days=era.days.changed(graded))
    return replace(era, days=era.days.before(last_evidence).changed(graded).then(era.days.since(last_evidence)))


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


def meet(eras: Sequence[Era], rules: Reconstruction, *, acting: frozenset[EraId]) -> tuple[Era, ...]:
    """T5 for every pair of drugs: end the old one at a switch, mark both at a combination.

    Only eras named in `acting` (antidepressants that reach the lenient dose, not excluded) act on others.
    """
    ordered = sorted(eras, key=lambda e: (e.start, e.key.ingredient))
    result = []
    for era in ordered:
        changed = era
        for new in ordered:
            if new.key.ingredient == era.key.ingredient or new.id not in acting or era.id not in acting:
                continue
            if era.start < new.start <= era.end:
                changed = _where_new_starts(changed, new, rules)
            elif era.start == new.start or new.start < era.start <= new.end:
                changed = _joined(changed, new, rules) if _combined(new, era, rules) else changed
        result.append(changed)
    return tuple(result)


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
    before, since = old.days.before(new.start), old.days.since(new.start)
    if after <= rules.truncation_leftover_max_days and (after or ended):
        kept = before
        text = f"Ended on {new.start}, when {new.key.ingredient} started and no refill followed (switch)."
    else:
        kept = before.then(since.changed(lambda covered: replace(covered, sure=False)))
        text = f"Days after {new.start}, when {new.key.ingredient} started without a refill, are possible, not sure."
    if kept == old.days:
        return old
    facts = (("started", f"{new.start} {new.key.ingredient}"), ("supplied days after", after))
    return replace(old, days=kept, reasons=(*old.reasons, Reason(rule="T5", text=text, facts=facts, uses=uses)))


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
