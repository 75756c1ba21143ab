"""The client of the simulator in a real browser: templates, conformance, other services and other FHIR servers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from cds_hooks.sandbox import ResourceStore, create_sandbox
from tests.simulator.browsing import address, browser, free_port, page, visit
from tests.simulator.other_servers import faulty_service, running

pytestmark = pytest.mark.browser

__all__ = ["address", "browser", "page"]
CONTEXT = {"patientId": "p 1", "userId": "Practitioner/u1", "draftOrders": {}, "count": 2}


@pytest.mark.parametrize(
    ("template", "query", "missing"),
    [
        ("Patient/{{context.patientId}}", "Patient/p%201", []),
        ("{{context.userId}}", "Practitioner%2Fu1", []),
        ("Practitioner/{{userPractitionerId}}", "Practitioner/u1", []),
        ("PractitionerRole/{{userPractitionerRoleId}}", "PractitionerRole/", ["userPractitionerRoleId"]),
        ("Encounter/{{context.encounterId}}", "Encounter/", ["context.encounterId"]),
        ("X?a={{context.draftOrders}}", "X?a=", ["context.draftOrders"]),
        ("X?a={{Patient.id}}", "X?a=", ["Patient.id"]),
        ("X?a={{ context.count }}", "X?a=2", []),
        ("X?d=ge{{today() - 30 days}}", "X?d=ge2026-01-30", []),
        ("X?d=ge{{today()}}", "X?d=ge2026-03-01", []),
        ("X?d=lt{{today() + 1 year}}", "X?d=lt2027-03-01", []),
        ("X?d=ge{{today() - 25 months}}", "X?d=ge2024-02-01", []),
        ("X?d=ge{{now() - 1 day}}", "X?d=ge", ["now() - 1 day"]),
        ("X?a={{context.constructor}}", "X?a=", ["context.constructor"]),
    ],
)
def test_a_template_is_resolved(template: str, query: str, missing: list[str], page: Any) -> None:
    found = page.evaluate(
        "async ([template, context]) => (await import('/static/simulator/prefetch.js'))"
        ".resolve(template, context, new Date(2026, 2, 1, 23, 59))",
        [template, CONTEXT],
    )
    assert (found["query"], found["missing"]) == (query, missing)


def good_card() -> dict[str, Any]:
    """A card with everything that 2.0.1 knows, in order."""
    return {
        "uuid": "11111111-1111-4111-8111-111111111111",
        "summary": "x" * 139,
        "detail": "- a",
        "indicator": "info",
        "source": {
            "label": "a",
            "url": "https://a.example",
            "topic": {"code": "a", "system": "https://a.example/topics"},
        },
        "suggestions": [
            {
                "uuid": "22222222-2222-4222-8222-222222222222",
                "label": "a",
                "isRecommended": True,
                "actions": [
                    {"type": "create", "description": "a", "resource": {"resourceType": "ServiceRequest"}},
                    {"type": "delete", "description": "a", "resourceId": "MedicationRequest/d1"},
                    {"type": "update", "description": "a", "resource": {"resourceType": "ServiceRequest", "id": "d2"}},
                ],
            }
        ],
        "selectionBehavior": "any",
        "overrideReasons": [{"code": "a", "system": "https://a.example/reasons", "display": "a"}],
        "links": [
            {"label": "a", "url": "https://a.example/x", "type": "absolute"},
            {"label": "a", "url": "https://a.example/y", "type": "smart", "appContext": "z"},
        ],
    }


CARD = ("cards", 0)
OFFER = (*CARD, "suggestions", 0)
IN_OFFER = "cards[0].suggestions[0]"
DRAFTS = ["MedicationRequest/d1", "ServiceRequest/d2"]
MISSING = object()
# Where one fault is put, what is put there, and where it must be found.
SPOILT: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("cards",), MISSING, "cards"),
    (("cards",), {}, "cards"),
    (("extra",), 1, "body"),
    (("systemActions",), [], "systemActions"),
    (("cards", 0), "card", "cards[0]"),
    ((*CARD, "summary"), MISSING, "cards[0].summary"),
    ((*CARD, "summary"), "x" * 140, "cards[0].summary"),
    ((*CARD, "summary"), "  ", "cards[0].summary"),
    ((*CARD, "indicator"), "success", "cards[0].indicator"),
    ((*CARD, "detail"), None, "cards[0].detail"),
    ((*CARD, "detail"), "<b>a</b>", "cards[0].detail"),
    ((*CARD, "name"), "a", "cards[0]"),
    ((*CARD, "uuid"), MISSING, "cards[0]"),
    ((*CARD, "uuid"), "123456", "cards[0].uuid"),
    ((*CARD, "source"), MISSING, "cards[0].source"),
    ((*CARD, "source", "label"), MISSING, "cards[0].source.label"),
    ((*CARD, "source", "url"), "docs", "cards[0].source.url"),
    ((*CARD, "source", "topic", "system"), MISSING, "cards[0].source.topic.system"),
    ((*CARD, "selectionBehavior"), MISSING, "cards[0].selectionBehavior"),
    ((*CARD, "selectionBehavior"), "all", "cards[0].selectionBehavior"),
    ((*CARD, "suggestions"), [], "cards[0].suggestions"),
    ((*OFFER, "label"), MISSING, f"{IN_OFFER}.label"),
    ((*OFFER, "uuid"), MISSING, "cards[0].suggestions[0]"),
    ((*OFFER, "isRecommended"), "yes", f"{IN_OFFER}.isRecommended"),
    ((*OFFER, "actions"), [], f"{IN_OFFER}.actions"),
    ((*OFFER, "actions", 0, "type"), "CREATE", f"{IN_OFFER}.actions[0].type"),
    ((*OFFER, "actions", 0, "description"), MISSING, f"{IN_OFFER}.actions[0].description"),
    ((*OFFER, "actions", 0, "resource"), "x", f"{IN_OFFER}.actions[0].resource"),
    ((*OFFER, "actions", 1, "resourceId"), "d1", f"{IN_OFFER}.actions[1].resourceId"),
    ((*OFFER, "actions", 1, "resourceId"), "X/9", f"{IN_OFFER}.actions[1].resourceId"),
    ((*OFFER, "actions", 2, "resource", "id"), "9", f"{IN_OFFER}.actions[2].resource"),
    ((*CARD, "overrideReasons", 0, "display"), MISSING, "cards[0].overrideReasons[0].display"),
    ((*CARD, "overrideReasons"), [], "cards[0].overrideReasons"),
    ((*CARD, "links", 0, "type"), "web", "cards[0].links[0].type"),
    ((*CARD, "links", 0, "url"), "javascript:alert(1)", "cards[0].links[0].url"),
    ((*CARD, "links", 0, "appContext"), "a", "cards[0].links[0].appContext"),
    ((*CARD, "links", 0, "label"), "", "cards[0].links[0].label"),
]  # fmt: skip


def test_a_good_answer_has_no_finding_and_a_spoilt_one_has(page: Any) -> None:
    answers = [{"cards": [good_card()]}, {"cards": []}]
    for path, value, _ in SPOILT:
        body: Any = {"cards": [good_card()]}
        place = body
        for step in path[:-1]:
            place = place[step]
        if value is MISSING:
            del place[path[-1]]
        else:
            place[path[-1]] = value
        answers.append(body)
    judged = page.evaluate(
        "async ([answers, drafts]) => { const { judgeBody } = await import('/static/simulator/conformance.js');"
        " return answers.map((one) => judgeBody(one, drafts)); }",
        [answers, DRAFTS],
    )
    assert judged[:2] == [[], []]
    for (path, _, where), findings in zip(SPOILT, judged[2:], strict=True):
        assert where in {one["where"] for one in findings}, path


def test_two_cards_may_not_share_a_uuid(page: Any) -> None:
    judged = page.evaluate(
        "async ([body, drafts]) => (await import('/static/simulator/conformance.js')).judgeBody(body, drafts)",
        [{"cards": [good_card(), good_card()]}, DRAFTS],
    )
    assert [one["where"] for one in judged] == ["cards"]


def test_a_faulty_service_is_shown_with_its_faults(page: Any, address: str) -> None:
    with faulty_service(login=True) as (service, got):
        visit(page, f"{address}/?patient=two-failed-trials&service={quote(service)}")
        assert got == []
        page.get_by_role("button", name="Connect to").click()
        card = page.locator("article.cds-card")
        card.wait_for()
        assert card.count() == 1
        assert "Faulty <b>card</b>" in card.inner_text()
        assert "breaks the specification in 4 places" in card.inner_text()
        assert card.locator("img, a[href^=javascript]").count() == 0
        call = page.locator("#exchanges > li").first
        call.locator("summary").first.click()
        call.get_by_text("Conformance to CDS Hooks 2.0.1").click()
        findings = call.locator(".findings").inner_text()
    for said in (
        "cards[0].indicator",
        "the attribute name is not defined",
        "does not take its selectionBehavior",
        "prefetch.role left out: no value for userPractitionerRoleId",
        "today() is of CDS Hooks 3.0",
    ):
        assert said in findings
    assert [bool(one["authorization"]) for one in got] == [False, True]
    body = got[-1]["body"]
    assert UUID(body["hookInstance"])
    assert body["prefetch"]["who"]["resourceType"] == "Patient"
    assert body["prefetch"]["nothing"] is None
    assert body["prefetch"]["recent"]["resourceType"] == "Bundle"
    assert "role" not in body["prefetch"]
    assert body["fhirAuthorization"]["token_type"] == "Bearer"
    assert body["fhirAuthorization"]["patient"] == body["context"]["patientId"]


def test_a_service_without_cors_is_explained(page: Any, address: str) -> None:
    with faulty_service(cors=False) as (service, _):
        page.locator(".connection > summary").click()
        page.get_by_label("CDS service, base address").fill(service)
        page.get_by_role("button", name="Connect").click()
        page.get_by_role("link", name="Two failed adequate trials").click()
        fault = page.locator("#cards").get_by_role("alert")
        fault.wait_for()
        assert "does not let pages of" in fault.inner_text()
        assert f"Access-Control-Allow-Origin: {address}" in fault.inner_text()


def test_another_fhir_server_is_read_and_written(page: Any, address: str) -> None:
    store = ResourceStore(
        [{"resourceType": "Patient", "id": "far", "name": [{"text": "Far Away"}], "birthDate": "1980-02-03"}]
    )
    port = free_port()
    with running(create_sandbox(store, base_url=f"http://127.0.0.1:{port}", writable=True), port) as fhir:
        page.locator(".connection > summary").click()
        page.get_by_label("FHIR R4 server, base address").fill(fhir)
        page.get_by_role("button", name="Connect").click()
        page.get_by_role("link", name="Far Away").click()
        page.get_by_role("heading", name="Far Away").wait_for()
        page.get_by_role("combobox", name="Search a drug").fill("sertraline 50")
        page.locator("#products [role=option]").first.click()
        page.get_by_text("order-select: on choosing the order").wait_for()
        (draft,) = store.of_kind("MedicationRequest")
        assert draft.document["status"] == "draft"
        page.get_by_role("button", name="Sign the order").click()
        signed = page.locator("#done", has_text="Signed: sertraline")
        now = page.get_by_role("button", name="Sign now")
        signed.or_(now).first.wait_for()
        if now.is_visible():
            now.click()
        signed.wait_for()
        assert [held.document["status"] for held in store.of_kind("MedicationRequest")] == ["active"]


def open_anew(page: Any) -> None:
    """A demo patient as their story begins, whatever another test drafted."""
    page.get_by_role("link", name="Two failed adequate trials").click()
    page.get_by_role("button", name="Start this story over").click()
    page.locator("#done", has_text="back at the beginning").wait_for()


@pytest.mark.parametrize("asked", ["the chart", "an order"])
def test_an_answer_that_comes_late_leaves_the_reader_where_they_type(asked: str, page: Any) -> None:
    """Cards that arrive while somebody writes the next order once closed the list of products under their hand."""
    open_anew(page)
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/cds-services/*", hold)
    if asked == "an order":
        page.locator("#suggested-order").click()
    else:
        page.get_by_role("link", name="Two failed adequate trials").click()
    while not held:
        page.wait_for_timeout(20)
    search = page.get_by_role("combobox", name="Search a drug")
    search.fill("sertraline 50")
    page.unroute("**/cds-services/*")  # lets go those held
    page.locator("#cards:not([aria-busy])").wait_for()
    page.wait_for_timeout(200)
    assert page.locator("#products [role=option]").first.is_visible()
    assert search.evaluate("input => input === document.activeElement")


def test_a_reader_who_waits_is_brought_to_what_was_asked_for(page: Any) -> None:
    open_anew(page)
    page.get_by_role("link", name="Two failed adequate trials").click()
    page.locator("#person:focus").wait_for()
    page.locator("#suggested-order").click()
    page.locator("#cards-title:focus").wait_for()


def test_cards_of_one_patient_never_stand_beside_another(page: Any) -> None:
    """Their answer comes when the next chart is open already."""
    open_anew(page)
    page.get_by_text("patient-view: on opening the chart").wait_for()
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/cds-services/*", hold)
    page.locator("#suggested-order").click()
    while not held:
        page.wait_for_timeout(20)
    late = held.pop()
    page.get_by_role("link", name="Anhedonia stands out").click()
    page.locator("#opened:not([aria-busy])").wait_for()
    assert page.locator("#cards article").count() == 0
    with page.expect_response(lambda answer: answer.request == late.request):
        late.continue_()
    page.wait_for_timeout(300)
    assert page.locator("#cards article").count() == 0
    assert page.locator("#cards").get_attribute("aria-busy") == "true"
    page.unroute("**/cds-services/*")
    page.get_by_text("patient-view: on opening the chart").wait_for()
    assert "patient=anhedonia-stands-out" in page.url


def test_a_server_that_takes_no_orders_keeps_them_in_the_page(page: Any, address: str) -> None:
    store = ResourceStore([{"resourceType": "Patient", "id": "far", "name": [{"text": "Far Away"}]}])
    port = free_port()
    with running(create_sandbox(store, base_url=f"http://127.0.0.1:{port}"), port) as fhir:
        visit(page, f"{address}/?patient=far&fhir={quote(fhir)}")
        page.get_by_role("button", name="Connect to").click()
        page.get_by_role("heading", name="Far Away").wait_for()
        page.get_by_role("combobox", name="Search a drug").fill("sertraline 50")
        page.locator("#products [role=option]").first.click()
        page.get_by_text("takes no orders from this page").wait_for()
        assert page.locator(".draft").count() == 1
        assert store.of_kind("MedicationRequest") == []


@pytest.mark.parametrize(
    ("base", "link", "followed"),
    [
        ("http://127.0.0.1:9", "http://127.0.0.1:9/Observation?page=2&x=%zz", True),
        ("http://127.0.0.1:9/fhir", "Observation?page=2", True),
        ("http://127.0.0.1:9", "http://127.0.0.1:99/Observation?page=2", False),
        ("http://127.0.0.1:9", "http://127.0.0.1:9@127.0.0.1:8/Observation", False),
        ("http://127.0.0.1:9/fhir", "http://127.0.0.1:9/fhirs/Observation", False),
        ("http://127.0.0.1:9/fhir", "../other", False),
    ],
)
def test_the_token_goes_to_pages_below_the_base_only(base: str, link: str, followed: bool, page: Any) -> None:
    asked = page.evaluate(
        "async ([base, link]) => { const { FhirServer } = await import('/static/simulator/fhir.js');"
        " const [asked, real] = [[], window.fetch];"
        " window.fetch = async (url) => { asked.push(String(url));"
        " return new Response(JSON.stringify({ link: [{ relation: 'next', url: link }] })); };"
        " try { await new FhirServer(base, { token: 't' }).search('Observation?a=b'); }"
        " finally { window.fetch = real; }"
        " return asked; }",
        [base, link],
    )
    assert asked[0] == f"{base}/Observation?a=b"
    assert (len(asked) > 1) == followed


def test_what_is_accepted_is_what_was_shown(page: Any) -> None:
    """Beside things that are no suggestions at all, in the list of a faulty service."""
    card = good_card()
    other = {"uuid": "33333333-3333-4333-8333-333333333333", "label": "b"}
    card["suggestions"] = ["no suggestion", None, card["suggestions"][0], other]
    card["overrideReasons"] = [5, *card["overrideReasons"]]
    told = page.evaluate(
        "async (card) => { const { cardElements } = await import('/static/simulator/cards.js'); const told = [];"
        " const profile = { id: 'generic', selection_behavior: 'both', cards_at_most: 9, links: true };"
        " const acts = { accept: async (_, one) => { told.push(one.label); return { accepted: true, text: '' }; },"
        " override: async (_, reason) => { told.push(reason.code); return { overridden: true, text: '' }; } };"
        " const [made] = await cardElements({ cards: [card], findings: [], judged() {} }, profile, acts);"
        " document.body.append(made); const [, last] = made.querySelectorAll('.suggestions input'); last.click();"
        " made.querySelector('.suggestions .accept').click(); made.querySelector('.reasons button').click();"
        " made.querySelector('.override .accept').click(); await new Promise((done) => setTimeout(done, 50));"
        " return [last.nextElementSibling.textContent, ...told]; }",
        card,
    )
    assert told == ["b", "b", "a"]


def test_a_token_is_for_the_addresses_it_was_written_for(page: Any) -> None:
    tokens = page.evaluate(
        "async ([one, other]) => { const { Simulator } = await import('/static/simulator/simulator.js');"
        " const setup = await (await fetch('/demo/setup.json')).json(); const made = new Simulator(setup);"
        " for (const origin of [one, other]) made.trusted.add(origin);"
        " made.token = { text: 't', fhir: one, service: '' }; const tokens = [];"
        " for (const state of [{ fhir: one }, { fhir: other }, { fhir: one, service: other }, {}]) {"
        " await made.follow(state); tokens.push(made.connection.token); } return tokens; }",
        [f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"],
    )
    assert tokens == ["t", "", "", ""]
