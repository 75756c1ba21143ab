"""Removing an order that was drafted twice, and attaching the failed trials to a drafted procedure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cds_hooks.draft_changes import is_sane, unsigned
from cds_hooks.stories import drafted
from cds_hooks.stories.notation import write_story
from plugin import Assessment, assess
from plugin.advice.card_draft import CardDraft
from plugin.advice.policy import advise
from plugin.ingest import read_orders, read_record
from plugin.record import Availability, Read
from tests.edge.every_card import CLIENTS, KNOWLEDGE, actions_of, answer_for, made_up
from tests.edge.test_response_invariants import broken
from tests.reasoning.test_next_step_cards import DAY_0, READ, STORY, TODAY
from tests.validity import check_twice

DAY = DAY_0 + timedelta(days=TODAY)
TMS = {
    "resourceType": "ServiceRequest",
    "id": "tms",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1"}], "text": "TMS"},
    "supportingInfo": [{"reference": "DocumentReference/letter", "display": "Letter"}],
    "extension": [{"url": "https://ehr.example/own", "valueString": "kept"}],
    "note": [{"text": "kept too"}],
}


def order(identifier: str, line: str = "sertraline 50 mg daily", **changed: Any) -> dict[str, Any]:
    made = drafted(line, patient_id="p", day=DAY, knowledge=KNOWLEDGE)
    return {**made, "id": identifier, **changed}


def judged(*drafts: dict[str, Any], **more: Any) -> tuple[Assessment, tuple[CardDraft, ...]]:
    """What is concluded and said of these drafts, in the case of two failed trials; `more` replaces its sections."""
    story = {"as_of": TODAY, **STORY, **more}
    resources = write_story(story, day_zero=DAY_0, patient_id="p", knowledge=KNOWLEDGE)
    record = read_record(
        resources,
        knowledge=KNOWLEDGE,
        patient_id="p",
        availability={kind: Availability(read=Read.COMPLETE) for kind in READ},
    )
    orders = read_orders(drafts, knowledge=KNOWLEDGE)
    found = assess(record, knowledge=KNOWLEDGE, as_of=DAY, orders=orders, suppose=False)
    return found, advise(found, hook="order-sign", knowledge=KNOWLEDGE)


def changes(client: str, *drafts: dict[str, Any], sent: tuple[dict[str, Any], ...] | None = None, **more: Any) -> Any:
    """Actions other than create in the answer to a request with these drafts (`sent`, where others are on record)."""
    found, said = judged(*drafts, **more)
    answer = answer_for(CLIENTS[client], found, said, drafts=drafts if sent is None else sent)
    assert broken(answer) == []
    return [action for action in actions_of(answer) if action["type"] != "create"]


NONE_TAKEN = {"medications": []}


# One drug drafted twice


@pytest.mark.proves("AC-06")
def test_of_two_drafts_of_one_drug_one_may_be_removed() -> None:
    found = changes("generic", order("a"), order("b"), **NONE_TAKEN)
    assert [action["type"] for action in found] == ["delete"], "never both of the two"
    (action,) = found
    assert action["resourceId"] in {"MedicationRequest/a", "MedicationRequest/b"}
    assert "sertraline" in action["description"].lower()
    assert "resource" not in action


@pytest.mark.proves("AC-07")
def test_a_client_that_removes_no_orders_is_offered_none() -> None:
    assert changes("athena", order("a"), order("b"), **NONE_TAKEN) == []
    # A delete of 1.0 names its id in another place.
    assert changes("cds-hooks-1.0", order("a"), order("b"), **NONE_TAKEN) == []
    assert [one["type"] for one in changes("epic", order("a"), order("b"), **NONE_TAKEN)] == ["delete"]


@pytest.mark.parametrize("status", ["active", "completed", "on-hold", "unknown", None])
def test_what_is_not_a_draft_for_certain_is_never_removed(status: str | None) -> None:
    first, second = order("a"), order("b", status=status)
    if status is None:
        del second["status"]
    assert changes("generic", order("a"), order("b"), sent=(first, second), **NONE_TAKEN) == []


def test_an_order_that_may_replace_what_is_taken_is_not_removed() -> None:
    taken = {"medications": ["sertraline 50 mg daily, dispensed 180 on day 100"]}
    assert changes("generic", order("a"), **taken) == []


def test_two_names_of_one_substance_are_for_the_prescriber_to_choose_from() -> None:
    assert changes("generic", order("a", "citalopram 20 mg daily"), order("b", "escitalopram 10 mg daily")) == []


def test_drafts_of_which_the_request_knows_nothing_are_not_named() -> None:
    assert changes("generic", order("a"), order("b"), sent=(), **NONE_TAKEN) == []


@pytest.mark.proves("AC-06")
def test_only_sane_references_are_named() -> None:
    drafts = ({"resourceType": "MedicationRequest", "id": "<b>", "status": "draft"},)
    assert unsigned(drafts, frozenset({"MedicationRequest"})) == {}
    assert not is_sane("MedicationRequest/" + "x" * 256)


# The failed trials beside a drafted procedure


def attached(client: str = "generic", draft: dict[str, Any] = TMS, finding: str = "procedure-support:rtms") -> Any:
    """Updates offered by the card on documented failures, for a procedure that was drafted."""
    found, _ = judged(order("x"))
    (drug_order,) = found.next_step.orders
    procedure = replace(
        drug_order,
        ingredient=None,
        label="transcranial magnetic stimulation",
        order=replace(drug_order.order, reference="ServiceRequest/tms", product=None, procedure="rtms"),
    )
    found = replace(found, next_step=replace(found.next_step, orders=(procedure,)))
    card = made_up("trd-status", offers=(), collects=(), finding=finding)
    answer = answer_for(CLIENTS[client], found, (card,), drafts=(draft,))
    assert broken(answer) == []
    return actions_of(answer)


@pytest.mark.proves("AC-04")
def test_the_records_of_the_failed_trials_are_attached_to_the_draft_as_it_came() -> None:
    (action,) = attached()
    assert action["type"] == "update"
    changed = action["resource"]
    check_twice(changed)
    assert {**changed, "supportingInfo": None} == {**TMS, "supportingInfo": None}
    assert changed["supportingInfo"][:1] == TMS["supportingInfo"]
    added = [one["reference"] for one in changed["supportingInfo"][1:]]
    assert any(one.startswith("MedicationDispense/") for one in added)
    assert any(one.startswith("Observation/") for one in added)
    assert len(added) == len(set(added))


def test_the_draft_of_the_request_is_not_changed_in_passing() -> None:
    before = {**TMS, "supportingInfo": list(TMS["supportingInfo"])}
    attached()
    assert before == TMS


@pytest.mark.parametrize("client", ["epic", "athena", "oracle", "sandbox"])
def test_clients_that_know_no_update_are_offered_none(client: str) -> None:
    assert attached(client) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "active"},
        {"status": "completed"},
        {"supportingInfo": {"reference": "x"}},
        {"category": {"text": "an object where a list is due"}},
        {"id": "x" * 300},
        {"note": [{"text": "x" * 20_000}]},
    ],
)
def test_what_is_signed_or_strange_or_huge_is_left_alone(changed: dict[str, Any]) -> None:
    assert attached(draft={**TMS, **changed}) == []


def test_other_cards_change_no_draft() -> None:
    assert attached(finding="trd-status") == []
    assert attached(finding="procedure-support:ect") == []


def test_what_is_attached_already_is_not_attached_again() -> None:
    (action,) = attached()
    assert attached(draft=action["resource"]) == []


def test_the_card_on_documented_failures_offers_it_for_a_drafted_procedure() -> None:
    """Through the real advice: electroconvulsive therapy drafted after two failed trials."""
    ect = {**TMS, "id": "ect", "code": {"coding": [{"system": "http://snomed.info/sct", "code": "23835007"}]}}
    (action,) = changes("generic", ect)
    assert action["type"] == "update"
    assert action["resource"]["id"] == "ect"
    assert len(action["resource"]["supportingInfo"]) > 1
    check_twice(action["resource"])
    assert changes("epic", ect) == []
