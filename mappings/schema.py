"""The shape of the knowledge: strict, frozen models that every file in this package must satisfy.

A clinical number never stands alone: it is a `DatedValue` (a history by effective date) with citations and a
confidence, and the file that holds it says when a person last looked and when to look again. Unknown keys,
numbers where codes belong and empty citation lists are refused by the models; what needs several files is
checked in `load`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mappings.drug_schema import (
    AdequateDose,
    Counting,
    Drug,
    Equivalence,
    ExcludedProduct,
    GeriatricLenient,
    PublishedDose,
    Role,
)
from mappings.values import CitationIds, Code, CodeSet, Confidence, DatedValue, Knowable, Reviewed, Value

__all__ = [
    "AdequateDose",
    "Adherence",
    "AdherenceMeaning",
    "Band",
    "CitationIds",
    "Code",
    "CodeSet",
    "ConditionCategory",
    "Conditions",
    "Confidence",
    "Counting",
    "DatedValue",
    "Definition",
    "DoseUnit",
    "Dosing",
    "Drug",
    "Equivalence",
    "ExcludedProduct",
    "GeriatricLenient",
    "Instrument",
    "Item",
    "Knowable",
    "OverrideReason",
    "Prefetch",
    "PrefetchCode",
    "ProcedureKind",
    "Procedures",
    "PublishedDose",
    "Reconstruction",
    "Reviewed",
    "Role",
    "Sentence",
    "Source",
    "StopMeaning",
    "StopReasons",
    "TimingCode",
    "Value",
    "Version",
]


class Definition(Reviewed):
    """One published or composed definition of treatment resistance, as the parameters of one rule set.

    Days are whole days, fractions are shares of 1. `response` is the improvement from baseline that is not a
    failure.
    """

    id: str
    label: str
    summary: str
    min_days_at_dose: int
    borderline_days: int
    response: float
    min_failed_trials: int
    augmentation_counts: bool
    neuromodulation_counts: bool
    require_distinct_class: bool
    cites: CitationIds


class Reconstruction(Reviewed):
    """Parameters of the reconstruction that every definition shares. All in days unless named otherwise."""

    era_gap_days: int
    run_gap_days: int
    run_coverage_min: float
    crosstaper_overlap_max_days: int
    truncation_leftover_max_days: int
    truncation_ended_before_days: int
    switch_window_after_days: int
    switch_window_before_days: int
    baseline_before_days: int
    baseline_after_days: int
    titration_before_days: int
    outcome_after_end_days: int
    outcome_after_next_start_days: int
    early_response_from_days: int
    in_progress_days: int
    stock_cap_days: int
    supply_suspect_above_days: int
    issue_interval_max_days: int
    assumed_last_issue_days: int
    inpatient_bridge_days: int
    feed_window_days: int
    fill_window_days: int
    order_add_days: int
    order_replaced_after_days: int
    stop_before_era_days: int
    dose_agreement: float
    episode_remission_days: int
    episode_silence_days: int
    reopen_score_days: int
    severity_days: int
    adult_from_years: int
    cites: CitationIds


class Band(Knowable):
    """A severity band of a scale: its name and lowest total."""

    name: str
    low: float


class Item(Knowable):
    """One item of a scale, by LOINC or local code."""

    number: int
    codes: tuple[Code, ...]


class Instrument(Reviewed):
    """One rating scale: codes, range, cut-offs and what may be derived from its items.

    `line` is the total that a baseline needs and at which a patient counts as still ill; `remission` the
    highest total in remission. None: no absolute rule, only percentages on the same instrument.
    """

    id: str
    label: str
    minimum: float
    maximum: float
    total_codes: tuple[Code, ...]
    panel_codes: tuple[Code, ...] = ()
    other_scales: tuple[Code, ...] = ()
    items: tuple[Item, ...] = ()
    answers: dict[str, float] = Field(default_factory=dict)
    item_maximum: float = 3
    missing_items_max: int = 0
    line: float | None = None
    remission: float | None = None
    bands: tuple[Band, ...] = ()
    cites: CitationIds


class ConditionCategory(Knowable):
    """A named group of conditions with its codes and the words that name it in free text."""

    id: str
    label: str
    code_sets: tuple[CodeSet, ...]
    words: tuple[str, ...] = ()
    cites: CitationIds


class Conditions(Reviewed):
    """All condition categories, and the phrases that mark family history or denial in free text."""

    categories: tuple[ConditionCategory, ...]
    not_the_patient: tuple[str, ...]


class ProcedureKind(Knowable):
    """A kind of procedure with its codes and the words that name it."""

    id: str
    label: str
    concerning: bool
    code_sets: tuple[CodeSet, ...]
    words: tuple[str, ...]
    cites: CitationIds


class Procedures(Reviewed):
    """All procedure kinds."""

    kinds: tuple[ProcedureKind, ...]


class StopMeaning(Knowable):
    """What a coded or worded stop reason means, for instance ``inefficacy``."""

    meaning: Literal["inefficacy", "intolerance", "other", "completed"]
    label: str
    code_sets: tuple[CodeSet, ...]
    words: tuple[str, ...] = ()
    cites: CitationIds


class StopReasons(Reviewed):
    """All stop reasons; words are tried in the order listed."""

    meanings: tuple[StopMeaning, ...]


class AdherenceMeaning(Knowable):
    """What a coded statement on adherence means: ``not-taking``, ``non-compliant`` or ``partial``."""

    meaning: Literal["not-taking", "non-compliant", "partial"]
    label: str
    code_sets: tuple[CodeSet, ...]
    cites: CitationIds


class Adherence(Reviewed):
    """All statements on adherence that take exposure away or cast doubt on it."""

    meanings: tuple[AdherenceMeaning, ...]


class DoseUnit(Knowable):
    """A unit of a dose as written in the field: `to` is ``mg``, ``mL`` or ``unit``; multiply by `factor`."""

    written: tuple[str, ...]
    to: Literal["mg", "mL", "unit"]
    factor: float = 1.0


class TimingCode(Knowable):
    """A coded or worded frequency and the intakes per day it stands for."""

    written: tuple[str, ...]
    per_day: float


class Dosing(Reviewed):
    """How doses, frequencies and release forms are written.

    `releases` maps a release form of `codes/rxnorm.csv` to the words for it.
    """

    units: tuple[DoseUnit, ...]
    timing: tuple[TimingCode, ...]
    period_days: dict[str, float]
    releases: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    cites: CitationIds


class Source(Knowable):
    """One entry of the bibliography. `short` names it on a card; entries without one never appear there."""

    citation: str
    short: str = ""
    url: str = ""
    published: str = ""
    kind: Literal["guideline", "study", "instrument", "label", "standard", "code", "consensus", "project", "review"]
    licence: str = ""


class Sentence(Knowable):
    """One sentence of a card, with named fields in braces; no other text ever reaches a card."""

    text: str
    cites: tuple[str, ...] = ()


class OverrideReason(Knowable):
    """One reason a clinician may give for dismissing a card. `code` is stable for ever."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$")]
    display: str


class Version(Knowable):
    """The version of the knowledge (semantic version) and the definition used unless another is asked for."""

    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    default_definition: str


class PrefetchCode(Knowable):
    """One observation code that the service asks for at order entry; `label` is for readers."""

    system: str
    code: str
    label: str
    confidence: Confidence = "high"


class Prefetch(Reviewed):
    """The code lists of the prefetch queries: `scales` are rating-scale observations."""

    scales: tuple[PrefetchCode, ...]
    cites: CitationIds
