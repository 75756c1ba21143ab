"""The shape of `cohort.yaml`: every parameter of the synthetic cohort, cited or marked as an invented convention."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from mappings.values import CitationIds, Code, Confidence, DatedValue, Knowable, Reviewed, Share, Unit, Years

Named = Annotated[str, Field(min_length=1)]
Numbers = Annotated[dict[str, DatedValue], Field(min_length=1)]
DepressionKind = Literal["single", "recurrent", "unspecified", "remission"]
# What a profile of missingness may leave out, always as the share of the places where it would stand.
HIDEABLE = (
    "order-days-supply",
    "order-stop-reason",
    "order-quantity",
    "order-refills",
    "order-indication",
    "order-structured-dose",
    "order-left-active",
    "dispense-feed",
    "dispense-days-supply",
    "score",
    "remission-code",
)


class Amounts(Knowable):
    """Daily doses in rising order."""

    amounts: Annotated[tuple[float, ...], Field(min_length=1)]
    cites: CitationIds
    confidence: Confidence = "high"

    @field_validator("amounts")
    @classmethod
    def _rising(cls, amounts: tuple[float, ...]) -> tuple[float, ...]:
        if list(amounts) != sorted(set(amounts)) or amounts[0] <= 0:
            raise PydanticCustomError("out_of_range", "doses rise from step to step and are above zero")
        return amounts


class Ladder(Knowable):
    """The steps of titration of one drug and their history."""

    unit: Unit
    values: Annotated[dict[date, Amounts], Field(min_length=1)]

    def on(self, day: date) -> tuple[float, ...]:
        """The steps as they apply on `day`, lowest first."""
        past = [since for since in self.values if since <= day]
        return self.values[past[-1] if past else next(iter(self.values))].amounts


class Choice(Knowable):
    """A drug prescribed for depression: how often first, how often later, and its ladder of doses."""

    drug: Named
    release: str = ""
    first: Share
    later: Share
    ladder: Ladder


class OtherUse(Knowable):
    """A drug taken for something else: how often, at what dose, how long, and the reason it is given for."""

    id: Named
    drug: Named = ""
    release: str = ""
    product: Code | None = None
    share: Share
    dose: DatedValue
    reason: Code
    text: Named


class Prescriber(Knowable):
    """One prescriber of a clinic: the share of its patients whose first, and whose later drugs it signs."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    text: Named
    first: Share
    later: Share


class Diagnosis(Knowable):
    """A condition of some patients. `verification` as FHIR has it; without `sex` and ages it befalls anybody."""

    id: Named
    code: Code
    text: Named
    share: Share
    verification: Literal["confirmed", "provisional", "refuted", "entered-in-error"] = "confirmed"
    sex: Literal["", "female", "male"] = ""
    from_age: Years | None = None
    to_age: Years | None = None


class ScaleUse(Knowable):
    """How often a patient is measured with one instrument, and its points for one point of the PHQ-9."""

    instrument: Named
    share: Share
    per_point: DatedValue


class CodedText(Knowable):
    """A code with the words that stand beside it."""

    code: Code
    text: Named


class Profile(Knowable):
    """One kind of record: the shares of what is missing from it."""

    label: Named
    missing: dict[str, Share]

    @field_validator("missing")
    @classmethod
    def _of_every_kind(cls, missing: dict[str, DatedValue]) -> dict[str, DatedValue]:
        if set(missing) != set(HIDEABLE):
            raise PydanticCustomError("shares_of_every_kind", "a profile states the share of every kind, none else")
        return missing


class CohortFile(Reviewed):
    """``cohort.yaml``: the whole synthetic cohort. `numbers` are read by name; shares are shares of 1.

    `remission` is the share remitting in each treatment step, the last one for all further steps. `end_of_records` is
    the last day anything is recorded: invented, so that a seed gives the same bytes on any day.
    """

    end_of_records: date
    numbers: Numbers
    remission: Annotated[tuple[Share, ...], Field(min_length=1)]
    antidepressants: Annotated[tuple[Choice, ...], Field(min_length=1)]
    augmenters: Annotated[tuple[Choice, ...], Field(min_length=1)]
    other_uses: tuple[OtherUse, ...]
    prescribers: Annotated[tuple[Prescriber, ...], Field(min_length=1)]
    depression: dict[DepressionKind, CodedText]
    diagnoses: tuple[Diagnosis, ...]
    instruments: Annotated[tuple[ScaleUse, ...], Field(min_length=1)]
    stop_reasons: dict[Literal["inefficacy", "intolerance"], CodedText]
    unrelated_drugs: Annotated[tuple[CodedText, ...], Field(min_length=1)]
    unrelated_measurement: CodedText
    signatures: Annotated[tuple[Named, ...], Field(min_length=1)]
    profiles: dict[str, Profile]
    cites: CitationIds

    def numbers_on(self, day: date) -> Mapping[str, float]:
        """Every plain number as it applies on `day`, by name."""
        return {name: value.on(day).amount for name, value in self.numbers.items()}
