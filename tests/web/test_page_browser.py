"""The whole story in a real browser: open, draft, read the card, accept, set aside, sign (`make test-all`)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.simulator.browsing import WAIT, address, browser, fits, page, visit, watched

pytestmark = pytest.mark.browser

__all__ = ["address", "browser", "page"]
STORY = "two-failed-trials"
PATIENT = f"synthetic-{STORY}"
CARD = "article.cds-card"


@pytest.fixture(autouse=True)
def from_the_beginning(address: str) -> None:
    httpx.post(f"{address}/demo/start-over/{STORY}", trust_env=False).raise_for_status()


def records(address: str, query: str) -> list[dict[str, Any]]:
    """What the demo's FHIR server answers to a search."""
    answer = httpx.get(f"{address}/fhir/{query}", trust_env=False).raise_for_status().json()
    return [entry["resource"] for entry in answer.get("entry", [])]


def drafts(address: str, kind: str = "MedicationRequest") -> list[dict[str, Any]]:
    return records(address, f"{kind}?patient={PATIENT}&status=draft")


def exchange(page: Any, kind: str) -> Any:
    """The newest call of that kind in the list behind the cards."""
    return page.locator("#exchanges > li", has=page.locator(f"strong:text-is('{kind}')")).first


def test_the_first_card_is_one_click_away(page: Any, address: str) -> None:
    page.locator("#begin").click()
    card = page.locator(CARD).first
    card.wait_for()
    assert "Treatment-resistant depression" in card.locator(".summary").inner_text()
    assert page.evaluate("document.activeElement.id") == "cards-title"
    assert [one["status"] for one in drafts(address)] == ["draft"]


def test_the_whole_story(page: Any, address: str) -> None:
    page.get_by_role("link", name="Two failed adequate trials").click()
    page.get_by_role("heading", name="Ada Synthetic").wait_for()
    assert "Major depressive disorder" in page.locator("#chart").inner_text()
    assert "PHQ-9 total: 15" in page.locator("#chart").inner_text()
    page.get_by_text("patient-view: on opening the chart").wait_for()

    page.get_by_role("combobox", name="Search a drug").fill("remeron 30")
    page.locator("#products [role=option]").first.click()
    page.get_by_text("order-select: on choosing the order").wait_for()
    (draft,) = drafts(address)
    assert "mirtazapine 30 MG" in draft["medicationCodeableConcept"]["text"]
    with page.expect_response("**/cds-services/trd-order-select"):
        page.get_by_label("How often").select_option("at night")
    assert drafts(address)[0]["dosageInstruction"][0]["text"].endswith("at night")
    page.locator("#cards:not([aria-busy])").wait_for()

    card = page.locator(CARD).first
    assert card.get_by_role("link", name="Timeline and basis").or_(card.get_by_text("SMART app")).count()
    with page.expect_response("**/feedback") as sent:
        card.get_by_label("GAD-7").check()
        card.get_by_role("button", name="Accept").click()
    (item,) = sent.value.request.post_data_json["feedback"]
    assert sent.value.status == 200
    assert item["outcome"] == "accepted"
    assert len(item["acceptedSuggestions"]) == 1
    page.get_by_text("Accepted. GAD-7").wait_for()
    assert [one["code"]["text"] for one in drafts(address, "ServiceRequest")] == ["GAD-7"]

    other = page.locator(CARD).nth(1)
    other.get_by_role("button", name="Already considered in the current plan").click()
    other.get_by_role("textbox").fill("Discussed last week")
    with page.expect_response("**/feedback") as sent:
        other.get_by_role("button", name="Override the card").click()
    (item,) = sent.value.request.post_data_json["feedback"]
    assert sent.value.status == 200
    assert item["overrideReason"]["reason"]["code"] == "already-considered"
    assert item["overrideReason"]["userComment"] == "Discussed last week"

    with page.expect_response("**/cds-services/trd-order-sign"):
        page.get_by_role("button", name="Sign 2 orders").click()
    # Without a card the order is signed at once.
    now = page.get_by_role("button", name="Sign now")
    done = page.locator("#done", has_text="Signed: mirtazapine 30 MG")
    now.or_(done).first.wait_for()
    if now.is_visible():
        now.click()
    done.wait_for()
    assert drafts(address) == drafts(address, "ServiceRequest") == []
    signed = records(address, f"MedicationRequest?patient={PATIENT}&status=active")
    assert any("mirtazapine 30 MG" in one["medicationCodeableConcept"]["text"] for one in signed)
    page.locator("#chart", has_text="mirtazapine 30 MG").wait_for()


def test_a_suggested_drug_becomes_a_draft_and_a_new_selection(page: Any, address: str) -> None:
    page.locator("#begin").click()
    options = page.locator(CARD).nth(1)
    options.get_by_label("brexpiprazole").check()
    with page.expect_response("**/cds-services/trd-order-select") as asked:
        options.get_by_role("button", name="Accept").click()
    context = asked.value.request.post_data_json["context"]
    assert len(context["draftOrders"]["entry"]) == 2
    (selected,) = context["selections"]
    assert selected in {f"MedicationRequest/{one['id']}" for one in drafts(address)}


def test_a_card_launches_the_app_as_an_ehr_does(page: Any, address: str) -> None:
    page.locator("#begin").click()
    link = page.locator(CARD).first.locator(".links li", has_text="SMART app").get_by_role("link")
    with page.context.expect_page() as opened:
        link.click()
    app = opened.value
    app.get_by_role("button", name="Continue to the app").click()
    app.wait_for_url(f"{address}/app/patient")
    assert "Ada Synthetic" in app.locator("main").inner_text()
    assert "Treatment-resistant depression" in app.locator("main").inner_text()


def test_the_timeline_is_one_link_away(page: Any, address: str) -> None:
    page.get_by_role("link", name="Two failed adequate trials").click()
    page.get_by_role("link", name="Timeline and basis", exact=True).first.click()
    page.wait_for_url(f"{address}/app/demo/{STORY}")
    assert "Ada Synthetic" in page.locator("main").inner_text()
    page.go_back()
    page.get_by_role("heading", name="Ada Synthetic").wait_for()


def test_the_calls_behind_a_card_are_told(page: Any) -> None:
    page.get_by_text("Connection", exact=False).first.click()
    page.get_by_label("How the service gets the record").select_option("pulled")
    page.locator("#begin").click()
    page.locator(CARD).first.wait_for()
    call = exchange(page, "order-select")
    call.locator("summary").first.click()
    assert "conforms" in call.inner_text()
    call.get_by_text("FHIR calls of the service").click()
    assert "Observation?patient=" in call.get_by_role("table").inner_text()
    request = call.locator("[data-part=request] pre").text_content()
    assert '"fhirAuthorization"' in request
    assert '"prefetch"' not in request


@pytest.mark.parametrize(("client", "suggests"), [("epic", True), ("oracle", False)])
def test_a_vendors_client_logs_in_and_shows_what_it_shows(client: str, suggests: bool, page: Any, address: str) -> None:
    visit(page, f"{address}/?patient={STORY}&order=suggested&hook=order-select&client={client}")
    page.locator(CARD).first.wait_for()
    assert bool(page.locator(f"{CARD} .suggestion").count()) is suggests
    call = exchange(page, "order-select")
    assert f"/as/{client}/cds-services/" in call.inner_text()
    assert "conforms" in call.inner_text()


def test_every_state_has_an_address(page: Any, address: str, browser: Any) -> None:
    page.get_by_role("link", name="Two failed adequate trials").click()
    page.get_by_role("heading", name="Ada Synthetic").wait_for()
    opened = page.url
    page.locator("#suggested-order").click()
    page.get_by_text("order-select: on choosing the order").wait_for()
    page.locator(CARD).nth(1).wait_for()
    ordered = page.url
    assert opened == f"{address}/?patient={STORY}"
    assert ordered == f"{opened}&order=suggested&hook=order-select"
    page.go_back()
    page.get_by_text("patient-view: on opening the chart").wait_for()
    page.go_back()
    page.locator("#begin").wait_for()
    page.go_forward()
    page.get_by_role("heading", name="Ada Synthetic").wait_for()
    with watched(browser) as other:
        visit(other, f"{opened}&order=suggested&hook=order-sign")
        other.get_by_text("order-sign: before signing").wait_for()
        assert len(drafts(address)) == 1


def test_opening_an_address_signs_nothing(page: Any, address: str) -> None:
    visit(page, f"{address}/?patient=never-filled&order=suggested&hook=order-sign")
    page.get_by_role("button", name="Sign now").wait_for()
    drafted = "MedicationRequest?patient=synthetic-never-filled&status=draft"
    assert len(records(address, drafted)) == 1
    page.get_by_role("button", name="Sign now").click()
    page.locator("#done", has_text="Signed:").wait_for()
    assert records(address, drafted) == []


def test_a_service_that_fails_keeps_nobody_from_signing(page: Any) -> None:
    page.route("**/cds-services/trd-order-sign", lambda route: route.abort())
    page.locator("#begin").click()
    page.get_by_role("button", name="Sign the order").click()
    page.locator("#cards").get_by_role("alert").wait_for()
    page.get_by_role("button", name="Sign now").click()
    page.locator("#done", has_text="Signed:").wait_for()


def test_who_signs_at_once_is_not_overtaken_by_what_was_still_to_be_asked(page: Any) -> None:
    held: list[Any] = []
    page.route("**/cds-services/trd-patient-view", lambda route: held.append(route))  # noqa: PLW0108 - the library marks what it is given
    with page.expect_request("**/cds-services/trd-patient-view"):
        page.locator("#begin").click()
    page.get_by_role("button", name="Sign the order").click()
    page.get_by_text("order-sign: before signing").wait_for()
    with page.expect_response("**/cds-services/trd-patient-view"):
        held.pop().continue_()
    page.wait_for_timeout(200)
    assert exchange(page, "order-select").count() == 0
    assert page.locator("#moment").inner_text() == "order-sign: before signing"
    assert page.get_by_role("button", name="Sign now").is_visible()


def test_cards_drawn_too_late_are_not_shown(page: Any) -> None:
    drawing: list[Any] = []
    page.route("**/demo/cards", lambda route: drawing.append(route))  # noqa: PLW0108 - the library marks what it is given
    with page.expect_request("**/demo/cards"):
        page.locator("#begin").click()
    page.route("**/cds-services/trd-order-sign", lambda route: route.abort())
    page.get_by_role("button", name="Sign the order").click()
    page.locator("#cards").get_by_role("alert").wait_for()
    with page.expect_response("**/demo/cards"):
        drawing.pop().continue_()
    page.wait_for_timeout(200)
    assert page.locator("#cards").get_by_role("alert").is_visible()
    assert page.locator(CARD).count() == 0


def test_the_page_works_by_keyboard_alone(page: Any, address: str) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    _tab_to(page, "document.activeElement.textContent === 'Two failed adequate trials'")
    page.keyboard.press("Enter")
    page.get_by_text("patient-view: on opening the chart").wait_for()
    _tab_to(page, "document.activeElement.id === 'drug'")
    page.keyboard.type("vortiox")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("[role=option][aria-selected=true]").inner_text()
    page.keyboard.press("Enter")
    page.get_by_text("order-select: on choosing the order").wait_for()
    assert drafts(address)[0]["medicationCodeableConcept"]["text"] == chosen
    assert page.evaluate("document.activeElement.id") == "cards-title"
    _tab_to(page, "document.activeElement.textContent === 'Accept'")


def _tab_to(page: Any, reached: str) -> None:
    for _ in range(60):
        if page.evaluate(reached):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard never got there: {reached}")


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_is_cut_off(width: int, browser: Any, address: str) -> None:
    with watched(browser, width=width) as page:
        visit(page, address)
        assert fits(page)
        page.locator("#begin").click()
        page.locator(CARD).first.wait_for()
        page.locator(".connection > summary").click()
        for summary in page.locator("#exchanges > li:first-child summary").all():
            summary.click()
        assert fits(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(scheme: str, browser: Any, address: str) -> None:
    with watched(browser, scheme=scheme) as page:
        visit(page, address)
        assert faults_of(page) == []
        page.locator("#begin").click()
        page.locator(CARD).first.wait_for()
        page.locator(".connection > summary").click()
        for summary in page.locator("#exchanges > li:first-child summary").all():
            summary.click()
        page.get_by_role("combobox", name="Search a drug").fill("effexor")
        assert faults_of(page) == []
        page.keyboard.press("Escape")
        page.locator(CARD).first.get_by_role("button", name="Another reason").click()
        assert faults_of(page) == []
        page.goto(f"{address}/app/demo/{STORY}")
        assert faults_of(page) == []


def faults_of(page: Any) -> list[tuple[str, list[str]]]:
    """What axe-core finds that is serious or worse: the rule, and where."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_a_fault_is_told_in_its_own_words(page: Any) -> None:
    page.route(
        "**/cds-services/trd-order-select",
        lambda route: route.continue_(post_data='{"hook": "order-select", "hookInstance": "x"}'),
    )
    page.locator("#begin").click()
    fault = page.locator("#cards").get_by_role("alert")
    fault.wait_for(timeout=WAIT)
    assert "400" in fault.inner_text()
    assert "context" in fault.inner_text()
