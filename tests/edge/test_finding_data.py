"""How the service finds its way to the data of a server: ways, forms of the patient's id, statements, budgets."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

import httpx
import pytest

from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock
from cds_hooks.ehr.failures import NOT_WAITED_FOR, OUT_OF_SCOPE
from cds_hooks.fhir_client import FULL_PAGE
from cds_hooks.observing.call_line import CallLine
from cds_hooks.reading import NOTHING_FOUND
from cds_hooks.settings import Settings
from plugin.record import OTHER_SCALES, Read
from tests.edge.conftest import Clinic

SCOPE = "patient/Patient.rs patient/MedicationRequest.rs patient/Observation.rs launch"


def condition(**more):
    return {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}, **more}


def old_order(making, reference=None, identifier="old"):
    order = making.order(identifier, status="completed")
    if reference:
        del order["medicationCodeableConcept"]
        order["medicationReference"] = {"reference": reference}
    return order


def everything_pulled(making, **changed):
    return making.with_token(making.call(prefetch=None), **changed)


def asked(chart, path):
    return [parse_qs(r.url.query.decode()) for r in chart.requests if r.url.path.removeprefix("/fhir/") == path]


def statement(*, version="4.0.1", includes=(), medication_by_id=False):
    resources = [
        {"type": "MedicationRequest", "searchInclude": list(includes), "searchParam": [{"name": "patient"}]},
        {"type": "Medication", "searchParam": [{"name": "_id"}] if medication_by_id else []},
    ]
    rest = [{"mode": "server", "resource": resources}]
    return {"resourceType": "CapabilityStatement", "fhirVersion": version, "rest": rest}


def after_the_statement(service, body, chart):
    """The answer to `body` at an application that has heard the server's statement in an earlier call; only the
    requests of the later one are left in the chart.
    """

    async def run():
        transport = httpx.ASGITransport(app=service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as client:
            await client.post(f"/cds-services/trd-{body['hook']}", json=body)
            while "metadata" not in chart.paths:
                await asyncio.sleep(0)
            await client.get("/health")  # the statement is read by then
            chart.requests.clear()
            return await client.post(f"/cds-services/trd-{body['hook']}", json=body)

    return asyncio.run(run())


def found(chart, path, *resources):
    """Answer searches at `path` with `resources`, whatever they ask."""
    entries = [{"resource": one} for one in resources]
    chart.says(path, {"resourceType": "Bundle", "type": "searchset", "total": len(resources), "entry": entries})


def typed_only(chart, making, path="MedicationRequest"):
    def answer(request):
        typed = parse_qs(request.url.query.decode())["patient"] == ["Patient/p1"]
        return httpx.Response(200, json=making.bundle(*([old_order(making)] if typed else [])))

    chart.answers[path] = answer


def test_a_history_is_found_that_a_server_shows_by_the_typed_form_only(clinic, told, chart, making):
    typed_only(chart, making)
    service = clinic()
    service.fire(everything_pulled(making))
    assert told.read("MedicationRequest") is Read.COMPLETE
    assert "old" in [one["id"] for one in told.resources]
    chart.requests.clear()
    service.fire(everything_pulled(making))
    assert [one["patient"] for one in asked(chart, "MedicationRequest")] == [["Patient/p1"]], "learnt"


def test_one_entry_shows_that_the_bare_form_is_known(clinic, told, chart, making):
    found(chart, "Condition", condition())
    clinic().fire(everything_pulled(making))
    assert [one["patient"] for one in asked(chart, "MedicationRequest")] == [["p1"]]
    assert told.read("MedicationRequest") is Read.COMPLETE


def test_an_empty_chart_is_asked_for_in_both_forms_and_empty(clinic, told, chart, making):
    clinic().fire(everything_pulled(making))
    assert [one["patient"] for one in asked(chart, "MedicationRequest")] == [["p1"], ["Patient/p1"]]
    assert told.read("MedicationRequest") is Read.COMPLETE


@pytest.mark.parametrize(("status", "read"), [(503, Read.PARTIAL), (400, Read.COMPLETE)])
def test_nothing_is_called_empty_when_the_second_question_fails(clinic, told, chart, making, status, read):
    """A server that refuses the typed form has understood it, so that the first answer holds."""

    def answer(request):
        typed = parse_qs(request.url.query.decode()).get("patient") == ["Patient/p1"]
        return httpx.Response(status, json={}) if typed else httpx.Response(200, json=making.bundle())

    for path in ("MedicationRequest", "AllergyIntolerance"):
        chart.answers[path] = answer
    clinic().fire(everything_pulled(making))
    assert told.read("AllergyIntolerance") is read
    if read is Read.PARTIAL:
        assert told.availability["AllergyIntolerance"].why == NOTHING_FOUND
        assert told.read("MedicationRequest") is Read.PARTIAL


def test_it_is_asked_for_without_the_token(clinic, chart, making):
    chart.says("metadata", statement())
    clinic().fire(everything_pulled(making))
    [request] = [one for one in chart.requests if one.url.path.endswith("/metadata")]
    assert "Authorization" not in request.headers


def test_another_version_of_fhir_is_refused_once_known(clinic, chart, making):
    chart.says("metadata", statement(version="3.0.2"))
    service = clinic()
    answer = after_the_statement(service, everything_pulled(making), chart)
    assert answer.status_code == 412
    assert "STU3" in answer.text and "R4B" in answer.text
    assert service.log[-1].get("fhir_calls") is None, "nothing is asked"


def test_a_version_that_becomes_known_while_it_is_asked_makes_its_answers_void(
    clinic,
    told,
    knowledge,
    chart,
    making,
):
    """Half is sent; what was pulled beside it may mean something else in another version."""
    asked_for, stated = asyncio.Event(), asyncio.Event()

    class Late(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            if request.url.path.endswith("/metadata"):
                await asked_for.wait()
                stated.set()
                return httpx.Response(200, json=statement(version="1.0.2"))
            answer = chart(request)
            asked_for.set()
            await stated.wait()
            await asyncio.sleep(0.05)  # until the statement is read
            return answer

    found(chart, "Condition", condition())
    sent = making.prefetch(**making.nothing_needed())
    del sent["conditions"]
    service = clinic()
    service.app = create_app(
        settings=Settings(open_mode=True, fhir_servers=(making.fhir,)),
        knowledge=knowledge,
        clock=FixedClock(making.now),
        http=httpx.AsyncClient(transport=Late()),
        registry=None,
    )
    response = service.fire(making.with_token(making.call(prefetch=sent)))
    assert response.status_code == 200
    assert asked(chart, "Condition"), "asked before it was known"
    assert told.read("Condition") is Read.UNREAD
    assert "DSTU2" in told.availability["Condition"].why
    assert not any(one["resourceType"] == "Condition" for one in told.resources)


@pytest.mark.parametrize("offers", [True, False])
def test_medications_are_included_where_that_is_offered(clinic, told, chart, making, offers):
    chart.says("metadata", statement(includes=["MedicationRequest:medication"] if offers else []))
    medication = {"resourceType": "Medication", "id": "m1", "code": making.order()["medicationCodeableConcept"]}
    included = {"resource": medication, "search": {"mode": "include"}}
    whole = making.bundle(old_order(making, "Medication/m1"))
    chart.says("Medication/m1", medication)

    def answer(request):
        wants = "_include" in parse_qs(request.url.query.decode())
        return httpx.Response(200, json={**whole, "entry": [*whole["entry"], *([included] if wants else [])]})

    chart.answers["MedicationRequest"] = answer
    service = clinic()
    after_the_statement(service, everything_pulled(making), chart)
    [only] = asked(chart, "MedicationRequest")
    assert only.get("_include") == (["MedicationRequest:medication"] if offers else None)
    assert len(asked(chart, "Medication/m1")) == (0 if offers else 1)
    assert medication in told.resources and told.read("MedicationRequest") is Read.COMPLETE


def test_an_include_that_is_refused_after_all_is_left_out(clinic, told, chart, making):
    chart.says("metadata", statement(includes=["MedicationRequest:medication"]))

    def answer(request):
        if "_include" in parse_qs(request.url.query.decode()):
            return httpx.Response(400, json={})
        return httpx.Response(200, json=making.bundle(old_order(making)))

    chart.answers["MedicationRequest"] = answer
    after_the_statement(clinic(), everything_pulled(making), chart)
    assert told.read("MedicationRequest") is Read.COMPLETE


def test_medications_are_read_together_where_the_server_can_and_the_rest_alone(clinic, told, chart, making):
    chart.says("metadata", statement(medication_by_id=True))
    drugs = [{"resourceType": "Medication", "id": f"m{n}"} for n in range(3)]
    for drug in drugs:
        drug["code"] = making.order()["medicationCodeableConcept"]
    orders = [old_order(making, f"Medication/m{n}", f"old-{n}") for n in range(3)]
    found(chart, "MedicationRequest", *orders)
    found(chart, "Medication", *drugs[:2], {"resourceType": "Medication", "id": "another"})
    chart.says("Medication/m2", drugs[2])
    after_the_statement(clinic(), everything_pulled(making), chart)
    assert [one["_id"] for one in asked(chart, "Medication")] == [["m0,m1,m2"]]
    assert [len(asked(chart, f"Medication/m{n}")) for n in range(3)] == [0, 0, 1]
    assert [one for one in told.resources if one["resourceType"] == "Medication"] == drugs


def test_another_way_is_found_and_remembered(clinic, told, chart, making):
    def answer(request):
        lists = "," in parse_qs(request.url.query.decode())["intent"][0]
        order = [old_order(making)] if parse_qs(request.url.query.decode())["intent"] == ["order"] else []
        return httpx.Response(400, json={}) if lists else httpx.Response(200, json=making.bundle(*order))

    chart.answers["MedicationRequest"] = answer
    service = clinic()
    service.fire(everything_pulled(making))
    assert told.read("MedicationRequest") is Read.COMPLETE
    assert [one["id"] for one in told.resources if one["resourceType"] == "MedicationRequest"] == ["old"]
    chart.requests.clear()
    service.fire(everything_pulled(making))
    assert len(asked(chart, "MedicationRequest")) == 6, "no list is tried again"


def test_a_narrow_way_is_never_complete(clinic, told, chart, making):
    def answer(request):
        category = parse_qs(request.url.query.decode()).get("category")
        answer = making.bundle(*([condition()] if category == ["problem-list-item"] else []))
        return httpx.Response(200, json=answer) if category else httpx.Response(400, json={})

    chart.answers["Condition"] = answer
    service = clinic()
    service.fire(everything_pulled(making))
    assert told.read("Condition") is Read.PARTIAL
    assert "categories" in told.availability["Condition"].why
    assert service.log[-1]["gaps"] == ["Condition"]


def test_the_registry_names_the_first_way_for_a_client(clinic, keyring, chart, making):
    found(chart, "Condition", condition())
    service = clinic(registry=keyring.registry(searches={"medicationRequests": "patient"}))
    service.fire(everything_pulled(making), headers={"Authorization": f"Bearer {keyring.token()}"})
    [only] = asked(chart, "MedicationRequest")
    assert "intent" not in only


def test_a_full_page_without_a_word_of_more_is_not_called_whole(clinic, told, chart, making):
    conditions = [condition(id=f"c{number}") for number in range(200)]
    full = making.bundle(*conditions)
    del full["total"]
    chart.says("Condition", full)
    clinic().fire(everything_pulled(making))
    assert (told.read("Condition"), told.availability["Condition"].why) == (Read.PARTIAL, FULL_PAGE)


def test_what_lies_before_the_window_is_left_out_where_a_server_ignores_it(clinic, told, chart, making):
    def answer(request):
        if "date" not in parse_qs(request.url.query.decode()):
            return httpx.Response(200, json=making.bundle())
        pulse = {"resourceType": "Observation", "subject": {"reference": "Patient/p1"}, "code": {"text": "pulse"}}
        days = ("2019-01-01", "2026-11-01")
        return httpx.Response(
            200, json=making.bundle(*({**pulse, "id": day, "effectiveDateTime": day} for day in days))
        )

    chart.answers["Observation"] = answer
    clinic().fire(everything_pulled(making))
    assert [one["id"] for one in told.resources if one["resourceType"] == "Observation"] == ["2026-11-01"]


def test_what_it_lacks_is_not_asked_for_and_is_a_gap(clinic, told, chart, making):
    found(chart, "MedicationRequest", old_order(making))
    service = clinic()
    response = service.fire(everything_pulled(making, scope=SCOPE))
    assert response.status_code == 200
    assert not asked(chart, "Condition")
    assert (told.read("Condition"), told.availability["Condition"].why) == (Read.UNREAD, OUT_OF_SCOPE)
    assert told.read("MedicationRequest") is Read.COMPLETE
    assert "Condition" in service.log[-1]["gaps"]


@pytest.mark.parametrize("scope", ["patient/Patient.read", "Condition.Read (Problems)", None, ""])
def test_one_that_lacks_the_essential_or_is_not_understood_hides_nothing(clinic, chart, making, scope):
    clinic().fire(everything_pulled(making, scope=scope))
    assert asked(chart, "Condition") and asked(chart, "MedicationRequest")


class Slow(httpx.AsyncBaseTransport):
    """Answers what `is_slow` says only after a long time, everything else at once."""

    def __init__(self, chart, is_slow):
        self.chart, self.is_slow = chart, is_slow

    async def handle_async_request(self, request):
        if self.is_slow(request):
            await asyncio.sleep(30)
        return self.chart(request)


def slow_service(clinic, knowledge, chart, is_slow, making, **budgets) -> Clinic:
    service = clinic()
    service.app = create_app(
        settings=Settings(open_mode=True, fhir_servers=(making.fhir,), **budgets),
        knowledge=knowledge,
        clock=FixedClock(making.now),
        http=httpx.AsyncClient(transport=Slow(chart, is_slow)),
        registry=None,
    )
    return service


def is_for_other_scales(request):
    # The codes of every call begin with the total of the PHQ-9, and a laboratory search has others.
    code = parse_qs(request.url.query.decode()).get("code", [""])[0]
    return request.url.path.endswith("/Observation") and "75626-2" in code


def test_after_the_soft_end_only_what_matters_is_waited_for(clinic, told, knowledge, chart, making):
    """The hard end lies so far that the test would not end if it were waited for."""
    found(chart, "Condition", condition())
    service = slow_service(
        clinic, knowledge, chart, is_for_other_scales, making, soft_budget_seconds=0.05, deadline_seconds=60
    )
    assert service.fire(everything_pulled(making)).status_code == 200
    assert told.read(OTHER_SCALES) is Read.UNREAD
    assert told.availability[OTHER_SCALES].why == NOT_WAITED_FOR
    assert [kind for kind, one in told.availability.items() if one.read is not Read.COMPLETE] == [OTHER_SCALES]


@pytest.mark.parametrize(("seconds", "cut"), [(60, None), (0.3, "hard")])
def test_the_hard_end_ends_everything_and_the_line_says_so(clinic, told, knowledge, chart, making, seconds, cut):
    found(chart, "Condition", condition())
    slow = (lambda _: False) if cut is None else (lambda request: request.url.path.endswith("/Procedure"))
    service = slow_service(
        clinic, knowledge, chart, slow, making, soft_budget_seconds=seconds, deadline_seconds=seconds
    )
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cds_hooks.app.CallLine", lambda **more: lines.append(CallLine(**more)) or lines[-1])
        assert service.fire(everything_pulled(making)).status_code == 200
    assert told.read("Procedure") is (Read.COMPLETE if cut is None else Read.UNREAD)
    assert lines[-1].budget == (cut or "")


def test_pages_read_before_the_end_stay(clinic, told, knowledge, chart, making):
    first = making.bundle(condition(), total=2, link=[{"relation": "next", "url": "pages/2"}])
    chart.says("Condition", first)
    service = slow_service(
        clinic, knowledge, chart, lambda request: "pages" in request.url.path, making, deadline_seconds=0.3
    )
    service.fire(everything_pulled(making))
    assert told.read("Condition") is Read.PARTIAL
    assert [one["id"] for one in told.resources if one["resourceType"] == "Condition"] == ["c1"]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_status_of_a_moment_is_tried_again_and_counted(clinic, told, chart, making, status):
    answers = [httpx.Response(status, headers={"Retry-After": "0"}, json={})]
    chart.answers["Condition"] = lambda _: (
        answers.pop() if answers else httpx.Response(200, json=making.bundle(condition()))
    )
    service = clinic(ehr_attempts=3)
    service.fire(everything_pulled(making))
    assert told.read("Condition") is Read.COMPLETE
    assert service.log[-1]["fhir_retries"] == 1


def test_a_server_that_asks_for_more_time_than_there_is_is_not_waited_for(clinic, told, chart, making):
    found(chart, "Procedure", {**condition(), "resourceType": "Procedure"})
    chart.answers["Condition"] = lambda _: httpx.Response(429, headers={"Retry-After": "3600"}, json={})
    service = clinic(ehr_attempts=3)
    assert service.fire(everything_pulled(making)).status_code in (200, 412)
    assert len(asked(chart, "Condition")) == 1


def test_all_answers_of_one_call_together_have_a_size(clinic, told, chart, making):
    found(chart, "Condition", condition(note=[{"text": "x" * 50_000}]))
    found(chart, "Procedure", {**condition(note=[{"text": "x" * 50_000}]), "resourceType": "Procedure"})
    clinic(max_call_bytes=80_000).fire(everything_pulled(making))
    assert {told.read("Condition"), told.read("Procedure")} == {Read.COMPLETE, Read.UNREAD}


def refusals(service):
    return service.log[-1].get("refused_addresses")


@pytest.mark.parametrize(
    ("server", "why"),
    [("https://other.example/fhir", "not-listed"), ("https://ehr.example@evil.example/fhir", "not-an-address")],
)
def test_a_server_that_may_not_be_called(clinic, chart, making, server, why):
    service = clinic()
    service.fire({**everything_pulled(making), "fhirServer": server})
    assert (refusals(service), chart.requests) == ([why], [])


def test_links_references_and_redirects_to_elsewhere(clinic, chart, making):
    elsewhere = "https://evil.example/fhir"
    chart.says("Condition", making.bundle(condition(), link=[{"relation": "next", "url": f"{elsewhere}?page=2"}]))
    chart.says("Procedure", None, 302, headers={"Location": elsewhere})
    found(chart, "MedicationRequest", old_order(making, f"{elsewhere}/Medication/m1"))
    service = clinic()
    assert service.fire(everything_pulled(making)).status_code == 200
    assert refusals(service) == ["link-elsewhere", "redirected"]
    assert len(service.log) == 1
    assert "evil" not in service.written.getvalue()
    assert {request.url.host for request in chart.requests} == {"ehr.example"}
