"""Suggestions of the cards: drafts a client may create, remove or complete; none stands out, none is placed by itself.

Options are alternatives: where a client honours it, at most one of them may be chosen. A client that knows only
independent suggestions gets one drug at most, everything else stays text (decision 7). Once one of the options is
drafted no other is offered: a hook that fires again must not add alternatives one by one. The therapy that goes
together with the leading option may be taken alone, or with it in one suggestion, or after it.

What only tells more (a scale, a laboratory value) is independent of the rest and excludes no treatment: it stands on
the first card that has no alternatives. Alternatives stand on one card of an answer only, and so does each measure.
What is drafted in the request already is not offered again (`cds_hooks.already_drafted`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final, Literal

from cds_hooks.already_drafted import Drafted, already_drafted
from cds_hooks.draft_changes import drafted_twice, is_sane, order_named, unsigned, with_failed_trials
from cds_hooks.fhir_writer import OrderContext, Resource
from cds_hooks.proposals import OrderStyle, ProposedOrder, measure_codes, measure_order, proposals_for
from cds_hooks.references import local_reference
from cds_hooks.wire import Action
from mappings.load import Knowledge
from plugin.advice.card_draft import CardDraft
from plugin.assessment import Assessment
from plugin.ingest import read_orders
from plugin.record import DraftOrder

Selection = Literal["at-most-one", "any"]
BOTH: Final = "both"
AT_MOST_ONE: Final = "at-most-one"
ANY: Final = "any"
_SUPPORTING_AT_MOST = 100
_ACCOMPANY = frozenset({"therapy", "device"})  # kinds of options that are no alternative to a drug or a procedure
_MEASURES_AT_MOST = 3  # of one card: more would be a list to work off


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """What orders for one call need: the patient and visit, what the client takes, what was concluded, and the `drafts`
    of the request.

    `selection`: how the client takes the suggestions of a card, ``at-most-one`` or ``any`` only, or ``both``. `orders`
    are those of the drafts that the reasoning knows, selected or not; None: they are read from `drafts`.
    """

    assessment: Assessment
    patient_id: str
    encounter: str = ""
    selection: str = BOTH
    style: OrderStyle = field(default_factory=OrderStyle)
    drafts: tuple[Resource, ...] = field(default=(), repr=False)
    orders: tuple[DraftOrder, ...] | None = field(default=None, repr=False)


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


@dataclass(frozen=True, slots=True)
class _Choice:
    """What one card offers to choose from: `alternatives` of each other, `beside` that goes together with any of them,
    and the orders of the `leading` alternative, which it was paired with; each without what is drafted.
    """

    alternatives: tuple[ProposedOrder, ...] = ()
    beside: tuple[ProposedOrder, ...] = ()
    leading: tuple[ProposedOrder, ...] = ()


def suggested(drafts: Sequence[CardDraft], ordering: Ordering, knowledge: Knowledge) -> tuple[Offered, ...]:
    """The suggestions of each card of an answer, none where nothing may be proposed."""
    if not is_sane(f"Patient/{ordering.patient_id}"):
        return tuple(Offered() for _ in drafts)
    held = _held(ordering, knowledge)
    choices: list[_Choice] = []
    for draft in drafts:
        offering = any(choice.alternatives or choice.beside for choice in choices)
        choices.append(_Choice() if offering else _choice(draft, ordering, knowledge, held))
    measures = _measures(drafts, [_is_exclusive(one, ordering) for one in choices], ordering, knowledge, held)
    cards, removed = [], set[str]()
    for draft, choice, telling in zip(drafts, choices, measures, strict=True):
        independent = [_created(order) for order in telling]
        independent += _changes(draft, ordering, knowledge, removed)
        cards.append(_selectable(choice, independent, ordering, knowledge))
    return tuple(cards)


def _held(ordering: Ordering, knowledge: Knowledge) -> Drafted:
    return already_drafted(ordering.drafts, _orders_read(ordering, knowledge), knowledge)


def _orders_read(ordering: Ordering, knowledge: Knowledge) -> tuple[DraftOrder, ...]:
    if ordering.orders is not None:
        return ordering.orders
    return read_orders(ordering.drafts, knowledge=knowledge, jurisdiction=ordering.assessment.jurisdiction)


def _is_exclusive(choice: _Choice, ordering: Ordering) -> bool:
    return bool(choice.alternatives) and ordering.selection != ANY


def _selectable(choice: _Choice, independent: Sequence[Offer], ordering: Ordering, knowledge: Knowledge) -> Offered:
    """What stands on the card: one card has one way of selecting, and alternatives must never be taken together."""
    beside = [_created(one) for one in choice.beside]
    if _is_exclusive(choice, ordering):
        offers = [*(_created(one) for one in choice.alternatives), *beside, *independent]
        for leading, therapy in product(choice.leading, beside):
            offers += _all_of([_created(leading), therapy], ordering.style.actions)
        return Offered(AT_MOST_ONE, tuple(offers), _dose_notes(choice.alternatives, knowledge))
    if ordering.selection == ANY:
        drugs = [order for order in choice.alternatives if order.resource["resourceType"] == "MedicationRequest"][:1]
        offers = [*(_created(one) for one in drugs), *independent]
        notes = _dose_notes(drugs, knowledge)
        if drugs and len(choice.alternatives) > 1:
            notes = (knowledge.sentences["one-drug-only"].text.format(order=drugs[0].description), *notes)
        return Offered(ANY, tuple(offers), notes)
    # The treatment is drafted: what goes together with it is independent of the rest.
    independent = [*beside, *independent]
    if ordering.selection == AT_MOST_ONE:
        return Offered(AT_MOST_ONE, (*independent, *_all_of(independent, ordering.style.actions)))
    return Offered(ANY, tuple(independent))


def _all_of(together: Sequence[Offer], actions_at_most: int) -> Iterator[Offer]:
    """What may be taken together as a single suggestion, where the client takes only one and so many actions of it."""
    actions = tuple(action for offer in together for action in offer.actions)
    if len(together) > 1 and len(actions) <= actions_at_most:
        yield Offer("; ".join(one.label for one in together), actions, "+".join(one.proposes for one in together))


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
        known = {order.reference: order for order in _orders_read(ordering, knowledge)}
        named = order_named(known[twice], knowledge) if twice in known else ""
        label = said["suggestion-remove"].text.format(order=named or labels.get(twice, ""))
        yield Offer(label, (Action(type="delete", description=label, resourceId=twice),), "remove:duplicate")
    for changed in with_failed_trials(draft, assessment, unsigned(ordering.drafts, style.updates)):
        label = said["suggestion-attach"].text.format(order=labels[local_reference(changed)])
        yield Offer(label, (Action(type="update", description=label, resource=changed),), "attach:failed-trials")


def _choice(draft: CardDraft, ordering: Ordering, knowledge: Knowledge, held: Drafted) -> _Choice:
    """The options of one card as orders. One that is drafted ends the choice, unless it is a therapy, which excludes no
    other treatment; the therapy that goes together with the leading option may follow it.
    """
    pairing = ordering.assessment.next_step.options.pairing
    leading, therapy = (pairing.leading, pairing.therapy) if pairing is not None else ("", "")
    found = {name: _orders(name, draft, ordering, knowledge) for name in draft.offers}
    drafted = {name for name, orders in found.items() if held.treats(name) or any(map(held.holds, orders))}
    beside = found.get(therapy, ()) if leading in found and therapy not in drafted else ()
    if any(knowledge.clinical.options[name].kind not in _ACCOMPANY for name in drafted):
        return _Choice(beside=beside)
    paired = {therapy} if leading in found else set()
    alternatives = [order for name, orders in found.items() if name not in drafted | paired for order in orders]
    return _Choice(tuple(alternatives), beside, found.get(leading, ()))


def _orders(name: str, draft: CardDraft, ordering: Ordering, knowledge: Knowledge) -> tuple[ProposedOrder, ...]:
    """The alternatives of one option."""
    listed = {option.id: option for option in ordering.assessment.next_step.options.listed}
    return proposals_for(
        listed[name],
        patient_id=ordering.patient_id,
        context=_context(draft, ordering),
        knowledge=knowledge,
        jurisdiction=ordering.assessment.jurisdiction,
        style=ordering.style,
    ).orders


def _measures(
    drafts: Sequence[CardDraft],
    exclusive: Sequence[bool],
    ordering: Ordering,
    knowledge: Knowledge,
    held: Drafted,
) -> list[list[ProposedOrder]]:
    """The measures of each card, each in one place only. Those of a card with alternatives move to the first card
    without, one on danger, a hard stop or a gate apart; they stay among the alternatives where there is none.
    """
    room = [n for n, draft in enumerate(drafts) if draft.lasting and not exclusive[n]]
    wanted: list[dict[str, tuple[str, ProposedOrder]]] = [{} for _ in drafts]
    # A card's own come before those that move to it.
    for moving in (False, True):
        for n, draft in enumerate(drafts):
            if (exclusive[n] and bool(room)) is moving:
                for name, order in _measured(draft, ordering, knowledge):
                    wanted[room[0] if moving else n].setdefault(order.description, (name, order))
    offered: list[list[ProposedOrder]] = []
    told = set[str]()
    for measures in wanted:
        # What is drafted counts as well: after each order that is placed no further one moves up.
        labels = [label for label in measures if label not in told][:_MEASURES_AT_MOST]
        told |= set(labels)
        named = [measures[label] for label in labels]
        missing = ((name, order) for name, order in named if not held.holds_code(measure_codes(name, knowledge)))
        offered.append([order for _, order in missing if not held.holds(order)])
    return offered


def _measured(draft: CardDraft, ordering: Ordering, knowledge: Knowledge) -> Iterator[tuple[str, ProposedOrder]]:
    """The measures of one card that the client takes, by name."""
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
            yield name, order


def _context(draft: CardDraft, ordering: Ordering) -> OrderContext:
    """The depression the order is for and the results that speak for it; the visit where it is known."""
    reasons = [use for reason in ordering.assessment.eligibility.basis for use in reason.uses]
    results = [use for use in draft.uses if use.startswith("Observation/")]
    return OrderContext(
        encounter=ordering.encounter if is_sane(ordering.encounter) else "",
        reasons=tuple(filter(is_sane, dict.fromkeys(reasons)))[:_SUPPORTING_AT_MOST],
        supporting=tuple(filter(is_sane, dict.fromkeys(results)))[:_SUPPORTING_AT_MOST],
    )
