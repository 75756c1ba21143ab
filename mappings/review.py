"""How far the knowledge has been reviewed: what is overdue, unsigned, or of low confidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from mappings.describe import Statement, statements
from mappings.entries import Entry, entries
from mappings.load import Knowledge
from mappings.values import Reviewed

UNSIGNED = "none"


@dataclass(frozen=True, slots=True)
class Tally:
    """Files that carry a review, facts with citations or confidence of their own, and those no clinician signed."""

    files: int
    facts: int
    unsigned: int


def reviews(knowledge: Knowledge) -> dict[str, Reviewed]:
    """The review of each file that carries one, by file name."""
    return {entry.file: entry.review for entry in entries(knowledge) if entry.review is not None}


def overdue(knowledge: Knowledge, day: date) -> tuple[tuple[str, date], ...]:
    """Files that should have been looked at again before `day`, with the date, the longest overdue first."""
    late = ((file, review.review_by) for file, review in reviews(knowledge).items() if review.review_by < day)
    return tuple(sorted(late, key=lambda found: (found[1], found[0])))


def tally(knowledge: Knowledge) -> Tally:
    """Counts over all entries; an entry of a file without review counts as unsigned."""
    facts = unsigned = 0
    for entry in entries(knowledge):
        own = sum(1 for statement in statements(entry.content) if statement.cites or statement.confidence)
        facts += own
        unsigned += own if entry.review is None or entry.review.reviewed_by == UNSIGNED else 0
    return Tally(len(reviews(knowledge)), facts, unsigned)


def low_confidence(knowledge: Knowledge) -> tuple[tuple[Entry, Statement], ...]:
    """Every statement graded low, with its entry."""
    return tuple(
        (entry, statement)
        for entry in entries(knowledge)
        for statement in statements(entry.content)
        if statement.confidence == "low"
    )
