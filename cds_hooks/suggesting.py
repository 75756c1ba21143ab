"""Suggestions of the cards: drafts a client may create, remove or complete; none stands out, none is placed by itself.

Options are alternatives: where a client honours it, at most one of them may be chosen. A client that knows only
independent suggestions gets one drug at most, everything else stays text (decision 7). What only tells more (a scale, a
laboratory value) is independent of the rest. Alternatives stand on one card of an answer only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from cds_hooks.draft_changes import drafted_twice, is_sane, unsigned, with_failed_trials
from cds_hooks.fhir_writer import OrderContext, Resource
from cds_hooks.proposals import OrderStyle, ProposedOrder, measure_order, proposals_for
from cds_hooks.references import local_reference
from cds_hooks.wire import Action
from mappings.load import Knowledge
from plugin.advice.card_draft import CardDraft
from plugin.assessment import Assessment

Selection = Literal["at-most-one", "any"]
BOTH: Final = "both"
AT_MOST_ONE: Final = "at-most-one"
ANY: Final = "any"
_SUPPORTING_AT_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """What orders for one call need: the patient and visit, what the client takes, what was concluded, and the `drafts`
    of the request.

    `selection`: how the client takes the suggestions of a card, ``at-most-one`` or ``any`` only, or ``both``.
    """

    assessment: Assessment
    patient_id: str
    encounter: str = ""
    selection: str = BOTH
    style: OrderStyle = field(default_factory=OrderStyle)
    drafts: tuple[Resource, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """One suggestion: `actions` that go together, and what they propose by the names of the knowledge."""

    label: str
    actions: tuple[Action, ...]
    proposes: str


@dataclass(frozen=True, slots=True)
class Offered:
    """The suggestions of one card, how they may be selected, and `notes`: lines of text that its orders need."""

    selection: Selection = ANY
    offers: tuple[Offer, ...] = ()
    notes: tuple[str, ...] = ()


def suggested(drafts: Sequence[CardDraft], ordering: Ordering, knowledge: Knowledge) -> tuple[Offered, ...]:
    """The suggestions of each card of an answer, none where nothing may be proposed."""
    if not is_sane(f"Patient/{ordering.patient_id}"):
        return tuple(Offered() for _ in drafts)
    cards, alternatives_shown, removed = [], False, set[str]()
    for draft in drafts:
        options = [] if alternatives_shown else list(_options(draft, ordering, knowledge))
        alternatives_shown = alternatives_shown or bool(options)
        independent = [_created(order) for order in _measures(draft, ordering, knowledge)]
        independent += _changes(draft, ordering, knowledge, removed)
        cards.append(_selectable(options, independent, ordering, knowledge))
    return tuple(cards)


def _selectable(
    options: Sequence[ProposedOrder], independent: Sequence[Offer], ordering: Ordering, knowledge: Knowledge
) -> Offered:
    """What stands on the card: one card has one way of selecting, and alternatives must never be taken together."""
    if options and ordering.selection != ANY:
        return Offered(AT_MOST_ONE, tuple(_created(one) for one in options), _dose_notes(options, knowledge))
    drugs = [order for order in options if order.resource["resourceType"] == "MedicationRequest"][:1]
    offers = (*(_created(one) for one in drugs), *independent)
    if ordering.selection == AT_MOST_ONE:
        return Offered(AT_MOST_ONE, (*offers, *_all_of(independent, ordering.style.actions)))
    return Offered(ANY, offers, _dose_notes(drugs, knowledge))


def _all_of(independent: Sequence[Offer], actions_at_most: int) -> Iterator[Offer]:
    """For a client that takes only one suggestion of a card: all of what is independent, as a single one."""
    actions = tuple(action for offer in independent for action in offer.actions)
    if len(independent) > 1 and len(actions) <= actions_at_most:
        yield Offer("; ".join(one.label for one in independent), actions, "+".join(one.proposes for one in independent))


def _created(order: ProposedOrder) -> Offer:
    action = Action(type="create", description=order.description, resource=order.resource)
    return Offer(order.description, (action,), order.proposes)


def _dose_notes(orders: Sequence[ProposedOrder], knowledge: Knowledge) -> tuple[str, ...]:
    """Where the client would drop the dose from an order, the card says what the order cannot."""
    sentence = knowledge.sentences["order-dose-to-set"].text
    return tuple(sentence.format(order=order.description, dosing=order.dosing) for order in orders if order.dosing)


def _changes(draft: CardDraft, ordering: Ordering, knowledge: Knowledge, removed: set[str]) -> Iterator[Offer]:
    """Changes of unsigned orders. Of two drafts of one drug only one is ever offered for removal in an answer;
    `removed` holds them.
    """
    assessment, style, said = ordering.assessment, ordering.style, knowledge.sentences
    labels = {judged.order.reference: judged.label for judged in assessment.next_step.orders}
    everything = unsigned(ordering.drafts, style.deletes | style.updates)
    twice = drafted_twice(draft, assessment, everything, knowledge)
    if twice in unsigned(ordering.drafts, style.deletes) and removed.isdisjoint(draft.uses):
        removed.add(twice)
        label = said["suggestion-remove"].text.format(order=labels[twice])
        yield Offer(label, (Action(type="delete", description=label, resourceId=twice),), "remove:duplicate")
    for changed in with_failed_trials(draft, assessment, unsigned(ordering.drafts, style.updates)):
        label = said["suggestion-attach"].text.format(order=labels[local_reference(changed)])
        yield Offer(label, (Action(type="update", description=label, resource=changed),), "attach:failed-trials")


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
        encounter=ordering.encounter if is_sane(ordering.encounter) else "",
        reasons=tuple(filter(is_sane, dict.fromkeys(reasons)))[:_SUPPORTING_AT_MOST],
        supporting=tuple(filter(is_sane, dict.fromkeys(results)))[:_SUPPORTING_AT_MOST],
    )
