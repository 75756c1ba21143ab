"""The shape of `shares.yaml`: what an ordinary chart holds besides the story, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cds_hooks.cohort.drawing import Draw
from mappings.strict_yaml import read_model

FILE = Path(__file__).with_name("shares.yaml")
Named = Annotated[str, Field(min_length=1)]
Sex = Literal["female", "male"]
Share = Annotated[float, Field(ge=0, le=1)]


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Between(_Model):
    """A value from `low` to `high`, to so many `digits` after the point."""

    low: float
    high: float
    digits: Annotated[int, Field(ge=0)] = 0

    def draw(self, draw: Draw) -> float:
        """One value of the range."""
        return round(draw.amid(self.low, self.high), self.digits or None)


class Lab(Between):
    """One laboratory measure by its id, in its unit, for one sex or both."""

    name: Named
    unit: Named
    sex: Sex | None = None


class OfSome(_Model):
    """Something that a share of the people of an age, in years, and perhaps of one sex have."""

    share: Share
    from_age: int = 0
    to_age: int | None = None
    sex: Sex | None = None

    def befalls(self, age: int, sex: str, draw: Draw) -> bool:
        """Whether this person has it; draws in any case, so that a change to one entry moves no other."""
        drawn = draw.chance(self.share)
        of_age = self.from_age <= age and (self.to_age is None or age <= self.to_age)
        return drawn and of_age and self.sex in (None, sex)


class Problem(OfSome):
    """A diagnosis in the story notation; `lasting` ones stay active, with a `drug` if there is one."""

    line: Named
    lasting: bool = False
    drug: str = ""


class Immunisation(OfSome):
    """A vaccine by its code; `yearly` ones are given every autumn, others once."""

    code: Named
    text: Named
    yearly: bool = False


class Clinician(_Model):
    """Somebody the chart names: `id` is the last part of the resource id."""

    id: Named
    prefix: Named
    role: Named


class Visits(_Model):
    """What the kinds of visit are called."""

    psychiatry: Named
    yearly: Named
    illness: Named
    immunisation: Named


class Shares(_Model):
    """The whole file. `seed` is the one used unless another is asked for, `years` how far the chart reaches back."""

    seed: int
    years: Annotated[int, Field(ge=1)]
    examination_days_ago: Annotated[int, Field(ge=1)]
    passing_illness_days: Annotated[int, Field(ge=1)]
    fill_days: Annotated[int, Field(ge=1)]
    fills: Annotated[int, Field(ge=1)]
    autumn_month: Annotated[int, Field(ge=1, le=12)]
    clinicians: Annotated[tuple[Clinician, ...], Field(min_length=2)]
    given: Annotated[tuple[Named, ...], Field(min_length=1)]
    family: Annotated[tuple[Named, ...], Field(min_length=1)]
    visits: Visits
    height_cm: Mapping[Sex, Between]
    body_mass_kg_m2: Between
    weight_wander_kg: float
    vitals_share: Share
    systolic_mmhg: Between
    diastolic_mmhg: Between
    heart_rate_min: Between
    earlier_labs_share: Share
    labs: tuple[Lab, ...]
    problems: tuple[Problem, ...]
    vaccine_system: Named
    immunisations: tuple[Immunisation, ...]


def read_shares() -> Shares:
    """The shares as the file has them; read once. Raises KnowledgeError for a file of the wrong shape."""
    return read_model(FILE, "stories/background/shares.yaml", Shares)
