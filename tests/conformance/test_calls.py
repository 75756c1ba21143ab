"""Calls of every kind that a client may make: hooks of others, contexts of later versions, users and encounters."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from cds_hooks.checking.calls import context_of
from cds_hooks.checking.hooks import hooks
from cds_hooks.checking.patient import invent

HOOKS = ("order-select", "order-sign", "patient-view")
# Hooks of the library that this service does not have, by requirement.
OTHERS = {
    "order-dispatch": "HX-01",
    "encounter-start": "HX-02",
    "encounter-discharge": "HX-03",
    "appointment-book": "HX-04",
    "problem-list-item-create": "HX-05",
    "allergyintolerance-create": "HX-06",
    "medication-refill": "HX-07",
    "medication-prescribe": "HX-08",
    "order-review": "HX-09",
    "medication-verify": "HX-10",
}


@pytest.mark.proves(
    "HX-01", "HX-02", "HX-03", "HX-04", "HX-05", "HX-06", "HX-07", "HX-08", "HX-09", "HX-10", "HK-05", "OS-10", "OG-08"
)  # fmt: skip
@pytest.mark.parametrize("ours", HOOKS)
def test_a_hook_of_the_library_that_is_not_ours_is_refused_at_every_service(clinic, making, ours):
    """With a whole context of its own, as the library has it: nothing is read, and no card answers it."""
    service = clinic()
    for hook in OTHERS:
        body = {**making.call("order-sign"), "hook": hook, "context": context_of(hook, invent(making.now.date()))}
        answer = service.fire(body, f"trd-{ours}")
        assert answer.status_code == 400, hook
        assert OperationOutcome.model_validate(answer.json()).issue[0].expression == ["hook"]


def test_these_are_all_the_hooks_of_the_library():
    assert {*OTHERS, *HOOKS} == set(hooks())


def widened(value: Any) -> Any:
    """`value` with a member that nobody knows in every object."""
    if isinstance(value, dict):
        return {**{name: widened(item) for name, item in value.items()}, "addedLater": {"x": [1, None]}}
    return [widened(item) for item in value] if isinstance(value, list) else value


def without_uuids(answer: dict[str, Any]) -> list[dict[str, Any]]:
    cards = copy.deepcopy(answer["cards"])
    for part in [*cards, *(one for card in cards for one in card.get("suggestions", []))]:
        del part["uuid"]
    return cards


@pytest.mark.proves("TR-10", "HK-06")
@pytest.mark.parametrize("hook", HOOKS)
def test_members_added_later_change_no_answer(clinic, making, history, hook):
    body = making.with_token(making.call(hook, prefetch={**history, **making.nothing_needed()}))
    service = clinic()
    plain = service.fire(body)
    for where in ("context", "fhirAuthorization", "prefetch"):
        later = service.fire({**body, where: widened(body[where])})
        assert (plain.status_code, later.status_code) == (200, 200), where
        assert without_uuids(later.json()) == without_uuids(plain.json()) != [], where


@pytest.mark.proves("PV-03", "OS-03", "OG-03")
@pytest.mark.parametrize("hook", HOOKS)
def test_an_encounter_may_be_sent_missing_or_odd(clinic, making, history, hook):
    service, body = clinic(), making.call(hook, prefetch=history)
    assert "encounterId" not in body["context"]
    usual = service.fire(body)
    for encounter in ("e1", "Encounter/e1", None, "", 7, {"id": "e1"}):
        body["context"]["encounterId"] = encounter
        answer = service.fire(body)
        assert answer.status_code == usual.status_code == 200, encounter
        told = [card["summary"] for card in answer.json()["cards"]]
        assert told == [card["summary"] for card in usual.json()["cards"]] != []


@pytest.mark.proves("PV-01", "OS-01", "OG-01")
@pytest.mark.parametrize("hook", HOOKS)
def test_every_kind_of_clinician_is_told(clinic, making, history, hook):
    service, body = clinic(), making.call(hook, prefetch=history)
    for user in ("Practitioner/d1", "PractitionerRole/r1", "https://ehr.example/fhir/Practitioner/d1"):
        body["context"]["userId"] = user
        answer = service.fire(body)
        assert answer.status_code == 200, user
        assert answer.json()["cards"], user


@pytest.mark.proves("OS-08", "OS-04")
def test_selections_of_mixed_types_are_one_call(clinic, making):
    body = making.call()
    food = {"resourceType": "NutritionOrder", "id": "n1", "status": "draft", "patient": {"reference": "Patient/p1"}}
    test = {"resourceType": "ServiceRequest", "id": "s1", "status": "draft", "subject": {"reference": "Patient/p1"}}
    body["context"]["draftOrders"]["entry"] += [{"resource": food}, {"resource": test}]
    body["context"]["selections"] = ["NutritionOrder/n1", "ServiceRequest/s1", "MedicationRequest/new"]
    service = clinic()
    assert service.fire(body).status_code == 200
    assert (service.log[-1]["drafts"], service.log[-1]["concerning"]) == (3, 1)


@pytest.mark.proves("OG-06")
@pytest.mark.parametrize("selections", ["absent", [], ["ServiceRequest/other"]])
def test_on_signing_every_draft_is_judged_whatever_is_said_to_be_selected(clinic, making, selections):
    """order-sign has no selections: where some are sent all the same, they hide no order."""
    body = making.call("order-sign")
    if selections != "absent":
        body["context"]["selections"] = selections
    service = clinic()
    assert service.fire(body).status_code == 200
    assert service.log[-1]["concerning"] == 1


def ordered(identifier: str, code: str, written: str, days: int, tablets: int = 1) -> dict[str, Any]:
    """An order as one client writes it: a bare date, and a supply in days without a quantity."""
    return {
        "resourceType": "MedicationRequest",
        "id": identifier,
        "status": "completed",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": code}]
        },
        "authoredOn": written,
        "dosageInstruction": [
            {
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": {"value": tablets, "unit": "{pill}"}}],
            }
        ],
        "dispenseRequest": {"expectedSupplyDuration": {"value": days, "unit": "days", "code": "d"}},
    }


@pytest.mark.proves("FN-03", "FN-04")
def test_trials_are_reconstructed_from_bare_dates_days_of_supply_and_pills(clinic, making, history):
    """The two trials of the history, written as orders: the milligrams are those of the product."""
    orders = [
        ordered("o1", "312938", "2026-04-10", 90),
        ordered("o2", "313586", "2026-07-12", 90, tablets=2),
        ordered("o3", "313586", "2026-10-10", 60, tablets=2),
    ]

    def detail(*, days: bool) -> str:
        sent = copy.deepcopy(orders)
        for one in () if days else sent:
            del one["dispenseRequest"]
        prefetch = {**history, "dispenses": making.bundle(), "medicationRequests": making.bundle(*sent)}
        return " ".join(
            card["detail"] for card in clinic().fire(making.call("order-sign", prefetch=prefetch)).json()["cards"]
        )

    told = detail(days=True)
    assert "**sertraline**, 10 Apr 2026 to 08 Jul 2026, 100 mg a day" in told
    assert "90 days at 50 mg a day or more" in told
    assert "150 mg a day: adequate, 134 days" in told
    assert "90 days at 50 mg" not in detail(days=False)


@pytest.mark.proves("PF-02", "PF-07")
def test_what_was_not_asked_for_is_not_told_on(clinic, making):
    """Data under keys of the client's own: neither the log nor the answer repeats them."""
    service = clinic()
    usual = service.fire(making.call())
    own = {"-user": "Practitioner/Zforeign", "extra": {"resourceType": "Basic", "id": "Zforeign", "x": "Zforeign"}}
    answer = service.fire(making.call(prefetch={**making.prefetch(), **own}))
    assert without_uuids(answer.json()) == without_uuids(usual.json())
    assert "Zforeign" not in answer.text + service.written.getvalue()
