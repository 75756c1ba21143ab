"""Writing to a sandbox that was opened for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from starlette.applications import Starlette
from starlette.routing import Mount

from cds_hooks.clock import FixedClock
from cds_hooks.sandbox import ResourceStore, create_sandbox
from tests.sandbox.serving import BASE, call, get

PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female"}


@pytest.fixture
def server() -> Any:
    sandbox = create_sandbox(ResourceStore([PATIENT]), base_url=BASE, writable=True)
    return Starlette(routes=[Mount("/fhir", sandbox)])


def entry(method: str, url: str, resource: Any, full_url: str = "") -> dict[str, Any]:
    named = {"fullUrl": full_url} if full_url else {}
    return {**named, "resource": resource, "request": {"method": method, "url": url}}


def bundle(kind: str, *given: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(given)}


def test_put_adds_and_replaces(server: Any) -> None:
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p1"}}
    created = call(server, "PUT", "Condition/c", json=condition)
    assert created.status_code == 201
    assert created.headers["location"] == f"{BASE}/Condition/c"
    assert get(server, "Condition?patient=p1").json()["total"] == 1
    moved = {**condition, "subject": {"reference": "Patient/p2"}}
    assert call(server, "PUT", "Condition/c", json=moved).status_code == 200
    assert get(server, "Condition?patient=p1").json()["total"] == 0
    assert get(server, "Condition?patient=p2").json()["total"] == 1


def test_a_deleted_resource_is_gone_until_put_again(server: Any) -> None:
    assert call(server, "DELETE", "Patient/p1").status_code == 204
    gone = get(server, "Patient/p1")
    assert (gone.status_code, gone.json()["issue"][0]["code"]) == (410, "deleted")
    assert get(server, "Patient?_id=p1").json()["total"] == 0
    assert call(server, "DELETE", "Patient/never-there").status_code == 204
    assert get(server, "Patient/never-there").status_code == 404
    assert call(server, "PUT", "Patient/p1", json=PATIENT).status_code == 201
    assert get(server, "Patient/p1").status_code == 200


def test_create_gives_an_id(server: Any) -> None:
    first = call(server, "POST", "Observation", json={"resourceType": "Observation", "id": "mine"})
    second = call(server, "POST", "Observation", json={"resourceType": "Observation"})
    assert first.status_code == second.status_code == 201
    assert len({first.json()["id"], second.json()["id"], "mine"}) == 3
    assert get(server, first.headers["location"]).json() == first.json()


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("PUT", "Patient/p1", b"{not json"),
        ("PUT", "Patient/p1", b"[]"),
        ("PUT", "Patient/p1", b'{"resourceType": "Patient", "id": "secret"}'),
        ("PUT", "Patient/p1", b'{"resourceType": "Group", "id": "p1"}'),
        ("PUT", "Patient/p1", b'{"resourceType": "Patient"}'),
        ("PUT", "Patient/p_1", b'{"resourceType": "Patient", "id": "p_1"}'),
        ("POST", "Patient", b'{"resourceType": "Group"}'),
        ("POST", "Patient", b"7"),
        ("POST", "", b'{"resourceType": "Patient"}'),
        ("POST", "", b'{"resourceType": "Bundle", "type": "searchset"}'),
        ("POST", "", b'{"resourceType": "Bundle", "type": "batch", "entry": {}}'),
        ("POST", "", b"[]"),
    ],
)
def test_bodies_that_cannot_be_taken(server: Any, method: str, url: str, body: bytes) -> None:
    refused = call(server, method, f"/fhir/{url}", content=body, headers={"Content-Type": "application/fhir+json"})
    assert refused.status_code == 400
    assert refused.json()["resourceType"] == "OperationOutcome"
    assert "secret" not in refused.text
    assert get(server, "Patient/p1").json() == PATIENT


def test_only_json_is_read(server: Any) -> None:
    refused = call(server, "PUT", "Patient/p1", content=b"<Patient/>", headers={"Content-Type": "text/xml"})
    assert refused.status_code == 415


def test_a_transaction_links_what_it_stores(server: Any) -> None:
    sent = bundle(
        "transaction",
        entry("POST", "Observation", {"resourceType": "Observation", "subject": {"reference": "urn:uuid:a"}}),
        entry("POST", "Observation", {"resourceType": "Observation", "subject": {"reference": "urn:uuid:a"}}),
        entry("POST", "Patient", {"resourceType": "Patient"}, "urn:uuid:a"),
        entry("PUT", "Patient/p1", {**PATIENT, "gender": "male"}),
    )
    answer = call(server, "POST", "/fhir/", json=sent)
    assert answer.status_code == 200, answer.text
    Bundle.model_validate(answer.json())
    responses = [one["response"] for one in answer.json()["entry"]]
    assert [one["status"][:3] for one in responses] == ["201", "201", "201", "200"]
    patient = responses[2]["location"].rsplit("/", 1)[-1]
    assert get(server, f"Observation?patient={patient}").json()["total"] == 2
    assert get(server, "Patient/p1").json()["gender"] == "male"


@pytest.mark.parametrize(
    "bad",
    [
        {},
        "secret",
        {"request": {"method": "PUT"}},
        entry("PUT", "Patient/p1", {"resourceType": "Patient", "id": "p2"}),
        entry("PUT", "Patient?identifier=secret", {"resourceType": "Patient", "id": "p2"}),
        entry("DELETE", "Patient/p1", {}),
        entry("POST", "Group", {"resourceType": "Patient"}),
        {
            "resource": {"resourceType": "Patient"},
            "request": {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=secret"},
        },
    ],
)
def test_a_transaction_is_whole_or_not_at_all_and_a_batch_is_not(server: Any, bad: Any) -> None:
    good = entry("PUT", "Patient/p9", {"resourceType": "Patient", "id": "p9"})
    refused = call(server, "POST", "/fhir/", json=bundle("transaction", good, bad))
    assert refused.status_code == 400
    assert refused.json()["issue"][0]["expression"][0].startswith("Bundle.entry[1]")
    assert "secret" not in refused.text
    assert get(server, "Patient/p9").status_code == 404

    answer = call(server, "POST", "/fhir/", json=bundle("batch", bad, good))
    assert answer.status_code == 200
    Bundle.model_validate(answer.json())
    responses = [one["response"] for one in answer.json()["entry"]]
    assert [one["status"][:3] for one in responses] == ["400", "201"]
    assert responses[0]["outcome"]["resourceType"] == "OperationOutcome"
    assert get(server, "Patient/p9").status_code == 200


def test_two_entries_about_one_resource_are_refused(server: Any) -> None:
    twice = bundle("transaction", entry("PUT", "Patient/p1", PATIENT), entry("PUT", "Patient/p1", PATIENT))
    assert call(server, "POST", "/fhir/", json=twice).status_code == 400


def test_an_empty_transaction_is_fine(server: Any) -> None:
    answer = call(server, "POST", "/fhir/", json=bundle("transaction"))
    assert answer.json() == {"resourceType": "Bundle", "type": "transaction-response"}


def test_a_clock_stamps_version_and_moment() -> None:
    store = ResourceStore(clock=FixedClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)))
    server = Starlette(routes=[Mount("/fhir", create_sandbox(store, base_url=BASE, writable=True))])
    call(server, "PUT", "Patient/p1", json={**PATIENT, "meta": {"source": "urn:x"}})
    again = call(server, "PUT", "Patient/p1", json=PATIENT)
    assert again.headers["etag"] == 'W/"2"'
    assert again.json()["meta"] == {"versionId": "2", "lastUpdated": "2026-01-02T03:04:05.000+00:00"}
    assert get(server, "Patient?_lastUpdated=2026-01-02").json()["total"] == 1
