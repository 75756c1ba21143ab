"""The shape of what stands before options: clinical modifiers with their gates, levels of recorded suicidality, and
the checks of a drafted order that no decision table can tell.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mappings.decision_tables import FactTest
from mappings.domain_schema import Cited, NonEmpty
from mappings.values import CitationIds, DatedValue, Days, Points, Reviewed

Modifier = Literal["PSY", "CAT", "MEL", "MIX", "PAI", "NCD"]
Gate = Literal["ACUTE_SAFETY", "BIPOLAR", "PSYCHOSIS_CATATONIA", "NEUROCOGNITIVE"]
Level = Literal["none-recorded", "low", "moderate", "high"]


class ModifierRow(Cited):
    """When all tests hold, the modifier has `value` and `gate` shuts.

    Where a condition tested is only suspected (provisional, or named in words), the modifier is possible and no gate
    shuts.
    """

    modifier: Modifier
    value: Literal["possible", "present"]
    gate: Gate | None = None
    when: Annotated[tuple[FactTest, ...], NonEmpty]


class Modifiers(Reviewed):
    """All modifiers; every row is read, and the strongest value holds."""

    rows: Annotated[tuple[ModifierRow, ...], NonEmpty]
    cites: CitationIds


class AnswerLevel(Cited):
    """An answer of at least so many points to one of `items` of a scale means `level`."""

    level: Level
    items: Annotated[tuple[int, ...], NonEmpty]
    at_least: Points


class WordLevel(Cited):
    """A result of `measure` recorded as `meaning` means `level`."""

    level: Level
    measure: str
    meaning: Annotated[str, Field(min_length=1)]


class ConditionLevel(Cited):
    """A confirmed condition of `category` that began within so many days means at least `level`.

    `current`: only while it is active.
    """

    level: Level
    category: str
    within: Days
    current: bool = False


class Screen(Cited):
    """A screener: its `measure`, which items make it complete, and what its answers mean.

    Complete: all of `always` answered, one of `one_of`, and where `branch` was answered yes also all of
    `after_branch`.
    """

    measure: str
    always: tuple[int, ...]
    one_of: tuple[int, ...]
    branch: int
    after_branch: tuple[int, ...]
    answers: Annotated[tuple[AnswerLevel, ...], NonEmpty]


class SingleItem(Cited):
    """One item of an instrument and what its answers mean."""

    instrument: str
    item: int
    answers: Annotated[tuple[AnswerLevel, ...], NonEmpty]


class Suicidality(Reviewed):
    """How recorded answers become a level; no risk is computed.

    `recorded` is how old an answer may be, `acute` how old a high one of the screener; older ones count as
    `faded`.
    """

    id: str
    label: str
    screen: Screen
    item: SingleItem
    words: tuple[WordLevel, ...] = ()
    conditions: tuple[ConditionLevel, ...] = ()
    recorded: Days
    acute: Days
    faded: Level
    gate: Gate
    cites: CitationIds


class SameSubstance(Cited):
    """Drugs that hold one substance, or its mirror image: taken together they are a duplicate.

    `duplicate` False: an allergy to one of them concerns the others, and no more.
    """

    id: str
    drugs: Annotated[tuple[str, ...], Field(min_length=2)]
    duplicate: bool = True


class NamedCheck(Cited):
    """A check of a drafted order or an option that reads the order itself."""

    id: str
    label: str


class OrderChecks(Reviewed):
    """Allergy, duplicate ingredient, and which drugs stand for one another in these two checks.

    `procedures_unread`: what is said of a procedure as an option where earlier procedures were not read.
    `stop_day_unknown`: an order that has ended on a day nobody recorded may, for wash-outs, have been taken until today
    if it began at most so long ago.
    `early_renewal`: a recorded supply that lasts at least so much longer makes another order more than a renewal.
    """

    option_allergy: NamedCheck
    order_allergy: NamedCheck
    duplicate: NamedCheck
    renewal: NamedCheck
    procedures_unread: NamedCheck
    early_renewal: DatedValue
    stop_day_unknown: DatedValue
    same_substance: tuple[SameSubstance, ...]
    cites: CitationIds
