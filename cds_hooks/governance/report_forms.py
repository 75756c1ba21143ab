"""The report as CSV and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from cds_hooks.governance.intervals import CONFIDENCE, Proportion
from cds_hooks.governance.report import Cell, Modes, Report, ReportRow
from cds_hooks.governance.spreadsheet import to_csv

_HEADER = ("table", "id", "title", "measure", "value", "low", "high", "for review")


def report_csv(report: Report) -> bytes:
    """One line for each count and rate; `low` and `high` are the limits of the interval of a rate."""
    return to_csv(_HEADER, _lines(report))


def report_json(report: Report, modes: Modes | None) -> bytes:
    """The report, and what is live now where `modes` are given."""
    chosen = report.chosen
    document: dict[str, Any] = {
        "period": {"since": chosen.since, "until": chosen.until, "zone": "UTC"},
        "client": chosen.client or None,
        "hook": chosen.hook or None,
        "made": report.made_at,
        "smallestCell": report.smallest_cell,
        "reviewFrom": report.review_from,
        "confidence": CONFIDENCE,
        "note": "No feedback on a card is no rejection. A withheld count is a text, a known one a number.",
        "total": _row(report.total),
        "calls": _cells(report.calls),
        "cardsPer100CallsOfConcern": _rounded(report.cards_per_100),
        "feedback": _cells(report.feedback),
        "tables": [
            {"id": table.id, "caption": table.caption, "note": table.note, "rows": [_row(row) for row in table.rows]}
            for table in report.tables
        ],
        "forReview": [{"table": table.id, **_row(row)} for table, row in report.flagged],
        "withoutAnyCard": [{"id": key, "title": title} for key, title in report.silent],
    }
    if modes is not None:
        document["modes"] = modes
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _lines(report: Report) -> Iterator[tuple[str | int | float | None, ...]]:
    chosen = report.chosen
    for name, told in (("since", str(chosen.since)), ("until", str(chosen.until))):
        yield "period", "", "", name, told, None, None, ""
    for name, told in (("client", chosen.client), ("hook", chosen.hook)):
        yield "selection", "", "", name, told or "all", None, None, ""
    yield "selection", "", "", "smallest cell", report.smallest_cell, None, None, ""
    yield from _row_lines("total", report.total)
    for name, cells in (("calls", report.calls), ("feedback", report.feedback)):
        for measure, cell in cells.items():
            yield name, "", "", measure, _value(cell), None, None, ""
    yield "calls", "", "", "cards per 100 calls of concern", _rounded(report.cards_per_100), None, None, ""
    for table in report.tables:
        for row in table.rows:
            yield from _row_lines(table.id, row)
    for key, title in report.silent:
        yield "without any card", key, title, "cards", 0, None, None, ""


def _row_lines(table: str, row: ReportRow) -> Iterator[tuple[str | int | float | None, ...]]:
    flag = "yes" if row.for_review else ""
    for measure, cell in row.cells.items():
        yield table, row.key, row.name, measure, _value(cell), None, None, flag
    for measure, rate in (("accepted of answered", row.acceptance), ("answered of shown", row.response)):
        if rate is not None:
            limits = _rounded(rate.low), _rounded(rate.high)
            yield table, row.key, row.name, measure, _rounded(rate.value), *limits, flag


def _row(row: ReportRow) -> dict[str, Any]:
    return {
        "id": row.key,
        "title": row.name,
        "counts": _cells(row.cells),
        "acceptedOfAnswered": _rate(row.acceptance),
        "answeredOfShown": _rate(row.response),
        "forReview": row.for_review,
    }


def _rate(rate: Proportion | None) -> dict[str, float | None] | None:
    if rate is None:
        return None
    return {"value": _rounded(rate.value), "low": _rounded(rate.low), "high": _rounded(rate.high)}


def _cells(cells: Mapping[str, Cell]) -> dict[str, int | str]:
    return {name: _value(cell) for name, cell in cells.items()}


def _value(cell: Cell) -> int | str:
    return cell.mark if cell.count is None else cell.count


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
