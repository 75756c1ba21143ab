"""What discovery announces, and that its templates stay inside the query subset of CDS Hooks 2.0.1."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from cds_hooks.fhir_client import FhirClient, SearchAnswer
from cds_hooks.outbound import FhirBase

TEMPLATE = re.compile(r"^[A-Z][A-Za-z]+(/\{\{context\.patientId\}\}|\?[^?]+)$")
REFERENCE_PARAMETERS = {"patient"}
TOKEN_PARAMETERS = {"code", "intent", "status", "category"}


@pytest.fixture
def services(clinic):
    answer = clinic().send("GET", "/cds-services")
    assert answer.status_code == 200
    return answer.json()["services"]


@pytest.mark.proves(
    "DI-01", "DI-02", "DI-03", "DI-05", "DI-06", "DI-07", "DI-08", "DI-10", "DI-15", "DI-19", "TR-01", "DI-13",
    "INF-01", "INF-02",
)  # fmt: skip
def test_the_services(clinic, services, making):
    assert [(service["id"], service["hook"]) for service in services] == [
        ("trd-order-select", "order-select"),
        ("trd-order-sign", "order-sign"),
        ("trd-patient-view", "patient-view"),
    ]
    for service in services:
        assert all(service[name].strip() for name in ("title", "description", "usageRequirements"))
        assert f"{making.base}/intended-use" in service["usageRequirements"]
        assert re.fullmatch(r"[a-z-]+", service["id"])
        assert clinic().fire(making.call(service["hook"]), service["id"]).status_code == 200


@pytest.mark.proves("PF-01", "DI-09")
def test_the_keys(services, making):
    for service in services:
        assert tuple(service["prefetch"]) == making.keys


@pytest.mark.proves(
    "TK-01", "TK-02", "TK-03", "TK-04", "TK-05", "TK-06", "TK-07", "QY-01", "QY-02", "QY-03", "QY-04", "QY-05", "QY-08",
    "QY-11", "QY-12", "QY-06", "QY-07", "TK-03a",
)  # fmt: skip
def test_every_template_is_inside_the_subset(services):
    for template in (value for service in services for value in service["prefetch"].values()):
        assert TEMPLATE.match(template), template
        assert set(re.findall(r"\{\{(.*?)\}\}", template)) == {"context.patientId"}
        assert "%" not in template and "$" not in template
        if "?" not in template:
            continue
        parameters = [part.partition("=") for part in template.split("?")[1].split("&")]
        names = [name for name, _, _ in parameters]
        assert len(names) == len(set(names)), "a repeated parameter becomes a list in one client"
        assert set(names) <= REFERENCE_PARAMETERS | TOKEN_PARAMETERS, "no modifier, chain, include or date"
        assert all(value for _, _, value in parameters)
        assert "patient={{context.patientId}}" in template
        assert "status" not in names, "ended treatment is the point"
        assert ("intent" in names) is template.startswith("MedicationRequest?"), "patient alone is promised by nobody"


@pytest.mark.proves("QY-10")
def test_the_longest_query_fits_an_address(services):
    assert max(len(value) for service in services for value in service["prefetch"].values()) < 1_000


@pytest.mark.proves("QY-11")
def test_scale_codes_come_from_the_knowledge(services, knowledge):
    asked = services[0]["prefetch"]["scales"].split("code=")[1].split(",")
    assert asked == [f"http://loinc.org|{scale.code}" for scale in knowledge.prefetch.scales]
    assert "http://loinc.org|44261-6" in asked


def test_the_catalogue_answers_for_itself(services, making):
    from cds_hooks.catalogue import SERVICES

    assert [service["id"] for service in services] == list(SERVICES)


@pytest.mark.proves("DI-14", "EX-02")
def test_discovery_names_the_knowledge_in_force(services, knowledge):
    for service in services.values() if isinstance(services, dict) else services:
        assert service["extension"] == {
            "io.github.trd-cds.knowledge": {"version": knowledge.version, "hash": knowledge.content_hash}
        }


def test_health_names_versions_and_hash(clinic, knowledge):
    answer = clinic().send("GET", "/health").json()
    assert answer["status"] == "ok"
    assert answer["knowledge"] == {"version": knowledge.version, "hash": knowledge.content_hash}
    assert answer["definition"] == knowledge.default_definition
    assert answer["version"]


@pytest.mark.proves("QY-10")
def test_a_very_long_search_goes_by_post(chart, making):
    base = FhirBase.parse(making.fhir)
    http = httpx.AsyncClient(transport=httpx.MockTransport(chart))
    client = FhirClient(http, base, "t", max_pages=3, max_resources=9)
    into = SearchAnswer()
    asyncio.run(client.search("Observation", {"patient": "p1", "code": "c" * 3000}, into))
    assert into.complete
    assert (chart.requests[0].method, chart.paths) == ("POST", ["Observation/_search"])
    assert b"patient=p1" in chart.requests[0].content


@pytest.mark.proves("DI-11", "DI-12")
def test_versions_are_announced_where_the_operator_wants_them(clinic, services):
    """Members of the drafts of 3.0; a strict client of 2.0.1 need not know them."""
    assert not any("version" in service or "hookVersion" in service for service in services)
    named = clinic(announce_versions=True).send("GET", "/cds-services").json()["services"]
    assert [(one.pop("version"), one.pop("hookVersion")) for one in named] == [("2.0.1", "1.0")] * 3
    assert named == services
