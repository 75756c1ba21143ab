"""The kinds of missing fact that the reasoning tries out, in the order of what it costs to learn them."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mappings.values import CitationIds, Knowable, Reviewed

MissingKind = Literal[
    "score-now",
    "score-past",
    "baseline-past",
    "birth-date",
    "episode-current",
    "indication",
    "stop-reason",
    "diagnosis",
    "dose",
    "supply",
    "dispense",
    "dates",
    "conditions-read",
    "history-read",
    "scores-read",
]


class MissingFact(Knowable):
    """One kind of missing fact and how it would be learnt."""

    kind: MissingKind
    effort: str


class MissingFacts(Reviewed):
    """``missing_facts.yaml``: every kind once, smallest effort first."""

    kinds: Annotated[tuple[MissingFact, ...], Field(min_length=1)]
    cites: CitationIds

    @model_validator(mode="after")
    def _every_kind_once(self) -> MissingFacts:
        listed = [entry.kind for entry in self.kinds]
        if sorted(listed) != sorted(get_args(MissingKind)):
            raise PydanticCustomError("kinds_incomplete", "every kind of missing fact is listed once")
        return self
