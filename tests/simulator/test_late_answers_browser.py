"""The simulator when calls answer late, twice or not at all: whose they are, what they may touch, what is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from cds_hooks.sandbox import ResourceStore, create_sandbox
from tests.simulator.browsing import address, browser, free_port, page, visit
from tests.simulator.other_servers import running

pytestmark = pytest.mark.browser

__all__ = ["address", "browser", "page"]
STORY = "two-failed-trials"
NEXT = "anhedonia-stands-out"
TITLE = "Two failed adequate trials"
NEXT_TITLE = "Anhedonia stands out"
WHILE_NOTHING_HAPPENS = 300


@pytest.fixture(autouse=True)
def from_the_beginning(address: str) -> None:
    for story in (STORY, NEXT):
        httpx.post(f"{address}/demo/start-over/{story}", trust_env=False).raise_for_status()


def orders(address: str, status: str, story: str = STORY) -> list[dict[str, Any]]:
    """The drug orders of a demo patient that the demo's FHIR server holds."""
    query = f"MedicationRequest?patient=synthetic-{story}&status={status}"
    answer = httpx.get(f"{address}/fhir/{query}", trust_env=False).raise_for_status().json()
    return [entry["resource"] for entry in answer.get("entry", [])]


@contextmanager
def holding(page: Any, pattern: str) -> Iterator[list[Any]]:
    """Calls to `pattern` are not answered before the block ends, and are answered when it has ended."""
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route(pattern, hold)
    yield held
    for route in held:
        route.continue_()
    page.unroute(pattern, hold)
    for route in held:
        route.request.response()


def open_chart(page: Any, title: str = TITLE) -> None:
    page.get_by_role("link", name=title).click()
    page.get_by_text("patient-view: on opening the chart").wait_for()


def ask_to_sign(page: Any, address: str, more: str = "") -> None:
    """A chart with one order whose signing waits for a second press."""
    page.route("**/cds-services/trd-order-sign", lambda route: route.abort())
    visit(page, f"{address}/?patient={STORY}&order=suggested&hook=order-sign{more}")
    page.get_by_role("button", name="Sign now").wait_for()


def choose(page: Any, words: str) -> None:
    page.get_by_role("combobox", name="Search a drug").fill(words)
    page.locator("#products [role=option]").first.click()


def written(page: Any) -> list[str]:
    """What the page changes on the FHIR server from now on."""
    told: list[str] = []
    page.on("request", lambda one: told.append(one.method) if "/fhir/" in one.url and one.method != "GET" else None)
    return told


def test_an_order_chosen_for_one_patient_is_not_written_for_the_next(page: Any, address: str) -> None:
    open_chart(page)
    with holding(page, "**/demo/order.json*"):
        with page.expect_request("**/demo/order.json*"):
            choose(page, "sertraline 50")
        open_chart(page, NEXT_TITLE)
    page.wait_for_timeout(WHILE_NOTHING_HAPPENS)
    assert orders(address, "draft", NEXT) == []
    assert page.locator(".draft").count() == 0
    assert page.url == f"{address}/?patient={NEXT}"


def test_a_first_order_asked_for_twice_in_a_row_is_written_once(page: Any, address: str) -> None:
    with holding(page, "**/fhir/MedicationRequest"):
        with holding(page, "**/fhir/Patient/*"):
            page.locator("#begin").dblclick()
        page.locator("#opened:not([aria-busy])").wait_for()
        page.wait_for_timeout(WHILE_NOTHING_HAPPENS)
    page.locator("article.cds-card").first.wait_for()
    page.wait_for_timeout(WHILE_NOTHING_HAPPENS)
    assert len(orders(address, "draft")) == page.locator(".draft").count() == 1


def test_a_suggested_order_asked_for_twice_in_a_row_is_written_once(page: Any, address: str) -> None:
    open_chart(page)
    with holding(page, "**/fhir/MedicationRequest"):
        page.locator("#suggested-order").press("Enter")
        page.locator("#suggested-order").press("Enter")
    page.locator("article.cds-card").first.wait_for()
    page.wait_for_timeout(WHILE_NOTHING_HAPPENS)
    assert len(orders(address, "draft")) == page.locator(".draft").count() == 1


def test_back_and_forward_while_an_order_is_written_write_it_once(page: Any, address: str) -> None:
    with holding(page, "**/fhir/MedicationRequest"):
        with page.expect_request("**/fhir/MedicationRequest"):
            page.locator("#begin").click()
        page.go_back()
        page.locator("#begin").wait_for()
        page.go_forward()
        page.wait_for_timeout(WHILE_NOTHING_HAPPENS)
    page.locator("article.cds-card").first.wait_for()
    assert len(orders(address, "draft")) == page.locator(".draft").count() == 1


def test_who_presses_twice_signs_once(page: Any, address: str) -> None:
    ask_to_sign(page, address)
    changes = written(page)
    page.get_by_role("button", name="Sign now").dblclick()
    page.locator("#done", has_text="Signed: ").wait_for()
    page.wait_for_timeout(WHILE_NOTHING_HAPPENS)
    assert changes == ["PUT"]
    assert "Signed: ." not in page.locator("#done").inner_text()


def test_what_is_signed_is_no_draft_any_more_though_the_chart_cannot_be_read_again(page: Any, address: str) -> None:
    ask_to_sign(page, address)
    page.route("**/fhir/Patient/*", lambda route: route.abort())
    page.get_by_role("button", name="Sign now").click()
    page.locator("#no-drafts").wait_for()
    page.locator("#done", has_text="could not be read again").wait_for()
    assert page.locator(".draft").count() == 0
    assert not page.get_by_role("button", name="Sign now").is_visible()


def test_a_chart_read_late_after_signing_leaves_the_cards_of_the_next_order(page: Any, address: str) -> None:
    ask_to_sign(page, address, "&route=pulled")  # only the chart is read by the page
    with holding(page, "**/fhir/Patient/*"):
        with page.expect_request("**/fhir/Patient/*"):
            page.get_by_role("button", name="Sign now").click()
        choose(page, "sertraline 50")
        page.get_by_text("order-select: on choosing the order").wait_for()
    page.wait_for_timeout(WHILE_NOTHING_HAPPENS)
    assert page.locator("#moment").inner_text() == "order-select: on choosing the order"
    assert page.locator("article.cds-card").count() > 0


def test_a_dose_worded_late_does_not_bring_back_what_was_signed(page: Any, address: str) -> None:
    ask_to_sign(page, address)
    changes = written(page)
    with holding(page, "**/demo/order.json*"):
        with page.expect_request("**/demo/order.json*"):
            page.get_by_label("How often").select_option("at night")
        page.get_by_role("button", name="Sign now").click()
        page.locator("#done", has_text="Signed: ").wait_for()
    page.wait_for_timeout(WHILE_NOTHING_HAPPENS)
    assert changes == ["PUT"]
    assert orders(address, "draft") == []


def test_an_order_changed_is_signed_only_after_it_was_asked_for_anew(page: Any, address: str) -> None:
    ask_to_sign(page, address)
    with holding(page, "**/cds-services/trd-order-select"):
        with page.expect_request("**/cds-services/trd-order-select"):
            page.get_by_label("How often").select_option("at night")
        page.get_by_role("button", name="Sign the order").wait_for()
        assert not page.get_by_role("button", name="Sign now").is_visible()
    page.get_by_text("order-select: on choosing the order").wait_for()


def test_who_goes_on_in_the_line_of_an_order_stays_there(page: Any) -> None:
    open_chart(page)
    page.locator("#suggested-order").click()
    page.locator("#cards-title:focus").wait_for()
    with holding(page, "**/cds-services/trd-order-select"):
        with page.expect_request("**/cds-services/trd-order-select"):
            page.get_by_label("How often").select_option("at night")
        page.get_by_label("Units").focus()
        page.keyboard.press("ArrowUp")
    page.get_by_text("order-select: on choosing the order").wait_for()
    page.wait_for_timeout(WHILE_NOTHING_HAPPENS)
    assert page.get_by_label("Units").evaluate("input => input === document.activeElement")


def test_a_dose_that_cannot_be_worded_is_not_shown_as_the_orders(page: Any) -> None:
    open_chart(page)
    page.locator("#suggested-order").click()
    page.locator("#cards-title:focus").wait_for()
    before = page.get_by_label("How often").input_value()
    page.route("**/demo/order.json*", lambda route: route.fulfill(status=500, body="no JSON"))
    page.get_by_label("How often").select_option("at night")
    page.locator("#done", has_text="cannot be written").wait_for()
    assert page.get_by_label("How often").input_value() == before


def test_an_order_taken_out_late_leaves_the_reader_where_they_are(page: Any) -> None:
    open_chart(page)
    page.locator("#suggested-order").click()
    page.locator("#cards-title:focus").wait_for()
    with holding(page, "**/fhir/MedicationRequest/*"):
        with page.expect_request("**/fhir/MedicationRequest/*"):
            page.get_by_role("button", name="Remove").click()
        page.get_by_label("Find a patient").fill("anhedonia")
    page.locator("#no-drafts").wait_for()
    assert page.get_by_label("Find a patient").evaluate("input => input === document.activeElement")


def test_what_is_learnt_of_a_call_leaves_the_reader_in_its_details(page: Any) -> None:
    page.locator(".connection > summary").click()
    page.get_by_label("How the service gets the record").select_option("pulled")
    with holding(page, "**/demo/calls/*"):
        with page.expect_request("**/demo/calls/*"):
            open_chart(page)
        call = page.locator("#exchanges > li").first
        call.locator("summary").first.click()
        call.get_by_text("Response (").focus()
    call.get_by_text("FHIR calls of the service").wait_for()
    assert call.locator("[data-part=response] > summary:focus").count() == 1


@pytest.mark.parametrize("answer", [None, "no JSON"])
def test_cards_that_cannot_be_drawn_leave_no_page_that_waits_for_ever(answer: str | None, page: Any) -> None:
    page.route("**/demo/cards", lambda route: route.abort() if answer is None else route.fulfill(body=answer))
    page.locator("#begin").click()
    page.locator("#cards").get_by_role("alert").wait_for()
    assert page.locator("#cards").get_attribute("aria-busy") is None
    page.get_by_role("button", name="Sign the order").click()
    page.get_by_role("button", name="Sign now").or_(page.locator("#done", has_text="Signed: ")).first.wait_for()


@pytest.mark.parametrize("order", ["999*1*daily", "suggested"])
def test_an_address_with_an_order_that_there_is_not_opens_the_chart_and_says_so(
    order: str, page: Any, address: str
) -> None:
    patient = STORY if order != "suggested" else f"synthetic-{STORY}"
    visit(page, f"{address}/?patient={patient}&order={order}&hook=order-select")
    page.get_by_role("heading", name="Ada Synthetic").wait_for()
    page.get_by_text("patient-view: on opening the chart").wait_for()
    assert "cannot be written" in page.locator("#done").inner_text()


@pytest.mark.parametrize("actions", [5, [None], [{"type": "create", "resource": {"subject": {"reference": 5}}}]])
def test_a_suggestion_that_is_none_is_not_carried_out(actions: Any, page: Any) -> None:
    done = page.evaluate(
        "async (actions) => { const { DraftOrders } = await import('/static/simulator/order.js');"
        " const profile = { name: 'x', creates: [undefined], actions_per_suggestion: 9 };"
        " return new DraftOrders({ base: '' }, 'p').accept({ actions }, profile); }",
        actions,
    )
    assert done["created"] == []
    assert bool(done["refused"]) is isinstance(actions, list)


def test_an_order_that_cannot_be_written_is_told(page: Any) -> None:
    open_chart(page)
    page.route("**/demo/order.json*", lambda route: route.fulfill(status=500, body="no JSON"))
    choose(page, "sertraline 50")
    page.locator("#done", has_text="cannot be written").wait_for()
    assert page.locator(".draft").count() == 0


def test_a_story_that_could_not_be_started_over_is_not_told_as_if_it_were(page: Any) -> None:
    open_chart(page)
    page.route("**/demo/start-over/*", lambda route: route.fulfill(status=500, body="no JSON"))
    page.get_by_role("button", name="Start this story over").click()
    page.locator("#done", has_text="could not be brought back").wait_for()


def test_a_story_started_over_late_leaves_the_next_chart_alone(page: Any) -> None:
    open_chart(page)
    with holding(page, "**/demo/start-over/*"):
        with page.expect_request("**/demo/start-over/*"):
            page.get_by_role("button", name="Start this story over").click()
        open_chart(page, NEXT_TITLE)
        choose(page, "sertraline 50")
        page.locator(".draft").wait_for()
    page.wait_for_timeout(WHILE_NOTHING_HAPPENS)
    assert "back at the beginning" not in page.locator("#done").inner_text()
    assert "order=" in page.url


def test_an_app_is_not_launched_for_a_patient_whose_chart_was_left(page: Any) -> None:
    page.locator("#begin").click()
    link = page.locator("article.cds-card").first.locator(".links li", has_text="SMART app").get_by_role("link")
    with holding(page, "**/demo/launch"):
        with page.expect_request("**/demo/launch"):
            link.click()
        open_chart(page, NEXT_TITLE)
    page.wait_for_timeout(WHILE_NOTHING_HAPPENS)
    assert len(page.context.pages) == 1


@contextmanager
def far_server() -> Iterator[str]:
    """Another FHIR server with one patient."""
    store = ResourceStore([{"resourceType": "Patient", "id": "far", "name": [{"text": "Far Away"}]}])
    port = free_port()
    with running(create_sandbox(store, base_url=f"http://127.0.0.1:{port}"), port) as base:
        yield base


def connect(page: Any, fhir: str) -> None:
    if not page.get_by_label("FHIR R4 server, base address").is_visible():
        page.locator(".connection > summary").click()
    page.get_by_label("FHIR R4 server, base address").fill(fhir)
    page.get_by_role("button", name="Connect").click()


def test_the_patients_of_one_server_are_not_listed_for_another(page: Any, address: str) -> None:
    titles = page.locator("#patient-list a").all_inner_texts()
    with far_server() as fhir:
        with holding(page, f"{fhir}/Patient?*"):
            with page.expect_request(f"{fhir}/Patient?*"):
                connect(page, fhir)
            page.locator("#patient-list", has_text=TITLE).wait_for(state="detached")
            connect(page, f"{address}/fhir")
            page.get_by_role("link", name=TITLE).wait_for()
        page.wait_for_timeout(WHILE_NOTHING_HAPPENS)
        assert page.locator("#patient-list a").all_inner_texts() == titles
        connect(page, fhir)
        page.get_by_role("link", name="Far Away").wait_for()
        page.go_back()
        page.get_by_role("link", name=TITLE).wait_for()
        assert page.locator("#patient-list a").all_inner_texts() == titles


def test_a_question_about_another_host_closes_the_chart_and_goes_when_it_is_left(page: Any, address: str) -> None:
    visit(page, f"{address}/?patient={STORY}&service={quote('http://127.0.0.1:9')}")
    asked = page.get_by_role("button", name="Connect to")
    page.get_by_role("button", name="Stay on this machine").click()
    open_chart(page)
    page.evaluate("history.go(-2)")
    asked.wait_for()
    assert not page.locator("#opened").is_visible()
    page.go_forward()
    page.locator("#begin").wait_for()
    asked.wait_for(state="hidden")


def test_a_fault_of_one_chart_is_not_told_beside_the_next(page: Any) -> None:
    page.route(f"**/fhir/Patient/synthetic-{STORY}", lambda route: route.abort())
    page.get_by_role("link", name=TITLE).click()
    page.locator("#list-fault").get_by_role("alert").wait_for()
    assert page.locator("#opened").get_attribute("aria-busy") is None
    open_chart(page, NEXT_TITLE)
    assert page.locator("#list-fault").get_by_role("alert").count() == 0


@pytest.mark.parametrize("failing", ["refused", "gone", "no settings"])
def test_a_page_that_cannot_begin_says_so(browser: Any, address: str, failing: str) -> None:
    """It has no settings without its own machine; the next try may get them."""
    page = browser.new_page()

    def fail(route: Any) -> None:
        if failing == "gone":
            route.abort()
        elif failing == "refused":
            route.fulfill(status=503, body="{}")
        else:
            route.fulfill(status=200, body="")

    page.route("**/demo/setup.json", fail)
    page.goto(address)
    page.get_by_role("alert").get_by_text("The simulator could not begin").wait_for()
    assert not page.locator("#simulator").is_visible()
    page.unroute("**/demo/setup.json", fail)
    page.get_by_role("button", name="Try again").click()
    page.locator("#simulator").wait_for()
    assert not page.locator("#not-begun").is_visible()
    page.close()
