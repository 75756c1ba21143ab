"""From day maps to the eras that are rated: joining, adherence, truncation, the episode (trials 4.5, T1, T5, T7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from mappings.load import Knowledge
from mappings.schema import Reconstruction
from plugin.record import Layer, MedicationFact
from tests.reference.day_map import Supplied
from tests.reference.one_record import Day, Key, begin, stop_of


@dataclass(frozen=True)
class Era:
    """One ingredient without a break over the era gap. `start` is that of the whole era, before any clipping."""

    key: Key
    days: Mapping[int, Day]
    facts: tuple[MedicationFact, ...]
    own: tuple[MedicationFact, ...]  # those with days of their own that begin in the era
    start: int
    reaches: bool  # some day may have reached the lenient dose, by a product that may count

    @property
    def first(self) -> int:
        return min(self.days)

    @property
    def last(self) -> int:
        return max(self.days)


@dataclass(frozen=True)
class Context:
    """What every step needs to know: the knowledge as it applies on the day of judgement, and the patient's age."""

    knowledge: Knowledge
    as_of: date
    age: tuple[int, int] | None

    @property
    def today(self) -> int:
        return self.as_of.toordinal()

    @property
    def rules(self) -> Reconstruction:
        return self.knowledge.reconstruction_on(self.as_of)


def lenient_dose(context: Context, ingredient: str) -> float | None:
    """The lowest dose that may be adequate; from a drug's geriatric age on a lower one."""
    dose = context.knowledge.drugs[ingredient].adequate_dose
    if dose is None:
        return None
    older = dose.lenient_geriatric
    if older is not None and context.age is not None and context.age[1] >= older.from_age.on(context.as_of).amount:
        return older.amount.on(context.as_of).amount
    return dose.lenient.on(context.as_of).amount


def eras_of(found: Mapping[Key, Supplied], context: Context) -> list[Era]:
    """All eras of a life, adherence applied, truncated where another drug took over."""
    eras: list[Era] = []
    knowledge, rules = context.knowledge, context.rules
    for key, supply in found.items():
        own = _with_adherence([_era(key, days, supply, context) for days in _joined(supply, rules)], supply)
        eras += own
    starts = [(e.key[0], e.start) for e in eras if e.reaches and knowledge.drugs[e.key[0]].role == "antidepressant"]
    return [cut for era in eras if (cut := _truncated(era, starts, knowledge, rules)).days]


def _joined(supply: Supplied, rules: Reconstruction) -> list[dict[int, Day]]:
    groups: list[dict[int, Day]] = []
    for day in sorted(supply.days):
        if not groups or day - max(groups[-1]) - 1 > rules.era_gap_days:
            groups.append({})
        groups[-1][day] = supply.days[day]
    return groups


def _era(key: Key, days: dict[int, Day], supply: Supplied, context: Context) -> Era:
    used = frozenset().union(*(day.by for day in days.values()))
    near = range(min(days) - context.rules.stop_before_era_days, max(days) + 1)
    facts = tuple(f for f in supply.facts if f.reference in used or any(day in near for day in _dates(f)))
    own = tuple(f for f in supply.own if (b := begin(f)) is not None and min(days) <= b <= max(days))
    lenient = lenient_dose(context, key[0])
    counts = key[1] is None and lenient is not None and context.knowledge.drugs[key[0]].counting != "never"
    reaches = counts and any(day.dose[1] >= lenient for day in days.values()) if lenient is not None else False
    return Era(key=key, days=_graded(days, own), facts=facts, own=own, start=min(days), reaches=bool(reaches))


def _dates(fact: MedicationFact) -> list[int]:
    return [d.latest.toordinal() for d in (fact.start, fact.end, fact.written) if d is not None]


def _graded(days: dict[int, Day], facts: tuple[MedicationFact, ...]) -> dict[int, Day]:
    """Orders: B when the era holds two of them, or up to the last evidence of going on; else C."""
    orders = {begin(fact) for fact in facts if fact.layer is Layer.ORDER}  # two of one day are no renewal
    evidence = [b for f in facts if f.layer is not Layer.ORDER and (b := begin(f)) is not None]
    return {
        day: replace(entry, grade="B" if len(orders) > 1 or day < max(evidence, default=0) else "C")
        if entry.grade == "order"
        else entry
        for day, entry in days.items()
    }


def _with_adherence(eras: list[Era], supply: Supplied) -> list[Era]:
    """A statement on adherence speaks of the era that contains it, else of the latest before it."""
    gone: set[int] = set()
    doubtful: set[int] = set()
    for fact in supply.facts:
        if not fact.adherence:
            continue
        said = (
            fact.adherence_asserted.day.toordinal() if fact.adherence_asserted and fact.adherence_asserted.day else None
        )
        before = [n for n, era in enumerate(eras) if said is None or era.first <= said]
        if before:
            (gone if fact.adherence == "not-taking" else doubtful).add(before[-1])
    return [_doubted(era) if n in doubtful else era for n, era in enumerate(eras) if n not in gone]


def _doubted(era: Era) -> Era:
    return replace(era, days={day: replace(entry, sure=False) for day, entry in era.days.items()})


def _truncated(era: Era, starts: list[tuple[str, int]], knowledge: Knowledge, rules: Reconstruction) -> Era:
    """Leftover tablets of the old drug are not taken beside the new one (T5)."""
    if knowledge.drugs[era.key[0]].role != "antidepressant" or not era.reaches:
        return era  # what was never at dose is no trial, however long
    supplied_days = sorted(day for day, entry in era.days.items() if not entry.repeats_only)
    fills = [b for fact in era.own if (b := begin(fact)) is not None]
    days = dict(era.days)
    for ingredient, start in starts:
        if ingredient == era.key[0] or start <= era.start or start > era.last:
            continue
        if max(fills, default=era.start) > start:
            continue  # filled again after the new drug began: a combination
        after = [day for day in supplied_days if day >= start]
        ended_before = bool(supplied_days) and start - supplied_days[-1] >= rules.truncation_ended_before_days
        # An end on record comes before one inferred from a switch (4.2), if it ended the days.
        until = max([start, *(_end_on_record(fact, max(days) + 1) for fact in era.facts)])
        if 0 < len(after) <= rules.truncation_leftover_max_days or ended_before:
            days = {day: entry for day, entry in days.items() if day < until}
        else:
            days = {day: replace(e, sure=False) if day >= until else e for day, e in days.items()}
    return replace(era, days=days)


def _end_on_record(fact: MedicationFact, beyond: int) -> int:
    """The first day without the drug as a report with an end says it, or a stopped order with which the days end."""
    if fact.layer is Layer.ORDER and fact.status == "stopped":
        return beyond if stop_of(fact) == beyond else 0
    if fact.layer is not Layer.REPORT or fact.status == "not-taken" or fact.end is None or fact.end.day is None:
        return 0
    return min(beyond, fact.end.day.toordinal() + 1)


def clipped(era: Era, start: int | None) -> Era | None:
    """The part of an era inside the current episode."""
    if start is None:
        return era
    days = {day: entry for day, entry in era.days.items() if day >= start}
    return replace(era, days=days) if days else None
