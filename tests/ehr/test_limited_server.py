"""The limited server lacks what it is told to lack, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ehr.limited_server import LimitedServer, Limits
from tests.sandbox.probe_resources import RESOURCES
from tests.sandbox.serving import BASE, call, entries, get, link

ORDERS = "MedicationRequest?patient=Patient/p1"
SCORES = "Observation?patient=Patient/p1"
INCLUDING = f"{ORDERS}&_include=MedicationRequest:medication"


def server(**limits: Any) -> LimitedServer:
    return LimitedServer(RESOURCES, base=BASE, limits=Limits(**limits), page_size=2)


@pytest.mark.parametrize(
    ("limit", "value", "refused", "status", "taken"),
    [
        ("no_include", True, INCLUDING, 400, ORDERS),
        ("no_metadata", True, "metadata", 404, "Patient/p1"),
        ("needs_intent", True, ORDERS, 400, f"{ORDERS}&intent=order"),
        ("needs_category", True, SCORES, 400, f"{SCORES}&category=survey"),
        ("no_lists", True, f"{ORDERS}&intent=order,plan", 400, f"{ORDERS}&intent=order"),
        ("refuses", ("MedicationRequest",), ORDERS, 403, SCORES),
    ],
)
def test_what_it_refuses(limit: str, value: Any, refused: str, status: int, taken: str) -> None:
    limited = server(**{limit: value})
    answer = get(limited, refused)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert get(limited, taken).status_code == 200
    assert get(server(), refused).status_code == 200


def test_no_search_by_post() -> None:
    form = {"data": {"patient": "Patient/p1"}}
    assert call(server(no_post=True), "POST", "MedicationRequest/_search", **form).status_code == 405
    free = server()
    assert call(free, "POST", "MedicationRequest/_search", **form).json()["total"] == 4
    assert (free.requests[0].kind, free.requests[0].values("patient")) == ("MedicationRequest", ["Patient/p1"])


def test_a_bare_patient_id_finds_nothing_and_nobody_says_why() -> None:
    limited = server(typed_ids_only=True)
    for search in ("MedicationRequest?patient=p1", "MedicationRequest?subject=p1"):
        answer = get(limited, search)
        assert (answer.status_code, answer.json()["total"], answer.json().get("entry")) == (200, 0, None)
    assert get(limited, ORDERS).json()["total"] == 4
    assert get(limited, f"MedicationRequest?patient={BASE}/Patient/p1").json()["total"] == 4
    assert get(limited, "Patient/p1").json()["id"] == "p1"


def test_pages_without_a_way_on_and_without_a_total() -> None:
    page = get(server(no_next_links=True), ORDERS).json()
    assert (len(entries(page, "match")), page["total"], link(page, "next")) == (2, 4, None)
    page = get(server(no_next_links=True, no_total=True), f"{ORDERS}&_count=3").json()
    assert (len(entries(page, "match")), page.get("total"), link(page, "next")) == (3, None, None)
    page = get(server(no_total=True), ORDERS).json()
    assert link(page, "next") is not None
    assert "total" not in page


def test_its_statement_says_what_it_is() -> None:
    stated = get(server(fhir_version="3.0.2", no_include=True), "metadata").json()
    assert stated["fhirVersion"] == "3.0.2"
    assert not any("searchInclude" in resource for resource in stated["rest"][0]["resource"])
    stated = get(server(), "metadata").json()
    assert stated["fhirVersion"] == "4.0.1"
    assert any("searchInclude" in resource for resource in stated["rest"][0]["resource"])
