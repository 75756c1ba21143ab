"""The report as one HTML file: style and drawings inside, no script, and a policy that lets nothing else in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cds_hooks.silent.report import charts, words
from cds_hooks.web.alone import alone
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
    styles = (ROOT / "static" / "page.css", _HERE / "cohort_report.css")
    return _templates().get_template(template).render(title=title, look="cohort", **alone(styles), **values)


def _rows(told: Sequence[Mapping[str, Any]], name: str = "name") -> list[tuple[str, Mapping[str, Any]]]:
    """What is counted, and its share."""
    return [(str(one[name]), one) for one in told]


def _columns(definition: Mapping[str, Any], values: Sequence[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """The verdicts of one definition, then those not settled together."""
    return [*((value, definition["verdicts"][value]) for value in values), ("unsettled", definition["notSettled"])]


def _marks(rules: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    """For each rule the first share of each figure that was published for it."""
    return [[figure["found"][0]["share"] for figure in rule["published"] if figure["found"]] for rule in rules]


@cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader([_HERE, ROOT / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(count=words.count, percent=words.percent, interval=words.interval, points=words.points)
    made.globals.update(words=words, charts=charts, rows_of=_rows, columns_of=_columns)
    made.globals.update(marks_of=_marks, rules_of=words.rules, setting=words.setting, found_of=words.found)
    return made
