"""The decision tables with the numbers of a day, and which facts a record can have at all.

Arranged once for a knowledge: most rows rest on something that most records do not hold, and are passed over without
looking at any value. A row *needs* a fact where a test asks that something is there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date

from mappings.arranged import Arranged
from mappings.decision_tables import FactTest, SafetyRow, SafetyRule, effective_days
from mappings.load import Knowledge
from mappings.modifier_schema import ModifierRow
from mappings.values import DatedValue


@dataclass(frozen=True, slots=True)
class Test:
    """One test with the number of the day it compares with, None where it compares with none."""

    test: FactTest
    limit: float | None


@dataclass(frozen=True, slots=True)
class Ask:
    """Tests of one fact within one window of days that follow each other in a row; one value has to meet them all.

    `nothing`: it asks that nothing is recorded.
    """

    fact: str
    window: int | None
    tests: tuple[Test, ...]
    nothing: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """The tests of a row, and the facts of which something must be recorded for it to hold."""

    asks: tuple[Ask, ...]
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class SafetyLine:
    """A row of a safety rule."""

    rule: SafetyRule
    row: SafetyRow
    asked: Asked


@dataclass(frozen=True, slots=True)
class Tables:
    """The rows of safety rules and modifiers as they apply in one time, in their order."""

    safety: tuple[SafetyLine, ...]
    modifiers: tuple[tuple[ModifierRow, Asked], ...]


class DecisionIndex:
    """The tables of one knowledge by day, and its facts by what they are about."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        clinical = knowledge.clinical
        rows = (row for rule in clinical.safety.values() for row in rule.rows)
        self._days = effective_days((*rows, *clinical.modifiers.rows))
        self._tables: dict[int, Tables] = {}
        always, by_source = set(), defaultdict[tuple[str, str], set[str]](set)
        for fact in clinical.facts.values():
            if fact.kind == "condition":
                for category in fact.categories:
                    by_source[fact.kind, category].add(fact.id)
            elif fact.kind == "medication":
                by_source[fact.kind, fact.group or ""].add(fact.id)
            elif fact.kind in ("measure", "answer"):
                by_source[fact.kind, fact.measure or ""].add(fact.id)
            else:
                always.add(fact.id)
        self._always, self._by_source = frozenset(always), by_source

    def on(self, day: date) -> Tables:
        """The tables as they apply on `day`."""
        place = bisect_right(self._days, day)
        if place not in self._tables:
            self._tables[place] = self._arranged(day)
        return self._tables[place]

    def recordable(self, sources: Mapping[str, Iterable[str]]) -> Set[str]:
        """The facts that can have a value when there are `sources`: by kind of fact, what is recorded."""
        found = set(self._always)
        for kind, names in sources.items():
            for name in names:
                found |= self._by_source.get((kind, name), frozenset())
        return found

    def _arranged(self, day: date) -> Tables:
        clinical = self._knowledge.clinical
        return Tables(
            safety=tuple(
                SafetyLine(rule, row, asked(row.when, day)) for rule in clinical.safety.values() for row in rule.rows
            ),
            modifiers=tuple((row, asked(row.when, day)) for row in clinical.modifiers.rows),
        )


def asked(when: Sequence[FactTest], day: date) -> Asked:
    """The tests of a row with the numbers of `day`."""
    asks: list[Ask] = []
    for each in when:
        window = int(each.window_days.on(day).amount) if each.window_days is not None else None
        test = Test(each, each.value.on(day).amount if isinstance(each.value, DatedValue) else None)
        last = asks[-1] if asks else None
        if last is not None and (last.fact, last.window) == (each.fact, window):
            asks[-1] = Ask(last.fact, last.window, (*last.tests, test), last.nothing)
        else:
            asks.append(Ask(each.fact, window, (test,), each.op == "unknown"))
    needs = frozenset(test.fact for test in when if test.op != "unknown" and test.value is not False)
    return Asked(tuple(asks), needs)


index_of = Arranged(DecisionIndex)
