"""Which FHIR servers may be called: `fhirServer` is as untrusted as the rest of a request."""

from __future__ import annotations

import pytest

from cds_hooks.outbound import AllowList, FhirBase

LISTED = ("https://ehr.example/fhir", "http://127.0.0.1:8000/fhir", "http://localhost/fhir")


@pytest.mark.parametrize(
    "address",
    [
        "https://ehr.example/fhir",
        "https://ehr.example/fhir/",
        "https://EHR.example:443/fhir",
        "https://ehr.example/fhir/tenant-1",
        "http://127.0.0.1:8000/fhir",
    ],
)
def test_listed_servers_are_admitted(address):
    assert AllowList(LISTED).admit(address) is not None


@pytest.mark.parametrize(
    "address",
    [
        None,
        5,
        "",
        "ehr.example/fhir",
        "//ehr.example/fhir",
        "http://ehr.example/fhir",
        "https://ehr.example:444/fhir",
        "https://ehr.example/fhirX",
        "https://ehr.example/",
        "https://ehr.example/fhir/../admin",
        "https://ehr.example/fhir/%2e%2e/admin",
        "https://ehr.example/fhir/%252e%252e/admin",
        "https://ehr.example/fhir//evil",
        "https://ehr.example/fhir\\..\\admin",
        "https://ehr.example@evil.example/fhir",
        "https://ehr.example.evil.example/fhir",
        "https://evil.example/https://ehr.example/fhir",
        "https://ehr.example/fhir?x=1",
        "https://ehr.example/fhir#x",
        "https://ehr.example:notaport/fhir",
        "https://[::1/fhir",
        "ftp://ehr.example/fhir",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "http://127.0.0.1:8001/fhir",
        "https://ehr.example/fhir\nX",
    ],
)
@pytest.mark.requirement("FA-14", "RQ-06")
def test_all_others_are_not(address):
    assert AllowList(LISTED).admit(address) is None


@pytest.mark.parametrize("address", ["http://ehr.example/fhir", "ehr.example", "https://ehr.example/fhir?x=1"])
def test_an_unusable_entry_stops_the_start(address):
    with pytest.raises(ValueError, match="https"):
        AllowList((address,))


@pytest.mark.parametrize(
    ("reference", "relative"),
    [
        ("Medication/m1", "Medication/m1"),
        ("https://ehr.example/fhir/Medication/m1", "Medication/m1"),
        ("https://ehr.example/other/Medication/m1", None),
        ("https://evil.example/fhir/Medication/m1", None),
        ("../Medication/m1", None),
        ("/Medication/m1", None),
        ("Medication/..", None),
    ],
)
def test_references_stay_inside_the_base(reference, relative):
    base = FhirBase.parse("https://ehr.example/fhir")
    assert base is not None
    assert base.relative(reference) == relative


def test_the_refusal_tells_the_operator_what_to_list_and_repeats_nothing(clinic, chart, making):
    body = {**making.with_token(making.call(prefetch=None)), "fhirServer": "https://elsewhere.example/r4?patient=p1"}
    answer = clinic().fire(body)
    assert answer.status_code == 412
    assert "fhir_servers" in answer.text
    assert "elsewhere" not in answer.text and "p1" not in answer.text
    assert not chart.requests


@pytest.mark.requirement("FA-14")
def test_each_client_has_its_own_list(clinic, chart, making, keyring):
    registry = keyring.registry(fhir_servers=["https://another.example/fhir"])
    service = clinic(registry=registry)
    token = keyring.token()
    answer = service.fire(making.with_token(making.call(prefetch=None)), headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 412
    assert not chart.requests
