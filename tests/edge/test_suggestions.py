"""What a card lets a clinician accept: drafts only, as many at a time as the client can keep apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from cds_hooks.proposals import OrderStyle
from cds_hooks.render import render
from cds_hooks.suggesting import ANY, AT_MOST_ONE, BOTH, Ordering
from cds_hooks.wire import to_wire
from plugin import Assessment
from plugin.ingest import read_orders
from plugin.record import DraftOrder
from tests.reasoning.test_next_step_cards import KNOWLEDGE, PLAN, cards
from tests.validity import check_twice

BASE = "https://cds.example"


def on_the_wire(
    selection: str,
    *,
    style: OrderStyle | None = None,
    drafted: Sequence[dict[str, Any]] = (),
    read: tuple[DraftOrder, ...] | None = None,
    only: Collection[str] = (),
    **story: Any,
) -> dict[str, dict[str, Any]]:
    """The cards of a case on the wire, by topic; `drafted` are further orders of the request, `only` cards to keep."""
    held: list[Assessment] = []

    def keep(judged: Assessment) -> Assessment:
        held.append(judged)
        return judged

    drafts = {kind: draft for kind, draft in cards(change=keep, **story).items() if not only or kind in only}
    ordering = Ordering(
        assessment=held[0],
        patient_id="p",
        encounter="Encounter/now",
        selection=selection,
        style=style or OrderStyle(),
        drafts=tuple(drafted),
        orders=read,
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


@pytest.mark.proves("TR-06", "AC-03", "AC-08")
@pytest.mark.parametrize("selection", [BOTH, AT_MOST_ONE, ANY])
def test_every_order_is_a_valid_draft_for_this_patient_and_nothing_is_recommended(selection: str) -> None:
    for card in on_the_wire(selection).values():
        assert ("suggestions" in card) is ("selectionBehavior" in card)
        for suggestion in card.get("suggestions", []):
            assert "isRecommended" not in suggestion
            assert {action["type"] for action in suggestion["actions"]} == {"create"}
        for order in orders(card):
            check_twice(order)
            assert (order["status"], order["intent"]) == ("draft", "proposal")
            assert order["subject"]["reference"] == "Patient/p"
            assert order["encounter"]["reference"] == "Encounter/now"
            assert order["reasonReference"]


THERAPY = "psychotherapy: CBT, behavioural activation, IPT, CBASP or MBCT"
ESKETAMINE = "referral to a site certified to give esketamine under supervision"
HS_CRP = "C-reactive protein, high sensitivity"
ONE_ACTION = OrderStyle(actions=1)
RXNORM, LOINC = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://loinc.org"


def labels(card: dict[str, Any]) -> list[str]:
    return [one["label"] for one in card.get("suggestions", [])]


def medication(code: str = "", text: str = "", **more: Any) -> dict[str, Any]:
    """A drug drafted by hand: under a code, in words, or with a Medication of its own."""
    concept = {"coding": [{"system": RXNORM, "code": code}]} if code else {"text": text}
    order = {"resourceType": "MedicationRequest", "id": "m", "status": "draft", "intent": "order"}
    return {**order, "medicationCodeableConcept": concept, **more}


def service(code: str = "", system: str = LOINC, text: str = "", **more: Any) -> dict[str, Any]:
    concept = {"coding": [{"system": system, "code": code}]} if code else {"text": text}
    return {"resourceType": "ServiceRequest", "id": "s", "status": "draft", "intent": "order", "code": concept, **more}


def proposed(card: dict[str, Any], label: str) -> list[dict[str, Any]]:
    """The orders of one suggestion, as a client drafts them."""
    [chosen] = [one for one in card["suggestions"] if one["label"] == label]
    return [{**action["resource"], "id": f"a{n}"} for n, action in enumerate(chosen["actions"])]


def test_the_therapy_beside_the_leading_option_may_be_taken_with_it_in_one() -> None:
    offered = labels(on_the_wire(BOTH)["trd-options"])
    assert offered[-2:] == [THERAPY, f"{ESKETAMINE}; {THERAPY}"]
    assert ESKETAMINE in offered
    assert labels(on_the_wire(BOTH, style=ONE_ACTION)["trd-options"]) == offered[:-1]
    assert THERAPY not in labels(on_the_wire(ANY)["trd-options"])


@pytest.mark.parametrize("selection", [BOTH, AT_MOST_ONE])
def test_a_measure_excludes_no_treatment(selection: str) -> None:
    said = on_the_wire(selection)
    assert HS_CRP not in labels(said["trd-options"])
    assert labels(said["trd-status"]) == [HS_CRP]
    assert said["trd-status"]["selectionBehavior"] == ("any" if selection == BOTH else "at-most-one")
    # Where no other card could hold it, it is one more choice.
    alone = on_the_wire(selection, only=["trd-options"])["trd-options"]
    assert HS_CRP in labels(alone)
    # A card on danger is about danger.
    moderate: dict[str, Any] = {"answers": ["cssrs-screener item 3 yes on day 208"]}
    said = on_the_wire(selection, only=["acute-safety", "trd-options"], **moderate)
    assert HS_CRP not in labels(said["acute-safety"])
    assert HS_CRP in labels(said["trd-options"])


def test_no_measure_stands_on_two_cards_and_no_card_has_more_than_three() -> None:
    bare: dict[str, Any] = {"scales": [], "answers": []}
    stories: list[dict[str, Any]] = [{}, {"scales": []}, bare, {**bare, "scores": []}, {"medications": []}]
    for selection in (BOTH, AT_MOST_ONE, ANY):
        for story in stories:
            said = on_the_wire(selection, style=ONE_ACTION, **story)
            measured = [
                [order["code"]["text"] for order in orders(card) if _is_measure(order)] for card in said.values()
            ]
            assert max(map(len, measured), default=0) <= 3
            every = [name for names in measured for name in names]
            assert len(every) == len(set(every))


def _is_measure(order: dict[str, Any]) -> bool:
    return order.get("category", [{}])[0].get("text") in {"Laboratory", "Questionnaire"}


def test_under_the_gate_on_psychosis_no_measure_of_the_profile_is_suggested() -> None:
    said = on_the_wire(BOTH, conditions=["F33.3 active confirmed, onset day 10"])
    assert "trd-options" in said
    assert not any(_is_measure(order) for card in said.values() for order in orders(card))


@pytest.mark.proves("FN-05")
@pytest.mark.parametrize("selection", [BOTH, AT_MOST_ONE, ANY])
def test_what_was_accepted_is_not_offered_again_nor_anything_instead_of_it(selection: str) -> None:
    first = on_the_wire(selection, style=ONE_ACTION)
    offering = {label: topic for topic, card in first.items() for label in labels(card)}
    for label, topic in offering.items():
        again = on_the_wire(selection, style=ONE_ACTION, drafted=proposed(first[topic], label))
        left = [name for card in again.values() for name in labels(card)]
        assert label not in left
        if label in (THERAPY, HS_CRP):
            assert set(left) == set(offering) - {label}, "what accompanies excludes nothing"
        else:
            assert set(left) <= {THERAPY, HS_CRP}
            assert HS_CRP in left
            assert (THERAPY in left) is (selection != ANY)


@pytest.mark.parametrize(
    "drafted",
    [
        medication("1667660"),
        medication(text="cariprazine 3 mg once daily"),
        medication("1667660", status="active"),
        {
            **medication("1667660"),
            "medicationCodeableConcept": {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.88", "code": "1667660"}]},
        },
        {
            **medication(),
            "contained": [{"resourceType": "Medication", "id": "c", "code": {"text": "cariprazine"}}],
            "medicationReference": {"reference": "#c"},
        },
        service(text="transcranial magnetic stimulation"),
        service(text="Esketamine administration"),
        medication(text="esketamine nasal spray"),
    ],
    ids=["code", "words", "signed again", "other address", "contained", "procedure", "supervised", "supervised drug"],
)
def test_an_option_drafted_by_hand_ends_the_choice(drafted: dict[str, Any]) -> None:
    for selection in (BOTH, AT_MOST_ONE, ANY):
        card = on_the_wire(selection, style=ONE_ACTION, drafted=[drafted])["trd-options"]
        assert set(labels(card)) <= {THERAPY, HS_CRP}


@pytest.mark.parametrize(
    "drafted",
    [
        medication("1667660", status="cancelled"),
        medication("1667660", status="entered-in-error"),
        medication("1667660", doNotPerform=True),
        medication("312941"),
        service("2345-7"),
        service(code="x", status=["draft"], text=""),
        {"resourceType": "ServiceRequest", "code": [1], "medication": "x"},
    ],
    ids=["cancelled", "in error", "not to be done", "another drug", "glucose", "odd status", "odd shapes"],
)
def test_what_is_withdrawn_or_something_else_ends_nothing(drafted: dict[str, Any]) -> None:
    for selection in (BOTH, ANY):
        said = on_the_wire(selection, drafted=[drafted])
        assert {topic: labels(card) for topic, card in said.items()} == {
            topic: labels(card) for topic, card in on_the_wire(selection).items()
        }


@pytest.mark.parametrize("code", ["30522-7", "76486-0"])
def test_a_measure_drafted_under_any_of_its_codes_is_not_offered_again(code: str) -> None:
    for selection in (BOTH, ANY):
        said = on_the_wire(selection, drafted=[service(code)])
        assert not any(HS_CRP in labels(card) for card in said.values())


def test_orders_that_the_call_has_read_count_where_the_draft_itself_names_nothing() -> None:
    """An order that points to a Medication sent elsewhere, selected or not."""
    pointing = {**medication(), "medicationReference": {"reference": "Medication/x"}}
    del pointing["medicationCodeableConcept"]
    named = {"resourceType": "Medication", "id": "x", "code": {"text": "cariprazine"}}
    held = read_orders([pointing, named], knowledge=KNOWLEDGE, selections=[])
    assert [order.selected for order in held] == [False]
    assert labels(on_the_wire(ANY, drafted=[pointing])["trd-options"]) == ["cariprazine 1.5 mg", HS_CRP]
    assert labels(on_the_wire(ANY, drafted=[pointing], read=held)["trd-options"]) == [HS_CRP]


def test_beside_recorded_danger_only_screening_is_suggested() -> None:
    said = on_the_wire(BOTH, answers=[PLAN])
    assert [card for card in said if "suggestions" in said[card]] == ["acute-safety"]
    (order,) = orders(said["acute-safety"])
    assert order["resourceType"] == "ServiceRequest"
    assert said["acute-safety"]["selectionBehavior"] == "any"


@pytest.mark.proves("CA-09", "CA-10")
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
