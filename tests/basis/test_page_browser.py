"""The page in a real browser: it fits every width, zoom and sheet of paper, and says the same to everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.basis.page import HEADERS, Surroundings, basis_page
from cds_hooks.web.layout import ROOT
from mappings.load import Knowledge
from plugin.assessment import Assessment

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
AT = "http://basis.test"
TOLD = ("after-ect-and-tms", "a-plan-is-recorded", "told-without-dates", "earlier-episode")
KINDS = {".css": "text/css", ".svg": "image/svg+xml"}
WIDTHS = (390, 768, 1280)
ZOOMED = 640  # what a window of 1280 shows at 200 %


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    assert Path(CHROMIUM).exists(), "Chromium is missing: make setup-services"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(params=["light", "dark"])
def page(
    request: pytest.FixtureRequest, browser: Any, assessments: Mapping[str, Assessment], knowledge: Knowledge
) -> Any:
    """A window that gets the pages as the server would send them; an error on the console fails the test."""
    window = browser.new_context(color_scheme=request.param).new_page()
    faults: list[str] = []
    window.on("pageerror", lambda fault: faults.append(str(fault)))
    window.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)

    def answer(route: Any) -> None:
        path = route.request.url.removeprefix(AT)
        if path.startswith("/static/"):
            file = ROOT / path.removeprefix("/")
            route.fulfill(body=file.read_text(encoding="utf-8"), headers={"content-type": KINDS[file.suffix]})
        else:
            html = basis_page(assessments[path.removeprefix("/")], knowledge=knowledge, around=Surroundings(demo=True))
            route.fulfill(body=html, headers={**HEADERS, "content-type": "text/html; charset=utf-8"})

    window.route("**/*", answer)
    yield window
    window.context.close()
    assert faults == []


@pytest.mark.parametrize("story", TOLD)
def test_nothing_is_cut_off_at_any_width_or_zoom(story: str, page: Any) -> None:
    for width in (*WIDTHS, ZOOMED):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"{AT}/{story}")
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width


@pytest.mark.parametrize("story", TOLD)
def test_axe_finds_no_serious_fault(story: str, page: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{AT}/{story}")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = Axe().run(page).response["violations"]
    serious = [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")]
    assert serious == []


def test_every_story_prints_on_two_pages(page: Any, assessments: Mapping[str, Assessment]) -> None:
    for story in assessments:
        page.goto(f"{AT}/{story}")
        for paper in ("A4", "Letter"):
            sheets = re.findall(rb"/Type\s*/Page[^s]", page.pdf(format=paper))
            assert 1 <= len(sheets) <= 2, (story, paper)


def test_a_lane_leads_to_its_row_by_keyboard_and_the_row_is_seen(page: Any) -> None:
    page.goto(f"{AT}/two-failed-trials")
    page.locator("svg a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**#trial-1")
    assert page.locator("#trial-1").is_visible()


def test_a_number_opens_to_its_records_and_sources_without_a_script(page: Any) -> None:
    page.goto(f"{AT}/two-failed-trials")
    details = page.locator("#count ~ .halves details").first
    details.locator("summary").press("Enter")
    link = details.locator("a[href^='#r']").first
    assert link.is_visible()
    place = link.get_attribute("href")
    link.click()
    page.wait_for_url(f"**{place}")
    assert page.locator(f"[id='{place[1:]}']").is_visible()
