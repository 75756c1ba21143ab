"""The pages of a silent run in a real browser: they fit every width, read the same for everybody, and print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.silent.report.changed_patients import changed_patients
from cds_hooks.silent.report.chart_review import Reviewed
from cds_hooks.silent.report.difference import make_difference
from cds_hooks.silent.report.making import make_report
from cds_hooks.silent.report.page import changed_page, difference_page, report_page, review_page
from cds_hooks.silent.report.review_agreement import review_agreement
from cds_hooks.silent.report.run_reading import open_run
from mappings.load import Knowledge
from tests.silent.report_tables import Cohort, row

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"
CARDS = ({"kind": "trd-status", "indicator": "info", "finding": "x"}, {"kind": "order-stop", "indicator": "warning"})
DAY = date(2026, 3, 1)
WIDE = 1280


def cohort(after: bool) -> Cohort:
    """Something for every part of the pages, small counts among it."""
    made = Cohort()
    for number in range(6):
        sex = ("female", "male")[number % 2]
        told = {"prescriber": f"Practitioner/{number}", "age_years": 20 + 9 * number, "sex": sex}
        made.people(12 + number, f"m{number}", DAY, verdict="MET", decided_by=["V1"], cards=CARDS, **told)
        made.people(8, f"o{number}", DAY, verdict="INDETERMINATE", decided_by=["V3"], settled_by=["score-past"], **told)
        verdict = "PROBABLE" if after and number < 3 else "NOT_MET"
        made.people(20, f"n{number}", DAY, verdict=verdict, cards=CARDS[: number % 2], **told)
    made.people(3, "p", DAY, verdict="PROBABLE", decided_by=["V2"], race="2106-3")
    made.people(13, "y", DAY, verdict="OUT_OF_SCOPE", decided_by=["X5"], age_years=15)
    for one in list(made.tables["definitions"]):
        made.tables["definitions"].append({**one, "definition": "ATHF4W"})
    for one in made.tables["assessments"]:
        place = {"patient": one["patient"], "moment": one["moment"]}
        answer = one["verdict"] == "MET"
        made.tables["published_rules"].append(row("published_rules", **place, rule="FABBRI-UKB", resistant=answer))
    return made


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, knowledge: Knowledge) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("pages")
    plan = {"keep": ["race"]}
    before, after = (open_run(cohort(later).write(place / str(later), plan=plan)) for later in (False, True))
    titles = {rule.id: rule.title for rule in knowledge.rules.values()}
    reviews = [Reviewed(patient=f"{kind}{number}-0", label="met") for kind in "mon" for number in range(6)]
    written = {
        "report": report_page(make_report(before, knowledge)),
        "review": review_page(review_agreement(before, reviews, titles)),
        "diff": difference_page(make_difference(before, after, titles=titles)),
        "changed": changed_page(changed_patients(before, after, titles)),
    }
    for name, html in written.items():
        (place / f"{name}.html").write_text(html, encoding="utf-8")
    return {name: place / f"{name}.html" for name in written}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    assert Path(CHROMIUM).exists(), "Chromium is missing: make setup-services"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(params=["light", "dark"])
def window(request: pytest.FixtureRequest, browser: Any) -> Iterator[Any]:
    """A window without a network; what the console complains of fails the test."""
    made = browser.new_context(color_scheme=request.param, offline=True).new_page()
    faults: list[str] = []
    made.on("pageerror", lambda fault: faults.append(str(fault)))
    made.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
    yield made
    made.context.close()
    assert faults == []


OUTSIDE = """() => [...document.querySelectorAll('main *')].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width > 1 && box.right > document.documentElement.clientWidth + 1 && !one.closest('.scroll');
}).map(one => one.outerHTML.slice(0, 120))"""


def test_nothing_is_cut_off_and_axe_finds_no_serious_fault(window: Any, pages: dict[str, Path]) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for name, file in pages.items():
        window.goto(file.as_uri())
        window.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        for width in (390, WIDE):
            window.set_viewport_size({"width": width, "height": 900})
            assert window.evaluate(OUTSIDE) == [], (name, width)
            assert window.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (name, width)
            if width < WIDE and name != "report":
                continue  # axe takes seconds: at this width the long page stands for all
            found = Axe().run(window).response["violations"]
            serious = [
                (one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")
            ]
            assert serious == [], (name, width)


def test_the_report_prints_whole(browser: Any, pages: dict[str, Path]) -> None:
    window = browser.new_page()
    window.goto(pages["report"].as_uri())
    sheets = re.findall(rb"/Type\s*/Page[^s]", window.pdf(format="A4"))
    assert 3 <= len(sheets) <= 9
    window.emulate_media(media="print")
    window.set_viewport_size({"width": 700, "height": 1000})  # what A4 leaves between its margins
    assert window.evaluate(OUTSIDE.replace("&& !one.closest('.scroll')", "")) == []
    window.close()
