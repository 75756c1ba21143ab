"""The simulator in a real browser: Debian's Chromium, driven by Playwright (`make setup-services`, `make test-all`)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The demo as a visitor starts it, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "cds_hooks", "demo", "--port", str(port)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{base}/health", trust_env=False).raise_for_status()
                break
            except httpx.TransportError:
                assert time.monotonic() < until, "the demo did not start"
                time.sleep(0.2)
        yield base
    finally:
        server.terminate()
        server.wait(timeout=10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    assert Path(CHROMIUM).exists(), "Chromium is missing: make setup-services"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(OPTIONS))
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The front page; a script error or a request to another host fails the test."""
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    faults: list[str] = []
    opened.on("pageerror", lambda fault: faults.append(str(fault)))
    opened.on("console", lambda said: faults.append(said.text) if _is_fault(said) else None)
    opened.on("request", lambda asked: None if asked.url.startswith(address) else faults.append(asked.url))
    opened.goto(address)
    yield opened
    opened.close()
    assert faults == []


def _is_fault(said: Any) -> bool:
    """Errors of the script or of the content policy; a refused call is the page's to show, and is tested as such."""
    return said.type == "error" and "Failed to load resource" not in said.text


def test_the_cards_of_a_fired_hook_are_shown(page: Any) -> None:
    page.get_by_role("button", name="Fire the hook").click()
    card = page.locator("article.card").first
    card.wait_for(timeout=10_000)
    assert card.locator("h3").inner_text()
    assert card.locator("li").count()
    page.get_by_text("Response", exact=False).first.click()
    assert '"cards"' in page.locator("#response").text_content()
    assert '"prefetch"' in page.locator("#request").text_content()


@pytest.mark.parametrize("route", ["pulled", "half"])
def test_the_other_routes_show_the_same_cards(route: str, page: Any) -> None:
    def summaries() -> list[str]:
        with page.expect_response("**/cds-services/**"):
            page.get_by_role("button", name="Fire the hook").click()
        page.locator("#answer:not([aria-busy]) article.card").first.wait_for(timeout=10_000)
        found: list[str] = page.locator("article.card h3").all_inner_texts()
        return found

    sent_along = summaries()
    page.locator(f"input[value={route}]").check()
    assert summaries() == sent_along


def test_the_page_works_by_keyboard_alone(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(20):
        if page.evaluate("document.activeElement.tagName") == "BUTTON":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("article.card").first.wait_for(timeout=10_000)


def test_a_fault_is_told_in_its_own_words(page: Any) -> None:
    page.route(
        "**/cds-services/**", lambda route: route.continue_(post_data='{"hook": "order-sign", "hookInstance": "x"}')
    )
    page.get_by_role("button", name="Fire the hook").click()
    fault = page.get_by_role("alert")
    fault.wait_for(timeout=10_000)
    assert "400" in fault.inner_text()
    assert "context" in fault.inner_text()


@pytest.mark.parametrize("width", [360, 768, 1400])
def test_nothing_is_cut_off(width: int, page: Any) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.get_by_role("button", name="Fire the hook").click()
    page.locator("article.card").first.wait_for(timeout=10_000)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
