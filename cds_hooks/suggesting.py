"""Suggestions of a card: draft orders a client may create, never one that stands out and never placed by themselves.

Options are alternatives: a client that honours it gets all of them to choose at most one from. A client that knows only
independent suggestions gets one drug at most, everything else stays text (decision 7). What only tells more (a scale, a
laboratory value) is independent of the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cds_hooks.fhir_writer import OrderContext
from cds_hooks.proposals import OrderStyle, ProposedOrder, measure_order, proposals_for
from mappings.load import Knowledge
from plugin.assessment import Assessment
from plugin.card_draft import CardDraft

AT_MOST_ONE, ANY = "at-most-one", "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """What orders for one call need: the patient and visit, what the client takes, and what was concluded.

    `selection` is ``at-most-one`` where the client honours that, else ``any``.
    """

    assessment: Assessment
    patient_id: str
    encounter: str = ""
    selection: str = AT_MOST_ONE
    style: OrderStyle = field(default_factory=OrderStyle)


def suggested(draft: CardDraft, ordering: Ordering, knowledge: Knowledge) -> tuple[str, tuple[ProposedOrder, ...]]:
    """How the suggestions of a card may be selected, and the drafts; no drafts where nothing may be proposed."""
    options = list(_options(draft, ordering, knowledge))
    if options and ordering.selection == AT_MOST_ONE:
        return AT_MOST_ONE, tuple(options)
    drugs = [order for order in options if order.resource["resourceType"] == "MedicationRequest"]
    return ANY, (*drugs[:1], *_measures(draft, ordering, knowledge))


def _options(draft: CardDraft, ordering: Ordering, knowledge: Knowledge) -> Iterator[ProposedOrder]:
    listed = {option.id: option for option in ordering.assessment.next_step.options.listed}
    for name in draft.offers:
        yield from proposals_for(
            listed[name],
            patient_id=ordering.patient_id,
            context=_context(draft, ordering),
            knowledge=knowledge,
            jurisdiction=ordering.assessment.jurisdiction,
            style=ordering.style,
        ).orders


def _measures(draft: CardDraft, ordering: Ordering, knowledge: Knowledge) -> Iterator[ProposedOrder]:
    for name in draft.collects:
        order = measure_order(
            name,
            patient_id=ordering.patient_id,
            context=_context(draft, ordering),
            knowledge=knowledge,
            jurisdiction=ordering.assessment.jurisdiction,
            style=ordering.style,
        )
        if order is not None:
            yield order


def _context(draft: CardDraft, ordering: Ordering) -> OrderContext:
    """The depression the order is for and the results that speak for it; the visit where it is known."""
    reasons = [use for reason in ordering.assessment.eligibility.basis for use in reason.uses]
    results = [use for use in draft.uses if use.startswith("Observation/")]
    return OrderContext(
        encounter=ordering.encounter, reasons=tuple(dict.fromkeys(reasons)), supporting=tuple(dict.fromkeys(results))
    )
