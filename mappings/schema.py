"""The shape of the knowledge: strict, frozen models that every file in this package must satisfy.

A clinical number never stands alone: it is a `DatedValue` (a history by effective date) with citations and a
confidence, and the file that holds it says when a person last looked and when to look again. Unknown keys, numbers
where codes belong and empty citation lists are refused by the models; what needs several files is checked in `load`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Confidence = Literal["high", "medium", "low"]
CitationIds = Annotated[tuple[str, ...], Field(min_length=1)]
Role = Literal["antidepressant", "augmentation", "information"]
Counting = Literal["counts", "borderline-at-most", "never"]


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


class PublishedDose(Knowable):
    """The minimum adequate daily dose according to one published list."""

    list: str
    amount: float
    unit: str
    cites: CitationIds
    confidence: Confidence = "high"


class GeriatricLenient(Knowable):
    """A lower lenient dose from an age on (the label's geriatric dose)."""

    from_age: int
    amount: float
    cites: CitationIds


class AdequateDose(Knowable):
    """The two thresholds of a drug in `unit` per day: at `default` and above yes, below `lenient` no, between unsure."""

    lenient: DatedValue
    default: DatedValue
    lenient_geriatric: GeriatricLenient | None = None


class Equivalence(Knowable):
    """Labelled mg of some products expressed in mg of the reference product: multiply by `factor`."""

    what: str
    codes: tuple[Code, ...] = ()
    salts: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    factor: float
    cites: CitationIds


class ExcludedProduct(Knowable):
    """Products of this ingredient that are labelled for something else and so are never a trial."""

    what: str
    codes: tuple[Code, ...] = ()
    names: tuple[str, ...] = ()
    dose_forms: tuple[str, ...] = ()
    jurisdictions: tuple[str, ...] = ()
    cites: CitationIds


class Drug(Reviewed):
    """One ingredient, or one fixed combination that counts as a drug of its own.

    `parts` lists the drug ids or other ingredient names of a combination rated by component. `adequate_dose` is None
    for drugs that are never counted. `enantiomer_of` flags pairs such as escitalopram and citalopram.
    """

    id: str
    label: str
    drug_class: str = Field(alias="class")
    role: Role
    counting: Counting
    codes: tuple[Code, ...]
    names: tuple[str, ...] = ()
    adequate_dose: AdequateDose | None = None
    adequate_days: DatedValue | None = None
    published: tuple[PublishedDose, ...] = ()
    equivalences: tuple[Equivalence, ...] = ()
    excluded_products: tuple[ExcludedProduct, ...] = ()
    enantiomer_of: str | None = None
    jurisdictions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cites: CitationIds


class Definition(Reviewed):
    """One published or composed definition of treatment resistance, as the parameters of one rule set.

    Days are whole days, fractions are shares of 1. `response` is the improvement from baseline that is not a failure.
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

    `line` is the total that a baseline needs and at which a patient counts as still ill; `remission` the highest
    total in remission. None: no absolute rule, only percentages on the same instrument.
    """

    id: str
    label: str
    minimum: float
    maximum: float
    total_codes: tuple[Code, ...]
    panel_codes: tuple[Code, ...] = ()
    other_scales: tuple[Code, ...] = ()
    items: tuple[Item, ...] = ()
    answers: dict[str, float] = {}
    item_maximum: float = 3
    missing_items_max: int = 0
    line: float | None = None
    remission: float | None = None
    bands: tuple[Band, ...] = ()
    cites: CitationIds


class CodeSet(Knowable):
    """Codes of one system: `exact` codes and `prefixes` (a prefix matches itself and everything below it)."""

    system: str
    exact: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    except_: tuple[str, ...] = Field(default=(), alias="except")


class ConditionCategory(Knowable):
    """A named group of conditions with the codes that belong to it and the words that name it in free text."""

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
    """What a coded or worded stop reason means: ``inefficacy``, ``intolerance``, ``other`` or ``completed``."""

    meaning: Literal["inefficacy", "intolerance", "other", "completed"]
    label: str
    code_sets: tuple[CodeSet, ...]
    words: tuple[str, ...] = ()
    cites: CitationIds


class StopReasons(Reviewed):
    """All stop reasons; words are tried in the order listed."""

    meanings: tuple[StopMeaning, ...]


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
    """How doses and frequencies are written."""

    units: tuple[DoseUnit, ...]
    timing: tuple[TimingCode, ...]
    period_days: dict[str, float]
    cites: CitationIds


class Source(Knowable):
    """One entry of the bibliography."""

    citation: str
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

    code: str
    display: str
