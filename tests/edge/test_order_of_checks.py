"""Decision 19: each fault is answered in its turn, the earlier one first, and nothing is fetched before it must be."""

from __future__ import annotations

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome


def outcome(response, status):
    assert response.status_code == status
    checked = OperationOutcome.model_validate(response.json())
    assert checked.issue[0].diagnostics
    return checked.issue[0]


@pytest.mark.parametrize("missing", ["hook", "hookInstance", "context"])
@pytest.mark.proves("RQ-02", "RQ-03", "RQ-08", "RS-06", "TR-06", "FN-20")
def test_a_missing_field_is_400_and_named(clinic, making, missing):
    issue = outcome(clinic().fire(making.call(**{missing: None}), "trd-order-select"), 400)
    assert missing in issue.diagnostics
    assert issue.expression == [missing]


@pytest.mark.proves("PV-01", "PV-02", "OS-01", "OS-02", "OG-01", "OG-02", "RQ-08", "FN-20")
@pytest.mark.parametrize("field", ["userId", "patientId"])
@pytest.mark.parametrize("hook", ["order-select", "order-sign", "patient-view"])
@pytest.mark.parametrize("value", [None, "", "  ", 7, {}, []])
def test_a_missing_context_field_is_400(clinic, making, hook, field, value):
    body = making.call(hook)
    body["context"][field] = value
    assert outcome(clinic().fire(body), 400).expression == [f"context.{field}"]


@pytest.mark.proves("OS-05", "OG-04", "FN-20")
@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
@pytest.mark.parametrize("value", ["absent", None, "Bundle", 3])
def test_missing_draft_orders_tell_of_the_scope(clinic, making, hook, value):
    body = making.call(hook)
    body["context"]["draftOrders"] = value
    if value == "absent":
        del body["context"]["draftOrders"]
    issue = outcome(clinic().fire(body), 400)
    assert issue.expression == ["context.draftOrders"]
    assert "scope" in issue.diagnostics


def test_a_patient_id_of_another_type_is_400(clinic, making):
    body = making.call("patient-view")
    body["context"]["patientId"] = "Practitioner/1"
    outcome(clinic().fire(body), 400)


def test_a_bad_body_comes_before_authentication(clinic, keyring):
    service = clinic(registry=keyring.registry())
    outcome(service.send("POST", "/cds-services/trd-order-select", content=b"{"), 400)


def test_authentication_comes_before_the_unknown_service(clinic, keyring, making):
    service = clinic(registry=keyring.registry())
    assert service.fire(making.call(), "nothing-here").status_code == 401
    token = keyring.token(aud=f"{making.base}/cds-services/nothing-here")
    answer = service.fire(making.call(), "nothing-here", headers={"Authorization": f"Bearer {token}"})
    outcome(answer, 404)


def test_an_unknown_service_comes_before_the_wrong_hook(clinic, making):
    outcome(clinic().fire(making.call("patient-view"), "nothing-here"), 404)


@pytest.mark.proves("RQ-02", "HK-05")
@pytest.mark.parametrize(
    "hook", ["order-sign", "patient-view", "order-dispatch", "com.example.own", "medication-prescribe"]
)
def test_the_wrong_hook_is_400_whatever_its_context(clinic, making, hook):
    body = making.call("order-sign")
    body["hook"] = hook
    issue = outcome(clinic().fire(body, "trd-order-select"), 400)
    assert "trd-order-select" in issue.diagnostics
    assert hook == "order-sign" or hook not in issue.diagnostics


def test_another_hook_needs_no_user(clinic, making):
    body = {"hook": "order-dispatch", "hookInstance": "x", "context": {"patientId": "p1"}}
    assert outcome(clinic().fire(body, "trd-order-sign"), 400).expression == ["hook"]


@pytest.mark.proves("PV-04", "PV-01", "FN-14")
@pytest.mark.parametrize(
    "user", ["Patient/p1", "RelatedPerson/7", "https://ehr.example/fhir/Patient/p1/_history/2", "patient/p1", "p1"]
)
def test_a_patient_or_proxy_gets_nothing_and_nothing_is_fetched(clinic, chart, making, user):
    body = making.with_token(making.call("patient-view", prefetch={"patient": making.patient("other")}))
    body["context"]["userId"] = user
    answer = clinic().fire(body)
    assert (answer.status_code, answer.json()) == (200, {"cards": []})
    assert not chart.requests


def test_a_patient_user_on_an_order_hook_gets_nothing(clinic, chart, making):
    body = making.with_token(making.call())
    body["context"]["userId"] = "Patient/p1"
    assert clinic().fire(body).json() == {"cards": []}
    assert not chart.requests


@pytest.mark.proves("RS-01", "RS-02")
def test_nothing_of_concern_comes_before_the_patient_check(clinic, chart, making):
    body = making.with_token(making.call(prefetch={"patient": making.patient("other")}), patient="other")
    body["context"]["draftOrders"]["entry"] = [{"resource": making.order(code="197361")}]  # amlodipine
    answer = clinic().fire(body)
    assert (answer.status_code, answer.json()) == (200, {"cards": []})
    assert not chart.requests


@pytest.mark.proves("OS-06")
def test_an_unselected_antidepressant_alone_is_of_no_concern(clinic, chart, making):
    body = making.with_token(making.call(prefetch=None))
    body["context"]["selections"] = ["ServiceRequest/other"]
    assert clinic().fire(body).json() == {"cards": []}
    assert not chart.requests


@pytest.mark.proves("OS-09", "OS-04")
@pytest.mark.parametrize(
    "selections",
    [
        "absent",
        None,
        ["new"],
        "MedicationRequest/new",
        ["https://ehr.example/fhir/MedicationRequest/new"],
        [4, {}, "new"],
    ],
)
def test_selections_in_every_form_reach_the_draft(clinic, making, selections):
    body = making.call(prefetch=None)
    body["context"]["selections"] = selections
    if selections == "absent":
        del body["context"]["selections"]
    outcome(clinic(making.unreachable).fire(body), 412)  # of concern, and then no history


def test_an_empty_selection_selects_nothing(clinic, making):
    body = making.call(prefetch=None)
    body["context"]["selections"] = []
    assert clinic(making.unreachable).fire(body).json() == {"cards": []}


@pytest.mark.proves("FA-07")
@pytest.mark.parametrize("named", ["p2", "Patient/p2"])
def test_a_token_for_another_patient_is_refused(clinic, chart, making, named):
    issue = outcome(clinic().fire(making.with_token(making.call(), patient=named)), 412)
    assert issue.expression == ["fhirAuthorization.patient"]
    assert not chart.requests


def test_a_token_for_this_patient_is_used(clinic, making):
    assert clinic().fire(making.with_token(making.call(), patient="Patient/p1")).status_code == 200


OTHER_PATIENTS = [
    {"patient": {"resourceType": "Patient", "id": "p2"}},
    {"conditions": {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p2"}}},
    {"conditions": {"resourceType": "Condition", "id": "c", "subject": {"reference": "p2"}}},
    {"allergies": {"resourceType": "AllergyIntolerance", "patient": {"reference": "https://x.example/Patient/p2"}}},
    {"scales": {"resourceType": "Observation", "subject": {"reference": "Patient/p2/_history/1"}}},
    {"own-key": {"resourceType": "Observation", "subject": {"reference": "urn:uuid:p2"}}},
]


@pytest.mark.proves("FN-12")
@pytest.mark.parametrize("other", OTHER_PATIENTS)
def test_prefetch_of_another_patient_is_refused(clinic, making, other):
    key, resource = next(iter(other.items()))
    value = resource if key in ("patient", "own-key") else making.bundle(resource)
    issue = outcome(clinic().fire(making.call(prefetch=making.prefetch(**{key: value}))), 412)
    assert issue.expression == ["prefetch"]
    assert "p2" not in issue.diagnostics


@pytest.mark.parametrize(
    "reference", ["Patient/p1", "p1", "https://ehr.example/fhir/Patient/p1", "urn:uuid:p1", "#inside"]
)
def test_every_way_of_naming_this_patient_passes(clinic, making, reference):
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": reference}}
    body = making.call(prefetch=making.prefetch(conditions=making.bundle(condition)))
    assert clinic().fire(body).status_code == 200


def test_a_urn_is_followed_to_the_patient_sent_along(clinic, making):
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": "urn:uuid:77"}}
    people = {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:77", "resource": making.patient()}]}
    prefetch = making.prefetch(conditions=making.bundle(condition), people=people)
    assert clinic().fire(making.call(prefetch=prefetch)).status_code == 200


@pytest.mark.proves("FN-12")
def test_a_draft_for_another_patient_is_refused(clinic, making):
    body = making.call()
    body["context"]["draftOrders"]["entry"][0]["resource"]["subject"]["reference"] = "Patient/p2"
    assert outcome(clinic().fire(body), 412).expression == ["context.draftOrders"]


def test_another_patient_comes_before_missing_data(clinic, making):
    body = making.call(prefetch={"patient": making.patient("p2")})
    assert outcome(clinic(making.unreachable).fire(body), 412).expression == ["prefetch"]


@pytest.mark.proves("FN-12")
def test_another_patient_from_the_fhir_server_is_refused(clinic, chart, making):
    chart.says("Condition", making.bundle({"resourceType": "Condition", "subject": {"reference": "Patient/p2"}}))
    body = making.with_token(making.call(prefetch=None))
    assert outcome(clinic().fire(body), 412).expression == ["fhirServer"]


@pytest.mark.parametrize("key", ["patient", "medicationRequests"])
@pytest.mark.proves("PF-18", "RS-04")
def test_essential_data_missing_by_both_routes_is_412(clinic, making, key):
    prefetch = making.prefetch()
    del prefetch[key]
    issue = outcome(clinic(making.unreachable).fire(making.call(prefetch=prefetch)), 412)
    assert key in issue.diagnostics
    assert issue.expression == [f"prefetch.{key}"]


@pytest.mark.proves("RS-05", "MI-06", "MI-17", "FN-23")
def test_our_own_fault_is_500_with_an_id_and_never_an_empty_list(clinic, making, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("Ana Test 1980-02-03")

    monkeypatch.setattr("cds_hooks.answering.assess", broken)
    service = clinic()
    answer = service.fire(making.call())
    issue = outcome(answer, 500)
    line = service.log[-1]
    assert line["correlation_id"] in issue.diagnostics
    assert line["fault"] == "RuntimeError"
    assert line["fault_place"].startswith("test_order_of_checks.py:")
    assert "Ana" not in answer.text + service.written.getvalue()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/cds-services/trd-order-select", 405),
        ("PUT", "/cds-services/trd-order-select/feedback", 405),
        ("POST", "/cds-services", 405),
        ("GET", "/nothing", 404),
        ("GET", "/cds-services/", 404),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
    ],
)
@pytest.mark.proves("RQ-01", "RS-06", "DI-16", "RS-05")
def test_wrong_methods_and_addresses_carry_an_outcome(clinic, method, path, status):
    outcome(clinic().send(method, path), status)


@pytest.mark.parametrize("drafts", [{}, [], ["x"], {"resourceType": "Bundle", "entry": {}}, {"entry": [None]}, "x", 7])
def test_draft_orders_that_hold_no_orders_are_refused(clinic, making, drafts):
    call = making.call()
    call["context"]["draftOrders"] = drafts
    response = clinic().fire(call)
    empty = isinstance(drafts, dict) and drafts.get("resourceType") == "Bundle"
    assert response.status_code == (200 if empty else 400)


@pytest.mark.parametrize("selections", [{}, [5], [None], {"reference": 3}])
def test_selections_that_cannot_be_read_select_everything(clinic, making, selections):
    whole, odd = making.call(), making.call()
    whole["context"].pop("selections")
    odd["context"]["selections"] = selections
    service = clinic()
    cards = [[card["summary"] for card in service.fire(call).json()["cards"]] for call in (whole, odd)]
    assert cards[0] == cards[1]


def test_a_patient_user_without_an_id_is_a_patient_user(clinic, making):
    call = making.call()
    call["context"]["userId"] = "Patient/"
    assert clinic().fire(call).json() == {"cards": []}
