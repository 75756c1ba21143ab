"""Used tokens: taken once, by whichever worker or replica is first."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from cds_hooks.storage.records import Records
from tests.storage.places import NOW, Place

UNTIL = NOW + timedelta(minutes=5)


async def _use(records: Records, jti: str, issuer: str = "https://ehr.example") -> bool:
    return await records.replays.first_use(issuer, jti, expires=UNTIL, now=NOW)


def test_a_token_is_taken_once_by_all_replicas(place: Place) -> None:
    async def scenario(one: Records, other: Records) -> None:
        assert await _use(one, "a") and not await _use(other, "a") and not await _use(one, "a")
        assert await _use(other, "b")
        assert await _use(one, "a", "https://other.example")

    place.play(scenario, replicas=2)


def test_of_fifty_uses_at_once_one_wins(place: Place) -> None:
    async def scenario(*replicas: Records) -> list[int]:
        wins = []
        for turn in range(5):
            uses = [_use(replicas[number % len(replicas)], f"jti-{turn}") for number in range(50)]
            wins.append(sum(await asyncio.gather(*uses)))
        return wins

    assert place.play(scenario, replicas=3) == [1] * 5


@pytest.mark.parametrize("jti", ["", "\0", "\ud800", "x" * 1_000_000, "' OR 1=1 --"], ids=range(5))
def test_any_text_is_a_token_id(place: Place, jti: str) -> None:
    async def scenario(records: Records) -> None:
        assert await _use(records, jti) and not await _use(records, jti)
        assert await _use(records, f"{jti}.")

    place.play(scenario)


def test_issuer_and_id_do_not_run_together(place: Place) -> None:
    async def scenario(records: Records) -> None:
        assert await _use(records, "bc", "a") and await _use(records, "c", "ab")

    place.play(scenario)


def test_a_token_is_forgotten_some_time_after_it_expired(place: Place) -> None:
    async def scenario(records: Records) -> None:
        await _use(records, "a")
        assert (await records.forget_old(UNTIL + timedelta(minutes=4))).tokens == 0
        assert not await _use(records, "a")
        assert (await records.forget_old(UNTIL + timedelta(minutes=6))).tokens == 1

    place.play(scenario)


def test_neither_issuer_nor_id_is_kept(place: Place) -> None:
    place.play(lambda records: _use(records, "planted-token-id"))
    for planted in (b"planted-token-id", b"ehr.example"):
        assert planted not in place.at_rest()
