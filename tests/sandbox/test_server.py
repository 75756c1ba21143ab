"""The sandbox as a server: addresses, faults, token, CORS, formats, pages, compartments."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome
from starlette.applications import Starlette
from starlette.routing import Mount

from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.sandbox.parameters import SEARCHABLE
from tests.sandbox.search_probe import RESOURCES
from tests.sandbox.serving import BASE, call, entries, get, link, walk_pages

PRACTITIONER = {"resourceType": "Practitioner", "id": "dr", "name": [{"family": "Grey"}]}
TOKEN = "a-static-token"


def served(resources: list[dict[str, Any]] | None = None, **options: Any) -> Any:
    store = ResourceStore(RESOURCES if resources is None else resources)
    return Starlette(routes=[Mount("/fhir", create_sandbox(store, **{"base_url": BASE, **options}))])


@pytest.fixture(scope="module")
def server() -> Any:
    return served([*RESOURCES, PRACTITIONER])


def outcome(answer: Any) -> dict[str, Any]:
    """The issue of an answer that must be a valid OperationOutcome with CORS and without what was asked."""
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["access-control-allow-origin"]
    OperationOutcome.model_validate(answer.json())
    issue: dict[str, Any] = answer.json()["issue"][0]
    return issue


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


def test_it_also_stands_alone() -> None:
    alone = create_sandbox(ResourceStore(RESOURCES), base_url="http://ehr.test", token=TOKEN)
    assert get(alone, "/metadata").status_code == 200
    assert get(alone, "/Patient/p1").status_code == 401
    found = get(alone, "/Observation?patient=http://ehr.test/Patient/p1", headers={"Authorization": f"Bearer {TOKEN}"})
    assert found.json()["total"] == 5


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/fhir+json", 200),
        ("application/json", 200),
        ("application/json+fhir", 200),
        ("text/html, */*;q=0.8", 200),
        ("application/fhir+xml, application/json;q=0.5", 200),
        ("application/fhir+xml", 406),
    ],
)
def test_formats(server: Any, accept: str, status: int) -> None:
    answer = get(server, "Patient/p1", headers={"Accept": accept})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/fhir+json"


def test_the_format_parameter_wins_over_the_header(server: Any) -> None:
    for wanted in ("json", "application/fhir%2Bjson", "application/fhir+json", "application/json"):
        assert get(server, f"Patient/p1?_format={wanted}", headers={"Accept": "text/xml"}).status_code == 200
    assert get(server, "Patient?_format=xml").status_code == 406


def test_pretty_answers_are_indented_through_and_through(server: Any) -> None:
    assert b'\n  "gender": "female"' in get(server, "Patient/p1?_pretty=true").content
    assert b'\n        "gender": "female"' in get(server, "Patient?_id=p1&_pretty=true").content


def test_a_token_guards_all_but_the_statement() -> None:
    app = served(token=TOKEN)
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        for url in ("Patient/p1", "Patient?_id=p1", "Patient/p1/$everything", "Nonsense", "Patient/metadata"):
            refused = get(app, url, headers=headers)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert outcome(refused)["code"] == "login"
    assert get(app, "Patient/p1", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert get(app, "Patient/p1", headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200
    assert get(app, "metadata").status_code == 200
    assert call(app, "OPTIONS", "Patient/p1", headers={"Origin": "http://page.test"}).status_code == 204


def test_cors_on_answers_faults_and_preflights(server: Any) -> None:
    origin = {"Origin": "http://page.test"}
    for url in ("Patient/p1", "Patient/nobody", "Observation?date=x", "metadata"):
        answer = get(server, url, headers=origin)
        assert answer.headers["access-control-allow-origin"] == "http://page.test"
        assert "Origin" in answer.headers["vary"]
    assert get(server, "Patient/p1").headers["access-control-allow-origin"] == "*"
    preflight = call(
        server,
        "OPTIONS",
        "Observation/_search",
        headers={
            **origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type",
        },
    )
    assert preflight.status_code == 204
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == "authorization, content-type"
    assert preflight.headers["access-control-allow-origin"] == "http://page.test"


def test_our_own_failure_is_answered_and_logged_without_data(caplog: pytest.LogCaptureFixture) -> None:
    def unknown() -> str:
        raise RuntimeError("patient p1 in the message")

    answer = get(served(base_url=unknown), "Patient?_id=p1")
    assert answer.status_code == 500
    assert outcome(answer)["code"] == "exception"
    assert "RuntimeError" in caplog.text
    assert "p1" not in caplog.text + answer.text


def test_the_base_address_may_be_settled_late() -> None:
    known = {"base": "http://127.0.0.1:1/fhir"}
    app = served(base_url=lambda: known["base"])
    known["base"] = "http://127.0.0.1:8123/fhir/"
    bundle = get(app, "Patient?_id=p1").json()
    assert bundle["entry"][0]["fullUrl"] == "http://127.0.0.1:8123/fhir/Patient/p1"
    assert link(bundle, "self") == "http://127.0.0.1:8123/fhir/Patient?_id=p1"


def test_the_statement_is_valid_and_lists_what_is_searchable() -> None:
    app = served([*RESOURCES, PRACTITIONER], token=TOKEN)
    statement = get(app, "metadata").json()
    CapabilityStatement.model_validate(statement)
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["implementation"]["url"] == BASE
    listed = {one["type"]: one for one in statement["rest"][0]["resource"]}
    assert set(listed) == {*SEARCHABLE, "Practitioner"}
    assert listed["Practitioner"] == {"type": "Practitioner", "interaction": [{"code": "read"}]}
    assert "interaction" not in statement["rest"][0]
    # Each listed parameter is accepted where anything else is an error, and each type not listed is refused.
    values = {"token": "x", "string": "x", "date": "2024", "reference": "x"}
    headers = {"Prefer": "handling=strict", "Authorization": f"Bearer {TOKEN}"}
    for kind in SEARCHABLE:
        asked = "&".join(f"{one['name']}={values[one['type']]}" for one in listed[kind]["searchParam"])
        along = "&".join(f"_include={one}" for one in listed[kind].get("searchInclude", []))
        back = "&".join(f"_revinclude={one}" for one in listed[kind].get("searchRevInclude", []))
        answer = get(app, f"{kind}?{asked}&{along}&{back}", headers=headers)
        assert (answer.status_code, answer.json().get("total")) == (200, 0), answer.text


def test_the_statement_of_a_writable_sandbox_says_so() -> None:
    statement = get(served(writable=True), "metadata").json()
    CapabilityStatement.model_validate(statement)
    assert {one["code"] for one in statement["rest"][0]["interaction"]} == {"transaction", "batch"}
    assert {"code": "update"} in statement["rest"][0]["resource"][0]["interaction"]


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
