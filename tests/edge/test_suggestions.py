"""What a card lets a clinician accept: drafts only, as many at a time as the client can keep apart."""

from __future__ import annotations

from typing import Any

import pytest

from cds_hooks.proposals import OrderStyle
from cds_hooks.render import render
from cds_hooks.suggesting import ANY, AT_MOST_ONE, BOTH, Ordering
from cds_hooks.wire import to_wire
from plugin import Assessment
from tests.reasoning.test_next_step_cards import KNOWLEDGE, PLAN, cards
from tests.validity import check_twice

BASE = "https://cds.example"


def on_the_wire(selection: str, *, style: OrderStyle | None = None, **story: Any) -> dict[str, dict[str, Any]]:
    """The cards of a case on the wire, by topic."""
    held: list[Assessment] = []

    def keep(judged: Assessment) -> Assessment:
        held.append(judged)
        return judged

    drafts = cards(change=keep, **story)
    ordering = Ordering(
        assessment=held[0],
        patient_id="p",
        encounter="Encounter/now",
        selection=selection,
        style=style or OrderStyle(),
    )
    rendered = [
        one.card for one in render(tuple(drafts.values()), knowledge=KNOWLEDGE, base_url=BASE, ordering=ordering)
    ]
    return dict(zip(drafts, (to_wire(card) for card in rendered), strict=False))


def orders(card: dict[str, Any]) -> list[dict[str, Any]]:
    return [action["resource"] for one in card.get("suggestions", []) for action in one["actions"]]


def test_alternatives_are_offered_to_choose_at_most_one_from() -> None:
    card = on_the_wire(BOTH)["trd-options"]
    assert card["selectionBehavior"] == "at-most-one"
    kinds = {order["resourceType"] for order in orders(card)}
    assert kinds == {"MedicationRequest", "ServiceRequest"}
    assert len({one["uuid"] for one in card["suggestions"]}) == len(card["suggestions"])


def test_a_client_without_alternatives_gets_one_drug_at_most_and_what_tells_more() -> None:
    card = on_the_wire(ANY)["trd-options"]
    assert card["selectionBehavior"] == "any"
    drugs = [order for order in orders(card) if order["resourceType"] == "MedicationRequest"]
    assert len(drugs) == 1
    assert any("C-reactive protein" in order["code"]["text"] for order in orders(card) if "code" in order)


@pytest.mark.parametrize("selection", [BOTH, AT_MOST_ONE, ANY])
def test_every_order_is_a_valid_draft_for_this_patient_and_nothing_is_recommended(selection: str) -> None:
    for card in on_the_wire(selection).values():
        assert ("suggestions" in card) is ("selectionBehavior" in card)
        for suggestion in card.get("suggestions", []):
            assert "isRecommended" not in suggestion
            assert [action["type"] for action in suggestion["actions"]] == ["create"]
        for order in orders(card):
            check_twice(order)
            assert (order["status"], order["intent"]) == ("draft", "proposal")
            assert order["subject"]["reference"] == "Patient/p"
            assert order["encounter"]["reference"] == "Encounter/now"
            assert order["reasonReference"]


def test_beside_recorded_danger_only_screening_is_suggested() -> None:
    said = on_the_wire(BOTH, answers=[PLAN])
    assert [card for card in said if "suggestions" in said[card]] == ["acute-safety"]
    (order,) = orders(said["acute-safety"])
    assert order["resourceType"] == "ServiceRequest"
    assert said["acute-safety"]["selectionBehavior"] == "any"


def test_a_client_that_knows_at_most_one_only_never_sees_another_value() -> None:
    said = on_the_wire(AT_MOST_ONE, answers=[PLAN])
    assert said["acute-safety"]["selectionBehavior"] == "at-most-one"
    assert {card["selectionBehavior"] for card in on_the_wire(AT_MOST_ONE).values() if "suggestions" in card} == {
        "at-most-one"
    }


def test_orders_take_the_intent_that_the_client_accepts() -> None:
    found = [o for c in on_the_wire(BOTH, style=OrderStyle(intent="order")).values() for o in orders(c)]
    assert {order["intent"] for order in found} == {"order"}


def test_without_an_order_context_cards_carry_no_suggestions() -> None:
    rendered = [one.card for one in render(tuple(cards().values()), knowledge=KNOWLEDGE, base_url=BASE)]
    assert not any("suggestions" in to_wire(card) for card in rendered)
