"""Facts and feedback items out of the records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, FromClause, Row, Select, case, func, select

from cds_hooks.governance.facts import ANOTHER, CallFacts, CardFact, Facts, FeedbackFacts, Selection, State, week_of
from cds_hooks.storage.database import Database
from cds_hooks.storage.tables import calls, cards, feedback


async def read_facts(database: Database, chosen: Selection) -> Facts:
    """What the records hold on `chosen`, all as of one moment. RecordsUnavailable when they do not answer."""
    rows = await database.read(lambda connection: _fetch(connection, chosen))
    issued, answers, called, received = rows
    by_card: dict[str, list[Row[Any]]] = defaultdict(list)
    for answer in answers:
        by_card[answer.card].append(answer)
    return Facts(tuple(_card(row, by_card.get(row.id, ())) for row in issued), called, received)


def _fetch(
    connection: Connection, chosen: Selection
) -> tuple[list[Row[Any]], list[Row[Any]], CallFacts, FeedbackFacts]:
    wanted = (cards.c.id, cards.c.at, cards.c.client, cards.c.hook, cards.c.kind, cards.c.shown, cards.c.rules)
    issued = list(connection.execute(within(select(*wanted, cards.c.knowledge), cards, chosen)))
    told = select(feedback.c.card, feedback.c.outcome, feedback.c.reasons, feedback.c.reason_given)
    told = told.join(cards, cards.c.id == feedback.c.card)
    answers = list(connection.execute(within(told, cards, chosen)))
    concern = calls.c.orders > 0
    counted = select(
        func.count(),
        func.count(case((calls.c.shown > 0, 1))),
        func.count(case((concern, 1))),
        func.coalesce(func.sum(case((concern, calls.c.shown), else_=0)), 0),
    )
    total, with_cards, of_concern, shown = connection.execute(within(counted, calls, chosen)).one()
    came = select(func.count(case((feedback.c.card.is_(None), 1))))
    came = came.where(feedback.c.received_at >= chosen.begins, feedback.c.received_at < chosen.ends)
    oddly = select(feedback.c.irregular).where(
        feedback.c.received_at >= chosen.begins, feedback.c.received_at < chosen.ends
    )
    if chosen.client:
        came = came.where(feedback.c.client == chosen.client)
        oddly = oddly.where(feedback.c.client == chosen.client)
    irregular = sum(1 for (what,) in connection.execute(oddly) if what)
    return (
        issued,
        answers,
        CallFacts(calls=total, with_cards=with_cards, of_concern=of_concern, cards_of_concern=int(shown)),
        FeedbackFacts(unmatched=connection.scalar(came) or 0, irregular=irregular),
    )


def within(query: Select[Any], table: FromClause, chosen: Selection) -> Select[Any]:
    """`query` narrowed to the rows of `table` that `chosen` is about."""
    query = query.where(table.c.at >= chosen.begins, table.c.at < chosen.ends)
    if chosen.client:
        query = query.where(table.c.client == chosen.client)
    return query.where(table.c.hook == chosen.hook) if chosen.hook else query


def _card(row: Row[Any], answers: Iterable[Row[Any]]) -> CardFact:
    outcomes = {answer.outcome for answer in answers}
    state: State = "accepted" if "accepted" in outcomes else "overridden" if outcomes else "unanswered"
    reasons: dict[str, None] = {}
    if state == "overridden":
        for answer in answers:
            reasons.update(dict.fromkeys(answer.reasons))
            if answer.reason_given == "other":
                reasons[ANOTHER] = None
    return CardFact(
        client=row.client,
        hook=row.hook,
        kind=row.kind,
        week=week_of(row.at),
        knowledge=row.knowledge,
        rules=tuple(dict.fromkeys(row.rules)),
        shown=row.shown,
        state=state,
        reasons=tuple(reasons),
    )
