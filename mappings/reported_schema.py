"""What a clinician may report on the page of an assessment: the answers offered, their words, and bounds."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mappings.missing_schema import MissingKind
from mappings.values import CitationIds, Code, DatedValue, Knowable, Reviewed

Row = Literal["trial", "outcome", "score", "adherence"]
Words = Annotated[str, Field(min_length=1, pattern=r"\S")]


class ReportedAnswer(Knowable):
    """One answer offered: its `label`, and the words it is `written` in.

    `speaks` ``for`` or ``against`` an effect of the drug: answers that contradict each other are not taken together.
    """

    id: str
    label: Words
    written: Words
    speaks: Literal["for", "against", "neither"]


class ReportedPurpose(Knowable):
    """What a drug was taken for: words, and the codes that say the same."""

    id: str
    label: Words
    written: Words
    codes: tuple[Code, ...] = ()


class WrittenAs(Knowable):
    """A drug that is reported as one of its products; `shown` tells the reader which."""

    drug: str
    written: Words
    shown: Words


class Offer(Knowable):
    """The rows of the form that a kind of missing fact calls for, none where it is settled elsewhere; and a word."""

    kind: MissingKind
    rows: tuple[Row, ...]
    say: Words


class ReportedFacts(Reviewed):
    """``reported.yaml``: answers, words and bounds of the form, and an offer for every kind of missing fact.

    `dose_at_most` is a multiple of a drug's default dose, `dose_at_least` a share of its lenient one.
    """

    outcomes: tuple[ReportedAnswer, ...]
    reasons: tuple[ReportedAnswer, ...]
    purposes: tuple[ReportedPurpose, ...]
    released: Words
    written_as: tuple[WrittenAs, ...]
    moved: Annotated[str, Field(pattern=r"\{before\}.*\{now\}")]
    provenance: Words
    again: Words
    offers: tuple[Offer, ...]
    facts_at_most: DatedValue
    weeks_at_most: DatedValue
    years_back_at_most: DatedValue
    dose_at_most: DatedValue
    dose_at_least: DatedValue
    cites: CitationIds

    @model_validator(mode="after")
    def _every_kind_once(self) -> ReportedFacts:
        if sorted(offer.kind for offer in self.offers) != sorted(get_args(MissingKind)):
            raise PydanticCustomError("offers_incomplete", "every kind of missing fact has one offer")
        return self
