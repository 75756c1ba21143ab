"""The page of source attributes: its two forms agree, it brings nothing from elsewhere, and can be read by anybody."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from fastapi import FastAPI

from cds_hooks.clock import Clock, FixedClock
from cds_hooks.web.intended_use import add_intended_use
from cds_hooks.web.source_attributes import add_source_attributes, json_schema, prefers_json
from mappings.attribute_schema import read_statements
from mappings.load import DIRECTORY, Knowledge, load
from mappings.site_schema import Site, SiteChange, SiteOverlay
from tests.simulator.browsing import CHROMIUM, OPTIONS

BASE = "http://service.example"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KNOWLEDGE = load()
STATEMENTS = read_statements(DIRECTORY)
HOSTILE = '<script>alert(1)</script>" onload="x'


def service(knowledge: Knowledge = KNOWLEDGE, clock: Clock | None = None, zone: str = "UTC") -> FastAPI:
    app = FastAPI()
    add_intended_use(app)
    add_source_attributes(app, knowledge, STATEMENTS, clock=clock or FixedClock(NOON), time_zone=zone)
    return app


APP = service()


def ask(path: str, app: FastAPI = APP, **headers: str) -> httpx.Response:
    async def talk() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE) as http:
            return await http.get(path, headers=headers)

    return asyncio.run(talk())


HTML = ask("/source-attributes").text
JSON = ask("/source-attributes.json").json()


class _Page(HTMLParser):
    """What a page loads, its anchors and links, its headings, and the cells of each row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline = False
        self.ids: list[str] = []
        self.links: list[str] = []
        self.labelled: list[str] = []
        self.levels: list[int] = []
        self.tables: list[list[int]] = []
        self.captions = self.headed = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inline |= tag in {"style", "script"} or "style" in given or any(name.startswith("on") for name in given)
        if tag in {"img", "iframe", "link"}:
            self.loaded.append(given.get("src") or given.get("href") or "")
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "a":
            self.links.append(given.get("href") or "")
        self.labelled += [given["aria-labelledby"] or ""] if "aria-labelledby" in given else []
        if re.fullmatch(r"h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append(0)
        if tag in {"td", "th"}:
            self.tables[-1][-1] += 1
            self.headed += tag == "th" and given.get("scope") in {"row", "col"}
        self.captions += tag == "caption"


PAGE = _Page(HTML)
# The page and what it loads, for a browser without a server.
FILES = {path: ask(path) for path in ("/source-attributes", *PAGE.loaded)}


def test_the_page_loads_only_its_own_files() -> None:
    answer = ask("/source-attributes")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert PAGE.loaded and not PAGE.inline
    for address in PAGE.loaded:
        assert address.startswith("/static/")
        assert ask(address).status_code == 200


def test_the_page_is_built_for_readers_and_screen_readers() -> None:
    assert PAGE.levels[0] == 1 and PAGE.levels.count(1) == 1
    assert all(later - before <= 1 for before, later in zip(PAGE.levels, PAGE.levels[1:], strict=False))
    assert len(set(PAGE.ids)) == len(PAGE.ids)
    assert {link.removeprefix("#") for link in PAGE.links if link.startswith("#")} <= set(PAGE.ids)
    assert set(PAGE.labelled) <= set(PAGE.ids)
    assert PAGE.captions == len(PAGE.tables) > 20
    assert PAGE.headed > 500
    for cells in PAGE.tables:
        assert len(set(cells)) == 1, "every row has as many cells as there are headings"


def test_the_thirteen_stand_on_the_page_as_in_the_json() -> None:
    positions = [HTML.index(f'<h3 id="attribute-{one["id"]}">{one["number"]}. ') for one in JSON["attributes"]]
    assert len(positions) == 13 and positions == sorted(positions)
    for one in JSON["attributes"]:
        assert escaped(one["answer"]) in HTML
        for use in one["uses"]:
            assert f'<th scope="row">{use["kind"]} {use["id"]}</th>' in HTML
    for part in JSON["basis"]:
        for table in part["tables"]:
            assert f">{escaped(table['caption'])}</caption>" in HTML
            assert all(len(row["cells"]) == len(table["head"]) for row in table["rows"])
            assert all(escaped(cell) in HTML for row in table["rows"] for cell in row["cells"])
    assert all(f'<li id="source-{source["key"]}">' in HTML for source in JSON["bibliography"])


def escaped(text: str) -> str:
    for plain, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&#39;"), ('"', "&#34;")):
        text = text.replace(plain, safe)
    return text


def test_the_json_satisfies_its_schema() -> None:
    schema = ask("/source-attributes.schema.json").json()
    assert schema == json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator(schema)
    assert list(checker.iter_errors(JSON)) == []
    assert list(checker.iter_errors({**JSON, "attributes": "none"}))
    assert JSON["inForce"]["knowledgeHash"] == KNOWLEDGE.content_hash
    assert JSON["inForce"]["asOf"] == "2026-11-23"


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/json", True),
        ("application/json, text/html;q=0.5", True),
        ("text/html, application/json;q=0.9", False),
        ("application/*;q=0.4, text/html;q=0.3", True),
        ("APPLICATION/JSON ; Q=1", True),
        ("application/json;q=nonsense, text/html;q=0.1", False),
        ("application/json;q=0", False),
    ],
)
def test_a_client_gets_the_form_it_prefers(accept: str, is_json: bool) -> None:
    assert prefers_json(accept) is is_json
    answer = ask("/source-attributes", Accept=accept)
    assert answer.headers["content-type"].startswith("application/json" if is_json else "text/html")
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["x-content-type-options"] == "nosniff"
    if is_json:
        assert answer.json() == JSON


def test_the_page_is_asked_for_again_and_again() -> None:
    assert ask("/source-attributes").text == HTML
    assert ask("/source-attributes").text == HTML


class _Moving:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.instant = NOON

    def now(self) -> datetime:
        return self.instant

    def today(self, zone: str) -> Any:
        return FixedClock(self.instant).today(zone)


def test_the_values_are_those_of_the_day_in_the_service_s_zone() -> None:
    clock = _Moving()
    app = service(clock=clock, zone="Pacific/Auckland")
    assert ask("/source-attributes.json", app).json()["inForce"]["asOf"] == "2026-11-24"
    clock.instant = datetime(2026, 12, 31, 12, tzinfo=UTC)
    assert ask("/source-attributes.json", app).json()["inForce"]["asOf"] == "2027-01-01"


def changed_by_a_site() -> Knowledge:
    change = SiteChange("rules/S40", "", HOSTILE, HOSTILE, NOON.date(), HOSTILE)
    site = Site(id="st-elsewhere", name=HOSTILE, accepted_by=HOSTILE, accepted_on=NOON.date())
    return replace(KNOWLEDGE, site=SiteOverlay(site, (change,), {"S40": False}))


def test_a_site_s_words_are_shown_and_not_obeyed() -> None:
    app = service(changed_by_a_site())
    html, plain = ask("/source-attributes", app).text, ask("/source-attributes.json", app).json()
    assert not _Page(html).inline
    assert html.count(escaped(HOSTILE)) == 4 + 2  # the site's name and who accepted it; after, who and why
    assert plain["switchedOff"] == ["S40"]
    assert plain["siteChanges"][0]["why"] == HOSTILE
    assert "safety rule S40" in HTML and "safety rule S40" not in html


def test_what_awaits_a_review_is_said_on_the_page() -> None:
    without = STATEMENTS.model_copy(update={"other_patient_fields": {}})
    app = FastAPI()
    add_source_attributes(app, KNOWLEDGE, without, clock=FixedClock(NOON))
    assert "Awaits review:</strong> data is read that belongs to no attribute yet: Patient field deceased." in (
        ask("/source-attributes", app).text
    )
    assert "Awaits review" not in HTML


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    assert Path(CHROMIUM).exists(), "Chromium is missing: make setup-services"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(OPTIONS))
        yield started
        started.close()


def opened(browser: Any, **options: Any) -> tuple[Any, list[str]]:
    page, faults = browser.new_page(**options), []

    def answer(route: Any) -> None:
        path = route.request.url.removeprefix(BASE)
        if path not in FILES:
            faults.append(route.request.url)
            route.abort()
            return
        route.fulfill(status=200, headers=dict(FILES[path].headers), body=FILES[path].content)

    page.route("**/*", answer)
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(f"{BASE}/source-attributes")
    return page, faults


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 768, 1400])
def test_nothing_is_cut_off(width: int, browser: Any) -> None:
    page, faults = opened(browser, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert faults == []
    page.close()


# The contrast of text with what lies behind it, by the formula of WCAG 2: the worst of the page.
CONTRAST = """() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = parts(color).slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if ((parts(color)[3] ?? 1) > 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  let worst = 21;
  for (const node of document.querySelectorAll("main *, header *")) {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) continue;
    const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((x, y) => y - x);
    worst = Math.min(worst, (a + 0.05) / (b + 0.05));
  }
  return worst;
}"""


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_by_day_and_by_night(scheme: str, browser: Any) -> None:
    page, faults = opened(browser, color_scheme=scheme)
    assert page.evaluate(CONTRAST) >= 4.5
    is_dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"
    assert is_dark is (scheme == "dark")
    assert faults == []
    page.close()


@pytest.mark.browser
def test_on_paper_nothing_hides_and_the_navigation_is_gone(browser: Any) -> None:
    page, _ = opened(browser, viewport={"width": 800, "height": 1000}, color_scheme="dark")
    page.emulate_media(media="print")
    assert not page.locator(".contents").is_visible()
    assert page.locator("#bibliography").is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.wrap')).overflowX") == "visible"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    page.close()
