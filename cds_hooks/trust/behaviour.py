"""How a client behaves, as far as that decides our answers: one list of attributes, for profiles and entries alike.

A profile (`client_profiles.yaml`) states every attribute and says why and from where; a registry entry may override
each of them. The defaults are those of the profile ``generic``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cds_hooks.card_form import CARDS_AT_MOST
from cds_hooks.ehr.searches import require_variants

ReplayPolicy = Literal["refuse", "allow"]
AudienceForm = Literal["endpoint", "feedback", "discovery", "base"]
SelectionBehavior = Literal["both", "at-most-one", "any"]
OrderIntent = Literal["proposal", "plan", "order"]
OrderSystem = Literal["rxnorm", "atc", "snomed", "loinc", "hcpcs", "cpt", "trd-instruments"]
OrderResource = Literal["MedicationRequest", "ServiceRequest"]
ChangedResource = Literal["ServiceRequest"]
OrderDose = Literal["kept", "ignored"]
Dialect = Literal["gfm", "plain"]
SmartLinks = Literal["with-context", "without-context", "none"]
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Uri = Annotated[str, Field(pattern=r"^(https?://|urn:)[^\s]+$", max_length=255)]
_STRICT = ConfigDict(strict=True, frozen=True, extra="forbid")


class SiteCode(BaseModel):
    """The code under which the client itself orders something: an item of its preference list, an order set.

    `order` names what we would order, as `cds_hooks.proposals.order_names` lists it (``option:BUP/bupropion``,
    ``measure:phq9``). The code stands in the order alone, in place of every other.
    """

    model_config = _STRICT

    order: Annotated[str, Field(pattern=r"^(option|measure):[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")]
    system: Uri
    code: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S+( \S+)*$")]


class Behaviour(BaseModel):
    """What a client honours. Everything a card or an order needs of it, and how its tokens are taken.

    `selection_behavior`: how it takes the suggestions of a card: ``at-most-one`` or ``any`` only, or ``both`` as the
    card says. `creates`, `deletes`, `updates`: kinds of unsigned orders that a suggestion may create, remove or change
    (we change services only); none of them: cards without suggestions. `actions_per_suggestion`, `cards_at_most`,
    `links` and `markdown` (``plain``: none) are what it shows; `smart_links`: whether it can launch an app from a card,
    and hands `appContext` over to it. `order_intent` is the intent it accepts; `order_systems`
    the code systems (none: those usual where it is), `system_uris` the URI it knows a system by where that is not
    FHIR's, `site_codes` its own codes. `order_codes_required`: an order without a code is dropped or refused there, so
    it is left to the text. `order_dose`: whether the dose of a created order survives; ``ignored``: it stands on the
    card, and the order promises none. `searches`: the first way to try at its FHIR server, by kind of data, as
    ``cds_hooks/ehr/searches.yaml`` names both; for kinds left out the usual order holds. `replay` and
    `audience_forms`: see `Client`.
    """

    model_config = _STRICT

    selection_behavior: SelectionBehavior = "both"
    creates: tuple[OrderResource, ...] = ("MedicationRequest", "ServiceRequest")
    deletes: tuple[OrderResource, ...] = ("MedicationRequest", "ServiceRequest")
    updates: tuple[ChangedResource, ...] = ("ServiceRequest",)
    actions_per_suggestion: Annotated[int, Field(ge=1, le=10)] = 10
    cards_at_most: Annotated[int, Field(ge=1, le=CARDS_AT_MOST)] = CARDS_AT_MOST
    links: bool = True
    smart_links: SmartLinks = "with-context"
    markdown: Dialect = "gfm"
    order_intent: OrderIntent = "proposal"
    order_systems: tuple[OrderSystem, ...] = ()
    system_uris: dict[OrderSystem, Uri] = Field(default_factory=dict)
    site_codes: tuple[SiteCode, ...] = ()
    order_codes_required: bool = False
    order_dose: OrderDose = "kept"
    searches: dict[str, str] = Field(default_factory=dict)
    replay: ReplayPolicy = "refuse"
    audience_forms: tuple[AudienceForm, ...] = ("endpoint", "feedback")

    @field_validator("searches")
    @classmethod
    def _there_are_such(cls, value: dict[str, str]) -> dict[str, str]:
        require_variants(value)
        return value


class ClientProfile(Behaviour):
    """How one product behaves; `note` says what kind of product it is, `source` where most of it is known from."""

    note: Text
    source: Text


class Stated(BaseModel):
    """The value of one attribute, the source it is known from (an id of the file's `sources`), and why it is so."""

    model_config = _STRICT

    value: Any
    source: Text
    note: Text


class WrittenProfile(BaseModel):
    """A profile as the file has it: every attribute of `Behaviour`, each with its source and note."""

    model_config = _STRICT

    note: Text
    source: Text
    attributes: dict[str, Stated]


class ProfileFile(BaseModel):
    """``client_profiles.yaml``: the `sources` by id, in full words, and the profiles by name."""

    model_config = _STRICT

    sources: dict[str, Text]
    profiles: dict[str, WrittenProfile]
