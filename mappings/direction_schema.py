"""The words of directions for use ("sig"), one file per language: what each word or phrase stands for in a clause.

A language with units, rates and the roles of its words is read by the grammar of `plugin.ingest.directions`; one with
words of caution only is not read, but those words make a supply doubtful. Every word stands for one thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mappings.values import CitationIds, Knowable, Reviewed

Words = Annotated[tuple[str, ...], Field(min_length=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
PeriodCode = Literal["min", "h", "d", "wk", "mo"]
# What a word without a number of its own does in a sentence; the grammar says how they go together.
# fmt: off
Role = Literal[
    "article", "and", "clock", "range", "choice", "at_most", "every", "other", "per", "times", "by", "at", "before",
    "meal", "except", "as_needed", "for", "reason", "then", "becomes", "rises_by", "falls_by", "until", "stop", "after",
    "total", "total_daily", "equals", "each", "apiece", "beside", "cap", "within", "divided", "comma", "end", "open",
    "close", "action", "skip",
]
# fmt: on


class WrittenUnit(Knowable):
    """Words that count mg, mL or units of the product (tablets, capsules, patches), and the factor to it."""

    written: Words
    to: Literal["mg", "mL", "unit"]
    factor: Positive = 1.0


class WrittenRate(Knowable):
    """Words for a whole frequency, as intakes a day."""

    written: Words
    per_day: Positive


class WrittenWeekdays(Knowable):
    """Words for several days of the week at once."""

    written: Words
    days: tuple[Weekday, ...]


class Limits(Knowable):
    """Bounds beyond which a text is not read at all: nobody can have meant it."""

    characters: Annotated[int, Field(gt=0)]
    bare_units: Positive
    units_per_intake: Positive
    intakes_per_day: Positive
    steps: Annotated[int, Field(gt=0)]


class Caution(Knowable):
    """Single words that make a text doubtful when it is not understood as a whole."""

    as_needed: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


class DirectionWords(Reviewed):
    """The words of one language. `near_moments` are times of day that two phrases may both mean ("evening", "bed").

    `dropped` are endings cut off a word before anything else; `denominators` those of a fraction written in digits.
    """

    id: str
    label: str
    limits: Limits | None = None
    dropped: tuple[str, ...] = ()
    numbers: dict[str, Positive] = Field(default_factory=dict)
    fractions: dict[str, Positive] = Field(default_factory=dict)
    denominators: tuple[int, ...] = ()
    units: tuple[WrittenUnit, ...] = ()
    rates: tuple[WrittenRate, ...] = ()
    counts: dict[str, Positive] = Field(default_factory=dict)
    periods: dict[PeriodCode, Words] = Field(default_factory=dict)
    moments: dict[str, Words] = Field(default_factory=dict)
    near_moments: tuple[tuple[str, ...], ...] = ()
    weekdays: dict[Weekday, Words] = Field(default_factory=dict)
    weekday_groups: tuple[WrittenWeekdays, ...] = ()
    roles: dict[Role, Words] = Field(default_factory=dict)
    caution: Caution = Caution()
    cites: CitationIds

    def phrases(self) -> Iterator[tuple[str, str, object]]:
        """Every word or phrase with its kind and what it stands for."""
        yield from ((word, "number", amount) for word, amount in self.numbers.items())
        yield from ((word, "fraction", amount) for word, amount in self.fractions.items())
        yield from ((word, "unit", (unit.to, unit.factor)) for unit in self.units for word in unit.written)
        yield from ((word, "rate", rate.per_day) for rate in self.rates for word in rate.written)
        yield from ((word, "count", times) for word, times in self.counts.items())
        yield from ((word, "period", code) for code, words in self.periods.items() for word in words)
        yield from ((word, "moment", moment) for moment, words in self.moments.items() for word in words)
        yield from ((word, "weekdays", (day,)) for day, words in self.weekdays.items() for word in words)
        yield from ((word, "weekdays", group.days) for group in self.weekday_groups for word in group.written)
        yield from ((word, role, None) for role, words in self.roles.items() if role != "clock" for word in words)

    @model_validator(mode="after")
    def _one_meaning(self) -> DirectionWords:
        owner: dict[str, tuple[str, object]] = {}
        for word, kind, meaning in self.phrases():
            if owner.setdefault(word.lower(), (kind, meaning)) != (kind, meaning):
                raise PydanticCustomError("word_twice", "{word} stands for two things", {"word": repr(word)})
        if self.units and self.limits is None:
            raise PydanticCustomError("limits_missing", "a language that is read needs limits")
        unknown = {name for group in self.near_moments for name in group} - self.moments.keys()
        if unknown:
            raise PydanticCustomError("moment_unknown", "no time of day is called {name}", {"name": min(unknown)})
        return self
