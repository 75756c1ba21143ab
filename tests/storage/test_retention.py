"""Retention: what is past its time goes, what is not stays, and the trail still verifies."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from cds_hooks.storage.records import Records
from cds_hooks.storage.retention import AT_ONCE, Forgotten
from tests.storage.places import DAYS, NOW, Place, call, card, issue, item, unbroken

SECOND = timedelta(seconds=1)


async def _fill(records: Records, at: datetime) -> str:
    """A call with a card and feedback on it: two audit events."""
    issued = await issue(records, at)
    await records.keep_feedback([item(issued)], {"kind": "feedback"}, client="ehr", service="s", at=at)
    return issued


@pytest.mark.parametrize(
    ("days", "gone"),
    [(10, (0, 0, 0, 0)), (11, (1, 1, 0, 0)), (21, (1, 1, 1, 0)), (31, (1, 1, 1, 2))],
)
def test_each_kind_of_record_has_its_time(place: Place, days: int, gone: tuple[int, ...]) -> None:
    async def scenario(records: Records) -> None:
        await _fill(records, NOW)
        await _fill(records, NOW + timedelta(days=days))
        removed = await records.forget_old(NOW + timedelta(days=days))
        assert (removed.calls, removed.cards, removed.feedback, removed.audit_events) == gone
        assert await records.forget_old(NOW + timedelta(days=days)) == Forgotten(0, 0, 0)
        await unbroken(records, 4 - gone[3])

    place.play(scenario)


def test_a_record_stays_to_the_last_moment_of_its_time(place: Place) -> None:
    async def scenario(records: Records) -> None:
        await _fill(records, NOW)
        end = NOW + timedelta(days=DAYS.audit_days)
        assert (await records.forget_old(end)).audit_events == 0
        assert (await records.forget_old(end + SECOND / 1_000_000)).audit_events == 2

    place.play(scenario)


def test_more_than_one_part_goes_in_one_removal(place: Place) -> None:
    number = AT_ONCE + 7

    async def scenario(records: Records) -> None:
        entry = call()
        await records.keep_call(entry, [card(entry) for _ in range(number)], {"kind": "hook"})
        gone = await records.forget_old(NOW + timedelta(days=11))
        assert (gone.calls, gone.cards, gone.audit_events) == (1, number, 0)

    place.play(scenario)


def test_replicas_may_keep_house_at_the_same_time(place: Place) -> None:
    async def scenario(*replicas: Records) -> None:
        for _ in range(10):
            await _fill(replicas[0], NOW)
        gone = await asyncio.gather(*(one.forget_old(NOW + timedelta(days=40)) for one in replicas))
        assert sum(one.records for one in gone) == 50
        await unbroken(replicas[0], 0)

    place.play(scenario, replicas=3)


def test_a_clock_set_back_keeps_the_order_and_loses_nothing(place: Place) -> None:
    """Events are ordered by number. One with a later instant holds back those after it until its own time is over."""

    async def scenario(records: Records) -> None:
        for days in (0, 5, 1, 2):
            await records.note({"n": days}, NOW + timedelta(days=days))
        await unbroken(records, 4)
        assert (await records.forget_old(NOW + timedelta(days=34))).audit_events == 1
        await unbroken(records, 3)
        assert (await records.forget_old(NOW + timedelta(days=35, seconds=1))).audit_events == 3
        await unbroken(records, 0)

    place.play(scenario)


def test_what_was_removed_is_overwritten_in_the_file(file_place: Place) -> None:
    issued = file_place.play(lambda records: _fill(records, NOW))
    assert issued.encode() in file_place.at_rest()
    file_place.play(lambda records: records.forget_old(NOW + timedelta(days=40)))
    file_place.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert issued.encode() not in file_place.at_rest()
    assert b"Practitioner/d1" not in file_place.at_rest()


def test_the_numbers_of_several_parts_add_up() -> None:
    assert Forgotten(1, 2, 3, 4, 5) + Forgotten(10, 20, 30, 40, 50) == Forgotten(11, 22, 33, 44, 55)
    assert Forgotten(1, 2, 3, 4, 5).records == 10
    assert Forgotten(0, AT_ONCE, 0).is_full and not Forgotten(1, 1, 1, 1, AT_ONCE).is_full
