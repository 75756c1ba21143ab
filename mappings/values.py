"""What all knowledge is made of: strict models, reviewed files, codes, and values dated, cited and in known units.

A number is a history: `DatedValue` holds, by effective date, the amounts that applied, each with its citations and
the confidence of its source. An amount of low confidence gives way to any verified one; nothing firm may rest on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from itertools import chain
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

Confidence = Literal["high", "medium", "low"]
CitationIds = Annotated[tuple[str, ...], Field(min_length=1)]

# The units a clinical number may have: UCUM symbols, and four words for numbers that only count or compare.
# fmt: off
Unit = Literal[
    "share", "count", "points", "tab/d", "h", "d", "wk", "mo", "a", "mg", "mg/d", "mg/kg", "ug", "g", "mL", "mmol/L",
    "mg/dL", "ng/mL", "ug/L", "nmol/L", "m[IU]/L", "ms", "mm[Hg]", "/min", "Cel", "kg", "kg/m2", "mL/min",
    "mL/min/{1.73_m2}", "[IU]", "[IU]/L", "lx",
    "mg/L", "pg/mL", "mm/h", "/d", "{z}", "{ULN}", "{session}", "g/dL", "ng/dL", "umol/L", "U/L", "%", "cm",
]
# fmt: on


class Knowable(BaseModel):
    """Base of all knowledge models: strict, immutable, no unknown keys."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Reviewed(Knowable):
    """Who looked at a file and when. `reviewed_by` stays ``none`` until a clinician has signed."""

    last_reviewed: date
    review_by: date
    reviewed_by: Annotated[str, Field(min_length=1)] = "none"

    @field_validator("review_by")
    @classmethod
    def _after_the_last(cls, value: date, info: ValidationInfo) -> date:
        last = info.data.get("last_reviewed")
        if last is not None and value < last:
            raise PydanticCustomError("review_order", "the next review is before the last one")
        return value


class Code(Knowable):
    """One code of one system; `system` is a short name resolved to a URI in `systems.yaml`."""

    system: str
    code: str
    confidence: Confidence = "high"


class CodeSet(Knowable):
    """Codes of one system: `exact` codes and `prefixes` (a prefix matches itself and everything below it).

    `except` takes codes, and everything below them, out again. `with_words`: the codes say so only together with words
    that name the same thing.
    """

    system: str
    exact: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    except_: tuple[str, ...] = Field(default=(), alias="except")
    with_words: bool = False
    confidence: Confidence = "high"


class Value(Knowable):
    """A number with its citations. `confidence` is that of the source as we read it."""

    amount: float
    cites: CitationIds
    confidence: Confidence = "high"
    note: str = ""

    @property
    def active(self) -> bool:
        """Whether the value may be relied on; one of low confidence waits until somebody has verified it."""
        return self.confidence != "low"


class DatedValue(Knowable):
    """A value and its history: `values` by effective date, oldest first; the latest not after the day asked holds."""

    unit: Unit
    values: Annotated[dict[date, Value], Field(min_length=1)]

    @field_validator("values")
    @classmethod
    def _oldest_first(cls, values: dict[date, Value]) -> dict[date, Value]:
        if list(values) != sorted(values):
            raise PydanticCustomError("dates_disordered", "the effective dates are not in order")
        return values

    def on(self, day: date) -> Value:
        """The value applied on `day`, or the first one when `day` precedes them all.

        Verified values come first; where there is none, the unverified one, which says so (`Value.active`).
        """
        if len(self.values) == 1:  # as most have, and this is asked thousands of times in one assessment
            return next(iter(self.values.values()))
        usable = [effective for effective, value in self.values.items() if value.active] or list(self.values)
        past = [effective for effective in usable if effective <= day]
        return self.values[past[-1] if past else usable[0]]


def _in_unit(unit: str, *, whole: bool = False, most: float = math.inf) -> Callable[[DatedValue], DatedValue]:
    def checked(value: DatedValue) -> DatedValue:
        if value.unit != unit:
            raise PydanticCustomError("unit_wrong", "this value is stated in {unit}", {"unit": unit})
        if not all(0 <= one.amount <= most for one in value.values.values()):
            raise PydanticCustomError("out_of_range", "this value is outside the range that makes sense for it")
        if whole and not all(one.amount.is_integer() for one in value.values.values()):
            raise PydanticCustomError("not_whole", "this value is a whole number")
        if not value.on(date.max).active:
            raise PydanticCustomError("none_verified", "every value has low confidence, so none can be relied on")
        return value

    return checked


Days = Annotated[DatedValue, AfterValidator(_in_unit("d", whole=True))]
Years = Annotated[DatedValue, AfterValidator(_in_unit("a", whole=True))]
Count = Annotated[DatedValue, AfterValidator(_in_unit("count", whole=True))]
Share = Annotated[DatedValue, AfterValidator(_in_unit("share", most=1))]
Points = Annotated[DatedValue, AfterValidator(_in_unit("points"))]
Sessions = Annotated[DatedValue, AfterValidator(_in_unit("{session}", whole=True))]

F = TypeVar("F", bound=Knowable)
_PLAIN = (str, int, float, date, type(None))


def parts(content: object) -> list[tuple[str, BaseModel]]:
    """Every model inside the `content` of a file, itself included, with its dotted place."""
    found: list[tuple[str, BaseModel]] = []
    _add_parts(content, "", found)
    return found


def _add_parts(value: object, place: str, found: list[tuple[str, BaseModel]]) -> None:
    inner: Iterable[tuple[object, object]]
    if isinstance(value, BaseModel):
        found.append((place or "top level", value))
        # Its declared fields, and the entries of a file that is one table.
        inner = chain(vars(value).items(), (value.__pydantic_extra__ or {}).items())
    elif isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, tuple):
        inner = enumerate(value)
    else:
        return
    for step, content in inner:
        if not isinstance(content, _PLAIN):
            _add_parts(content, f"{place}.{step}" if place else str(step), found)


def flat(written: Knowable, kind: type[F], day: date, **instead: Any) -> F:
    """`written`, a model whose numbers are histories, as the plain model `kind` with the numbers of `day`.

    Fields of the same name correspond, except those given as `instead`; what `kind` does not know is left out (the
    citations of single values among it: those of the file stand for all), what is not stated takes its default.
    """
    plain: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        held = instead[name] if name in instead else getattr(written, name)
        if isinstance(held, DatedValue):
            amount = held.on(day).amount
            held = int(amount) if field.annotation is int else amount
        if held is not None:
            plain[name] = held
    return kind.model_validate(plain)
