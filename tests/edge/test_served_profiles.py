"""A registered client gets what its profile says, from the token to the card."""

from __future__ import annotations

from itertools import count

import pytest

from tests.edge.test_hostile_chart import record

RXNORM_OID = "urn:oid:2.16.840.1.113883.6.88"
PREFERENCE_LIST = "urn:com.epic.cdshooks.action.code.system.preference-list-item"


@pytest.fixture
def answered(clinic, keyring, making):
    """The cards that a client of a profile gets: two failed trials, and a drafted drug that was not among them."""

    nonces = count()

    def ask(profile, drafts=None, **changed):
        service = clinic(registry=keyring.registry(profile=profile, **changed))
        held = {key: list(resources) for key, resources in record().items() if key != "allergies"}
        body = making.call(prefetch=making.prefetch(**{key: making.bundle(*one) for key, one in held.items()}))
        orders = drafts or [making.order(code="321988")]
        body["context"]["draftOrders"]["entry"] = [{"resource": one} for one in orders]
        body["context"]["selections"] = [f"MedicationRequest/{one['id']}" for one in orders]
        answer = service.fire(body, headers={"Authorization": f"Bearer {keyring.token(jti=str(next(nonces)))}"})
        assert answer.status_code == 200
        return answer.json()["cards"]

    return ask


def suggested(cards):
    return [one for card in cards for one in card.get("suggestions", [])]


def actions(cards):
    return [action for one in suggested(cards) for action in one["actions"]]


def test_links_cards_and_markdown_are_those_of_the_client(answered):
    usual = answered("generic")
    assert all(card["links"][0]["url"].endswith("/source-attributes") for card in usual)
    assert any("**" in card["detail"] for card in usual)
    (only,) = answered("generic", links=False, cards_at_most=1, markdown="plain")
    assert "links" not in only
    assert "**" not in only["detail"]
    assert only["summary"] == usual[0]["summary"]


@pytest.mark.parametrize(
    ("profile", "selection"),
    [("generic", "both"), ("epic", "any"), ("athena", "at-most-one"), ("oracle", "any")],
)
def test_suggestions_are_selected_as_the_client_knows(answered, profile, selection):
    values = {card["selectionBehavior"] for card in answered(profile) if "suggestions" in card}
    assert values <= ({"any", "at-most-one"} if selection == "both" else {selection})
    assert bool(values) is (profile != "oracle")


def test_a_site_maps_a_measure_to_its_own_list(answered):
    codes = [{"order": "measure:hscrp", "system": PREFERENCE_LIST, "code": "4711"}]
    drug, measure = (action["resource"] for action in actions(answered("epic", site_codes=codes)))
    assert drug["medicationCodeableConcept"]["coding"][0]["system"] == RXNORM_OID
    assert measure["code"]["coding"] == [{"system": PREFERENCE_LIST, "code": "4711"}]


@pytest.mark.parametrize(("profile", "kinds"), [("generic", ["delete"]), ("epic", ["delete"]), ("athena", [])])
def test_a_drug_drafted_twice_may_be_removed_once(answered, making, profile, kinds):
    twice = [making.order("a", "321988"), making.order("b", "321988")]
    found = [one for one in actions(answered(profile, twice)) if one["type"] != "create"]
    assert [one["type"] for one in found] == kinds
    assert all(one["resourceId"] in ("MedicationRequest/a", "MedicationRequest/b") for one in found)
