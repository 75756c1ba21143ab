"""What the client profiles change on a card, and that they change nothing else."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from cds_hooks.caller import Caller, card_form, order_style
from cds_hooks.card_form import CardForm
from cds_hooks.card_text import plain_line
from cds_hooks.proposals import OrderStyle
from cds_hooks.trust import profiles
from cds_hooks.trust.behaviour import Behaviour, ClientProfile, SiteCode
from cds_hooks.trust.entries import RegistryError
from cds_hooks.trust.profiles import client_profiles, profiles_as_written
from mappings.strict_yaml import read_model
from tests.edge.every_card import (
    CLIENTS,
    KNOWLEDGE,
    actions_of,
    answer_for,
    every_answer,
    made_up,
    ordering_for,
    rendered_for,
    told,
)
from tests.validity import check_twice

GENERIC = CLIENTS["generic"]
ANSWERS = list(every_answer())
each_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=list(CLIENTS))
each_answer = pytest.mark.parametrize(
    ("judged", "drafts"), [(judged, drafts) for _, judged, drafts in ANSWERS], ids=[name for name, *_ in ANSWERS]
)


# The data


@pytest.mark.parametrize("name", list(client_profiles()))
def test_every_attribute_says_where_it_is_known_from_and_why(name):
    written = profiles_as_written()
    stated = written.profiles[name].attributes
    assert set(stated) == set(Behaviour.model_fields)
    assert all(one.note.strip() and one.source in written.sources for one in stated.values())


def test_every_source_is_used():
    written = profiles_as_written()
    used = {one.source for profile in written.profiles.values() for one in profile.attributes.values()}
    assert used | {profile.source for profile in written.profiles.values()} == set(written.sources)


def test_what_is_not_known_of_a_client_is_the_generic_profile():
    assert order_style(GENERIC) == OrderStyle()
    assert card_form(GENERIC) == CardForm()
    defaults = {one.name: one.default for one in fields(Caller)}
    assert defaults["selection"] == GENERIC.selection_behavior
    assert Behaviour() == Behaviour.model_validate(GENERIC.model_dump(include=set(Behaviour.model_fields)))


@pytest.mark.parametrize(
    ("spoilt", "place"),
    [
        ("attributes: {}", "generic.actions_per_suggestion"),
        ("attributes: {links: {value: 1, source: s, note: n}}", "generic.actions_per_suggestion"),
    ],
)
def test_a_spoilt_file_is_refused(tmp_path, monkeypatch, spoilt, place):
    path = tmp_path / profiles.FILE
    path.write_text(f"sources: {{s: S}}\nprofiles:\n  generic: {{note: n, source: s, {spoilt}}}\n", encoding="utf-8")
    read = read_model(path, profiles.FILE, type(profiles_as_written()))
    monkeypatch.setattr(profiles, "profiles_as_written", lambda: read)
    with pytest.raises(RegistryError) as caught:
        profiles.client_profiles.__wrapped__()
    assert caught.value.place == place


@pytest.mark.parametrize(
    ("changed", "place"),
    [({"links": 1}, "generic.links"), ({"cards_at_most": 4}, "generic.cards_at_most"), ({"selection_behavior": "all"},
     "generic.selection_behavior")],
)  # fmt: skip
def test_a_value_out_of_bounds_is_refused(monkeypatch, changed, place):
    written = profiles_as_written()
    profile = written.profiles["generic"]
    stated = {
        name: one.model_copy(update={"value": changed.get(name, one.value)}) for name, one in profile.attributes.items()
    }
    spoilt = written.model_copy(update={"profiles": {"generic": profile.model_copy(update={"attributes": stated})}})
    monkeypatch.setattr(profiles, "profiles_as_written", lambda: spoilt)
    with pytest.raises(RegistryError) as caught:
        profiles.client_profiles.__wrapped__()
    assert caught.value.place == place


# What a profile may change


@each_client
@each_answer
def test_a_card_differs_by_profile_only_as_the_profile_says(client: ClientProfile, judged, drafts):
    usual = answer_for(GENERIC, judged, drafts)["cards"][: client.cards_at_most]
    cards = answer_for(client, judged, drafts)["cards"]
    assert len(cards) == len(usual)
    for card, generic in zip(cards, usual, strict=True):
        assert ("links" in card) is client.links
        for name in ("summary", "indicator", "source", "overrideReasons", "extension"):
            assert card.get(name) == generic.get(name)
        lines, expected = card.get("detail", "").splitlines(), generic.get("detail", "").splitlines()
        if client.markdown == "plain":
            expected = [plain_line(line) for line in expected]
        # The last line is that nothing is validated; what is added stands before it.
        assert (lines[: len(expected) - 1], lines[-1:]) == (expected[:-1], expected[-1:])
        drugs = [one for one in card.get("suggestions", []) if _creates(one, "MedicationRequest")]
        # What is added says of each drug offered what its order cannot say.
        added = lines[len(expected) - 1 : -1]
        alone = [line for line in added if "takes one drug of this list" in line]
        assert len(alone) <= (1 if client.selection_behavior == "any" and drugs else 0)
        dosed = [line for line in added if line not in alone]
        assert len(dosed) == (len(drugs) if client.order_dose == "ignored" else 0)
        assert all(one["label"] in line for one, line in zip(drugs, dosed, strict=False))
        assert set(card) - set(generic) <= {"suggestions", "selectionBehavior"}
        assert set(generic) - set(card) <= {"suggestions", "selectionBehavior", "links"}


def _creates(suggestion: dict[str, Any], kind: str) -> bool:
    return any(
        action["type"] == "create" and action["resource"]["resourceType"] == kind for action in suggestion["actions"]
    )


@pytest.mark.proves("CA-08", "AC-03", "CA-09", "CA-10", "AC-08", "EP-21", "EP-22", "INF-10", "TR-06")
@each_client
@each_answer
def test_suggestions_stay_within_what_the_client_can_do(client: ClientProfile, judged, drafts):
    answer = answer_for(client, judged, drafts)
    style = order_style(client)
    uris = {KNOWLEDGE.uri_of(system) for system in client.system_uris}
    for card in answer["cards"]:
        offered = card.get("suggestions", [])
        assert bool(offered) is ("selectionBehavior" in card)
        if offered and client.selection_behavior != "both":
            assert card["selectionBehavior"] == client.selection_behavior
        assert all(len(one["actions"]) <= client.actions_per_suggestion for one in offered)
        assert not any("isRecommended" in one or "actionSelectionBehavior" in one for one in offered)
    for action in actions_of(answer):
        assert action["type"] == "create", "these requests hold no draft that could be changed"
        order = action["resource"]
        check_twice(order)
        assert order["resourceType"] in style.creates
        assert (order["status"], order["intent"]) == ("draft", client.order_intent)
        assert "id" not in order
        coded = (order.get("medicationCodeableConcept") or order["code"]).get("coding", [])
        assert coded or not client.order_codes_required
        assert not uris & {one["system"] for one in coded}, "these systems go by another name here"
        assert ("dosageInstruction" in order) is (
            order["resourceType"] == "MedicationRequest" and client.order_dose == "kept"
        )


@pytest.mark.proves("EP-22")
@each_client
@each_answer
def test_alternatives_are_never_independent_creates(client: ClientProfile, judged, drafts):
    cards = answer_for(client, judged, drafts)["cards"]
    offering = [
        card for card in cards if any(_creates(one, "MedicationRequest") for one in card.get("suggestions", []))
    ]
    assert len(offering) <= 1, "alternatives on two cards could be taken together"
    for card in offering:
        drugs = [one for one in card["suggestions"] if _creates(one, "MedicationRequest")]
        assert len(drugs) == 1 or card["selectionBehavior"] == "at-most-one"
        # An action list is taken as a whole: no suggestion holds two drugs.
        held = [[action["resource"]["resourceType"] for action in one["actions"]] for one in drugs]
        assert all(kinds.count("MedicationRequest") == 1 for kinds in held)


# Single clients


def suggestions(name: str, drafts: tuple[Any, ...] | None = None) -> list[dict[str, Any]]:
    judged, said = told("two failed trials")
    answer = answer_for(CLIENTS[name], judged, said if drafts is None else drafts)
    return [one for card in answer["cards"] for one in card.get("suggestions", [])]


def test_the_generic_client_may_order_missing_measures_three_at_most():
    judged, _ = told("two failed trials")
    (card,) = answer_for(GENERIC, judged, (made_up("trd-status", offers=()),))["cards"]
    assert card["selectionBehavior"] == "any"
    orders = [one["actions"][0]["resource"] for one in card["suggestions"]]
    assert {order["resourceType"] for order in orders} == {"ServiceRequest"}
    named = [order["code"]["text"] for order in orders]
    assert named == ["PHQ-9", "GAD-7", "C-reactive protein, high sensitivity"], "ISI is the fourth"
    assert all(order["code"]["coding"][0]["system"] == "http://loinc.org" for order in orders)


def test_an_exclusive_client_may_take_independent_measures_together_where_it_takes_several_actions():
    drafts = (made_up("trd-status", offers=()),)
    single = suggestions("athena", drafts)
    assert {len(one["actions"]) for one in single} == {1}
    together = suggestions("at-most-one, many actions", drafts)
    assert len(together[-1]["actions"]) == len(together) - 1 > 1


def test_epic_gets_one_drug_under_its_own_code_system_without_a_dose():
    (drug,) = suggestions("epic", (made_up("trd-options"),))
    order = drug["actions"][0]["resource"]
    assert order["medicationCodeableConcept"]["coding"][0]["system"] == "urn:oid:2.16.840.1.113883.6.88"
    assert "dosageInstruction" not in order
    assert not any(character.isdigit() for character in drug["label"]), "a strength would be a promise"
    judged, _ = told("two failed trials")
    (card,) = answer_for(CLIENTS["epic"], judged, (made_up("trd-options"),))["cards"]
    *_, alone, dose, _ = card["detail"].splitlines()
    assert alone.startswith(f"- Your system takes one drug of this list: {drug['label']}.")
    assert dose.startswith(f"- {drug['label']}: the order carries no dose")
    assert "Source:" in dose


def test_a_client_without_documented_suggestions_gets_the_same_text_and_nothing_else():
    assert suggestions("oracle", (made_up("trd-options"),)) == []


def test_the_sandbox_gets_drugs_with_text_and_code():
    found = [one["actions"][0]["resource"]["medicationCodeableConcept"] for one in suggestions("sandbox")]
    assert found
    assert all(concept["text"] and concept["coding"] for concept in found)


def test_the_site_maps_orders_to_items_of_its_own():
    system = "urn:com.epic.cdshooks.action.code.system.preference-list-item"
    mapped = CLIENTS["epic"].model_copy(
        update={"site_codes": (SiteCode(order="measure:phq9", system=system, code="4711"),)}
    )
    judged, _ = told("two failed trials")
    answer = answer_for(mapped, judged, (made_up("trd-status", offers=()),))
    (action,) = actions_of(answer)
    assert action["resource"]["code"]["coding"] == [{"system": system, "code": "4711"}]
    assert actions_of(answer_for(CLIENTS["epic"], judged, (made_up("trd-status", offers=()),))) == []


def test_what_a_suggestion_proposes_is_known_by_its_uuid():
    judged, _ = told("two failed trials")
    for client in CLIENTS.values():
        for one in rendered_for(client, judged, (made_up("trd-options"),)):
            assert set(one.offers) == {offered.uuid for offered in one.card.suggestions}
            assert all(name.startswith(("option:", "measure:")) for name in one.offers.values())


@pytest.mark.parametrize("patient", ["<b>", "p" * 300, ""])
def test_for_a_patient_whose_id_is_no_id_nothing_is_ordered(patient):
    judged, _ = told("two failed trials")
    assert ordering_for(GENERIC, judged).patient_id == "p"
    assert actions_of(answer_for(GENERIC, judged, (made_up("trd-options"),), patient_id=patient)) == []
