"""What all knowledge is made of: strict models, reviewed files, codes and dated values with citations."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Confidence = Literal["high", "medium", "low"]
CitationIds = Annotated[tuple[str, ...], Field(min_length=1)]


class Knowable(BaseModel):
    """Base of all knowledge models: strict, immutable, no unknown keys."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Reviewed(Knowable):
    """Who looked at a file and when. `reviewed_by` stays ``none`` until a clinician has signed."""

    last_reviewed: date
    review_by: date
    reviewed_by: str = "none"


class Code(Knowable):
    """One code of one system; `system` is a short name resolved to a URI in `systems.yaml`."""

    system: str
    code: str
    confidence: Confidence = "high"


class CodeSet(Knowable):
    """Codes of one system: `exact` codes and `prefixes` (a prefix matches itself and everything below it).

    `except` takes codes, and everything below them, out again.
    """

    system: str
    exact: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    except_: tuple[str, ...] = Field(default=(), alias="except")
    confidence: Confidence = "high"


class Value(Knowable):
    """A number with its citations. `confidence` is that of the source as we read it."""

    amount: float
    cites: CitationIds
    confidence: Confidence = "high"
    note: str = ""


class DatedValue(Knowable):
    """A value and its history: `values` by effective date; the latest not after the day asked for holds."""

    unit: str
    values: dict[date, Value]

    def on(self, day: date) -> Value | None:
        """The value in force on `day`, or the first one when `day` precedes them all."""
        past = [effective for effective in self.values if effective <= day]
        return self.values[max(past) if past else min(self.values)] if self.values else None
