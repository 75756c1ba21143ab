"""Cross-origin rules for clients that run in a browser."""

from __future__ import annotations

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

HOME = "https://ehr.example"
PREFLIGHT = {
    "Origin": HOME,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type",
}
PATHS = ["/cds-services", "/cds-services/trd-order-select", "/cds-services/trd-order-select/feedback"]


@pytest.fixture
def service(clinic, keyring):
    return clinic(registry=keyring.registry(cors_origins=[HOME]), cors_origins=("https://second.example",))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", [HOME, "https://second.example"])
@pytest.mark.proves("CS-01", "CS-02", "FN-17")
def test_a_preflight_needs_no_token(service, path, origin):
    answer = service.send("OPTIONS", path, headers={**PREFLIGHT, "Origin": origin})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.proves("CS-01")
@pytest.mark.parametrize("changed", [{"Origin": "https://evil.example"}, {"Access-Control-Request-Method": "DELETE"}])
def test_a_refused_preflight_says_so(service, changed):
    answer = service.send("OPTIONS", PATHS[1], headers={**PREFLIGHT, **changed})
    assert answer.status_code == 400
    OperationOutcome.model_validate(answer.json())
    assert answer.headers.get("access-control-allow-origin") in (None, HOME)


@pytest.mark.proves("CS-02")
def test_errors_carry_the_headers_too(service, making, monkeypatch):
    origin = {"Origin": HOME}
    for answer, status in (
        (service.send("POST", PATHS[1], content=b"{", headers=origin), 400),
        (service.fire(making.call(), headers=origin), 401),
        (service.send("GET", PATHS[1], headers=origin), 405),
        (service.send("GET", "/cds-services/a/b/c", headers=origin), 404),
    ):
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == HOME


def test_our_own_fault_carries_the_headers_too(clinic, making, monkeypatch):
    monkeypatch.setattr("cds_hooks.answering.assess", None)
    answer = clinic().fire(making.call(), headers={"Origin": "https://any.example"})
    assert answer.status_code == 500
    assert answer.headers["access-control-allow-origin"] == "*"


def test_open_mode_admits_any_origin_without_credentials(clinic):
    answer = clinic().send("OPTIONS", PATHS[1], headers=PREFLIGHT)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_other_pages_have_no_cross_origin_rules(clinic):
    answer = clinic().send("GET", "/health", headers={"Origin": HOME})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
