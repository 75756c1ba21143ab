"""Sessions of the app in the database: opened by their holder alone, and gone when they are over."""

from __future__ import annotations

from datetime import timedelta

from cds_hooks.storage.records import Records
from cds_hooks.storage.session_book import mark_of
from cds_hooks.storage.tables import app_sessions
from tests.storage.places import NOW, Place

SOON, LATER = NOW + timedelta(minutes=15), NOW + timedelta(minutes=60)


def test_a_session_is_its_holder_s_on_every_replica(place: Place) -> None:
    async def scenario(one: Records, other: Records) -> None:
        await one.sessions.begin("a", "content", ends=SOON, now=NOW)
        assert await other.sessions.find("a", now=NOW) == "content"
        assert await other.sessions.find("b", now=NOW) is None
        assert await other.sessions.renew("a", "changed", ends=LATER)
        assert await one.sessions.find("a", now=SOON) == "changed"
        await other.sessions.end("a")
        assert await one.sessions.find("a", now=NOW) is None
        assert not await one.sessions.renew("a", "again", ends=LATER)  # what was ended stays so

    place.play(scenario, replicas=2)


def test_a_session_is_over_at_its_end_and_leaves_no_row(place: Place) -> None:
    async def scenario(records: Records) -> None:
        await records.sessions.begin("a", "content", ends=SOON, now=NOW)
        assert await records.sessions.find("a", now=SOON) is None
        assert await records.sessions.forget_expired(LATER) == 0

    place.play(scenario)


def test_another_session_takes_the_place_of_one_and_of_those_that_are_over(place: Place) -> None:
    async def scenario(records: Records) -> None:
        await records.sessions.begin("old", "", ends=NOW, now=NOW - timedelta(minutes=1))
        await records.sessions.begin("a", "", ends=LATER, now=NOW - timedelta(minutes=1))
        await records.sessions.begin("b", "", ends=LATER, now=NOW, instead_of="a")
        rows = await records.database.read(lambda one: one.execute(app_sessions.select()).all())
        assert [row.mark for row in rows] == [mark_of("b")]

    place.play(scenario)


def test_a_row_moved_to_another_holder_opens_for_nobody(place: Place) -> None:
    async def scenario(records: Records) -> None:
        await records.sessions.begin("a", "content", ends=LATER, now=NOW)
        moved = app_sessions.update().values(mark=mark_of("b"))
        await records.database.write(lambda one: one.execute(moved))
        assert await records.sessions.find("b", now=NOW) is None

    place.play(scenario)
