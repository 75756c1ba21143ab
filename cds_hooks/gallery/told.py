"""From a case to the cards that each client gets: record, assessment, advice and rendering as in a call.

Only what would differ from one day or release to the next is held fixed: the day, the ids of cards and suggestions, and
the versions in the provenance, so that a file of the gallery changes when a card does and at no other time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cds_hooks.caller import card_form, order_style
from cds_hooks.catalogue import queries
from cds_hooks.fhir_writer import Resource, check, concept, service_request
from cds_hooks.gallery.cases import Case, Cases
from cds_hooks.on_need import needs
from cds_hooks.render import CANONICAL_BASE, Provenance, render
from cds_hooks.stories import drafted
from cds_hooks.stories.notation import write_story
from cds_hooks.suggesting import Ordering
from cds_hooks.trust.behaviour import Behaviour
from cds_hooks.wire import Card, to_wire
from mappings.load import Knowledge
from plugin import assess
from plugin.advice.policy import SHOWN_AT_MOST, CardDraft, advise
from plugin.assessment import Assessment
from plugin.ingest import read_orders, read_record
from plugin.record import Availability, Read

# The name that documents reserve for examples: no link of the gallery leads to a deployment.
BASE_URL = "https://cds.example.org"
PATIENT, USER, ENCOUNTER = "synthetic", "Practitioner/caller", "Encounter/now"
NOT_STATED = "not stated in the gallery"


class NoSuchCardError(ValueError):
    """A case from which no card of its kind arises: the case or the rules have changed."""

    def __init__(self, case: Case, kinds: Sequence[str]) -> None:
        super().__init__(f"case {case.id}: no card {case.kind} among {', '.join(kinds) or 'no cards'}")


@dataclass(frozen=True, slots=True)
class Told:
    """A case as far as no client matters: what was concluded, the drafted orders, and what would be said to a client
    that shows as many cards as there may be.
    """

    case: Case
    assessment: Assessment
    drafts: tuple[CardDraft, ...]
    orders: tuple[Resource, ...] = field(repr=False)

    @property
    def place(self) -> int:
        """Where the card of the case stands in the answer. Raises NoSuchCardError."""
        kinds = [draft.kind for draft in self.drafts]
        if self.case.kind not in kinds:
            raise NoSuchCardError(self.case, kinds)
        return kinds.index(self.case.kind)


def tell(case: Case, cases: Cases, knowledge: Knowledge) -> Told:
    """Read the record of the case, judge it and choose what to say, all kinds of data having been asked for.

    Raises UnreadableLineError for a line outside the notation, InvalidResourceError for a record that is no FHIR R4.
    """
    story, day = case.story(cases.histories), cases.told_on
    resources = write_story(
        story, day_zero=day - timedelta(days=int(story["as_of"])), patient_id=PATIENT, knowledge=knowledge
    )
    if case.recorded_by_caller:
        here = {"encounter": {"reference": ENCOUNTER}, "performer": [{"reference": USER}]}
        resources = [one | here if one["resourceType"] == "Observation" else one for one in resources]
    orders = _orders(case, day, knowledge)
    for resource in (*resources, *orders):
        check(resource)
    record = read_record(
        [one for one in resources if one["resourceType"] not in case.unread],
        knowledge=knowledge,
        patient_id=PATIENT,
        availability=_availability(case.unread, knowledge),
        jurisdiction=case.jurisdiction,
    )
    assessment = assess(
        record,
        knowledge=knowledge,
        as_of=day,
        jurisdiction=case.jurisdiction,
        orders=read_orders(orders, knowledge=knowledge, jurisdiction=case.jurisdiction),
    )
    return Told(case, assessment, _said(case, assessment, knowledge, SHOWN_AT_MOST), orders)


def cards_for(told: Told, client: Behaviour, knowledge: Knowledge) -> dict[str, Card]:
    """The cards of the answer that this client gets to the case, by kind in their order, the first of each kind."""
    rendered = render(
        _said(told.case, told.assessment, knowledge, client.cards_at_most),
        knowledge=knowledge,
        base_url=BASE_URL,
        ordering=Ordering(
            assessment=told.assessment,
            patient_id=PATIENT,
            encounter=ENCOUNTER,
            selection=client.selection_behavior,
            style=order_style(client),
            drafts=told.orders,
        ),
        form=card_form(client),
        provenance=Provenance(
            engine=NOT_STATED,
            knowledge=NOT_STATED,
            content_hash=NOT_STATED,
            definition=told.assessment.definition.id,
            as_of=told.assessment.as_of,
        ),
    )
    cards: dict[str, Card] = {}
    for one in rendered:
        cards.setdefault(one.draft.kind, _named(one.card, f"{told.case.id}/{one.draft.kind}"))
    return cards


def card_for(told: Told, client: Behaviour, knowledge: Knowledge) -> dict[str, Any] | None:
    """The card of the case's kind on the wire; None when the client shows so few cards that it is not among them.

    Raises NoSuchCardError when no client would get it.
    """
    expected = told.drafts[told.place]
    card = cards_for(told, client, knowledge).get(expected.kind)
    return None if card is None else to_wire(card)


def _said(case: Case, assessment: Assessment, knowledge: Knowledge, at_most: int) -> tuple[CardDraft, ...]:
    return advise(assessment, hook=case.hook, knowledge=knowledge, user=USER, encounter=ENCOUNTER, at_most=at_most)


def _orders(case: Case, day: date, knowledge: Knowledge) -> tuple[Resource, ...]:
    written = [drafted(sentence, patient_id=PATIENT, day=day, knowledge=knowledge) for sentence in case.takes]
    if case.procedure is not None:
        kind = next(one for one in knowledge.procedures.kinds if one.id == case.procedure)
        written.append(service_request(patient_id=PATIENT, code=concept(text=kind.label), authored=day))
    return tuple({**order, "id": f"draft-{number}"} for number, order in enumerate(written, start=1))


def _availability(unread: Mapping[str, str], knowledge: Knowledge) -> dict[str, Availability]:
    asked = [*(kind.resource_type for kind in queries(knowledge)), *(need.read_as for need in needs(knowledge))]
    complete = {name: Availability(read=Read.COMPLETE) for name in asked}
    return complete | {name: Availability(read=Read.UNREAD, why=why) for name, why in unread.items()}


def _named(card: Card, name: str) -> Card:
    """The card with ids that follow from the case alone, the same for every client."""
    suggestions = tuple(
        one.model_copy(update={"uuid": _uuid(f"{name}/{number}")}) for number, one in enumerate(card.suggestions)
    )
    return card.model_copy(update={"uuid": _uuid(name), "suggestions": suggestions})


def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{CANONICAL_BASE}/gallery/{name}"))
