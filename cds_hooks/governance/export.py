"""Feedback, item by item, with the fields that ONC asks for in 45 CFR 170.315(b)(11)(ii)(C).

They are intervention, action, user, comment, date and place. The place is the client: where in the hospital a clinician
sat is not kept. Items about no card of ours are in the report only, as a number: what they meant is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from cds_hooks.governance.facts import Selection
from cds_hooks.governance.spreadsheet import to_csv
from cds_hooks.storage.database import Database
from cds_hooks.storage.tables import cards, feedback

DROPPED = "(not kept)"
NOT_ASKED = "(not exported)"
UNREADABLE = "(sealed with a key that is no longer there)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackLine:
    """One feedback item.

    `intervention` is the kind of card and `rules` those behind it; `action` is accepted or overridden, `what` says what
    was accepted, `reasons` why it was not; `user` is a reference or a pseudonym; `date` is when it happened, or when it
    was received where the client did not say; `place` is the client. `source_attributes` leads to what the rules rest
    on, `knowledge_hash` names the very files.
    """

    intervention: str
    rules: str
    knowledge: str
    knowledge_hash: str
    definition: str
    source_attributes: str
    action: str
    what: str
    reasons: str
    user: str
    comment: str
    date: datetime
    received: datetime
    place: str
    hook: str
    card: str


async def read_feedback_lines(
    database: Database, chosen: Selection, *, open_comment: Callable[[bytes], str | None] | None, attributes: str
) -> tuple[FeedbackLine, ...]:
    """The items received in the period of `chosen`, oldest first. RecordsUnavailable when the records do not answer.

    `open_comment` decrypts; without it comments stay out. `attributes` is the address of the source attributes.
    """

    def fetch(connection: Connection) -> Sequence[Row[Any]]:
        query = (
            select(feedback, cards.c.kind, cards.c.hook, cards.c.rules, cards.c.knowledge, cards.c.knowledge_hash)
            .add_columns(cards.c.definition, cards.c.user)
            .join(cards, cards.c.id == feedback.c.card)
            .where(feedback.c.received_at >= chosen.begins, feedback.c.received_at < chosen.ends)
            .order_by(feedback.c.received_at, feedback.c.mark)
        )
        if chosen.client:
            query = query.where(feedback.c.client == chosen.client)
        if chosen.hook:
            query = query.where(cards.c.hook == chosen.hook)
        return connection.execute(query).all()

    rows = await database.read(fetch)
    return tuple(_line(row, open_comment, attributes) for row in rows)


def lines_csv(lines: Sequence[FeedbackLine]) -> bytes:
    """The items as CSV, instants in UTC as RFC 3339."""
    names = [field.name for field in fields(FeedbackLine)]
    return to_csv(names, ([_cell(getattr(line, name)) for name in names] for line in lines))


def lines_json(lines: Sequence[FeedbackLine]) -> bytes:
    """The items as a JSON array."""
    return orjson.dumps([asdict(line) for line in lines], option=orjson.OPT_INDENT_2)


def _cell(value: str | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else value


def _line(row: Row[Any], open_comment: Callable[[bytes], str | None] | None, attributes: str) -> FeedbackLine:
    reasons = [*row.reasons, *(["another reason"] if row.reason_given == "other" else [])]
    return FeedbackLine(
        intervention=row.kind,
        rules=" ".join(row.rules),
        knowledge=row.knowledge,
        knowledge_hash=row.knowledge_hash,
        definition=row.definition,
        source_attributes=attributes,
        action=row.outcome,
        what=" ".join(row.accepted),
        reasons=" ".join(reasons) if row.outcome == "overridden" else "",
        user=row.user,
        comment=_comment(row, open_comment),
        date=row.happened_at or row.received_at,
        received=row.received_at,
        place=row.client,
        hook=row.hook,
        card=row.card,
    )


def _comment(row: Row[Any], open_comment: Callable[[bytes], str | None] | None) -> str:
    if not row.commented:
        return ""
    if row.comment is None:
        return DROPPED
    if open_comment is None:
        return NOT_ASKED
    opened = open_comment(row.comment)
    return UNREADABLE if opened is None else opened
