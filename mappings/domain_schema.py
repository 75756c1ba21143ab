"""The shape of what is measured and how it becomes evidence: measures, indicators, domains, scoring.

As everywhere in the knowledge, a number stands in a record that has a date, citations and a confidence; an anchor
or weight that is a convention of this project says so by citing the project and by its confidence.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from mappings.values import CitationIds, Code, Confidence, DatedValue, Knowable, Reviewed, Unit

DomainId = Literal["ANH", "ANX", "COG", "CIR", "INF"]
Point: TypeAlias = tuple[float, float]
MeasureKind: TypeAlias = Literal["scale", "task", "laboratory", "vital", "activity", "status"]
NonEmpty = Field(min_length=1)


class Cited(Knowable):
    """A statement of fact with its sources and how far we trust our reading of them."""

    cites: CitationIds
    confidence: Confidence = "high"
    note: str = ""


class Range(Cited):
    """The lowest and highest value that can be recorded."""

    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.low >= self.high:
            raise ValueError("low is not below high")
        return self


class DatedRange(Knowable):
    """A range and its history by effective date, all in `unit`."""

    unit: Unit
    values: Annotated[dict[date, Range], NonEmpty]


class Anchors(Cited):
    """Points (value, evidence from 0 to 1) between which evidence is interpolated; values ascend strictly."""

    points: Annotated[tuple[Point, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _a_curve(self) -> Anchors:
        values = [value for value, _ in self.points]
        evidence = [share for _, share in self.points]
        if values != sorted(set(values)):
            raise ValueError("the values of the points do not ascend")
        if not all(0 <= share <= 1 for share in evidence):
            raise ValueError("evidence lies outside 0 to 1")
        if evidence not in (sorted(evidence), sorted(evidence, reverse=True)):
            raise ValueError("evidence both rises and falls")
        return self


class DatedAnchors(Knowable):
    """Anchors and their history by effective date; values in `unit`."""

    unit: Unit
    values: Annotated[dict[date, Anchors], NonEmpty]


class Conversion(Knowable):
    """Multiply a value in `unit` by `factor` to get the unit of the measure."""

    unit: str
    factor: DatedValue


class MeasureItem(Knowable):
    """One item of a scale by its number; codes only, never its wording. `range` where it differs from the others'."""

    number: int
    codes: Annotated[tuple[Code, ...], NonEmpty]
    range: DatedRange | None = None


class CodedAnswer(Knowable):
    """What a coded answer stands for: a word or a score."""

    code: Code
    meaning: str
    score: DatedValue | None = None


class WeightByHeight(Knowable):
    """A body mass index out of the weight and the height nearest in time, at most `within` days apart."""

    weight: str
    height: str
    within: DatedValue


class Measure(Cited):
    """Something observed: a scale, a laboratory value, a vital sign, a daily summary. Codes only.

    `codes` are those of the value itself (the total of a scale), `panel_codes` those of its panel, `not_this`
    codes that look alike and must never be read as it. `range` is None where none was found; outside it a value is not
    plausible; `item_range` is that of the answer to an item. `unit` is that of the value, with `conversions` from
    others; a count of points needs none. `level_of` is the drug whose plasma level it is: `cut_offs` then say from
    where on the level is adequate. `computed` says how the value may be had where it is not recorded.
    """

    id: str
    label: str
    kind: MeasureKind
    codes: tuple[Code, ...] = ()
    panel_codes: tuple[Code, ...] = ()
    not_this: tuple[Code, ...] = ()
    items: tuple[MeasureItem, ...] = ()
    answers: tuple[CodedAnswer, ...] = ()
    range: DatedRange | None = None
    item_range: DatedRange | None = None
    unit: Unit | None = None
    computed: WeightByHeight | None = None
    level_of: str | None = None
    cut_offs: dict[str, DatedValue] = Field(default_factory=dict)
    conversions: tuple[Conversion, ...] = ()


class Measures(Reviewed):
    """All measures that domains, rules and checks read, besides the instruments of outcome."""

    measures: tuple[Measure, ...]


class Recency(Knowable):
    """How fast a kind of evidence ages: half-life and the age from which it is ignored, in days."""

    id: str
    half_life: DatedValue
    expiry: DatedValue


class Scoring(Reviewed):
    """The parameters that every domain score shares, by name, and how evidence ages."""

    parameters: dict[str, DatedValue]
    recency: tuple[Recency, ...]
    limits: tuple[str, ...]
    cites: CitationIds


class SumOfItems(Knowable):
    """Items of a measure that add up to its total or to a factor, where that itself is not recorded."""

    measure: str
    items: Annotated[tuple[int, ...], Field(min_length=2)]


class Indicator(Cited):
    """One indicator: which measure (its total, one item, or items combined) and how it turns into evidence.

    `summed` gives the items whose sum stands in for a total of a day that was not recorded, all of them answered.
    `worse` says in which direction of the measure the evidence rises.
    """

    id: str
    label: str
    measure: str
    take: Literal["total", "item", "highest", "distance"] = "total"
    items: tuple[int, ...] = ()
    summed: SumOfItems | None = None
    reference: DatedValue | None = None
    worse: Literal["higher", "lower"]
    anchors: DatedAnchors
    ignored_above: DatedValue | None = None
    recency: str


class Indicators(Reviewed):
    """Indicators that come from one kind of source."""

    indicators: Annotated[tuple[Indicator, ...], NonEmpty]


class Member(Knowable):
    """An indicator of a family and its weight there."""

    indicator: str
    weight: DatedValue


class Family(Knowable):
    """Indicators that measure the same thing: only one of them counts. Ties go by the order of `members`.

    `mandatory`: without one family so marked the domain cannot be assessed.
    """

    id: str
    mandatory: bool = False
    members: Annotated[tuple[Member, ...], NonEmpty]


class Boost(Knowable):
    """A recorded condition that raises the score by `share`; its absence changes nothing."""

    category: str
    share: DatedValue


class Domain(Reviewed):
    """One symptom domain: what it means, its families of evidence and what may mimic it.

    `collect` names the indicators to ask for where the domain cannot be assessed.
    """

    id: DomainId
    label: str
    definition: str
    families: Annotated[tuple[Family, ...], NonEmpty]
    boosts: tuple[Boost, ...] = ()
    collect: Annotated[tuple[str, ...], NonEmpty]
    confounders: tuple[str, ...] = ()
    cites: CitationIds
