"""Findings that a clinician has already answered: from cards shown and the feedback on them.

Asked for one client, patient, clinician and encounter, all as they stand in the records. A finding and its facts are
digests: they can be compared with those of a new card, and tell nothing by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from cds_hooks.storage.database import HOOK_SECONDS, Database
from cds_hooks.storage.tables import cards, feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredFinding:
    """One answer to a card: what the card found, on which facts, when and at which hook it was shown, and with which
    reasons of ours.
    """

    finding: str
    facts: str
    at: datetime
    hook: str
    outcome: str
    reasons: frozenset[str]


class AnsweredFindings:
    """Reads answers from the records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(
        self, *, client: str, patient: str, user: str, encounter: str, since: datetime
    ) -> tuple[AnsweredFinding, ...]:
        """The answers of `user` to cards shown from `since` on, for this patient in this encounter."""
        wanted = (
            select(cards.c.finding, cards.c.facts, cards.c.at, cards.c.hook, feedback.c.outcome, feedback.c.reasons)
            .join(feedback, feedback.c.card == cards.c.id)
            .where(
                cards.c.client == client,
                cards.c.patient == patient,
                cards.c.user == user,
                cards.c.encounter == encounter,
                cards.c.at >= since,
                cards.c.finding != "",
                cards.c.shown,
            )
            .distinct()  # the same answer given again says nothing more
        )
        rows = await self._database.read(lambda connection: connection.execute(wanted).all(), wait=HOOK_SECONDS)
        return tuple(
            AnsweredFinding(
                finding=row.finding,
                facts=row.facts,
                at=row.at,
                hook=row.hook,
                outcome=row.outcome,
                reasons=frozenset(row.reasons),
            )
            for row in rows
        )
