"""The simulator: the requests it makes are answered by the real service, by each route alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cds_hooks.catalogue import queries
from cds_hooks.fhir_writer import check
from mappings.load import load

Ask = Callable[..., httpx.Response]
ROUTES = ("prefetched", "pulled", "half")


def _patients(ask: Ask) -> list[str]:
    return [one["id"] for one in ask("GET", "/demo/setup.json").json()["patients"]]


def _fire(ask: Ask, **wanted: Any) -> dict[str, Any]:
    request = ask("GET", "/demo/request.json", params=wanted)
    assert request.status_code == 200, request.text
    body = request.json()
    answer = ask("POST", f"/cds-services/trd-{body['hook']}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _said(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(card["summary"], card.get("detail", ""), card["indicator"]) for card in answer["cards"]]


def test_the_readme_request_gets_a_card(ask: Ask) -> None:
    answer = ask("POST", "/cds-services/trd-order-sign", json=ask("GET", "/demo/request.json").json())
    assert answer.status_code == 200
    assert answer.json()["cards"]


@pytest.mark.deep
def test_every_patient_is_answered_alike_by_every_route(ask: Ask) -> None:
    patients = _patients(ask)
    assert patients
    for patient in patients:
        answers = [_said(_fire(ask, patient=patient, hook="order-select", route=route)) for route in ROUTES]
        assert answers[0] == answers[1] == answers[2], patient


@pytest.mark.parametrize("hook", ["order-select", "order-sign", "patient-view"])
def test_every_hook_can_be_fired(hook: str, ask: Ask) -> None:
    request = ask("GET", "/demo/request.json", params={"hook": hook}).json()
    assert request["hook"] == hook
    assert ("draftOrders" in request["context"]) is (hook != "patient-view")
    assert ("selections" in request["context"]) is (hook == "order-select")
    assert "cards" in _fire(ask, hook=hook)


def test_the_routes_differ_in_what_they_send(ask: Ask) -> None:
    keys = {query.key for query in queries(load())}
    sent = {
        route: set(ask("GET", "/demo/request.json", params={"route": route}).json().get("prefetch", {}))
        for route in ROUTES
    }
    assert sent["prefetched"] == keys
    assert sent["pulled"] == set()
    assert set() < sent["half"] < keys


def test_any_offered_product_can_be_drafted_and_is_valid_fhir(ask: Ask) -> None:
    drugs = ask("GET", "/demo/setup.json").json()["drugs"]
    codes = [product["code"] for drug in drugs for product in drug["products"]]
    assert len(codes) == len(set(codes))
    for code in codes[:: max(1, len(codes) // 20)]:
        body = ask("GET", "/demo/request.json", params={"product": code, "units": 2}).json()
        order = body["context"]["draftOrders"]["entry"][0]["resource"]
        check(order)
        assert order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] == 2
        assert ask("POST", "/cds-services/trd-order-sign", json=body).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/demo/request.json?patient=nobody", 404),
        ("/demo/request.json?product=1", 400),
        ("/demo/request.json?hook=order-dispatch", 400),
        ("/demo/request.json?units=99", 400),
        ("/demo/order.json?product=1", 400),
        ("/demo/order.json", 400),
        ("/demo/order.json?words=nobody&rhythm=hourly", 400),
        ("/demo/assessment/nobody", 404),
    ],
)
def test_what_cannot_be_made_is_told_as_an_outcome(path: str, status: int, ask: Ask) -> None:
    answer = ask("GET", path)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert "nobody" not in answer.text


def test_the_assessment_stands_behind_the_cards(ask: Ask) -> None:
    patient = _patients(ask)[0]
    document = ask("GET", f"/demo/assessment/{patient}").json()
    assert document["contract"] == "1"
    assert document["asOf"] == "2026-03-01"
    assert document["trials"]
    text = ask("GET", f"/demo/assessment/{patient}", params={"form": "text"})
    assert text.headers["content-type"].startswith("text/plain")
    assert document["verdict"]["value"] in text.text
