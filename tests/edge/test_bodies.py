"""Bodies of any shape: what is not JSON is refused, what is merely odd is taken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from cds_hooks.envelope import SentPrefetch

SELECT = "/cds-services/trd-order-select"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"7",
        b'{"hook": "order-select",}',
        b'{"hook": "order-select" /* comment */}',
        b'{"hook": NaN}',
        b'{"hook": Infinity}',
        b"\xff\xfe{}",
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"hook=order-select",
    ],
)
@pytest.mark.proves("TR-07", "RS-06", "FN-21")
def test_what_is_no_json_object_is_400(clinic, body):
    answer = clinic().send("POST", SELECT, content=body)
    assert answer.status_code == 400
    OperationOutcome.model_validate(answer.json())
    assert "order-select" not in answer.text


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "application/fhir+json", "text/plain", "nonsense", None],
)
@pytest.mark.proves("TR-09", "TR-01")
def test_any_content_type_is_accepted_and_json_is_answered(clinic, making, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    answer = clinic().fire(making.call(), headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


def test_a_byte_order_mark_is_skipped(clinic, making):
    answer = clinic().send("POST", SELECT, content=b"\xef\xbb\xbf" + json.dumps(making.call()).encode())
    assert answer.status_code == 200


@pytest.mark.proves("RS-05")
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_413(clinic, making, announced):
    service = clinic(max_body_bytes=1_000)

    async def chunks():
        for _ in range(3):
            yield b" " * 500

    answer = service.send("POST", SELECT, content=b" " * 1_500 if announced else chunks())
    assert answer.status_code == 413
    OperationOutcome.model_validate(answer.json())
    assert "1000 bytes" in answer.text


def test_a_body_at_the_limit_is_read(clinic):
    body = json.dumps({"hook": "x", "hookInstance": "y", "context": {}}).encode()
    padded = body + b" " * (1_000 - len(body))
    assert clinic(max_body_bytes=1_000).send("POST", SELECT, content=padded).status_code == 400
    assert clinic(max_body_bytes=1_000).send("POST", SELECT, content=padded + b" ").status_code == 413


ODDITIES = [
    {"extension": {"davinci-crd.configuration": {"x": True}}},
    {"extension": [{"url": "x"}]},
    {"extension": "text"},
    {"extension": None},
    {"fhirAuthorization": None},
    {"fhirAuthorization": {}},
    {"fhirAuthorization": "token"},
    {"fhirAuthorization": {"access_token": "t", "token_type": "BEARER", "expires_in": "300"}},
    {"fhirAuthorization": {"access_token": "bad\r\nX-Evil: 1", "token_type": "Bearer", "expires_in": 300}},
    {"fhirAuthorization": {"access_token": 7, "expires_in": {}}},
    {"fhirServer": 5},
    {"fhirServer": ""},
    {"fhirServer": "not an address"},
    {"unknown": {"deep": [1, {"x": None}]}},
    {"hookInstance": "constant"},
    {"hookInstance": "é" * 300},
]


@pytest.mark.parametrize("odd", ODDITIES)
@pytest.mark.proves(
    "TR-10", "EX-01", "RQ-03", "RQ-05", "RQ-10", "FA-01", "FA-03", "FA-04", "RQ-04", "RQ-13", "EX-03", "FA-02",
    "FN-09",
)  # fmt: skip
def test_odd_envelopes_do_not_change_the_answer(clinic, making, odd):
    body = {**making.call(), **odd}
    assert clinic().fire(body).status_code == 200


def draft_forms(making):
    order = making.order()
    return [
        {"entry": [{"resource": order}]},
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order}]},
        {"resourceType": "Bundle", "type": "searchset", "total": "one", "entry": [{"resource": order}, None, 5, {}]},
        {"resourceType": "Bundle", "entry": {"resource": order}},
        {"resourceType": "Bundle", "entry": [order]},
        [{"resource": order}],
        [order],
        order,
        {
            "resourceType": "Bundle",
            "entry": [{"resource": {**order, "category": {"text": "x"}, "subject": "Patient/p1"}}],
        },
        {"resourceType": "Bundle", "entry": [{"resource": {**order, "dosageInstruction": "one daily", "note": 4}}]},
        {"resourceType": "Bundle", "entry": [{"resource": {**order, "status": "active"}}]},
    ]


@pytest.mark.parametrize("number", range(11))
@pytest.mark.proves("HK-03", "OG-07", "OS-07", "OG-05", "FN-02")
def test_draft_orders_in_every_form_are_found(clinic, making, number):
    body = making.call()
    body["context"]["draftOrders"] = draft_forms(making)[number]
    service = clinic()
    assert service.fire(body).status_code == 200
    assert service.log[-1]["concerning"] == 1


@pytest.mark.proves("RQ-09")
@pytest.mark.parametrize("value", [None, 5, "x", [], [1, "a", None], {"patient": 5, "scales": [[]], "x": {"entry": 9}}])
def test_odd_prefetch_is_absent_prefetch(clinic, making, value):
    assert clinic(making.unreachable).fire({**making.call(), "prefetch": value}).status_code == 412


@pytest.mark.proves("HK-02")
def test_resources_of_another_fhir_version_are_of_no_concern(clinic, making):
    body = making.call("order-sign")
    body["context"]["draftOrders"]["entry"] = [{"resource": {"resourceType": "MedicationOrder", "id": "a"}}]
    assert clinic().fire(body).json() == {"cards": []}


def test_nesting_that_json_allows_is_no_fault(clinic, making):
    deep: object = "end"
    for _ in range(450):
        deep = {"x": [deep]}
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p1"}, "extension": deep}
    body = making.call(prefetch=making.prefetch(conditions=making.bundle(condition)), extension={"deep": deep})
    assert clinic().fire(body).status_code == 200


def _about(making: Any, code: str) -> dict[str, Any]:
    """A call about an order of `code`."""
    call = making.call("order-select")
    call["context"]["draftOrders"]["entry"] = [{"resource": making.order(code=code)}]
    return call


SERTRALINE, AMLODIPINE = "312941", "197361"


def _with_prefetch(call: dict[str, Any], written: bytes) -> bytes:
    """The body of `call` with its prefetch written just so."""
    return json.dumps({**call, "prefetch": "HERE"}).encode().replace(b'"HERE"', written)


@pytest.mark.parametrize("code", [SERTRALINE, AMLODIPINE])
@pytest.mark.parametrize(
    "written",
    [b'{"patient": tru}', b'{"patient": 1,}', b'{"patient": "\xff"}', b'{"patient": "\\ud800"}', b'{"patient": [1}'],
)
@pytest.mark.proves("TR-07")
def test_a_prefetch_that_is_no_json_is_400_also_where_nobody_would_look(clinic, making, written, code):
    answer = clinic().send("POST", SELECT, content=_with_prefetch(_about(making, code), written))
    assert answer.status_code == 400
    assert "line 1, column" in answer.text


@pytest.mark.parametrize("written", [b"null", b"[]", b'"x"', b"7", b"{}"])
def test_a_prefetch_that_is_no_object_is_none(clinic, making, written):
    call = making.call("order-select")
    assert clinic().send("POST", SELECT, content=_with_prefetch(call, written)).status_code in (200, 412)


def test_a_number_that_nothing_can_represent_is_400_where_it_is_read(clinic, making):
    answer = clinic().send("POST", SELECT, content=_with_prefetch(making.call("order-select"), b'{"patient": 1e999}'))
    assert answer.status_code == 400


def test_an_order_of_no_concern_leaves_the_prefetch_undecoded(clinic, making, monkeypatch):
    monkeypatch.setattr(SentPrefetch, "_decoded", property(lambda _: pytest.fail("decoded")))
    assert clinic().fire(_about(making, AMLODIPINE)).json() == {"cards": []}


@pytest.mark.proves("FN-02", "FN-13")
@pytest.mark.parametrize("junk", [None, 5, "x", [], {"coding": 5}, {"reference": ["x"]}, [[{}]], True])
@pytest.mark.parametrize(
    "field", ["subject", "status", "id", "medicationCodeableConcept", "medicationReference", "authoredOn"]
)
def test_any_json_in_any_field_of_the_history_is_no_fault(clinic, making, field, junk):
    old = {**making.order("old", status="completed"), field: junk}
    body = making.call(prefetch=making.prefetch(medicationRequests=making.bundle(old), own=making.bundle(old)))
    assert clinic().fire(body).status_code == 200


@pytest.mark.proves("FN-02")
@pytest.mark.parametrize("junk", [None, 5, "x", [], {"coding": 5}, {"reference": ["x"]}, [[{}]], True])
@pytest.mark.parametrize("field", ["subject", "status", "id", "resourceType", "medicationCodeableConcept", "intent"])
def test_any_json_in_any_field_of_a_draft_is_no_fault(clinic, making, field, junk):
    body = making.call("order-sign")
    body["context"]["draftOrders"]["entry"] = [{"resource": {**making.order(), field: junk}}]
    assert clinic().fire(body).status_code == 200
