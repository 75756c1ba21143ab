"""The shape of one drug file: codes, names, adequate doses, equivalences, excluded products."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from mappings.values import CitationIds, Code, Confidence, DatedValue, Knowable, Reviewed, Unit, Years

Role = Literal["antidepressant", "augmentation", "information"]
Counting = Literal["counts", "borderline-at-most", "never"]


class PublishedDose(Knowable):
    """The minimum adequate daily dose according to one published list, as it stood on `since`."""

    list: str
    amount: float
    unit: Unit
    since: date
    cites: CitationIds
    confidence: Confidence = "high"


class GeriatricLenient(Knowable):
    """A lower lenient dose from an age on (the label's geriatric dose)."""

    from_age: Years
    amount: DatedValue


class AdequateDose(Knowable):
    """The two thresholds per day: from `default` on yes, below `lenient` no, between them unsure."""

    lenient: DatedValue
    default: DatedValue
    lenient_geriatric: GeriatricLenient | None = None


class Equivalence(Knowable):
    """Labelled mg of some products expressed in mg of the reference product: multiply by `factor`.

    A product matches by one of its `codes`, its salt, its release form or a word of its name (`names`).
    """

    what: str
    codes: tuple[Code, ...] = ()
    salts: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    factor: float
    since: date
    cites: CitationIds


class ExcludedProduct(Knowable):
    """Products of this ingredient that are labelled for something else and so are never a trial.

    A product matches by one of its `codes`, a word of its name or its dose form; an entry with none of the
    three covers every product of the ingredient. `jurisdictions` limits the entry, none means everywhere.
    """

    what: str
    codes: tuple[Code, ...] = ()
    names: tuple[str, ...] = ()
    dose_forms: tuple[str, ...] = ()
    jurisdictions: tuple[str, ...] = ()
    cites: CitationIds


class Drug(Reviewed):
    """One ingredient, or one fixed combination that counts as a drug of its own.

    `parts` names the ingredients of a fixed combination that is one drug: a text that names all of them means
    this drug and none of its parts. `adequate_dose` is None for drugs that are never counted. `enantiomer_of`
    flags pairs such as escitalopram and citalopram.
    """

    id: str
    label: str
    drug_class: str = Field(alias="class")
    role: Role
    counting: Counting
    codes: tuple[Code, ...]
    names: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    adequate_dose: AdequateDose | None = None
    adequate_days: DatedValue | None = None
    published: tuple[PublishedDose, ...] = ()
    equivalences: tuple[Equivalence, ...] = ()
    excluded_products: tuple[ExcludedProduct, ...] = ()
    enantiomer_of: str | None = None
    jurisdictions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cites: CitationIds
