"""What every call to the sandbox has in common: formats, token, CORS, base address, and what it says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.sandbox.parameters import SEARCHABLE
from tests.sandbox.probe_resources import RESOURCES
from tests.sandbox.serving import BASE, call, get, link, outcome, served

PRACTITIONER = {"resourceType": "Practitioner", "id": "dr", "name": [{"family": "Grey"}]}
TOKEN = "a-static-token"


@pytest.fixture(scope="module")
def server() -> Any:
    return served([*RESOURCES, PRACTITIONER])


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
