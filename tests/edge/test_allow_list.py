"""Which FHIR servers may be called: `fhirServer` is as untrusted as the rest of a request."""

from __future__ import annotations

import httpx
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
        "https://ehr.example:0/fhir",
        "https://ehr.example:/fhir",
        "https://ehr.example:0443/fhir",
        "https://ehr.example:65979/fhir",
        "https://ehr.example:+443/fhir",
        "https://ehr.example:4４3/fhir",
        "https://:443/fhir",
        "https://user@ehr.example/fhir",
        "https://user:@ehr.example/fhir",
        "https://@ehr.example/fhir",
        "https://ehr.example./fhir",
        "https://ehr。example/fhir",
        "https://ehr%2eexample/fhir",
        "https://[ehr.example]/fhir",
        "https://evil[::1]/fhir",
        "https://[::1]evil/fhir",
        "https://ehr.example/fhir/..;/admin",
        "https://ehr.example/fhir/..;jsessionid=1/admin",
        "https://ehr.example/fhir/%2e%2e%3b/admin",
        "https://ehr.example/fhir/;x/admin",
        "https://ehr.example/fhir\x7f",
        "http://127.1:8000/fhir",
        "http://2130706433:8000/fhir",
        "http://0x7f000001:8000/fhir",
        "http://0177.0.0.1:8000/fhir",
        "http://127.0.0.01:8000/fhir",
        "http://[127.0.0.1]:8000/fhir",
        "http://[::ffff:127.0.0.1]:8000/fhir",
        "http://localhost.evil.example/fhir",
        "http://[fe80::1%25eth0]/fhir",
        "http://[::1%25lo]/fhir",
        "http://0.0.0.0:8000/fhir",
    ],
)
@pytest.mark.proves("FA-14", "RQ-06")
def test_all_others_are_not(address):
    assert AllowList(LISTED).admit(address) is None


@pytest.mark.parametrize("address", ["http://ehr.example/fhir", "ehr.example", "https://ehr.example/fhir?x=1"])
def test_an_unusable_entry_stops_the_start(address):
    with pytest.raises(ValueError, match="https"):
        AllowList((address,))


def test_an_address_has_one_spelling():
    spellings = ("https://[FD12:0:0::1]/fhir", "https://[fd12::1]:443/fhir/")
    assert {str(FhirBase.parse(spelling)) for spelling in spellings} == {"https://[fd12::1]/fhir"}
    assert AllowList(spellings[:1]).admit(spellings[1]) is not None


@pytest.mark.proves("FA-14")
@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "[::]",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[ff02::1]",
    ],
)
def test_an_operator_cannot_list_what_may_never_be_called(host):
    with pytest.raises(ValueError, match="DNS name") as refused:
        AllowList(("https://ehr.example/fhir", f"https://{host}/fhir"))
    assert host.strip("[]") not in str(refused.value)


@pytest.mark.parametrize("host", ["10.0.0.1", "[fd12::1]", "192.168.1.1", "100.64.0.1", "127.0.0.1", "[::1]"])
def test_an_operator_may_list_an_address_inside(host):
    assert AllowList((f"https://{host}/fhir",)).admit(f"https://{host}:443/fhir/") is not None


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


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("https://ehr.example/fhir?_getpages=7&x=a|b", "https://ehr.example/fhir?_getpages=7&x=a|b"),
        ("https://ehr.example/fhir/?page=2", "https://ehr.example/fhir/?page=2"),
        ("HTTPS://EHR.Example:443/fhir/pages/2", "https://ehr.example/fhir/pages/2"),
        ("/fhir/pages/2?n=1", "https://ehr.example/fhir/pages/2?n=1"),
        ("pages/2", "https://ehr.example/fhir/pages/2"),
        ("?page=2", "https://ehr.example/fhir?page=2"),
        (
            "Observation?code=http://loinc.org|1-8&next=//x",
            "https://ehr.example/fhir/Observation?code=http://loinc.org|1-8&next=//x",
        ),
        ("https://ehr.example/fhir/a?x=../../b#top", "https://ehr.example/fhir/a?x=../../b"),
        ("https://ehr.example:0/fhir/a", None),
        ("https://ehr.example:/fhir/a", None),
        ("https://ehr.example:8443/fhir/a", None),
        ("http://ehr.example/fhir/a", None),
        ("https://ehr.example/other", None),
        ("https://ehr.example/fhirX", None),
        ("https://ehr.example/fhir/../other", None),
        ("https://ehr.example/fhir/..;/other", None),
        ("https://evil.example/fhir/a", None),
        ("https://ehr.example@evil.example/fhir/a", None),
        ("https://ehr.example%2f@evil.example/fhir", None),
        ("https://evil.example#@ehr.example/fhir", None),
        ("https://evil.example\\@ehr.example/fhir", None),
        ("https://evil.example?@ehr.example/fhir", None),
        ("//evil.example/fhir/a", None),
        ("/\\evil.example/fhir", None),
        ("/other", None),
        ("../other", None),
        ("https:/ehr.example/fhir", None),
        ("https:ehr.example/fhir", None),
        ("javascript:alert(1)", None),
        ("urn:uuid:1", None),
        ("http\ts://ehr.example/fhir", None),
        (" https://ehr.example/fhir/a", None),
        ("https://ehr.example/fhir/a?x=\r\nHost:evil", None),
        ("", None),
    ],
)
@pytest.mark.proves("FA-11", "FA-14")
def test_a_link_is_rebuilt_inside_the_base_or_refused(link, address):
    base = FhirBase.parse("https://ehr.example/fhir")
    assert base is not None
    assert base.absolute(link) == address


def test_what_is_sent_is_what_was_judged():
    """The HTTP client reads the rebuilt address as we do: same host, same port, same path."""
    base = FhirBase.parse("https://[FD12::1]:8443/fhir")
    assert base is not None
    sent = httpx.URL(base.absolute("/fhir/Condition/%41?q=a b#c") or "")
    assert (sent.host, sent.port, sent.path) == (base.host, base.port, "/fhir/Condition/A")
    assert sent.raw_path == b"/fhir/Condition/%41?q=a%20b"


def test_a_base_at_the_root_of_its_origin():
    base = FhirBase.parse("http://localhost:8080/")
    assert base is not None
    assert base.absolute("/Patient?x=1") == "http://localhost:8080/Patient?x=1"
    assert base.absolute("//evil.example/Patient") is None


def test_the_refusal_tells_the_operator_what_to_list_and_repeats_nothing(clinic, chart, making):
    body = {**making.with_token(making.call(prefetch=None)), "fhirServer": "https://elsewhere.example/r4?patient=p1"}
    answer = clinic().fire(body)
    assert answer.status_code == 412
    assert "fhir_servers" in answer.text
    assert "elsewhere" not in answer.text and "p1" not in answer.text
    assert not chart.requests


@pytest.mark.proves("FA-14")
def test_each_client_has_its_own_list(clinic, chart, making, keyring):
    registry = keyring.registry(fhir_servers=["https://another.example/fhir"])
    service = clinic(registry=registry)
    token = keyring.token()
    answer = service.fire(making.with_token(making.call(prefetch=None)), headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 412
    assert not chart.requests
