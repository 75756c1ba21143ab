"""The sandbox as a server: addresses, faults, pages, compartments."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.sandbox.parameters import SEARCHABLE
from tests.sandbox.probe_resources import RESOURCES
from tests.sandbox.serving import BASE, call, entries, get, link, outcome, served, walk_pages

PRACTITIONER = {"resourceType": "Practitioner", "id": "dr", "name": [{"family": "Grey"}]}


@pytest.fixture(scope="module")
def server() -> Any:
    return served([*RESOURCES, PRACTITIONER])


def test_read_answers_what_was_stored(server: Any) -> None:
    answer = get(server, "Patient/p1")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.json() == RESOURCES[0]
    assert get(server, "Practitioner/dr").json() == PRACTITIONER


@pytest.mark.parametrize(
    ("method", "url", "status", "code"),
    [
        ("GET", "Patient/nobody-here", 404, "not-found"),
        ("GET", "Nonsense/1", 404, "not-found"),
        ("GET", "Nonsense", 404, "not-supported"),
        ("GET", "Practitioner", 404, "not-supported"),
        ("GET", "Patient/p1/Practitioner", 404, "not-supported"),
        ("GET", "Patient/nobody-here/Observation", 404, "not-found"),
        ("GET", "Patient/nobody-here/$everything", 404, "not-found"),
        ("GET", "Patient/p1/Observation/phq-a/more", 404, "not-found"),
        ("GET", "", 405, "not-supported"),
        ("PATCH", "Patient/p1", 405, "not-supported"),
        ("PUT", "Patient/p1", 405, "not-supported"),
        ("DELETE", "Patient/p1", 405, "not-supported"),
        ("POST", "Patient", 405, "not-supported"),
        ("POST", "", 405, "not-supported"),
        ("GET", "Observation?date=secret-day", 400, "value"),
        ("GET", "Observation?date=ap2024-01-01", 400, "value"),
        ("GET", "Observation?date=2024-02-30", 400, "value"),
        ("GET", "Observation?_count=many", 400, "value"),
        ("GET", "Observation?_count=-1", 400, "value"),
        ("GET", "Observation?_summary=short", 400, "value"),
        ("GET", "Observation?_page=bm9uc2Vuc2U", 400, "value"),
        ("GET", "Observation?_page=a", 400, "value"),
        ("GET", "Observation?_sort:desc=date", 400, "not-supported"),
        ("GET", "Observation?code:secret=44261-6", 400, "not-supported"),
        ("GET", "Observation?subject:Medication=p1", 400, "not-supported"),
        ("GET", "Observation?status:missing=perhaps", 400, "value"),
        ("GET", "MedicationRequest?_include:secret=MedicationRequest:medication", 400, "not-supported"),
        ("GET", "Observation?patient=", 400, "value"),
        ("GET", "Observation?patient.identifier=", 400, "value"),
        ("GET", "Patient?_id=,", 400, "value"),
    ],
)
def test_faults_are_operation_outcomes(server: Any, method: str, url: str, status: int, code: str) -> None:
    answer = call(server, method, url)
    assert answer.status_code == status, answer.text
    assert outcome(answer)["code"] == code
    assert "secret" not in answer.text
    assert "nobody-here" not in answer.text
    if status == 405:
        assert "allow" in answer.headers


@pytest.mark.parametrize(
    "search",
    [
        "Observation?patient=p1&colour=blue",
        "Observation?patient=p1&_sort=colour",
        "Observation?patient=p1&_include=Observation:colour",
        "Observation?patient=p1&_revinclude=Colour:subject",
        "Observation?patient=p1&subject.colour=blue",
        "Observation?patient=p1&code.name=blue",
        "Observation?patient=p1&_summary=true",
        "Observation?patient=p1&status=",
    ],
)
def test_what_is_not_offered_is_ignored_unless_strict(server: Any, search: str) -> None:
    strict = get(server, search, headers={"Prefer": "return=minimal, handling=strict"})
    assert strict.status_code == 400
    assert outcome(strict)["code"] == "not-supported"
    assert "olour" not in strict.text

    lenient = get(server, search)
    assert lenient.status_code == 200
    assert lenient.json()["total"] == 5
    assert link(lenient.json(), "self") == f"{BASE}/Observation?patient=p1"


def test_every_bundle_is_valid(server: Any) -> None:
    for search in (
        "Observation?patient=p1&_sort=-date&_count=2",
        "MedicationRequest?patient=p1&_include=*&_revinclude=MedicationDispense:prescription",
        "MedicationRequest?patient=p1&_elements=authoredOn",
        "Observation?patient=p1&_elements=effective",
        "Patient/p1/$everything",
        "Condition?patient=nobody",
    ):
        bundle = get(server, search).json()
        Bundle.model_validate(bundle)
        for entry in bundle.get("entry", []):
            assert entry["fullUrl"] == f"{BASE}/{entry['resource']['resourceType']}/{entry['resource']['id']}"


def test_pages_are_walked_to_the_end_at_one_origin() -> None:
    many = [
        {"resourceType": "Observation", "id": f"o{n:03}", "subject": {"reference": "Patient/p1"}} for n in range(101)
    ]
    app = served(many, page_size=25)
    first = get(app, "Observation?patient=p1")
    pages = walk_pages(app, first)
    found = [one for page in pages for one in entries(page, "match")]
    assert [len(page["entry"]) for page in pages] == [25, 25, 25, 25, 1]
    assert found == [f"Observation/{one['id']}" for one in many]
    assert {page["total"] for page in pages} == {101}
    assert all(one["url"].startswith(f"{BASE}/Observation?") for page in pages for one in page["link"])
    assert link(pages[0], "previous") is None
    assert get(app, link(pages[0], "last") or "").json()["entry"] == pages[-1]["entry"]
    assert get(app, link(pages[2], "previous") or "").json() == pages[1]
    assert get(app, link(pages[2], "first") or "").json()["entry"] == pages[0]["entry"]
    # Nothing is kept between pages: another instance over the same resources answers the same.
    assert get(served(many, page_size=25), link(pages[1], "next") or "").json() == pages[2]


def test_a_page_is_bounded_and_count_0_is_a_count() -> None:
    many = [{"resourceType": "Observation", "id": f"o{n}"} for n in range(1001)]
    app = served(many)
    assert len(get(app, "Observation?_count=999999").json()["entry"]) == 1000
    counted = get(app, "Observation?_count=0").json()
    assert (counted["total"], "entry" in counted) == (1001, False)


def test_pages_of_a_compartment_and_of_everything_stay_with_the_patient(server: Any) -> None:
    for search, size in (("Patient/p1/Observation?_count=2", 5), ("Patient/p1/$everything?_count=4", 20)):
        pages = walk_pages(server, get(server, search))
        found = [one for page in pages for one in entries(page, "match")]
        assert len(found) == len(set(found)) == size
        assert all("other" not in one and "p2" not in one for one in found)


def test_no_search_for_one_patient_shows_another(server: Any) -> None:
    for kind, parameters in SEARCHABLE.items():
        if "patient" not in parameters:
            continue
        for search in (f"{kind}?patient=p1", f"Patient/p1/{kind}"):
            for entry in get(server, f"{search}{'&' if '?' in search else '?'}_count=500").json().get("entry", []):
                owner = entry["resource"].get("subject", entry["resource"].get("patient"))
                assert owner == {"reference": "Patient/p1"}


def test_everything_is_all_of_the_patient_and_nothing_of_another(server: Any) -> None:
    bundle = get(server, "Patient/p1/$everything").json()
    owned = {
        f"{one['resourceType']}/{one['id']}"
        for one in RESOURCES
        if "p1" in (one["id"], str(one.get("subject", one.get("patient")))[-4:-2])
    }
    assert set(entries(bundle, "match")) == owned
    assert set(entries(bundle, "include")) == {"Medication/med-flx", "Medication/med-ven"}
    orders = get(server, "Patient/p1/$everything?_type=MedicationRequest,Patient").json()
    assert orders["total"] == 5
    unknown = "Patient/p1/$everything?start=2024-01-01"
    assert get(server, unknown).json()["total"] == bundle["total"]
    assert get(server, unknown, headers={"Prefer": "handling=strict"}).status_code == 400


def test_the_same_id_at_another_server_is_another_patient() -> None:
    here = {"resourceType": "Observation", "id": "here", "subject": {"reference": f"{BASE}/Patient/p1"}}
    versioned = {"resourceType": "Observation", "id": "old", "subject": {"reference": "Patient/p1/_history/2"}}
    elsewhere = {
        "resourceType": "Observation",
        "id": "elsewhere",
        "subject": {"reference": "http://other.test/Patient/p1"},
    }
    app = served([RESOURCES[0], here, versioned, elsewhere])
    mine = ["Observation/here", "Observation/old"]
    assert entries(get(app, "Observation?patient=p1").json(), "match") == mine
    assert entries(get(app, "Patient/p1/$everything").json(), "match") == ["Patient/p1", *mine]
    foreign = get(app, "Observation?patient=http://other.test/Patient/p1").json()
    assert entries(foreign, "match") == ["Observation/elsewhere"]


def test_search_by_post_reads_the_form_and_the_address(server: Any) -> None:
    answer = call(server, "POST", "Observation/_search?patient=p1", data={"code": "44261-6", "_count": "3"})
    assert answer.json()["total"] == 4
    assert (link(answer.json(), "next") or "").startswith(f"{BASE}/Observation?patient=p1&code=44261-6")
    assert call(server, "POST", "Observation/_search?patient=p1").json()["total"] == 5
    refused = call(server, "POST", "Observation/_search", json={"patient": "p1"})
    assert refused.status_code == 415
    assert outcome(refused)["code"] == "not-supported"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    undecodable = call(server, "POST", "Observation/_search", content=b"patient=%FF", headers=form)
    assert (undecodable.status_code, outcome(undecodable)["code"]) == (400, "structure")
    endless = call(server, "POST", "Observation/_search", content=b"a" * (32 * 1024 * 1024 + 1), headers=form)
    assert (endless.status_code, outcome(endless)["code"]) == (413, "too-long")


def test_elements_keep_what_is_mandatory_and_say_that_they_are_a_subset(server: Any) -> None:
    search = "MedicationRequest?_id=mr-sert&_elements=authoredOn&_include=MedicationRequest:encounter"
    match, include = get(server, search).json()["entry"]
    assert set(match["resource"]) == {
        "resourceType",
        "id",
        "meta",
        "status",
        "intent",
        "medicationCodeableConcept",
        "subject",
        "authoredOn",
    }
    assert [tag["code"] for tag in match["resource"]["meta"]["tag"]] == ["SUBSETTED"]
    assert "meta" not in include["resource"]
    assert "meta" not in get(server, "MedicationRequest/mr-sert").json()


def test_a_chain_reaches_into_contained_resources() -> None:
    contained = {"resourceType": "Medication", "id": "m", "code": {"coding": [{"system": "urn:x", "code": "42"}]}}
    order = {
        "resourceType": "MedicationRequest",
        "id": "mr",
        "contained": [contained],
        "medicationReference": {"reference": "#m"},
    }
    app = served([order])
    assert get(app, "MedicationRequest?medication.code=urn:x|42").json()["total"] == 1
    assert get(app, "MedicationRequest?medication.code=urn:y|42").json()["total"] == 0


def test_a_page_size_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        create_sandbox(ResourceStore(), base_url=BASE, page_size=0)
