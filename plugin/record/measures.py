"""What is recorded of measures: totals on rating scales, answers to their items, laboratory values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from plugin.amounts import Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A total on one rating scale on one day. `order` sorts several of one day (later is later).

    `flags`: ``prorated``, ``resummed`` (items and total differ), ``suspect-total`` (a number on the panel code: an
    upper bound at most), ``conflict`` (two sources of the same day disagree).
    """

    instrument: str
    value: float
    day: date
    references: tuple[str, ...]
    order: str = ""
    source: str = "observation"  # "observation" | "questionnaire"
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabResult:
    """One result of a measure of the knowledge, most often a laboratory value.

    `amount` is in the unit of the measure, None when no number in a known unit was sent. `meaning` is the word of the
    knowledge for a coded result, else empty. `position` is where the laboratory's own range (or, without one, its
    interpretation) puts the result: ``below``, ``within``, ``above``, ``abnormal``, or empty when it says nothing.
    `low`/`high` is that range in the unit of the measure. `order` sorts several of one day. `also` are further
    resources that a computed value rests on. `flags`: ``unit-unknown``, ``preliminary``, ``interpretation-conflict``
    (the range and the interpretation disagree), ``computed``, ``issued-only`` (no time of observation is stated).
    """

    reference: str
    measure: str
    day: date
    order: str = ""
    amount: Amount | None = None
    meaning: str = ""
    position: str = ""
    low: float | None = None
    high: float | None = None
    also: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAnswer:
    """The answer to one item of a scale on one day.

    `instrument` is the id of an instrument of outcome or of a measure of the knowledge. `value` is the score, None
    where the answer has none; `meaning` the word of the knowledge for it (``yes``, ``several days`` ...), else empty.
    `order` sorts several of one day, `group` is the panel or questionnaire the answer belongs to. `encounter` and
    `recorded_by` are references as written. `flags`: ``issued-only`` (no time of observation is stated).
    """

    instrument: str
    item: int
    day: date
    reference: str
    value: float | None = None
    meaning: str = ""
    order: str = ""
    group: str = ""
    source: str = "observation"  # "observation" | "questionnaire"
    encounter: str = ""
    recorded_by: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
