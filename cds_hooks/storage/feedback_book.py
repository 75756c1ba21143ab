"""Feedback kept: each item once, matched to the card it is about, however often and however late it is sent.

An item is matched when a card with that id was really shown to the client that reports it. Of an unmatched item the id
is not kept: it may be anything. Nor is any text but a comment, and that only encrypted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, select

from cds_hooks.storage.database import Database
from cds_hooks.storage.keys import InstallationKeys
from cds_hooks.storage.tables import cards, feedback

_AT_ONCE = 400  # below the number of parameters that both databases take


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackItem:
    """One item as reported. `reasons` are codes of ours; `reason_given` is ours, other or none.

    `irregular` names what was missing or odd, in our words. `comment` is free text and stays out of `repr`.
    """

    card: str
    outcome: str
    suggestions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    reason_given: str = "none"
    comment: str = ""
    happened_at: datetime | None = None
    irregular: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"FeedbackItem(outcome={self.outcome!r})"


Match = Literal["matched", "unmatched", "repeated"]


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a batch: for each outcome and match how many items. Repeated items were there already."""

    counted: tuple[tuple[str, Match, int], ...]

    def number(self, match: Match) -> int:
        """How many items ended like this."""
        return sum(items for _, how, items in self.counted if how == match)


class FeedbackBook:
    """Writes feedback inside the caller's transaction."""

    def __init__(self, database: Database, keys: InstallationKeys, *, keep_comments: bool) -> None:
        self._keys = keys
        self._keep_comments = keep_comments
        self._insert = database.insert_if_new(feedback)

    def keep(
        self, connection: Connection, items: Sequence[FeedbackItem], *, client: str, service: str, at: datetime
    ) -> Kept:
        """Write `items` of one client; those already there stay as they are."""
        issued = _issued(connection, client, (item.card.lower() for item in items))
        counted = Counter[tuple[str, Match]]()
        # In the order of their marks, so that two batches with the same items never wait for each other.
        for mark, item in sorted(((self._mark(item, client), item) for item in items), key=lambda pair: pair[0]):
            card = issued.get(item.card.lower())
            row = self._row(item, card, mark=mark, client=client, service=service, at=at)
            done = connection.execute(self._insert.values(row))
            match: Match = "repeated" if not done.rowcount else "unmatched" if card is None else "matched"
            counted[item.outcome, match] += 1
        return Kept(tuple((outcome, match, number) for (outcome, match), number in sorted(counted.items())))

    def _row(
        self, item: FeedbackItem, card: Any, *, mark: str, client: str, service: str, at: datetime
    ) -> dict[str, Any]:
        offers = card.offers if card is not None else {}
        accepted = [offers[name] for name in item.suggestions if name in offers]
        return {
            "mark": mark,
            "received_at": at,
            "client": client,
            "service": service,
            "card": card.id if card is not None else None,
            "outcome": item.outcome,
            "accepted": accepted,
            "unknown_suggestions": len(item.suggestions) - len(accepted),
            "reasons": list(item.reasons),
            "reason_given": item.reason_given,
            "comment": self._keys.seal(item.comment) if item.comment and self._keep_comments else None,
            "commented": bool(item.comment),
            "happened_at": item.happened_at,
            "irregular": list(item.irregular),
        }

    def _mark(self, item: FeedbackItem, client: str) -> str:
        """The same for the same report, so that repeats are kept once; keyed, so that it says nothing by itself."""
        when = item.happened_at.isoformat() if item.happened_at is not None else ""
        said = (*sorted(item.suggestions), "", *sorted(item.reasons), item.reason_given, item.comment)
        return self._keys.pseudonym("feedback", client, item.card.lower(), item.outcome, when, *said)


def _issued(connection: Connection, client: str, names: Iterable[str]) -> dict[str, Any]:
    """The cards among `names` that were shown to `client`, by id. What can be no id of ours is not asked for."""
    wanted = sorted({name for name in names if _is_uuid(name)})
    found: dict[str, Any] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        ids = wanted[start : start + _AT_ONCE]
        query = select(cards.c.id, cards.c.kind, cards.c.offers).where(
            cards.c.id.in_(ids), cards.c.client == client, cards.c.shown
        )
        found.update({row.id: row for row in connection.execute(query)})
    return found


def _is_uuid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
