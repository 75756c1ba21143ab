"""The shape of files that only reports on whole populations read.

``published_figures.yaml``: what others found, of whom, by which definition, and how far it compares.
``demographic_groups.yaml``: what the codes of race and ethnicity are called.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from mappings.values import CitationIds, DatedValue, Knowable, Reviewed

Text = Annotated[str, Field(min_length=1)]


class FoundShare(Knowable):
    """One share of a figure; `label` says of which part, empty where the figure has one share only."""

    label: str = ""
    share: DatedValue

    @field_validator("share")
    @classmethod
    def _between(cls, value: DatedValue) -> DatedValue:
        if value.unit != "share" or not all(0 <= one.amount <= 1 for one in value.values.values()):
            raise PydanticCustomError("no_share", "a found share has the unit share and lies between 0 and 1")
        return value

    @property
    def latest(self) -> float:
        """The share as last entered."""
        return list(self.share.values.values())[-1].amount

    @property
    def sure(self) -> bool:
        """Whether it was read; False where it is from memory."""
        return list(self.share.values.values())[-1].confidence == "high"


class PublishedFigure(Knowable):
    """What one source found. `about`: a share found resistant, the course under treatment, or agreement of raters.

    `compare_with` are ids of the comparison rules that come closest; `caveat` says how far they compare, or why not.
    `found` is empty where the source has figures that nobody has read.
    """

    id: Text
    about: Literal["resistance", "course", "agreement"]
    definition: Text
    population: Text
    found: tuple[FoundShare, ...] = ()
    compare_with: tuple[str, ...] = ()
    caveat: Text
    cites: CitationIds


class PublishedFigures(Reviewed):
    """``published_figures.yaml``: each figure once."""

    figures: Annotated[tuple[PublishedFigure, ...], Field(min_length=1)]

    @field_validator("figures")
    @classmethod
    def _once(cls, value: tuple[PublishedFigure, ...]) -> tuple[PublishedFigure, ...]:
        if len({one.id for one in value}) != len(value):
            raise PydanticCustomError("figure_twice", "an id of a figure is given twice")
        return value


class DemographicGroup(Knowable):
    """One code as US Core writes it, and its name."""

    code: Text
    display: Text


class DemographicGroups(Reviewed):
    """``demographic_groups.yaml``: each code once."""

    groups: tuple[DemographicGroup, ...]
    cites: CitationIds

    def name_of(self, code: str) -> str:
        """The name of a code; the code itself where it has none."""
        return next((group.display for group in self.groups if group.code == code), code)
