"""Decision tables over named facts: the shape of a row, and what can be proven about rows without running them.

A row holds when all its tests hold. A test names a declared fact, an operator of a closed list and a value; no
code ever stands in a table. A number is a `DatedValue`, so a threshold has a unit, a date, citations and a
confidence. A fact may be unknown, and only the operator ``unknown`` is true of an unknown fact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol, Self, TypeAlias

from pydantic import Field, model_validator

from mappings.values import CitationIds, Confidence, DatedValue, Knowable, Reviewed

Operator = Literal["is", "in", "lt", "le", "gt", "ge", "unknown"]
Effect = Literal["block", "caution", "warning", "needed-before-start"]
ALL_OPTIONS = "all"
NUMERIC: frozenset[str] = frozenset({"lt", "le", "gt", "ge"})
STRENGTH: Mapping[str, int] = {"needed-before-start": 0, "warning": 1, "caution": 2, "block": 3}


class Fact(Knowable):
    """A named fact a table may test, and where it comes from.

    `type`: ``flag`` (true, false or unknown), ``number`` in `unit`, or ``choice`` among `choices`. `categories` are
    condition categories, `status` says whether ended conditions count (``ever``) or only they do. `group` is a drug
    group or the id of a drug, `measure` a measure or an instrument; `position` is where its newest result must stand
    against the laboratory's own range for a flag to be true. An ``answer`` is the newest one to `item` of `measure`.
    `past` is the label of a medication fact once all its drugs have ended.
    ``failed``: an adequate trial of `group`, or a course of one of `procedures`, has failed in the episode.
    """

    id: str
    label: str
    type: Literal["flag", "number", "choice"]
    kind: Literal["patient", "condition", "medication", "measure", "answer", "failed", "assessment", "order"]
    unit: str = ""
    choices: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    status: Literal["current", "ever", "ended"] | None = None
    group: str | None = None
    measure: str | None = None
    item: int | None = None
    procedures: tuple[str, ...] = ()
    position: Literal["below", "above", "outside"] | None = None
    past: str = ""
    confidence: Confidence = "high"
    note: str = ""


class Facts(Reviewed):
    """The closed list of facts."""

    facts: tuple[Fact, ...]
    cites: CitationIds


class FactTest(Knowable):
    """One condition: `value` is a truth value for ``is``, words for ``in``, a dated number for a comparison.

    `window_days` limits how old the fact may be, for a medication how long ago it may have been taken.
    """

    fact: str
    op: Operator
    value: DatedValue | bool | tuple[str, ...] | None = None
    window_days: DatedValue | None = None


class Tested(Protocol):
    """Anything with tests that hold together."""

    @property
    def when(self) -> tuple[FactTest, ...]:
        """The tests."""


class SafetyRow(Knowable):
    """When all tests of `when` hold, `effect` applies to the options, or to their `drugs` only where given.

    `orders` are the drugs whose drafted order the row concerns, `order_groups` groups of drugs without a file of their
    own; `hard_stop` marks the named stops among them, and `order_level` ``info`` those that only tell that a stop could
    not be checked. A ``warning`` concerns what is taken already, and no option. `means` is told beside the rule: what
    it means for an option, by its id, or for ``all`` that the row names.
    """

    when: tuple[FactTest, ...] = Field(min_length=1)
    effect: Effect
    options: tuple[str, ...] = ()
    drugs: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    order_groups: tuple[str, ...] = ()
    hard_stop: bool = False
    order_level: Literal["info"] | None = None
    jurisdictions: tuple[str, ...] = ()
    means: dict[str, str] = Field(default_factory=dict)
    cites: CitationIds
    confidence: Confidence = "high"
    note: str = ""

    @model_validator(mode="after")
    def _means_what_it_names(self) -> Self:
        if strange := sorted(self.means.keys() - {*self.options, ALL_OPTIONS}):
            raise ValueError(f"means names options that the row does not: {', '.join(strange)}")
        return self

    def means_for(self, option: str) -> str:
        """What the row means for `option`, empty where it says nothing more."""
        return self.means.get(option) or self.means.get(ALL_OPTIONS, "")


class SafetyRule(Reviewed):
    """One rule of safety: what it is about and its rows, all of which are read.

    `asks` names what rows of ``needed-before-start`` miss. `order_finding` is what a drafted order's finding is called
    where that is not the id, `order_level` how loud it is.
    """

    id: str
    label: str
    asks: str = ""
    order_finding: str = ""
    order_level: Literal["critical", "warning"] = "warning"
    rows: tuple[SafetyRow, ...] = Field(min_length=1)
    cites: CitationIds


@dataclass(frozen=True)
class Interval:
    """Numbers from `low` to `high`; `low_open` and `high_open` leave the end itself out."""

    low: float = -math.inf
    low_open: bool = True
    high: float = math.inf
    high_open: bool = True

    def meet(self, other: Interval) -> Interval:
        """The numbers of both."""
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, high_shut = min((self.high, not self.high_open), (other.high, not other.high_open))
        return Interval(low, low_open, high, not high_shut)

    @property
    def empty(self) -> bool:
        """No number is inside."""
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def within(self, other: Interval) -> bool:
        """Every number of this interval is in `other`."""
        return self.meet(other) == self


Region: TypeAlias = Interval | frozenset[object]
UNKNOWN: object = "unknown"


def problem_of(test: FactTest, facts: Mapping[str, Fact]) -> str | None:
    """What is wrong with a test on its own (fact not declared, operator or unit that does not fit), or None."""
    fact = facts.get(test.fact)
    if fact is None:
        return f"there is no fact {test.fact!r}"
    if test.window_days is not None and test.window_days.unit != "d":
        return "window_days is not in days (d)"
    if test.op == "unknown":
        return None if test.value is None else "unknown takes no value"
    if test.op == "is":
        return None if fact.type == "flag" and isinstance(test.value, bool) else "is needs a flag and true or false"
    if test.op == "in":
        if fact.type != "choice" or not isinstance(test.value, tuple) or not test.value:
            return "in needs a fact with choices and a list of words"
        other = set(test.value) - set(fact.choices)
        return f"{sorted(other)} are not choices of {fact.id}" if other else None
    if fact.type != "number" or not isinstance(test.value, DatedValue):
        return f"{test.op} needs a fact that is a number, and a dated value"
    return None if test.value.unit == fact.unit else f"the unit is not {fact.unit!r}, that of {fact.id}"


def unreachable(when: Sequence[FactTest], day: date) -> str | None:
    """The fact whose tests contradict each other on `day`, so that the row can never hold; None otherwise."""
    regions: dict[str, Region] = {}
    for test in when:
        met = _meet(regions.get(test.fact), _region(test, day))
        if met is None or (met.empty if isinstance(met, Interval) else not met):
            return test.fact
        regions[test.fact] = met
    return None


def implies(narrow: Sequence[FactTest], wide: Sequence[FactTest], day: date) -> bool:
    """Whenever `narrow` holds on `day`, `wide` holds too."""
    return all(any(_test_implies(test, asked, day) for test in narrow) for asked in wide) or _regions_imply(
        narrow, wide, day
    )


def redundant(row: SafetyRow, rows: Iterable[SafetyRow], day: date) -> bool:
    """Another row of the rule already has at least the same effect on the same options whenever `row` holds."""
    return any(other is not row and _covers(other, row) and implies(row.when, other.when, day) for other in rows)


def effective_days(rows: Iterable[Tested]) -> tuple[date, ...]:
    """The days on which a number of the rows changes, oldest first; at least one day."""
    found = {
        day
        for row in rows
        for test in row.when
        for value in (test.value, test.window_days)
        if isinstance(value, DatedValue)
        for day in value.values
    }
    return tuple(sorted(found)) or (date.min,)


def _covers(wide: SafetyRow, narrow: SafetyRow) -> bool:
    return (
        STRENGTH[wide.effect] >= STRENGTH[narrow.effect]
        and set(wide.options) >= set(narrow.options)
        and set(wide.orders) >= set(narrow.orders)
        and set(wide.order_groups) >= set(narrow.order_groups)
        and (not wide.drugs or bool(narrow.drugs and set(wide.drugs) >= set(narrow.drugs)))
        and (wide.hard_stop or not narrow.hard_stop)
        and (not wide.jurisdictions or bool(narrow.jurisdictions and {*wide.jurisdictions} >= {*narrow.jurisdictions}))
    )


def _amount(value: DatedValue, day: date) -> float:
    return value.on(day).amount


def _region(test: FactTest, day: date) -> Region:
    if test.op == "unknown":
        return frozenset({UNKNOWN})
    if isinstance(test.value, bool):
        return frozenset({test.value})
    if isinstance(test.value, tuple):
        return frozenset(test.value)
    number = _amount(test.value, day) if test.value is not None else math.nan
    if test.op in {"lt", "le"}:
        return Interval(high=number, high_open=test.op == "lt")
    return Interval(low=number, low_open=test.op == "gt")


def _meet(one: Region | None, other: Region) -> Region | None:
    """What both regions hold; None when a number is asked for and unknown at once."""
    if one is None:
        return other
    if isinstance(one, Interval):
        return one.meet(other) if isinstance(other, Interval) else None
    return one & other if isinstance(other, frozenset) else None


def _window(test: FactTest, day: date) -> float:
    return math.inf if test.window_days is None else _amount(test.window_days, day)


def _inside(narrow: Region, wide: Region) -> bool:
    if isinstance(narrow, Interval):
        return isinstance(wide, Interval) and narrow.within(wide)
    return isinstance(wide, frozenset) and narrow <= wide


def _test_implies(test: FactTest, asked: FactTest, day: date) -> bool:
    return (
        test.fact == asked.fact
        and _window(test, day) <= _window(asked, day)
        and _inside(_region(test, day), _region(asked, day))
    )


def _regions_imply(narrow: Sequence[FactTest], wide: Sequence[FactTest], day: date) -> bool:
    """Implication by the narrowed regions; rows with windows are compared test by test only."""
    if any(test.window_days is not None for test in (*narrow, *wide)):
        return False
    regions: dict[str, Region] = {}
    for test in narrow:
        met = _meet(regions.get(test.fact), _region(test, day))
        if met is None:
            return False
        regions[test.fact] = met
    return all(asked.fact in regions and _inside(regions[asked.fact], _region(asked, day)) for asked in wide)
