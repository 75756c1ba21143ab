"""How long records stay. What is past its time is removed at start and every hour; an empty limit is not possible.

A removal takes at most `AT_ONCE` rows of a table, so that no call waits long for it and no statement runs out of time.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from cds_hooks.storage.tables import calls, cards, feedback

AT_ONCE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Days that calls and cards, feedback, and audit events are kept."""

    cards_days: int
    feedback_days: int
    audit_days: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows a removal took."""

    calls: int
    cards: int
    feedback: int
    audit_events: int = 0
    tokens: int = 0
    sessions: int = 0
    snapshots: int = 0

    @property
    def records(self) -> int:
        """All but used tokens, sessions and snapshots, whose removal is no news."""
        return self.calls + self.cards + self.feedback + self.audit_events

    @property
    def is_full(self) -> bool:
        """Whether the removal stopped at its limit, and more may be left."""
        return AT_ONCE in (self.calls, self.cards, self.feedback, self.audit_events)

    def __add__(self, other: Forgotten) -> Forgotten:
        return Forgotten(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


def forget_old(connection: Connection, retention: Retention, now: datetime) -> Forgotten:
    """Remove calls, cards and feedback past their time, inside the caller's transaction."""
    gone = []
    for key, column, days in (
        (calls.c.id, calls.c.at, retention.cards_days),
        (cards.c.id, cards.c.at, retention.cards_days),
        (feedback.c.mark, feedback.c.received_at, retention.feedback_days),
    ):
        past = select(key).where(column < now - timedelta(days=days)).limit(AT_ONCE)
        done = connection.execute(delete(key.table).where(key.in_(past)))
        gone.append(int(done.rowcount))
    return Forgotten(*gone)
