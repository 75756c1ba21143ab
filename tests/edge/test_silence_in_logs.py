"""Nothing of a patient, a token or a text reaches a log or an error body."""

from __future__ import annotations

import json
import logging

import httpx
import pytest

CANARIES = (
    "canary-patient",
    "canary-family",
    "1971-07-17",
    "canary-token",
    "canary-drug",
    "canary-note",
    "canary-server",
    "canary-instance",
    "canary-user",
    "canary-service",
    "canary-query",
)


@pytest.fixture
def body(making):
    order = making.order(note=[{"text": "canary-note"}], subject={"reference": "Patient/canary-patient"})
    order["medicationCodeableConcept"]["text"] = "canary-drug"
    who = {
        "resourceType": "Patient",
        "id": "canary-patient",
        "name": [{"family": "canary-family"}],
        "birthDate": "1971-07-17",
    }
    built = making.with_token(making.call("order-sign", hookInstance="canary-instance"), access_token="canary-token")
    built["context"].update(patientId="canary-patient", userId="Practitioner/canary-user")
    built["context"]["draftOrders"]["entry"] = [{"resource": order}]
    built["prefetch"] = {"patient": who}
    return built


def assert_silent(*texts):
    for text in texts:
        for canary in CANARIES:
            assert canary not in text


@pytest.mark.requirement("FA-10", "BP-03", "BP-04")
def test_a_full_call_leaves_no_trace(clinic, chart, body, caplog, capfd, card_drafts):
    card_drafts()
    caplog.set_level(logging.DEBUG)
    chart.says("Patient/canary-patient", {"resourceType": "Patient", "id": "canary-patient"})
    service = clinic()
    answer = service.fire(body, headers={"Authorization": "Bearer canary-token"})
    assert answer.status_code == 200
    assert any("canary-patient" in str(request.url) for request in chart.requests)
    seen = capfd.readouterr()
    assert_silent(service.written.getvalue(), caplog.text, seen.out, seen.err)
    (line,) = service.log
    assert line["service"] == "trd-order-sign"
    assert line["status"] == 200
    assert line["cards"] == ["trd-status"]
    assert line["verdict"] and line["rules"]
    assert line["concerning"] == line["drafts"] == 1
    assert line["milliseconds"] > 0
    assert len(line["knowledge"]) == 12


FAULTY = {
    "mismatch": {"prefetch": {"patient": {"resourceType": "Patient", "id": "canary-family"}}},
    "wrong hook": {"hook": "canary-drug"},
    "no context": {"context": "canary-note"},
    "no drafts": {"context": {"userId": "Practitioner/canary-user", "patientId": "canary-patient"}},
    "no server": {"fhirServer": "https://canary-server.example/fhir?canary-query=1", "prefetch": {}},
}


@pytest.mark.parametrize("fault", FAULTY)
def test_no_error_repeats_what_came(clinic, body, caplog, fault):
    caplog.set_level(logging.DEBUG)
    service = clinic()
    answer = service.fire({**body, **FAULTY[fault]}, "trd-order-sign")
    assert answer.status_code in (400, 412)
    assert_silent(answer.text, service.written.getvalue(), caplog.text)


def test_no_fhir_fault_repeats_what_came(clinic, chart, body, caplog):
    caplog.set_level(logging.DEBUG)
    del body["prefetch"]
    for error in (
        httpx.ConnectError("canary-server"),
        httpx.ReadTimeout("canary-token"),
        httpx.RemoteProtocolError("canary-note"),
    ):
        chart.fails("Patient/canary-patient", error)
        service = clinic()
        answer = service.fire(body)
        assert answer.status_code == 412
        assert_silent(answer.text, service.written.getvalue(), caplog.text)


def test_bad_json_and_bad_addresses_are_not_repeated(clinic, caplog):
    caplog.set_level(logging.DEBUG)
    service = clinic()
    texts = [
        service.send("POST", "/cds-services/trd-order-sign", content=b'{"canary-note": canary-drug}').text,
        service.send("POST", "/cds-services/canary-service?canary-query=1", content=b"{}").text,
        service.send("POST", "/canary-service/canary-patient").text,
    ]
    assert_silent(*texts, service.written.getvalue(), caplog.text)
    assert service.log[1]["service"] == "unknown"


def test_tokens_and_data_stay_out_of_repr(body):
    from cds_hooks.envelope import read_request

    assert_silent(repr(read_request(body)))


def test_refusals_of_clients_are_logged_without_their_token(clinic, keyring, body):
    service = clinic(registry=keyring.registry())
    assert service.fire(body, headers={"Authorization": "Bearer canary-token"}).status_code == 401
    assert_silent(service.written.getvalue())
    assert service.log[-1]["outcome"] == "NotAuthenticated"


def test_the_frameworks_telemetry_stays_off_even_when_providers_exist(clinic, monkeypatch):
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setattr("fastapi.telemetry._asgi._unconfigured", lambda _: False)
    assert not clinic().app._native_telemetry.enabled()


def test_every_line_is_json_with_known_names(clinic, making):
    from dataclasses import fields

    from cds_hooks.request_log import CallLine

    service = clinic()
    service.fire(making.call())
    service.send("GET", "/cds-services")
    known = {field.name for field in fields(CallLine)} | {"event", "level", "at"}
    for text in service.written.getvalue().splitlines():
        assert set(json.loads(text)) <= known
