"""A real browser before the running demo: Debian's Chromium, driven by Playwright (`make setup-services`)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

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
WAIT = 15_000
MACHINE = ("http://127.0.0.1:", "http://localhost:")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The demo as a visitor starts it, on a free port."""
    port = free_port()
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


@contextmanager
def watched(browser: Any, *, width: int = 1280, height: int = 900, scheme: str = "light") -> Iterator[Any]:
    """A new page; a script error, a console error or a request that would leave this machine fails the test."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    faults: list[str] = []
    context.route("**/*", lambda route: _stay(route, faults))
    page = context.new_page()
    page.set_default_timeout(WAIT)
    page.on("pageerror", lambda fault: faults.append(str(fault)))
    page.on("console", lambda said: faults.append(said.text) if _is_fault(said) else None)
    yield page
    context.close()
    assert faults == []


def _stay(route: Any, faults: list[str]) -> None:
    if route.request.url.startswith(MACHINE):
        route.continue_()
    else:
        faults.append(route.request.url)
        route.abort()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The simulator, just opened; see `watched`."""
    with watched(browser) as opened:
        visit(opened, address)
        yield opened


def visit(page: Any, address: str) -> None:
    """Open an address of the simulator and wait until what it names is shown."""
    page.goto(address)
    page.locator("html[data-ready]").wait_for()


def fits(page: Any) -> bool:
    """Whether nothing stands out of the page to the right."""
    found: bool = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return found


def _is_fault(said: Any) -> bool:
    """Errors of the script or of the content policy; a refused call is the page's to show, and is tested as such."""
    return said.type == "error" and not said.text.startswith(("Failed to load resource", "Access to fetch"))
