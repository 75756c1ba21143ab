"""Cards by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from cds_hooks.governance.counting import Names, make_report
from cds_hooks.governance.facts import CallFacts, CardFact, Facts, FeedbackFacts, Selection
from cds_hooks.governance.report import Report, ReportRow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHOSEN = Selection(since=date(2026, 1, 1), until=date(2026, 3, 1))
NAMES = Names(
    kinds={"trd-status": "Status", "trd-options": "Options"},
    rules={"V1": "Met", "KET": "Esketamine", "S01": "Safety"},
    reasons={"patient-preference": "The patient prefers this", "other-indication": "Not for depression"},
    missed=("KET", "S01"),
)


def card(**changes: Any) -> CardFact:
    usual = {"client": "a", "hook": "order-sign", "kind": "trd-status", "week": "2026-W05", "knowledge": "1.0.0"}
    return CardFact(**{**usual, "rules": ("V1",), "shown": True, **changes})


def many(count: int, **changes: Any) -> list[CardFact]:
    return [card(**changes)] * count


def report(cards: list[CardFact], **options: Any) -> Report:
    calls = options.pop("calls", CallFacts())
    facts = Facts(tuple(cards), calls, options.pop("feedback", FeedbackFacts()))
    return make_report(facts, CHOSEN, names=NAMES, made_at=NOW, **options)


def row(made: Report, table: str, key: str) -> ReportRow:
    return next(one for found in made.tables if found.id == table for one in found.rows if one.key == key)


def texts(found: ReportRow) -> dict[str, str]:
    return {name: cell.text for name, cell in found.cells.items()}
