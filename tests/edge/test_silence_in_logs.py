"""Nothing of a patient, a token or a text reaches a log or an error body."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import traceback

import httpx
import pytest
import uvicorn
from sqlalchemy import text as statement
from starlette.responses import PlainTextResponse

from cds_hooks.errors import RecordsUnavailable
from cds_hooks.observing.call_line import LOG_KEYS
from cds_hooks.observing.request_log import QUIETENED, quieten_wire_loggers
from cds_hooks.storage import database
from cds_hooks.storage.embedded import embedded_engine
from tests.planted import (
    BIRTH_DATE,
    CLIENT_TOKEN,
    COMMENT,
    FAMILY_NAME,
    MEDICATION_NOTE,
    PLANTED,
    RECORD_NUMBER,
    planted_person,
)

CANARIES = (
    *PLANTED.values(),
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
    """An order-sign with every planted value in the place where it belongs."""
    notes = [{"text": "canary-note"}, {"text": MEDICATION_NOTE}]
    order = making.order(note=notes, subject={"reference": "Patient/canary-patient", "display": FAMILY_NAME})
    order["medicationCodeableConcept"]["text"] = "canary-drug"
    who = planted_person({"resourceType": "Patient", "id": "canary-patient", "birthDate": BIRTH_DATE})
    who["name"].append({"family": "canary-family"})
    built = making.with_token(making.call("order-sign", hookInstance="canary-instance"), access_token="canary-token")
    built["context"].update(patientId="canary-patient", userId="Practitioner/canary-user")
    built["context"]["draftOrders"]["entry"] = [{"resource": order}]
    built["prefetch"] = {"patient": who}
    return built


def assert_silent(*texts):
    for text in texts:
        for canary in CANARIES:
            assert canary.lower() not in text.lower()


@pytest.mark.proves("FA-10", "BP-03", "BP-04", "PF-07", "MI-17")
def test_a_full_call_leaves_no_trace(clinic, chart, body, caplog, capfd, card_drafts):
    card_drafts()
    caplog.set_level(logging.DEBUG)
    chart.says("Patient/canary-patient", {"resourceType": "Patient", "id": "canary-patient"})
    service = clinic()
    answer = service.fire(body, headers={"Authorization": "Bearer canary-token"})
    assert answer.status_code == 200
    assert any("canary-patient" in str(request.url) for request in chart.requests)
    seen = capfd.readouterr()
    exposed = service.send("GET", "/metrics").text
    assert 'trd_cds_calls_total{call="hook"' in exposed
    assert_silent(service.written.getvalue(), caplog.text, seen.out, seen.err, exposed)
    line, _ = service.log
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


@pytest.mark.proves("MI-17")
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
    service = clinic()
    service.fire(making.call())
    service.send("GET", "/cds-services")
    for text in service.written.getvalue().splitlines():
        assert set(json.loads(text)) <= LOG_KEYS | {"event", "level", "at"}


@pytest.mark.proves("BP-03", "FB-14")
@pytest.mark.parametrize("signed", [True, False])
def test_a_clients_token_and_a_comment_leave_no_trace(clinic, keyring, making, caplog, signed):
    caplog.set_level(logging.DEBUG)
    service = clinic(registry=keyring.registry())
    address = f"{making.base}/cds-services/trd-order-sign/feedback"
    token = keyring.token(aud=address) if signed else CLIENT_TOKEN
    reason = {"reason": {"code": RECORD_NUMBER, "display": FAMILY_NAME}, "userComment": COMMENT}
    item = {"card": RECORD_NUMBER, "outcome": "overridden", "outcomeTimestamp": "2026-11-22T14:00:00Z"}
    answer = service.send(
        "POST",
        "/cds-services/trd-order-sign/feedback",
        json={"feedback": [{**item, "overrideReason": reason}]},
        headers={"Authorization": f"Bearer {token}", "X-Request-Id": RECORD_NUMBER, "traceparent": f"00-{BIRTH_DATE}"},
    )
    assert answer.status_code == (200 if signed else 401)
    exposed = service.send("GET", "/metrics").text
    assert_silent(answer.text, str(answer.headers), service.written.getvalue(), caplog.text, exposed)
    assert token not in service.written.getvalue() + caplog.text + exposed
    assert service.log[0].get("unmatched_feedback", 0) == (1 if signed else 0)
    assert "caller_trace" not in service.log[0]


def test_requests_to_the_fhir_server_are_counted_on_the_line(clinic, making):
    service = clinic()
    service.fire(making.with_token(making.call(prefetch=None)))
    (line,) = service.log
    assert line["fhir_calls"] > 1
    assert line["fhir_milliseconds"] > 0
    assert "fhir_failed" not in line
    assert set(line["stages"]) >= {"gather", "read", "assess", "compose"}


@pytest.fixture
def shouting(caplog, monkeypatch):
    """Every logger of a library says all it can, as an operator might have set it, until it is quietened."""
    caplog.set_level(logging.DEBUG)
    for name in QUIETENED:
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    logging.root.manager._clear_cache()
    yield caplog
    logging.root.manager._clear_cache()


def test_the_loggers_of_libraries_are_quietened_whatever_was_set(shouting):
    assert all(logging.getLogger(name).isEnabledFor(logging.INFO) for name in QUIETENED)
    quieten_wire_loggers()
    assert not any(logging.getLogger(name).isEnabledFor(logging.INFO) for name in QUIETENED)


@pytest.mark.parametrize("quiet", [True, False])
def test_addresses_asked_by_httpx_are_not_logged(shouting, quiet, leak_scan):
    if quiet:
        quieten_wire_loggers()

    async def ask():
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as http:
            await http.get("https://ehr.example/Condition?patient=canary-patient")

    with leak_scan.looking_away():
        asyncio.run(ask())
    assert ("canary-patient" in shouting.text) is not quiet


@pytest.mark.parametrize("quiet", [True, False])
def test_addresses_asked_of_uvicorn_are_not_logged(shouting, quiet, leak_scan):
    """A real server with its access log on and its loggers left to us."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(PlainTextResponse(""), access_log=True, log_config=None, lifespan="off")
        if quiet:
            quieten_wire_loggers()
        server = uvicorn.Server(config)

        async def ask():
            serving = asyncio.create_task(server.serve([listening]))
            while not server.started:
                await asyncio.sleep(0)
            host, port = listening.getsockname()
            async with httpx.AsyncClient(trust_env=False) as http:
                assert (await http.get(f"http://{host}:{port}/?patient=canary-patient")).status_code == 200
            server.should_exit = True
            await serving

        with leak_scan.looking_away():
            asyncio.run(ask())
    told = [record.getMessage() for record in shouting.records if record.name.startswith("uvicorn")]
    assert any("canary-patient" in text for text in told) is not quiet


@pytest.mark.proves("FA-10")
def test_the_database_says_no_statement_and_no_value(tmp_path, shouting):
    quieten_wire_loggers()
    records = database.Database(f"sqlite:///{tmp_path / 'some.sqlite3'}")

    def insert(connection):
        connection.execute(statement("create table t (c text unique)"))
        for _ in range(2):
            connection.execute(statement("insert into t values (:c)"), {"c": COMMENT})

    async def fail():
        try:
            with pytest.raises(RecordsUnavailable) as fault:
                await records.write(insert)
            return fault.value
        finally:
            await records.close()

    fault = asyncio.run(fail())
    told = "".join(traceback.format_exception(fault))
    assert "IntegrityError" in told  # it was the statement that failed, not the database
    assert_silent(told, shouting.text)


@pytest.mark.parametrize("address", ["sqlite:///some.sqlite3", "postgresql://someone:canary-password@db.example/trd"])
def test_engines_neither_echo_nor_show_parameters(address):
    url = database._url(address)
    engine = embedded_engine(url, 10) if address.startswith("sqlite") else database._postgresql(url).sync_engine
    assert engine.echo is False
    assert engine.hide_parameters is True
    assert not engine.pool.echo
    assert "canary-password" not in repr(engine)
