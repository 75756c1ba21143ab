"""What the demo does for the client in the browser: tokens, doors, safe cards, recorded calls, orders on the server."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import jwt
import pytest

from cds_hooks.fhir_writer import check
from cds_hooks.web.layout import HEADERS
from tests.simulator.conftest import BASE, NOW, Ask

POLICY = "content-security-policy"
PATIENT = "synthetic-two-failed-trials"


def _token(ask: Ask, audience: str, client: str) -> str:
    answer = ask("POST", "/demo/token", json={"audience": audience, "client": client})
    assert answer.status_code == 200
    token: str = answer.json()["token"]
    return token


def _request(ask: Ask, **wanted: str) -> dict[str, Any]:
    body: dict[str, Any] = ask("GET", "/demo/request.json", params=wanted).json()
    return body


def test_only_the_simulator_may_call_other_hosts(ask: Ask) -> None:
    assert "connect-src 'self' http: https:;" in ask("GET", "/").headers[POLICY]
    assert ask("GET", "/intended-use").headers[POLICY] == HEADERS["Content-Security-Policy"]
    assert ask("GET", "/demo/assessment/two-failed-trials").headers[POLICY] == HEADERS["Content-Security-Policy"]


def test_without_scripts_every_patient_can_be_read(ask: Ask) -> None:
    page = ask("GET", "/").text
    apart = page[page.index("<noscript>") : page.index("</noscript>")]
    for patient in ask("GET", "/demo/setup.json").json()["patients"]:
        assert f'href="/app/demo/{patient["id"]}"' in apart
        assert f'href="/demo/assessment/{patient["id"]}"' in apart


def test_a_token_is_that_of_the_published_key(ask: Ask) -> None:
    audience = "https://cds.example/cds-services/one"
    token = _token(ask, audience, "generic")
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"], header["jku"]) == ("ES384", "JWT", f"{BASE}/demo/jwks.json")
    key = next(one for one in ask("GET", "/demo/jwks.json").json()["keys"] if one["kid"] == header["kid"])
    assert "d" not in key
    claims = jwt.decode(
        token,
        jwt.PyJWK(key).key,
        algorithms=["ES384"],
        audience=audience,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["iat"] == int(NOW.timestamp()) < claims["exp"]
    assert {"iss", "jti"} <= set(claims)


@pytest.mark.parametrize("client", ["epic", "oracle", "athena"])
def test_a_door_asks_for_a_token_and_answers_as_its_profile_takes_it(client: str, ask: Ask) -> None:
    path = f"/as/{client}/cds-services/trd-order-select"
    body = _request(ask, hook="order-select")
    refused = ask("POST", path, json=body)
    assert (refused.status_code, refused.content) == (401, b"")
    token = _token(ask, BASE + path, client)
    answer = ask("POST", path, json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    cards = answer.json()["cards"]
    assert cards
    taken = {"epic": {"any"}, "oracle": set(), "athena": {"at-most-one"}}[client]
    assert {card["selectionBehavior"] for card in cards if "suggestions" in card} <= taken
    assert ask("POST", path, json=body, headers={"Authorization": f"Bearer {token}"}).status_code == 401
    other = _token(ask, BASE + path, "generic")
    assert ask("POST", path, json=body, headers={"Authorization": f"Bearer {other}"}).status_code == 401


def test_a_door_takes_feedback_on_its_cards(ask: Ask) -> None:
    path = "/as/epic/cds-services/trd-order-sign"

    def sent(address: str, body: dict[str, Any]) -> Any:
        return ask(
            "POST", address, json=body, headers={"Authorization": f"Bearer {_token(ask, BASE + address, 'epic')}"}
        )

    card = sent(path, _request(ask, hook="order-sign")).json()["cards"][0]
    item = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-03-01T12:00:00Z"}
    item["overrideReason"] = {"reason": card["overrideReasons"][0]}
    assert sent(f"{path}/feedback", {"feedback": [item]}).status_code == 200


class _Tags(HTMLParser):
    """The elements and attributes that a browser would make of a text."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs


HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


@pytest.mark.parametrize(
    "card",
    [
        {
            "summary": HOSTILE,
            "detail": HOSTILE,
            "indicator": HOSTILE,
            "uuid": HOSTILE,
            "source": {"label": HOSTILE, "url": "javascript:alert(3)"},
            "suggestions": [{"label": HOSTILE, "uuid": HOSTILE}],
            "links": [{"label": HOSTILE, "url": "javascript:alert(4)"}, {"label": "x", "url": 'http://a"onclick="b'}],
            "overrideReasons": [{"code": HOSTILE, "display": HOSTILE}],
        },
        {},
        None,
        "card",
        {"summary": ["x"], "source": "x", "suggestions": {"a": 1}, "links": [None, 3], "indicator": {}, "detail": 5},
    ],
)
@pytest.mark.parametrize("client", ["generic", "oracle"])
def test_a_card_of_anybody_becomes_safe_html(card: object, client: str, ask: Ask) -> None:
    answer = ask("POST", "/demo/cards", json={"cards": [card], "client": client})
    assert answer.status_code == 200
    (html,) = answer.json()["html"]
    tags = _Tags()
    tags.feed(html)
    assert tags.seen[0] == "article"
    assert not {"img", "script", "iframe", "style", "form"} & set(tags.seen)
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name == "style"]
    assert all((value or "").startswith("http://") for name, value in tags.attributes if name in ("href", "src"))


def test_the_calls_of_a_service_are_recorded_by_the_token_passed_on(ask: Ask) -> None:
    passed_on = ask("POST", "/demo/access").json()
    mark = passed_on["access_token"]
    body = _request(ask, hook="order-select", route="pulled")
    body["fhirAuthorization"] = {**passed_on, "patient": body["context"]["patientId"]}
    assert ask("POST", "/cds-services/trd-order-select", json=body).json()["cards"]
    calls = ask("GET", f"/demo/calls/{mark}").json()["calls"]
    assert f"Patient/{PATIENT}" in {call["address"] for call in calls}
    assert {call["status"] for call in calls} == {200}
    assert any("http://loinc.org|" in call["address"] for call in calls)
    assert ask("GET", "/demo/calls/unknown").status_code == 404


def test_orders_are_written_by_this_machine_only(ask: Ask) -> None:
    order = ask("GET", "/demo/order.json", params={"words": "amoxicillin 500 mg", "rhythm": "three times daily"}).json()
    order["subject"] = {"reference": f"Patient/{PATIENT}"}
    check(order)
    refused = ask("POST", "/fhir/MedicationRequest", json=order, headers={"Origin": "https://elsewhere.example"})
    assert refused.status_code == 405
    made = ask("POST", "/fhir/MedicationRequest", json=order, headers={"Origin": "http://127.0.0.1:9000"})
    assert made.status_code == 201
    address = f"/fhir/MedicationRequest/{made.json()['id']}"
    assert ask("GET", address).status_code == 200
    signed = {**made.json(), "status": "active"}
    assert ask("PUT", address, json=signed).status_code == 200
    assert ask("POST", "/demo/start-over/two-failed-trials").status_code == 204
    assert ask("GET", address).status_code == 410


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/demo/token", {"audience": "file:///etc", "client": "generic"}),
        ("/demo/token", {"audience": "https://cds.example", "client": "nobody"}),
        ("/demo/cards", {"cards": [], "client": "nobody"}),
        ("/demo/cards", {"cards": "nobody"}),
    ],
)
def test_what_the_page_never_asks_is_refused(path: str, body: dict[str, object], ask: Ask) -> None:
    answer = ask("POST", path, json=body)
    assert answer.status_code == 400
    assert "nobody" not in answer.text


TRIAL = {
    "r0.kind": "trial",
    "r0.drug": "bupropion",
    "r0.dose": "300",
    "r0.start": "2024-01-10",
    "r0.weeks": "10",
    "r0.outcome": "no-response",
}


def test_the_basis_is_that_of_the_record_as_it_stands(ask: Ask) -> None:
    path = "/app/demo/two-failed-trials"
    page = ask("GET", path)
    assert page.status_code == 200
    assert "form-action 'self'" in page.headers[POLICY]
    assert "Ada Synthetic" in page.text
    added = ask("POST", path, data={**TRIAL, "do": "save"})
    assert added.status_code == 200
    assert "Saved to the record" in added.text
    saved = ask("GET", "/fhir/MedicationStatement", params={"patient": PATIENT}).json()
    assert saved["total"] == 1
    assert "bupropion" in ask("GET", "/demo/assessment/two-failed-trials", params={"form": "text"}).text
    ask("POST", "/demo/start-over/two-failed-trials")
    assert ask("GET", "/fhir/MedicationStatement", params={"patient": PATIENT}).json()["total"] == 0


def test_a_form_of_another_site_is_refused(ask: Ask) -> None:
    answer = ask("POST", "/app/demo/two-failed-trials", data=TRIAL, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 400
    assert ask("POST", "/app/demo/two-failed-trials", json={}).status_code == 400
    assert ask("GET", "/app/demo/nobody").status_code == 404


def test_a_smart_link_is_launched_by_the_ehr_of_the_demo(ask: Ask) -> None:
    wish = {"url": f"{BASE}/app/launch", "patient": PATIENT, "app_context": "{}"}
    address = ask("POST", "/demo/launch", json=wish).json()["url"]
    assert address.startswith(f"{BASE}/app/launch?iss=")
    begun = ask("GET", address.removeprefix(BASE))
    assert begun.status_code in (302, 303)
    assert begun.headers["location"].startswith(f"{BASE}/ehr/authorize?")
    assert ask("POST", "/demo/launch", json={**wish, "url": "https://elsewhere.example/launch"}).status_code == 400
