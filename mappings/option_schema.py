"""The shape of what may be offered and said: options, statements of guidelines, agents under study, checks.

Grades are conventions of this project unless a source is named; whatever a source found stands in our own words
with its citation and our confidence in having read it rightly.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import model_validator

from mappings.course_schema import TraitId
from mappings.decision_tables import FactTest
from mappings.domain_schema import Cited, DomainId, NonEmpty
from mappings.order_schema import Circumstance, OrderTemplate
from mappings.values import CitationIds, Code, DatedValue, Knowable, Reviewed

Jurisdiction = Literal["us", "eu"]
Tier = Literal["A", "B", "C", "D"]
Lane = Literal["matched", "guideline", "adjunct", "psychosis-gate", "catatonia-gate"]


class Grades(Cited):
    """The match of an option with each domain: 3 domain-specific trial, 2 secondary analysis, 1 mechanism or
    expert, 0 none, -1 plausible mismatch.
    """

    by_domain: dict[DomainId, float]


class DatedGrades(Knowable):
    """Grades and their history by effective date."""

    values: Annotated[dict[date, Grades], NonEmpty]


class Evidence(Cited):
    """What a source found, in our own words; `domain` when it speaks about one."""

    statement: str
    domain: DomainId | None = None


class LabelStatus(Cited):
    """How a jurisdiction labels an option. `offered` False: never listed there as an option for depression."""

    status: Literal["labelled-trd", "labelled-depression", "cleared", "other-indication", "not-authorised", "no-label"]
    off_label: bool
    offered: bool = True


class Eligibility(Cited):
    """When an option may be offered at all.

    `appended_place`: it only ever follows the others of the guideline lane, at this place among those appended.
    """

    failed_trials: DatedValue
    or_suicidality_high: bool = False
    or_urgent: bool = False
    hidden_when_mild: bool = False
    appended_place: DatedValue | None = None


class Closing(Knowable):
    """What makes an option current or already failed: ingredients, drug classes or kinds of procedure.

    `traits`: only courses with all of them. `while_taking`: drugs that hold the same ingredient; they close the option
    while they are taken, and their failure does not.
    """

    drugs: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    traits: tuple[TraitId, ...] = ()
    while_taking: tuple[str, ...] = ()


class Option(Reviewed):
    """One treatment that may be offered: evidence tier, domain match, label, eligibility, what it needs.

    `priority` orders options of one tier and match (lower first). `codes` are known, `to_verify` named without being
    confirmed by a terminology: recognised, never emitted. `enters_matched_when` puts the option among the matched ones
    whatever the domains, `sorts_first_when` before all others. `unconditional`: an adjunct for everybody. `page_only`:
    never on a card. `orders` are the alternatives that may be proposed; without any the option is information.
    """

    id: str
    label: str
    kind: Literal["drug", "procedure", "therapy", "device", "supplement"]
    tier: Tier
    lanes: tuple[Lane, ...]
    grades: DatedGrades
    priority: DatedValue
    drugs: tuple[str, ...] = ()
    closes: Closing = Closing()
    jurisdictions: dict[Jurisdiction, LabelStatus]
    eligibility: Eligibility | None = None
    evidence: tuple[Evidence, ...] = ()
    dosing: tuple[Evidence, ...] = ()
    monitoring: tuple[Evidence, ...] = ()
    action: Literal["medication-order", "service-order", "referral", "information"]
    codes: tuple[Code, ...] = ()
    to_verify: tuple[Code, ...] = ()
    enters_matched_when: tuple[Circumstance, ...] = ()
    sorts_first_when: tuple[Circumstance, ...] = ()
    unconditional: bool = False
    page_only: bool = False
    orders: tuple[OrderTemplate, ...] = ()
    cites: CitationIds


class GuidelineStatement(Cited):
    """What a guideline says after two failures, in our own words, with its edition."""

    id: str
    edition: str
    statement: str
    options: tuple[str, ...] = ()
    retrieved: date | None = None


class Guidelines(Reviewed):
    """All statements of guidelines and regulators that a card may cite."""

    statements: tuple[GuidelineStatement, ...]


class InvestigationalAgent(Cited):
    """An agent without approval for resistant depression: information only, never an order."""

    id: str
    label: str
    names: tuple[str, ...] = ()
    status: str


class InvestigationalAgents(Reviewed):
    """All agents of which a card may only say that they are investigational or not for this use."""

    agents: tuple[InvestigationalAgent, ...]


class DrugGroup(Cited):
    """Drugs with one property: our own `drugs`, `codes` of others, and words for text without a code.

    A product named with one of `not_words` (eye drops, creams) has not the property.
    """

    id: str
    label: str
    drugs: tuple[str, ...] = ()
    codes: tuple[Code, ...] = ()
    words: tuple[str, ...] = ()
    not_words: tuple[str, ...] = ()


class DrugGroups(Reviewed):
    """All drug groups that rules and checks name."""

    groups: tuple[DrugGroup, ...]


class CheckRow(Cited):
    """When all tests hold, the check has something to say (``evidence``) or a gap to name (``gap``).

    What `leads` stands before everything else on a card.
    """

    when: Annotated[tuple[FactTest, ...], NonEmpty]
    shows: Literal["evidence", "gap"]
    leads: bool = False


class PseudoResistanceCheck(Cited):
    """Something to consider before concluding resistance; it never changes the verdict."""

    id: str
    label: str
    rows: Annotated[tuple[CheckRow, ...], NonEmpty]
    codes: tuple[Code, ...] = ()
    sentence: str


class PseudoResistance(Reviewed):
    """All checks, the most telling first."""

    checks: tuple[PseudoResistanceCheck, ...]


Parameter = Literal[
    "min-days-per-trial",
    "max-days-between-trials",
    "max-days-between-issues",
    "same-drug-episode-gap-days",
    "combination-overlap-days",
    "min-switches",
    "min-distinct-drugs",
    "min-sequential-trials",
    "min-failed-trials",
    "min-distinct-classes",
    "min-augmentations",
    "min-antipsychotics",
    "min-antidepressants-with-antipsychotic",
    "min-antidepressants-with-drug-beside",
    "min-depression-codes",
    "min-depression-entries",
    "look-back-days",
    "days-before-neuromodulation",
    "improvement-at-most",
    "score-above",
    "score-max-age-days",
]


class ComparisonTerms(Knowable):
    """What a rule of others names: categories of conditions, classes and ids of drugs, kinds of procedures.

    `depression` are the codes of its population, `excluding` those that exclude; `not_counted` drugs are dropped,
    `beside` are drugs counted apart from the antidepressants, as are those of `antipsychotic_classes`.
    """

    depression: tuple[str, ...] = ()
    excluding: tuple[str, ...] = ()
    not_counted: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    antipsychotic_classes: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()


class PublishedShare(Cited):
    """The share of a population that a rule of others, or one much like it, found resistant."""

    population: str
    share: DatedValue


class ComparisonRule(Reviewed):
    """A rule of others (a register study, a payer) to set beside our definitions, as its source states it.

    `computable` is False while the rule cannot be computed faithfully; `why_not` says what is missing. A computable
    rule names its `terms`; `readings` say how it is read where its source is silent.
    """

    id: str
    label: str
    kind: Literal["register", "claims", "payer"]
    summary: str
    parameters: dict[Parameter, DatedValue]
    conventions: tuple[Evidence, ...] = ()
    readings: tuple[str, ...] = ()
    terms: ComparisonTerms | None = None
    found: tuple[PublishedShare, ...] = ()
    computable: bool
    why_not: str = ""
    cites: CitationIds

    @model_validator(mode="after")
    def _honest(self) -> ComparisonRule:
        if self.computable == bool(self.why_not):
            raise ValueError("say in why_not what is missing when, and only when, computable is false")
        if self.computable and self.terms is None:
            raise ValueError("name the terms of a rule that is computable")
        return self
