"""The pages of demo and service: they load, bring nothing from elsewhere, and say what the service is not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from cds_hooks.app import create_app
from cds_hooks.clock import SystemClock
from cds_hooks.settings import Settings
from cds_hooks.web.intended_use import add_intended_use, intended_use
from cds_hooks.web.layout import ROOT
from mappings.load import load

Ask = Callable[..., httpx.Response]


class _Addresses(HTMLParser):
    """Everything a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"script", "img", "iframe"}:
            self.loaded.append(given.get("src") or "")
        if tag == "link":
            self.loaded.append(given.get("href") or "")
        self.inline |= tag == "style" or "style" in given or any(name.startswith("on") for name in given)


@pytest.mark.parametrize("path", ["/", "/intended-use"])
def test_a_page_loads_only_its_own_files(path: str, ask: Ask) -> None:
    answer = ask("GET", path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = _Addresses()
    page.feed(answer.text)
    assert page.loaded
    assert not page.inline
    for address in page.loaded:
        assert address.startswith("/static/")
        assert ask("GET", address).status_code == 200


def test_the_files_of_the_page_name_no_other_host() -> None:
    for file in (one for one in (ROOT / "static").rglob("*") if one.is_file()):
        hosts = set(re.findall(r"https?://([\w.-]+)", file.read_text(encoding="utf-8")))
        assert hosts <= {"www.w3.org"}, file.name


def test_the_front_page_says_what_it_is_not(ask: Ask) -> None:
    text = ask("GET", "/").text
    assert "Synthetic patients; not clinically validated; not a diagnosis." in text
    assert "not reassurance" in text


def test_every_story_and_many_products_can_be_chosen(ask: Ask) -> None:
    text, told = ask("GET", "/").text, ask("GET", "/demo/setup.json").json()
    assert text.count("<li data-patient=") == len(told["patients"]) >= 3
    assert sum(len(drug["products"]) for drug in told["drugs"]) > 100


def test_the_intended_use_is_the_document_of_the_repository(ask: Ask) -> None:
    written = Path(__file__).parents[2] / "docs" / "intended-use.md"
    assert intended_use() == written.read_text(encoding="utf-8")
    shown = ask("GET", "/intended-use").text
    assert "<h1>Intended use and its limits</h1>" in shown
    assert "The absence of a card is not reassurance" in shown
    assert "<table>" in shown


def test_the_service_without_the_demo_shows_the_intended_use_only() -> None:
    app = create_app(settings=Settings(open_mode=True), knowledge=load(), clock=SystemClock(), registry=None)
    add_intended_use(app)

    async def visit() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1:8000") as http:
            paths = ("/intended-use", "/static/page.css", "/cds-services", "/", "/demo/request.json", "/fhir/Patient")
            return [(await http.get(path)).status_code for path in paths]

    assert asyncio.run(visit()) == [200, 200, 200, 404, 404, 404]
