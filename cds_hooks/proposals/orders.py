"""The orders of one option: a medication order, a service or a referral for each alternative that may be proposed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_hooks.fhir_writer import (
    Element,
    OrderContext,
    Resource,
    concept,
    dosage,
    medication_request,
    service_request,
)
from cds_hooks.proposals.style import OrderStyle, site_codes
from mappings.load import Knowledge
from mappings.option_schema import Evidence
from mappings.option_schema import Option as Treatment
from mappings.order_schema import OrderTemplate
from mappings.rule_names import order_switch
from mappings.values import Code
from plugin.options.listing import Option

_CATEGORY = {"service": "Therapy or procedure", "referral": "Referral"}
_RESOURCE = {"medication": "MedicationRequest", "service": "ServiceRequest", "referral": "ServiceRequest"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What to do or know before and during the treatment, in words, with its sources."""

    text: str
    cites: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedOrder:
    """One draft that may be created, and what it is in a few words; `proposes` names it in the knowledge.

    `dosing` is the dosing in words where the client would drop it from the order, so that the card can say it.
    """

    description: str
    resource: Resource
    proposes: str = ""
    dosing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The alternatives of one option, of which at most one is meant, or in `why_none` why there are none."""

    option: str
    orders: tuple[ProposedOrder, ...]
    prompts: tuple[Prompt, ...]
    why_none: str = ""


def proposals_for(
    option: Option,
    *,
    patient_id: str,
    context: OrderContext,
    knowledge: Knowledge,
    jurisdiction: str,
    style: OrderStyle | None = None,
) -> Proposal:
    """What may be ordered for a listed option.

    The resources are valid FHIR R4 drafts without id. Off-label options, and those that need a certified site, are
    proposed only where the site has said so by the switch ``<option>-order`` in its ``rules.yaml``.
    """
    treatment = knowledge.clinical.options.get(option.id)
    if treatment is None:
        return Proposal(option=option.id, orders=(), prompts=(), why_none="It is no option of the knowledge.")
    enabled = knowledge.is_on(order_switch(option.id), otherwise=False)
    why = _why_none(option, treatment, jurisdiction, enabled=enabled)
    prompts = tuple(_prompt(one) for one in (*treatment.dosing, *treatment.monitoring))
    if why:
        return Proposal(option=option.id, orders=(), prompts=prompts, why_none=why)
    writer = _Writer(option, treatment, patient_id, context, knowledge, jurisdiction, style or OrderStyle())
    written = (writer.written(one) for one in _templates(treatment, jurisdiction, enabled=enabled))
    orders = tuple(order for order in written if order is not None)
    why = "" if orders else "The client takes no such order, or knows it under no code of ours."
    return Proposal(option=option.id, orders=orders, prompts=prompts, why_none=why)


def order_names(knowledge: Knowledge) -> Iterator[str]:
    """The names of everything we may order, under which a client may list its own codes."""
    for id_, treatment in knowledge.clinical.options.items():
        yield from (_order_name(id_, template, treatment) for template in treatment.orders)
    measures = (*knowledge.clinical.indicators, *knowledge.clinical.measures, *knowledge.written.instruments)
    yield from (f"measure:{name}" for name in dict.fromkeys(measures))


def _order_name(id_: str, template: OrderTemplate, treatment: Treatment) -> str:
    """``option:`` with the option, and its drug or procedure; alternatives without either by their words."""
    part = template.drug or template.procedure
    if part is None and len(treatment.orders) > 1:
        part = re.sub(r"[^a-z0-9]+", "-", template.text.lower()).strip("-")
    return f"option:{id_}/{part}" if part else f"option:{id_}"


def _why_none(option: Option, treatment: Treatment, jurisdiction: str, *, enabled: bool) -> str:
    if option.as_information:
        return "It stands here as information only."
    status = {str(where): one for where, one in treatment.jurisdictions.items()}.get(jurisdiction)
    if status is None or not status.offered:
        return "It is not offered in this jurisdiction."
    if status.off_label and not enabled:
        return "It is off-label here, and the site has not allowed orders of it."
    if not _templates(treatment, jurisdiction, enabled=enabled):
        return "The site has not allowed orders of it."
    return ""


def _templates(treatment: Treatment, jurisdiction: str, *, enabled: bool) -> list[OrderTemplate]:
    when = {"always", "enabled" if enabled else "not-enabled"}
    return [one for one in treatment.orders if one.when in when and jurisdiction in one.jurisdictions]


def _prompt(one: Evidence) -> Prompt:
    return Prompt(text=one.statement, cites=one.cites, confidence=one.confidence)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the templates of one option for one patient."""

    option: Option
    treatment: Treatment
    patient_id: str
    context: OrderContext
    knowledge: Knowledge
    jurisdiction: str
    style: OrderStyle

    def written(self, template: OrderTemplate) -> ProposedOrder | None:
        """The draft of one template; None where the client does not take it."""
        codes = self._codings(template)
        if _RESOURCE[template.resource] not in self.style.creates or (self.style.coded_only and not codes):
            return None
        what, proposes = concept(*codes, text=template.text), f"option:{self.option.id}"
        if template.resource != "medication":
            return ProposedOrder(description=template.text, resource=self._service(template, what), proposes=proposes)
        resource = self._medication(template, what)
        if self.style.keeps_dose:
            return ProposedOrder(description=template.text, resource=resource, proposes=proposes)
        return ProposedOrder(
            description=self._without_dose(template),
            resource=resource,
            proposes=proposes,
            dosing=self._dosing(template),
        )

    def _medication(self, template: OrderTemplate, what: Element) -> Resource:
        return medication_request(
            patient_id=self.patient_id,
            medication=what,
            status="draft",
            intent=self.style.intent,
            dosages=[dosage(text=self._dosing(template))] if self.style.keeps_dose else [],
            context=self.context,
            notes=self._notes(),
        )

    def _without_dose(self, template: OrderTemplate) -> str:
        """What is ordered, in words that speak of no strength."""
        if template.drug is not None:
            return self.knowledge.drugs[template.drug].label
        return template.text if len(self.treatment.orders) > 1 else self.option.label

    def _service(self, template: OrderTemplate, what: Element) -> Resource:
        return service_request(
            patient_id=self.patient_id,
            code=what,
            status="draft",
            intent=self.style.intent,
            category=concept(text=_CATEGORY[template.resource]),
            context=self.context,
            notes=self._notes(),
        )

    def _codings(self, template: OrderTemplate) -> list[Element]:
        """Codes of the very product or service; else of the drug itself, unless some file doubts them."""
        name = _order_name(self.option.id, template, self.treatment)
        local = list(site_codes(template.procedure, self.knowledge))[:1] if template.procedure is not None else []
        found = self.style.codings(name, [*template.codes, *local], self.knowledge, self.jurisdiction)
        if found or template.drug is None:
            return found
        return self.style.codings(name, self._of_drug(template.drug), self.knowledge, self.jurisdiction)

    def _of_drug(self, drug: str) -> Iterable[Code]:
        stated = (*self.treatment.codes, *self.treatment.to_verify)
        doubted = {(code.system, code.code) for code in stated if code.confidence != "high"}
        return [code for code in self.knowledge.drugs[drug].codes if (code.system, code.code) not in doubted]

    def _dosing(self, template: OrderTemplate) -> str:
        """The dosing of the knowledge in words, with its sources; nothing structured that could be signed unread."""
        if template.dosing:
            return f"{template.dosing} Source: {self._sources(template.cites)}."
        said = [one.statement for one in self.treatment.dosing]
        cites = dict.fromkeys(cite for one in self.treatment.dosing for cite in one.cites)
        return f"{' '.join(said)} Source: {self._sources(cites)}."

    def _sources(self, cites: Iterable[str]) -> str:
        held = [self.knowledge.sources[cite] for cite in cites]
        return "; ".join((source.short or source.citation).rstrip(".") for source in held)

    def _notes(self) -> list[str]:
        notes = self.knowledge.clinical.strategies.order_notes
        return [
            notes["proposal"],
            *([notes["match"]] if self.option.grade > 0 else []),
            *([notes["off-label"]] if self.option.off_label else []),
        ]
