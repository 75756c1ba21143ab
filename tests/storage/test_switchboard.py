"""Switches: the latest counts, none is overwritten, and they act in the order the audit trail tells."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import orjson

from cds_hooks.storage.records import Records
from cds_hooks.storage.switchboard import Switch
from tests.storage.places import NOW, Place, unbroken


def _switch(mode: str, client: str = "*", rule: str = "*", minutes: int = 0) -> Switch:
    at = NOW + timedelta(minutes=minutes)
    return Switch(client=client, rule=rule, mode=mode, who="Dr A", why="trial", at=at)


async def _throw(records: Records, *switches: Switch) -> None:
    for switch in switches:
        await records.throw(switch, {"mode": switch.mode})


def test_the_latest_for_each_client_and_rule_counts(place: Place) -> None:
    async def scenario(one: Records, other: Records) -> None:
        thrown = [
            _switch("off"),
            _switch("shadow", client="ehr"),
            _switch("off", rule="trd-options"),
            _switch("live", client="ehr", minutes=-60),  # thrown later by a clock that is behind
            _switch("shadow", client="ehr", rule="trd-options"),
        ]
        await _throw(one, *thrown)
        assert await other.switchboard.standing() == (thrown[0], thrown[2], thrown[3], thrown[4])
        assert await other.switchboard.history() == tuple(thrown)
        await unbroken(other, 5)

    place.play(scenario, replicas=2)


def test_a_switch_taken_back_leaves_none_and_stays_in_the_history(place: Place) -> None:
    async def scenario(records: Records) -> None:
        await _throw(records, _switch("off"), _switch("default"), _switch("off", client="ehr"))
        assert [one.client for one in await records.switchboard.standing()] == ["ehr"]
        await _throw(records, _switch("shadow"))
        assert {one.client: one.mode for one in await records.switchboard.standing()} == {"*": "shadow", "ehr": "off"}
        assert [one.mode for one in await records.switchboard.history()] == ["off", "default", "off", "shadow"]

    place.play(scenario)


def test_switches_thrown_at_once_act_in_the_order_of_the_trail(place: Place) -> None:
    async def scenario(*replicas: Records) -> None:
        modes = [f"mode-{number}" for number in range(30)]
        await asyncio.gather(*(_throw(replicas[n % 3], _switch(mode)) for n, mode in enumerate(modes)))
        told = [orjson.loads(record)["mode"] for _, record in await replicas[0].audit.events()]
        assert [one.mode for one in await replicas[0].switchboard.history()] == told
        assert [one.mode for one in await replicas[1].switchboard.standing()] == [told[-1]]

    place.play(scenario, replicas=3)


def test_names_and_reasons_come_back_as_they_were_written(place: Place) -> None:
    async def scenario(records: Records) -> None:
        odd = Switch(client="*", rule="*", mode="off", who="Дr Ä 😀", why='it\'s 100% "odd"; -- ' + "x" * 900, at=NOW)
        await _throw(records, odd)
        assert await records.switchboard.standing() == (odd,)

    place.play(scenario)
