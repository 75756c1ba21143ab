"""The orders of one option: a medication order, a service or a referral for each alternative that may be proposed."""

from __future__ import annotations

from collections.abc import Iterable
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
from cds_hooks.proposals.style import OrderStyle, codings, site_codes
from mappings.load import Knowledge
from mappings.option_schema import Evidence
from mappings.option_schema import Option as Treatment
from mappings.order_schema import OrderTemplate
from mappings.rule_names import order_switch
from mappings.values import Code
from plugin.options import Option

_CATEGORY = {"service": "Therapy or procedure", "referral": "Referral"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What to do or know before and during the treatment, in words, with its sources."""

    text: str
    cites: tuple[str, ...]
    confidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedOrder:
    """One draft that may be created, and what it is in a few words; `proposes` names it in the knowledge."""

    description: str
    resource: Resource
    proposes: str = ""


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
    return Proposal(
        option=option.id,
        orders=tuple(writer.written(one) for one in _templates(treatment, jurisdiction, enabled=enabled)),
        prompts=prompts,
    )


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

    def written(self, template: OrderTemplate) -> ProposedOrder:
        """The draft of one template."""
        what = concept(*self._codings(template), text=template.text)
        resource = (
            self._medication(template, what) if template.resource == "medication" else self._service(template, what)
        )
        return ProposedOrder(description=template.text, resource=resource, proposes=f"option:{self.option.id}")

    def _medication(self, template: OrderTemplate, what: Element) -> Resource:
        return medication_request(
            patient_id=self.patient_id,
            medication=what,
            status="draft",
            intent=self.style.intent,
            dosages=[dosage(text=self._dosing(template))],
            context=self.context,
            notes=self._notes(),
        )

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
        taken = self.style.takes(self.knowledge, self.jurisdiction)
        local = list(site_codes(template.procedure, self.knowledge))[:1] if template.procedure is not None else []
        found = codings([*template.codes, *local], taken, self.knowledge)
        if found or template.drug is None:
            return found
        return codings(self._of_drug(template.drug), taken, self.knowledge)

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
