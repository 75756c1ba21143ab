"""The shape of ``known_then.yaml``: when a resource was known, for judging a past day without anything of its future.

A resource tells by dates of its own when it was written. What it became later (stopped, resolved, handed out in the
same visit) is taken back for a day on which that had not happened yet, or is not known to have happened.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mappings.values import CitationIds, Knowable, Reviewed

Path = Annotated[str, Field(pattern=r"^[a-z][A-Za-z]*(\.[a-z][A-Za-z]*)*$")]
Whether = Literal["known", "left-out"]


class KnownThen(Knowable):
    """One resource type.

    `since`: elements that tell the day it was known, the first readable one decides; `undated` what is done where none
    is; `same_day` whether one of the day of judgement itself counts as known. A resource whose status is one of `ended`
    was in that state only from the last day found under `ends`, or from its `meta.lastUpdated` on: before, its status
    is `before` (none: left open) and the elements `told_at_end` are not there. Ends under `last_days` that lie ahead
    are not there either, where the resource has ended since. A statement with a readable day under `asserted` was
    written whole on that day.
    """

    type: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]+$")]
    since: tuple[Path, ...]
    undated: Whether
    same_day: Whether
    asserted: tuple[Path, ...] = ()
    ends: tuple[Path, ...] = ()
    ended: tuple[str, ...] = ()
    before: str | None = None
    told_at_end: tuple[Path, ...] = ()
    last_days: tuple[Path, ...] = ()


class KnownThenFile(Reviewed):
    """``known_then.yaml``: each resource type once; a type that is not named is left out of a past day."""

    kinds: Annotated[tuple[KnownThen, ...], Field(min_length=1)]
    cites: CitationIds

    @model_validator(mode="after")
    def _each_type_once(self) -> KnownThenFile:
        if any(count > 1 for count in Counter(kind.type for kind in self.kinds).values()):
            raise PydanticCustomError("type_twice", "each resource type stands once")
        return self
