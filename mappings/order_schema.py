"""The shape of what may be proposed as an order, and of how options relate to trials and to each other.

A code that may leave in an order is of high confidence; whatever no terminology confirms travels as words only.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from mappings.domain_schema import Cited, DomainId, NonEmpty
from mappings.values import CitationIds, Code, DatedValue, Reviewed

Circumstance = Literal["suicidality-high", "psychosis", "catatonia", "pain"]
Words = Annotated[str, Field(min_length=1, pattern=r"\S")]
OptionIds = Annotated[tuple[str, ...], NonEmpty]


class OrderTemplate(Cited):
    """One order that an option may propose: a drug, a service or a referral in words, with its confirmed codes.

    `drug` is the agent of a medication order and `procedure` the kind a service belongs to: the codes a site maps to
    them stand in the order too. `dosing` replaces the dosing of the option where it speaks of several agents. `when`
    says whether the order needs (``enabled``), or gives way to (``not-enabled``), the site's consent to such orders.
    """

    resource: Literal["medication", "service", "referral"]
    text: Words
    drug: str | None = None
    procedure: str | None = None
    codes: tuple[Code, ...] = ()
    dosing: str = ""
    when: Literal["always", "enabled", "not-enabled"] = "always"
    jurisdictions: Annotated[tuple[Literal["us", "eu"], ...], NonEmpty] = ("us", "eu")

    @field_validator("codes")
    @classmethod
    def _confirmed(cls, codes: tuple[Code, ...]) -> tuple[Code, ...]:
        if any(code.confidence != "high" for code in codes):
            raise PydanticCustomError("code_not_confirmed", "an order carries only codes of high confidence")
        return codes


class TrialMatch(Cited):
    """How well a past trial of these drugs or classes matched each domain; a domain not named has no match."""

    drugs: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    by_domain: dict[DomainId, DatedValue]


class Pairing(Cited):
    """A psychotherapy or chronotherapy beside a biological option: `form` is what is meant; no `domains`: any."""

    therapy: str
    form: Words
    domains: tuple[DomainId, ...] = ()
    statement: Words


class Together(Cited):
    """What may run at the same time: any of `options` with any of `beside` (none: with any other)."""

    options: OptionIds
    beside: tuple[str, ...] = ()
    statement: Words


class Apart(Cited):
    """What may not run at the same time: any of `options` with any of `against` (none: with each other)."""

    options: OptionIds
    against: tuple[str, ...] = ()
    statement: Words


class Strategies(Reviewed):
    """``strategies.yaml``: how treatments relate to domains, to a history of failures and to each other.

    `refractory`: sets of options whose failure, all of one set, is a refractory pattern. `order_systems`: the code
    systems that orders use in a jurisdiction. `order_notes`: what a proposed order says of itself.
    """

    parameters: dict[str, DatedValue]
    trial_matches: Annotated[tuple[TrialMatch, ...], NonEmpty]
    refractory: Annotated[tuple[OptionIds, ...], NonEmpty]
    pairings: Annotated[tuple[Pairing, ...], NonEmpty]
    together: Annotated[tuple[Together, ...], NonEmpty]
    apart: Annotated[tuple[Apart, ...], NonEmpty]
    order_systems: dict[Literal["us", "eu"], tuple[str, ...]]
    order_notes: dict[Literal["proposal", "match", "off-label"], Words]
    cites: CitationIds
