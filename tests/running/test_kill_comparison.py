"""The kill test finds what it is there to find: a record that was lost, doubled, invented or left out of the trail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from benchmarks.kill_test import Item, Ledger, compare
from cds_hooks.storage.call_book import CallEntry, CardEntry
from cds_hooks.storage.feedback_book import FeedbackItem
from cds_hooks.storage.records import Records
from cds_hooks.storage.tables import audit_events, calls, cards, feedback
from tests.record_keeping import new_records

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
CARD = "11111111-1111-4111-8111-111111111111"
ITEM: Item = (CARD, "accepted", AT)


async def _kept(records: Records) -> Ledger:
    call = CallEntry(
        id="c" * 32, at=AT, client="one", service="s", hook="order-sign", mode="live", status=200, orders=1, shown=1,
        shadowed=0, knowledge="1",
    )  # fmt: skip
    card = CardEntry(
        id=CARD, call=call.id, at=AT, client="one", service="s", hook="order-sign", kind="k", indicator="info",
        shown=True, rules=(), offers={}, definition="", knowledge="1", knowledge_hash="h", patient="p", user="u",
        encounter="",
    )  # fmt: skip
    event = {"entity": [{"detail": [{"type": "call", "valueString": call.id}]}]}
    await records.keep_call(call, [card], event)
    item = FeedbackItem(card=CARD, outcome="accepted", happened_at=AT)
    await records.keep_feedback([item], {"kind": "feedback"}, client="one", service="s", at=AT)
    known = Ledger(sent={ITEM}, acknowledged={ITEM}, arrived={CARD}, answered_calls={call.id})
    return known


async def _doubled(records: Records, _: Ledger) -> None:
    def work(connection: object) -> None:
        row = dict(connection.execute(select(feedback)).one()._mapping)  # type: ignore[attr-defined]
        connection.execute(insert(feedback).values({**row, "mark": "another"}))  # type: ignore[attr-defined]

    await records.database.write(work)


async def _invented(_: Records, known: Ledger) -> None:
    known.sent.clear()


async def _unaudited(records: Records, _: Ledger) -> None:
    await records.database.write(lambda one: one.execute(update(calls).values(id="d" * 32)))


async def _changed(records: Records, _: Ledger) -> None:
    def work(connection: object) -> None:
        connection.execute(update(audit_events).values(record=json.dumps({"changed": 1})))  # type: ignore[attr-defined]

    await records.database.write(work)


async def _lost(records: Records, known: Ledger) -> None:
    await records.database.write(lambda one: one.execute(delete(feedback)))


async def _card_lost(records: Records, known: Ledger) -> None:
    await records.database.write(lambda one: one.execute(delete(cards)))


async def _late(_: Records, known: Ledger) -> None:
    known.acknowledged.add((CARD, "accepted", AT + timedelta(milliseconds=1)))
    known.sent.update(known.acknowledged)


CASES = {
    "acknowledged feedback not on record": _lost,
    "another report not on record": _late,
    "feedback on record more than once": _doubled,
    "feedback on record that nobody sent": _invented,
    "cards that arrived and are not on record": _card_lost,
    "calls on record without an audit event": _unaudited,
    "audit trail is broken": _changed,
}


def test_what_holds_is_no_violation(tmp_path: Path) -> None:
    records = new_records(tmp_path)

    async def run() -> None:
        known = await _kept(records)
        head = await compare(records, known, (0, ""))
        assert known.violations == []
        assert (await compare(records, known, head))[0] == 2
        assert known.violations == []
        await records.database.close()

    asyncio.run(run())


@pytest.mark.parametrize("what", CASES)
def test_what_does_not_hold_is_found(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil: Callable[..., object] = CASES[what]

    records = new_records(tmp_path)

    async def run() -> Ledger:
        known = await _kept(records)
        await spoil(records, known)  # type: ignore[misc]
        await compare(records, known, (0, ""))
        await records.database.close()
        return known

    known = asyncio.run(run())
    words = "acknowledged feedback not on record" if spoil is _late else what
    assert any(words in one for one in known.violations), known.violations
    assert "VIOLATION" in capsys.readouterr().out


def test_a_trail_that_was_replaced_is_found(tmp_path: Path) -> None:
    records = new_records(tmp_path)

    async def run() -> Ledger:
        known = await _kept(records)
        await compare(records, known, (2, "0" * 64))
        await records.database.close()
        return known

    assert any("no longer holds" in one for one in asyncio.run(run()).violations)
