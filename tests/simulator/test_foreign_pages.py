"""What a page of another site can make a browser do to the demo on loopback: nothing that changes anything."""

from __future__ import annotations

import pytest

from tests.simulator.conftest import Ask

ELSEWHERE = {
    "a modern browser": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "an older browser": {"Origin": "https://evil.example"},
    "a page without origin": {"Origin": "null"},
    "another port under another name": {"Origin": "http://evil.localhost.example:8000"},
    "an origin that is none": {"Origin": "http://["},
}
CHANGES = (
    ("/demo/start-over/two-failed-trials", {}),
    ("/demo/access", {}),
    ("/demo/token", {"json": {"audience": "https://cds.example/cds-services/x"}}),
    ("/demo/cards", {"json": {"cards": []}}),
    ("/demo/launch", {"json": {"url": "http://127.0.0.1:8000/app/launch", "patient": "p"}}),
    ("/app/demo/two-failed-trials", {"data": {"do": "save"}}),
)


@pytest.mark.parametrize("headers", ELSEWHERE.values(), ids=ELSEWHERE)
def test_nothing_is_changed_signed_or_begun(headers: dict[str, str], ask: Ask) -> None:
    order = {"resourceType": "MedicationRequest", "status": "draft", "intent": "order"}
    left = ask("POST", "/fhir/MedicationRequest", json=order).json()["id"]
    for path, sent in CHANGES:
        assert ask("POST", path, headers=headers, **sent).status_code == 400, path
    for method, path in (
        ("POST", "/fhir/MedicationRequest"),
        ("PUT", f"/fhir/MedicationRequest/{left}"),
        ("DELETE", f"/fhir/MedicationRequest/{left}"),
        ("PUT", "/fhir/MedicationRequest/_search"),
        ("DELETE", "/fhir/MedicationRequest/_search"),
    ):
        assert ask(method, path, json=order, headers=headers).status_code == 405, (method, path)
    assert ask("GET", f"/fhir/MedicationRequest/{left}").status_code == 200
    assert ask("DELETE", f"/fhir/MedicationRequest/{left}").status_code == 204


@pytest.mark.parametrize("headers", [{"Origin": "null", "Sec-Fetch-Site": "same-origin"}, {}], ids=["ours", "none"])
def test_our_own_page_may(headers: dict[str, str], ask: Ask) -> None:
    assert ask("POST", "/demo/start-over/two-failed-trials", headers=headers).status_code == 204
    assert ask("POST", "/demo/access", headers=headers).status_code == 200


def test_a_form_of_too_many_fields_is_no_fault_of_ours(ask: Ask) -> None:
    assert ask("POST", "/ehr/authorize", data={f"f{number}": "x" for number in range(50)}).status_code == 400


@pytest.mark.parametrize("path", ["/demo/setup.json", "/fhir/Patient/nobody", "/nowhere", "/cds-services", "/ehr/jwks"])
def test_nothing_is_guessed_at_by_a_browser(path: str, ask: Ask) -> None:
    assert ask("GET", path).headers["x-content-type-options"] == "nosniff"
