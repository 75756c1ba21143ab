"""The shape of a site overlay: what one site changes, who decided it, when and why.

A directory of YAML files; ``site.yaml`` is needed, the others only for what they change. Validated as strictly as the
knowledge itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mappings.schema import OverrideReason
from mappings.values import Code, Knowable, Unit

Words = Annotated[str, Field(min_length=1, pattern=r"\S")]
Jurisdiction = Literal["us", "eu"]


class Signed(Knowable):
    """Who decided something, when, and why."""

    who: Words
    when: date
    why: Words


class Site(Knowable):
    """``site.yaml``: the site, and who accepted the whole overlay for use, on which day."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: Words
    accepted_by: Words
    accepted_on: date


class Override(Signed):
    """One entry of ``overrides.yaml``: the place of a value (``definitions/TRD-6W-50/min_days_at_dose``) and the
    value that stands there instead, for every day of judgement.
    """

    path: Words
    value: float | bool | str
    unit: Unit | None = None


class RuleSwitch(Signed):
    """One entry of ``rules.yaml``: a rule switched off, or one that is off unless a site asks for it, on."""

    rule: Words
    enabled: bool = False


class LocalCode(Knowable):
    """A code of the site's own system (any URI), or of a system of the knowledge under its URI."""

    system: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$")]
    code: Words
    label: Words


class LocalScale(LocalCode):
    """A flowsheet row or result code that records the total or item that the code `means` stands for."""

    means: Code


class LocalMedication(LocalCode):
    """A medication code of the site: `drug`, `strength` in mg per `per`, and release form as in the code tables."""

    drug: str
    strength: Annotated[float, Field(gt=0)] | None = None
    per: Literal["unit", "mL"] = "unit"
    release: str = ""


class LocalOrder(LocalCode):
    """An entry of the order catalogue: either a `drug` or a `procedure` kind. The place for procedure codes that may
    not be shipped.
    """

    drug: str | None = None
    procedure: str | None = None

    @model_validator(mode="after")
    def _one_meaning(self) -> LocalOrder:
        if (self.drug is None) == (self.procedure is None):
            raise PydanticCustomError("one_meaning", "an order stands for a drug or for a procedure kind")
        return self


class SiteCodes(Signed):
    """``codes.yaml``: all local codes."""

    scales: tuple[LocalScale, ...] = ()
    medications: tuple[LocalMedication, ...] = ()
    orders: tuple[LocalOrder, ...] = ()


class Acceptance(Knowable):
    """One entry of ``acceptances.yaml``: a version of the knowledge that was accepted for live use, by whom and when.

    `hash` is the content hash of the knowledge as it is packaged, so that it is that very content which was accepted.
    """

    version: Words
    hash: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    who: Words
    when: date


class SiteReasons(Signed):
    """``override_reasons.yaml``: reasons offered beside those of the knowledge."""

    reasons: Annotated[tuple[OverrideReason, ...], Field(min_length=1)]


class SiteSentences(Signed):
    """``sentences.yaml``: the language of the site's cards, and its own words for sentences of the knowledge.

    A language that is not packaged needs all of them, with the fields of English.
    """

    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")] = "en"
    sentences: dict[str, Words] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SiteChange:
    """One thing a site changed: `path`, its words before (empty: nothing was there) and after, who, when and why."""

    path: str
    before: str
    after: str
    who: str
    when: date
    why: str


@dataclass(frozen=True, slots=True)
class SiteOverlay:
    """The overlay in use: the site, everything it changed in order, its rule switches by rule id, and who accepted the
    knowledge it lies over, None while nobody has.
    """

    site: Site
    changes: tuple[SiteChange, ...]
    switches: Mapping[str, bool]
    accepted: Acceptance | None = None
