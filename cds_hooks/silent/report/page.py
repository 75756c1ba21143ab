"""The report as one HTML file: style and drawings inside, no script, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cds_hooks.silent.report import charts, words
from cds_hooks.web.layout import ROOT

_HERE = Path(__file__).parent / "templates"


def report_page(report: Mapping[str, Any]) -> str:
    """The page of a report (`making.make_report`)."""
    return _page("report.html", "Silent run: what would have been shown", report=report)


def review_page(review: Mapping[str, Any]) -> str:
    """The page of the agreement with a chart review. It names patients by id."""
    return _page("chart_review.html", "Agreement with the chart review", review=review)


def truth_page(truth: Mapping[str, Any]) -> str:
    """The page of the agreement with a simulated truth."""
    return _page("simulated_truth.html", "Agreement with the simulated truth", truth=truth)


def difference_page(difference: Mapping[str, Any]) -> str:
    """The page of what differs between two runs."""
    return _page("difference.html", "What changes between two runs", difference=difference)


def changed_page(changed: Mapping[str, Any]) -> str:
    """The page of the patients whose verdict changes. It names patients by id."""
    return _page("changed_patients.html", "Patients whose verdict changes", changed=changed)


def _page(template: str, title: str, **values: Any) -> str:
    style = "\n".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "static" / "page.css", _HERE / "cohort_report.css")
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _templates()
        .get_template(template)
        .render(
            title=title,
            style=Markup(style),  # noqa: S704 - our own files
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
            **values,
        )
    )


@cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters.update(count=words.count, percent=words.percent, interval=words.interval)
    made.globals.update(words=words, charts=charts)
    return made
