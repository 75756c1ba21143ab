"""The book of snapshots on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from cds_hooks.storage.records import Records
from tests.storage.conftest import bare, file_template, place, server, server_template
from tests.storage.places import LATER, NOW, Place, unbroken

__all__ = ["bare", "file_template", "place", "server", "server_template"]
HERE = {"client": "ehr", "user": ("https://login.example", "Practitioner/d1")}


async def keep(records: Records, link: str = "s") -> None:
    assert await records.snapshots.keep(link, "content", **HERE, now=NOW, ends=LATER)


async def take(records: Records, link: str = "s", **changed):
    return await records.snapshots.take(link, **{**HERE, "now": NOW, **changed}, event=lambda told: {"told": told})


def test_of_many_replicas_at_once_one_takes_it(place: Place) -> None:
    async def scenario(*replicas: Records) -> None:
        await keep(replicas[0])
        taken = await asyncio.gather(*(take(records) for records in replicas for _ in range(4)))
        assert sorted(str(one.content) for one in taken) == [*["None"] * 11, "content"]
        await unbroken(replicas[0], 1)

    place.play(scenario, replicas=3)


def test_attempts_of_others_are_counted_across_replicas(place: Place) -> None:
    async def scenario(*replicas: Records) -> None:
        await keep(replicas[0])
        other = ("https://login.example", "Practitioner/d2")
        taken = await asyncio.gather(*(take(records, user=other) for records in replicas))
        assert all(one.wrong_user and one.content is None for one in taken)
        assert (await take(replicas[0])).content is None
        await unbroken(replicas[0], 3)

    place.play(scenario, replicas=3)


def test_another_client_or_issuer_is_somebody_else(place: Place) -> None:
    async def scenario(records: Records) -> None:
        await keep(records)
        assert (await take(records, client="other")).wrong_user
        assert (await take(records, user=("https://other.example", "Practitioner/d1"))).wrong_user
        assert (await take(records)).content == "content"

    place.play(scenario)


def test_what_is_over_is_never_given_out_and_removed(place: Place) -> None:
    async def scenario(records: Records) -> None:
        for secret in ("a", "b", "c"):
            await keep(records, secret)
        just = LATER - timedelta(microseconds=1)
        assert await records.snapshots.client_of("a", now=just) == "ehr"
        assert await records.snapshots.client_of("a", now=LATER) is None
        assert (await take(records, "a", now=LATER)).content is None
        assert (await records.forget_old(just)).snapshots == 0
        gone = await records.forget_old(LATER)
        assert gone.snapshots == 2 and gone.records == 0

    place.play(scenario)


def test_an_older_database_comes_forward(bare: Place) -> None:
    from alembic import command

    from cds_hooks.storage import schema_version

    async def scenario(records: Records) -> None:
        await records.database.write(lambda one: command.upgrade(schema_version._config(one), "0003"))
        await records.prepare(NOW)
        await keep(records)

    bare.play(scenario)
    assert bare.sql("SELECT client, attempts FROM snapshots") == [("ehr", 0)]
