"""Feedback: each item once, matched to a card that this client was shown, without a word of free text."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cds_hooks.storage.feedback_book import FeedbackItem, Kept
from cds_hooks.storage.records import Records
from cds_hooks.storage.tables import feedback
from tests.storage.places import NOW, Place, issue, item, unbroken

PLANTED = "planted comment: she cannot sleep"


async def keep(records: Records, *items: FeedbackItem, client: str = "ehr", at: Any = NOW) -> tuple[int, int, int]:
    """How many items matched, did not, and were there already."""
    kept = await records.keep_feedback(items, {"kind": "feedback"}, client=client, service="trd-order-sign", at=at)
    return _numbers(kept)


def _numbers(kept: Kept) -> tuple[int, int, int]:
    return kept.number("matched"), kept.number("unmatched"), kept.number("repeated")


async def rows(records: Records) -> list[Any]:
    return list(await records.database.read(lambda one: one.execute(select(feedback)).all()))


def test_a_report_is_kept_once_however_often_it_is_sent(place: Place) -> None:
    async def scenario(one: Records, other: Records) -> None:
        card = await issue(one)
        assert await keep(one, item(card)) == (1, 0, 0)
        assert await keep(other, item(card)) == (0, 0, 1)
        assert await keep(one, item(card.upper())) == (0, 0, 1)
        [row] = await rows(one)
        assert (row.card, row.accepted, row.unknown_suggestions, row.commented) == (card, ["option:BUP"], 0, False)
        await unbroken(one, 4)

    place.play(scenario, replicas=2)


def test_different_reports_on_one_card_are_all_kept(place: Place) -> None:
    async def scenario(records: Records) -> None:
        card = await issue(records)
        different = [
            item(card),
            item(card, suggestions=("s2",)),
            item(card, happened_at=NOW + timedelta(seconds=1)),
            item(card, happened_at=None),
            item(card, outcome="overridden", suggestions=()),
            item(card, outcome="overridden", suggestions=(), reasons=("not-relevant",), reason_given="ours"),
            item(card, outcome="overridden", suggestions=(), reason_given="other"),
            item(card, outcome="overridden", suggestions=(), comment="a"),
            item(card, outcome="overridden", suggestions=(), comment="b"),
        ]
        assert await keep(records, *different) == (len(different), 0, 0)
        assert await keep(records, *reversed(different)) == (0, 0, len(different))

    place.play(scenario)


def test_repeats_within_one_batch_are_kept_once(place: Place) -> None:
    async def scenario(records: Records) -> None:
        card, other = await issue(records), await issue(records)
        assert await keep(records, item(card), item(other), item(card), item("x"), item("x")) == (2, 1, 2)

    place.play(scenario)


def test_a_large_batch_is_kept_whole(place: Place) -> None:
    async def scenario(records: Records) -> None:
        card = await issue(records)
        items = [item(card, happened_at=NOW + timedelta(seconds=second)) for second in range(1_000)]
        strangers = [item(f"00000000-0000-4000-8000-{number:012}") for number in range(1_000)]
        assert await keep(records, *items, *strangers, *items) == (1_000, 1_000, 1_000)

    place.play(scenario)


def test_batches_with_the_same_items_in_any_order_do_not_hinder_each_other(place: Place) -> None:
    async def scenario(*replicas: Records) -> None:
        card = await issue(replicas[0])
        items = [item(card, happened_at=NOW + timedelta(seconds=second)) for second in range(40)]
        orders = [items, items[::-1], items[20:] + items[:20], items[::2] + items[1::2]]
        done = await asyncio.gather(*(keep(one, *order) for one, order in zip(replicas, orders, strict=True)))
        assert [sum(column) for column in zip(*done, strict=True)] == [40, 0, 120]
        assert len(await rows(replicas[0])) == 40

    place.play(scenario, replicas=4)


def test_late_feedback_on_a_card_no_longer_kept_is_taken_without_its_id(place: Place) -> None:
    async def scenario(records: Records) -> None:
        card = await issue(records)
        later = NOW + timedelta(days=11)
        assert (await records.forget_old(later)).cards == 1
        assert await keep(records, item(card), at=later) == (0, 1, 0)
        assert [row.card for row in await rows(records)] == [None]

    place.play(scenario)


def test_cards_of_other_clients_and_cards_in_shadow_do_not_match(place: Place) -> None:
    async def scenario(records: Records) -> None:
        theirs, shadowed = await issue(records, client="other"), await issue(records, shown=False)
        assert await keep(records, item(theirs), item(shadowed)) == (0, 2, 0)
        assert [(row.card, row.accepted, row.unknown_suggestions) for row in await rows(records)] == [(None, [], 1)] * 2

    place.play(scenario)


HOSTILE = ["not a uuid", "\0", "a\0b", "x" * 10_000, "\ud800", "' OR 1=1 --", "urn:uuid:0", "😀" * 36, "%", "{}"]


@pytest.mark.parametrize("card", HOSTILE, ids=range(len(HOSTILE)))
def test_an_id_may_be_anything_and_is_not_kept(place: Place, card: str) -> None:
    async def scenario(records: Records) -> None:
        await issue(records)
        assert await keep(records, item(card, suggestions=(card, "s1"), comment=card)) == (0, 1, 0)
        assert await keep(records, item(card, suggestions=(card, "s1"), comment=card)) == (0, 0, 1)
        [row] = await rows(records)
        assert (row.card, row.accepted, row.unknown_suggestions) == (None, [], 2)

    place.play(scenario)
    if len(card) > 6 and card.isascii():
        assert card.encode() not in place.at_rest()


def test_unknown_suggestions_are_counted_not_kept(place: Place) -> None:
    async def scenario(records: Records) -> None:
        card = await issue(records)
        await keep(records, item(card, suggestions=("s2", "planted-suggestion", "s1")))
        [row] = await rows(records)
        assert (row.accepted, row.unknown_suggestions) == (["measure:phq9", "option:BUP"], 1)

    place.play(scenario)
    assert b"planted-suggestion" not in place.at_rest()


@pytest.mark.parametrize("keep_comments", [True, False])
def test_a_comment_is_sealed_or_dropped_and_never_at_rest_as_text(place: Place, keep_comments: bool) -> None:
    async def scenario(records: Records) -> Any:
        card = await issue(records)
        await keep(records, item(card, outcome="overridden", suggestions=(), comment=PLANTED), item("x", comment="y"))
        found = {row.card: row for row in await rows(records)}
        return found[card], records.keys

    kept = replace(place, keep_comments=keep_comments)
    row, keys = kept.play(scenario)
    assert row.commented
    assert (keys.unseal(row.comment) == PLANTED) if keep_comments else row.comment is None
    at_rest = place.at_rest()
    assert row.card.encode() in at_rest  # the scan sees what is kept
    assert PLANTED.encode() not in at_rest and PLANTED.encode().hex().encode() not in at_rest


def test_a_batch_that_fails_is_not_kept_in_part(place: Place) -> None:
    async def scenario(records: Records) -> None:
        card = await issue(records)
        with pytest.raises(TypeError):
            await records.keep_feedback([item(card)], {"no": object()}, client="ehr", service="s", at=NOW)
        assert await rows(records) == []
        assert await keep(records, item(card)) == (1, 0, 0)

    place.play(scenario)


def test_a_comment_stays_out_of_repr() -> None:
    assert PLANTED not in repr(item("planted-card", comment=PLANTED))
    assert "planted-card" not in repr(item("planted-card"))
