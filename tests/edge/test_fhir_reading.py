"""Reading from the client's FHIR server, and everything that can go wrong there."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

import httpx
import pytest

from plugin.record import Read
from tests.ehr.idle_loop import run


@pytest.fixture
def pulled(clinic, making, monkeypatch):
    """Calls with a token and no prefetch; gives the response and what the reasoning was told."""
    seen = {}
    import cds_hooks.answering as module

    real = module.read_record

    def spy(resources, **more):
        seen.update(more["availability"])
        seen["resources"] = list(resources)
        return real(resources, **more)

    monkeypatch.setattr(module, "read_record", spy)

    def call(body=None, server=None, **settings):
        response = clinic(server, **settings).fire(body or making.with_token(making.call(prefetch=None)))
        return response, seen

    return call


@pytest.mark.proves("FA-11", "PF-01", "PF-17")
def test_the_searches_are_those_announced_and_carry_the_token(pulled, chart, clinic, making):
    """Beside what is asked for on need, which has its own tests and is not asked for when it was sent, and the size of
    a page. One entry on record shows how the server knows patients.
    """
    chart.says("Condition", making.bundle({"resourceType": "Condition", "subject": {"reference": "Patient/p1"}}))
    response, _ = pulled(making.with_token(making.call(prefetch=making.nothing_needed())))
    assert response.status_code == 200
    services = clinic().send("GET", "/cds-services").json()["services"]
    announced = services[0]["prefetch"]
    expected = {value.replace("{{context.patientId}}", "p1") for value in announced.values()}
    asked = set()
    for request in chart.requests:
        path, query = request.url.path.removeprefix("/fhir/"), parse_qs(request.url.query.decode())
        asked.add(path + ("?" + "&".join(f"{k}={v[0]}" for k, v in query.items() if k != "_count") if query else ""))
        assert request.headers["Authorization"] == "Bearer opaque-token-1"
    assert asked == expected


def test_an_open_server_is_called_without_a_token(pulled, chart, making):
    response, _ = pulled({**making.call(prefetch=None), "fhirServer": making.fhir + "/"})
    assert response.status_code == 200
    assert chart.requests and all("Authorization" not in request.headers for request in chart.requests)


FAULTS = {
    "401": lambda chart, path: chart.says(path, {}, 401),
    "403": lambda chart, path: chart.says(path, {}, 403),
    "404": lambda chart, path: chart.says(path, {}, 404),
    "500": lambda chart, path: chart.says(path, {}, 500),
    "redirect": lambda chart, path: chart.says(path, None, 302, headers={"Location": "https://evil.example/"}),
    "timeout": lambda chart, path: chart.fails(path, httpx.ReadTimeout("slow")),
    "unreachable": lambda chart, path: chart.fails(path, httpx.ConnectError("gone")),
    "protocol": lambda chart, path: chart.fails(path, httpx.RemoteProtocolError("odd")),
    "not json": lambda chart, path: chart.answers.update({path: lambda _: httpx.Response(200, text="<html>")}),
    "a list": lambda chart, path: chart.says(path, []),
    "another kind": lambda chart, path: chart.says(path, {"resourceType": "Basic"}),
    "outcome": lambda chart, path: chart.says(
        path, {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "OperationOutcome"}}]}
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.proves("FA-08", "SE-07")
def test_a_fault_in_optional_data_is_a_gap(pulled, chart, fault):
    FAULTS[fault](chart, "Procedure")
    response, seen = pulled()
    assert response.status_code == 200
    assert seen["Procedure"].read is Read.UNREAD
    assert seen["Procedure"].why
    assert "p1" not in seen["Procedure"].why and "https" not in seen["Procedure"].why
    assert seen["Condition"].read is Read.COMPLETE


@pytest.mark.proves("PF-18", "RS-04", "MI-06")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", ["Patient/p1", "MedicationRequest"])
def test_a_fault_in_essential_data_is_412(pulled, chart, fault, path):
    FAULTS[fault](chart, path)
    response, _ = pulled()
    assert response.status_code == 412
    assert "evil" not in response.text and "p1" not in response.text


@pytest.mark.proves("FA-14")
def test_no_redirect_is_followed(pulled, chart):
    FAULTS["redirect"](chart, "Condition")
    pulled()
    assert {request.url.host for request in chart.requests} == {"ehr.example"}


def page(making, number, link, total=3):
    resource = making.order(f"old-{number}", status="completed")
    return making.bundle(resource, total=total, link=[{"relation": "next", "url": link}] if link else [])


@pytest.mark.proves("PF-15")
@pytest.mark.parametrize("form", ["https://ehr.example/fhir/pages/{}", "/fhir/pages/{}", "pages/{}"])
def test_pages_are_followed(pulled, chart, making, form):
    chart.says("MedicationRequest", page(making, 0, form.format(1)))
    chart.says("pages/1", page(making, 1, form.format(2)))
    chart.says("pages/2", page(making, 2, None))
    _, seen = pulled()
    assert seen["MedicationRequest"].read is Read.COMPLETE
    assert [r["id"] for r in seen["resources"] if r["resourceType"] == "MedicationRequest"] == [
        "old-0",
        "old-1",
        "old-2",
    ]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/fhir/pages/1",
        "https://ehr.example.evil.example/fhir/pages/1",
        "http://ehr.example/fhir/pages/1",
        "https://ehr.example:8443/fhir/pages/1",
        "https://ehr.example/other/pages/1",
        "https://ehr.example/fhir/../other",
        "https://ehr.example/fhir/%2e%2e/other",
        "https://user@ehr.example/fhir/pages/1",
        "//evil.example/fhir/pages/1",
        "javascript:alert(1)/pages/1",
    ],
)
@pytest.mark.proves("FA-11", "FA-14")
def test_a_next_link_to_elsewhere_is_not_followed(pulled, chart, making, link):
    chart.says("MedicationRequest", page(making, 0, link))
    _, seen = pulled()
    assert seen["MedicationRequest"].read is Read.PARTIAL
    assert all("pages" not in path and "other" not in path for path in chart.paths)
    assert {request.url.host for request in chart.requests} == {"ehr.example"}


def test_pages_in_a_circle_end(pulled, chart, making):
    chart.says("MedicationRequest", page(making, 0, "pages/1"))
    chart.says("pages/1", page(making, 1, "pages/1"))
    _, seen = pulled()
    assert seen["MedicationRequest"].read is Read.PARTIAL
    assert chart.paths.count("pages/1") == 1


def test_too_many_pages_are_cut_and_said(pulled, chart, making):
    chart.says("MedicationRequest", page(making, 0, "pages/1"))
    for number in range(1, 9):
        chart.says(f"pages/{number}", page(making, number, f"pages/{number + 1}"))
    _, seen = pulled(max_pages=3)
    assert seen["MedicationRequest"].read is Read.PARTIAL
    assert sum(path.startswith("pages/") for path in chart.paths) == 3


def test_too_many_resources_are_cut_and_said(pulled, chart, making):
    chart.says("MedicationRequest", page(making, 0, "pages/1"))
    for number in range(1, 9):
        chart.says(f"pages/{number}", page(making, number, f"pages/{number + 1}"))
    _, seen = pulled(max_resources=4)
    assert seen["MedicationRequest"].read is Read.PARTIAL
    assert sum(r["resourceType"] == "MedicationRequest" for r in seen["resources"]) == 4


def test_a_failing_later_page_leaves_the_earlier_ones(pulled, chart, making):
    chart.says("MedicationRequest", page(making, 0, "pages/1"))
    chart.says("pages/1", {}, 500)
    response, seen = pulled()
    assert response.status_code == 200
    assert seen["MedicationRequest"].read is Read.PARTIAL


def test_prefetched_first_page_is_continued_with_the_token(pulled, chart, making):
    first = page(making, 0, f"{making.fhir}/pages/1", total=2)
    chart.says("pages/1", page(making, 1, None, total=2))
    sent = making.prefetch(medicationRequests=first, **making.nothing_needed())
    _, seen = pulled(making.with_token(making.call(prefetch=sent)))
    assert chart.paths == ["pages/1"]
    assert seen["MedicationRequest"].read is Read.COMPLETE


@pytest.mark.proves("PF-17")
@pytest.mark.parametrize("second", [1, 0, None], ids=["another", "the first again", "nothing"])
@pytest.mark.parametrize("route", ["pulled", "prefetched first page"])
def test_fewer_matches_than_announced_are_partial(pulled, chart, making, second, route):
    """The last page has no next link, but not everything that the answer announced has come."""
    last = making.bundle(total=3) if second is None else page(making, second, None)
    chart.says("pages/1", last)
    first = page(making, 0, f"{making.fhir}/pages/1")
    if route == "pulled":
        chart.says("MedicationRequest", first)
        _, seen = pulled()
    else:
        _, seen = pulled(making.with_token(making.call(prefetch=making.prefetch(medicationRequests=first))))
    assert seen["MedicationRequest"].read is Read.PARTIAL


def test_a_single_answer_shorter_than_announced_is_partial(pulled, chart, making):
    chart.says("MedicationRequest", page(making, 0, None, total=6))
    _, seen = pulled()
    assert seen["MedicationRequest"].read is Read.PARTIAL


@pytest.mark.proves("PF-15", "PF-17")
def test_prefetched_first_page_alone_is_partial(pulled, making):
    first = page(making, 0, f"{making.fhir}/pages/1")
    _, seen = pulled(making.call(prefetch=making.prefetch(medicationRequests=first)))
    assert seen["MedicationRequest"].read is Read.PARTIAL


class SlowTransport(httpx.AsyncBaseTransport):
    """Answers one path only after a long time, the others at once."""

    def __init__(self, chart, path):
        self.chart, self.path = chart, path

    async def handle_async_request(self, request):
        if request.url.path.endswith(self.path):
            await asyncio.sleep(30)
        return self.chart(request)


@pytest.mark.parametrize(("path", "status"), [("/Procedure", 200), ("/MedicationRequest", 412)])
@pytest.mark.parametrize(("deadline", "expires"), [(0.2, 300), (20, 1.2), (20, "1.2")])
@pytest.mark.proves("RS-07", "FA-04")
def test_one_deadline_bounds_all_reading(clinic, chart, making, knowledge, path, status, deadline, expires):
    from cds_hooks.app import create_app
    from cds_hooks.clock import FixedClock
    from cds_hooks.settings import Settings

    service = clinic()
    service.runner = run  # only the path that never answers takes time
    service.app = create_app(
        settings=Settings(
            open_mode=True, fhir_servers=(making.fhir,), soft_budget_seconds=deadline, deadline_seconds=deadline
        ),
        knowledge=knowledge,
        clock=FixedClock(making.now),
        http=httpx.AsyncClient(transport=SlowTransport(chart, path)),
        registry=None,
    )
    response = service.fire(making.with_token(making.call(prefetch=None), expires_in=expires))
    assert response.status_code == status
    assert 0 < service.seconds < 2


@pytest.mark.proves("FA-04")
@pytest.mark.parametrize("expires", [0, -5, 1])
def test_an_expired_token_reads_nothing(pulled, chart, making, expires):
    """Nor does one in its last second."""
    response, _ = pulled(making.with_token(making.call(prefetch=None), expires_in=expires))
    assert response.status_code == 412
    assert chart.requests == []


MEDICATION = {
    "resourceType": "Medication",
    "id": "m1",
    "code": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "312941"}]},
}


def pointing(making, reference="Medication/m1", **more):
    order = making.order(**more)
    del order["medicationCodeableConcept"]
    return {**order, "medicationReference": {"reference": reference}}


@pytest.mark.proves("QY-09")
@pytest.mark.parametrize(
    "reference", ["Medication/m1", "https://ehr.example/fhir/Medication/m1", "Medication/m1/_history/2"]
)
def test_medications_of_the_history_are_read_by_reference(pulled, chart, making, reference):
    chart.says("MedicationRequest", making.bundle(pointing(making, reference, identifier="old", status="completed")))
    chart.says("Medication/m1", MEDICATION)
    _, seen = pulled()
    assert MEDICATION in seen["resources"]


def test_a_medication_on_another_server_is_not_read(pulled, chart, making):
    order = pointing(making, "https://evil.example/fhir/Medication/m1", identifier="old", status="completed")
    chart.says("MedicationRequest", making.bundle(order))
    response, _ = pulled()
    assert response.status_code == 200
    assert "Medication/m1" not in chart.paths
    assert {request.url.host for request in chart.requests} == {"ehr.example"}


@pytest.mark.parametrize(("display", "read"), [(None, Read.PARTIAL), ("sertraline 50 MG", Read.COMPLETE)])
def test_a_history_that_hides_its_drugs_is_incomplete(pulled, chart, making, display, read):
    order = pointing(making, identifier="old", status="completed")
    if display:
        order["medicationReference"]["display"] = display
    chart.says("MedicationRequest", making.bundle(order))
    _, seen = pulled()
    assert "Medication/m1" in chart.paths
    assert seen["MedicationRequest"].read is read


@pytest.mark.parametrize("status", [200, 404])
def test_a_draft_that_points_to_its_drug_is_looked_up_before_anything_else(clinic, chart, making, status):
    chart.says("Medication/m1", MEDICATION, status)
    body = making.with_token(making.call())
    body["context"]["draftOrders"]["entry"] = [{"resource": pointing(making)}]
    service = clinic()
    response = service.fire(body)
    assert chart.paths[0] == "Medication/m1"
    assert response.status_code == (200 if status == 200 else 412)
    if status == 200:
        assert service.log[-1]["concerning"] == 1


def test_a_draft_that_is_sent_with_its_drug_needs_no_reading(clinic, chart, making):
    body = making.with_token(making.call(prefetch=making.prefetch(**making.nothing_needed())))
    body["context"]["draftOrders"]["entry"] = [{"resource": pointing(making)}, {"resource": MEDICATION}]
    service = clinic()
    assert service.fire(body).status_code == 200
    assert not chart.requests
    assert service.log[-1]["concerning"] == 1
