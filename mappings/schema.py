"""The shape of the knowledge: strict, frozen models that every file in this package must satisfy.

A clinical number never stands alone: it is a `DatedValue` (a history by effective date) with citations and a
confidence, and the file that holds it says when a person last looked and when to look again. Unknown keys,
numbers where codes belong and empty citation lists are refused by the models; what needs several files is
checked in `load`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from mappings.arranged import Arranged
from mappings.course_schema import Augmentation, ContinuousRules, CourseRules, CourseWindows, ProcedureTrait
from mappings.definition_schema import Definition, DefinitionFile, Family, Reconstruction, ReconstructionFile
from mappings.domain_schema import MeasureKind
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
from mappings.instrument_schema import Band, BandFile, Instrument, InstrumentFile, Item
from mappings.values import CitationIds, Code, CodeSet, Confidence, DatedValue, Knowable, Reviewed, Unit, Value

__all__ = [
    "AdequateDose",
    "Adherence",
    "AdherenceMeaning",
    "Augmentation",
    "Band",
    "BandFile",
    "CitationIds",
    "Code",
    "CodeSet",
    "ConditionCategory",
    "Conditions",
    "Confidence",
    "ContinuousRules",
    "Counting",
    "CourseRules",
    "CourseWindows",
    "DatedValue",
    "Definition",
    "DefinitionFile",
    "DoseUnit",
    "Dosing",
    "Drug",
    "Equivalence",
    "ExcludedProduct",
    "Family",
    "GeriatricLenient",
    "Instrument",
    "InstrumentFile",
    "Item",
    "Knowable",
    "OverrideReason",
    "OverrideReasons",
    "Prefetch",
    "PrefetchCode",
    "ProcedureKind",
    "ProcedureTrait",
    "Procedures",
    "PublishedDose",
    "Reconstruction",
    "ReconstructionFile",
    "Reviewed",
    "Role",
    "Sentence",
    "Sentences",
    "Source",
    "Sources",
    "StopMeaning",
    "StopReasons",
    "Systems",
    "TimingCode",
    "Unit",
    "Value",
    "Version",
]


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


def _labels(conditions: Conditions) -> Mapping[str, str]:
    return MappingProxyType({category.id: category.label for category in conditions.categories})


category_labels = Arranged(_labels)
"""What the categories of conditions are called, by id."""


class ProcedureKind(Knowable):
    """A kind of procedure with its codes and the words that name it.

    `course` are the rules of an adequate course, None for what is only told. `is_next_step`: its start can follow a
    failed trial (O7). `counts_as_trial`: a definition that counts neuromodulation counts it. `drug`: administrations
    of that drug are sessions too. `gives`: the drug that is given by it, so that whoever orders it orders that drug.
    `other_uses`: categories of conditions it is also done for.
    """

    id: str
    label: str
    concerning: bool
    code_sets: tuple[CodeSet, ...]
    words: tuple[str, ...]
    traits: tuple[ProcedureTrait, ...] = ()
    course: CourseRules | ContinuousRules | None = None
    is_next_step: bool = False
    counts_as_trial: bool = False
    drug: str | None = None
    gives: str | None = None
    other_uses: tuple[str, ...] = ()
    cites: CitationIds


class Procedures(Reviewed):
    """All procedure kinds, and what their courses share.

    `count_extensions` are the URLs of extensions that state how many sessions one Procedure stands for.
    """

    kinds: tuple[ProcedureKind, ...]
    count_extensions: tuple[str, ...]
    windows: CourseWindows


class StopMeaning(Knowable):
    """What a coded or worded stop reason means, for instance ``inefficacy``.

    Phrases in `unless` say the contrary and are taken out before the words are looked for.
    """

    meaning: Literal["inefficacy", "intolerance", "other", "completed"]
    label: str
    code_sets: tuple[CodeSet, ...]
    words: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    cites: CitationIds


class StopReasons(Reviewed):
    """All stop reasons; words are tried in the order listed.

    `misused`: words that, beside a code of inefficacy, show that a local map gave the code another meaning.
    """

    meanings: tuple[StopMeaning, ...]
    misused: tuple[str, ...] = ()


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
    kind: Literal[
        "guideline", "study", "instrument", "label", "standard", "code", "consensus", "project", "review", "site"
    ]
    licence: str = ""


class Sentence(Knowable):
    """One sentence of a card, with named fields in braces; no other text ever reaches a card.

    `fields` declares the names that `text` uses, so that a misspelt one is found. `one` is the text where the field
    `count` is 1, empty where the language needs none.
    """

    text: str
    one: str = ""
    fields: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()


class Sources(Reviewed):
    """``sources.yaml``: the bibliography, each entry under its id."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Source]


class Sentences(Reviewed):
    """``sentences/LANGUAGE.yaml``: all sentences of one language, each under its id; `id` is the code of the language.

    Every language has the keys and the fields of English.
    """

    id: str
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Sentence]


class Systems(Reviewed):
    """``systems.yaml``: for each short name of a code system the URIs under which it travels, the canonical first."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]


class OverrideReason(Knowable):
    """One reason a clinician may give for dismissing a card. `code` is stable for ever.

    A `lasting` reason silences the same finding while the facts stay the same; another answers for the moment only. A
    reason `about` the order says nothing of the finding itself: it holds only for the drafted orders it was given for.
    `not_on`: kinds of card on which it would make no sense.
    """

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$")]
    display: str
    lasting: bool = False
    about: Literal["finding", "order"] = "finding"
    not_on: tuple[str, ...] = ()


class OverrideReasons(Reviewed):
    """``override_reasons.yaml``: all reasons, in the order offered."""

    reasons: Annotated[tuple[OverrideReason, ...], Field(min_length=1)]


class Version(Reviewed):
    """The version of the knowledge (semantic version) and the definition used unless another is asked for."""

    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    default_definition: str


class PrefetchCode(Knowable):
    """One observation code that the service asks for at order entry; `label` is for readers."""

    system: str
    code: str
    label: str
    confidence: Confidence = "high"


class SearchOnNeed(Knowable):
    """One search: codes of the measures of these `kinds`, of the `measures` with these ids, and with `instruments`
    those of the scales of outcome.

    `window_days` is how far back it reaches; None: as far as the record does.
    """

    kinds: tuple[MeasureKind, ...] = ()
    measures: tuple[str, ...] = ()
    instruments: bool = False
    window_days: DatedValue | None = None


class Need(Knowable):
    """Data asked for only once they matter; read completely when all `searches` are. Its codes stand with the measures;
    one that an earlier need asks for is left out.

    `often_not_offered`: many servers lack such data, so that a refusal says nothing and is no gap.
    """

    id: Literal["laboratory", "outcomeScales", "otherScales", "administrations"]
    resource_type: Literal["Observation", "MedicationAdministration"]
    searches: Annotated[tuple[SearchOnNeed, ...], Field(min_length=1)]
    often_not_offered: bool = False


class Prefetch(Reviewed):
    """The codes of the prefetch template for rating scales (`scales`), and what is asked for later (`on_need`)."""

    scales: tuple[PrefetchCode, ...]
    on_need: tuple[Need, ...]
    cites: CitationIds
