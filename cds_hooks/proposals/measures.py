"""Orders for what is missing: a scale or a laboratory value that would tell more."""

from __future__ import annotations

from cds_hooks.fhir_writer import OrderContext, concept, service_request
from cds_hooks.proposals.orders import ProposedOrder
from cds_hooks.proposals.style import OrderStyle
from mappings.load import Knowledge
from mappings.values import Code

_LABORATORY = "laboratory"


def measure_order(
    name: str,
    *,
    patient_id: str,
    context: OrderContext,
    knowledge: Knowledge,
    jurisdiction: str,
    style: OrderStyle | None = None,
) -> ProposedOrder | None:
    """A draft ServiceRequest for an indicator, a measure or an instrument; None when nothing has that name, or the
    client does not take it.

    A scale is ordered by the code of its panel where one is confirmed, a laboratory value by its own; what has no
    confirmed code of a system taken travels in words.
    """
    found = _named(name, knowledge)
    if found is None:
        return None
    label, kind, codes = found
    how = style or OrderStyle()
    confirmed = [code for code in codes if code.confidence == "high"]
    proposes = f"measure:{name}"
    coded = how.codings(proposes, confirmed, knowledge, jurisdiction)[:1]
    if "ServiceRequest" not in how.creates or (how.coded_only and not coded):
        return None
    resource = service_request(
        patient_id=patient_id,
        code=concept(*coded, text=label),
        status="draft",
        intent=how.intent,
        category=concept(text="Laboratory" if kind == _LABORATORY else "Questionnaire"),
        context=context,
        notes=[knowledge.clinical.strategies.order_notes["proposal"]],
    )
    return ProposedOrder(description=label, resource=resource, proposes=proposes)


def measure_codes(name: str, knowledge: Knowledge) -> tuple[Code, ...]:
    """The codes under which an indicator, a measure or an instrument may be ordered or reported; none when nothing has
    that name.
    """
    found = _named(name, knowledge)
    return found[2] if found is not None else ()


def _named(name: str, knowledge: Knowledge) -> tuple[str, str, tuple[Code, ...]] | None:
    """Label, kind and codes, the preferred code first."""
    indicator = knowledge.clinical.indicators.get(name)
    id_ = indicator.measure if indicator is not None else name
    measure = knowledge.clinical.measures.get(id_)
    if measure is not None:
        return measure.label, measure.kind, (*measure.panel_codes, *measure.codes)
    instrument = knowledge.written.instruments.get(id_)
    if instrument is not None:
        return instrument.label, "scale", (*instrument.panel_codes, *instrument.total_codes)
    return None
