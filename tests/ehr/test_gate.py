"""Who goes first when a host is busy. The loop takes turns; no clock is waited for."""

from __future__ import annotations

import asyncio

import pytest

from cds_hooks.ehr.gate import Gate

TURN = 0


async def settle() -> None:
    """Let everybody who can go on do so."""
    for _ in range(20):
        await asyncio.sleep(TURN)


def test_a_crowd_gets_the_essential_before_anything_else():
    """200 calls of 13 requests through 32 places: all first ranks pass before any second, in order of arrival."""
    passed: list[tuple[int, int]] = []
    most = 0

    async def crowd() -> None:
        nonlocal most
        gate, inside = Gate(32), 0

        async def one(caller: int, rank: int) -> None:
            nonlocal inside, most
            async with gate.entered(rank):
                inside += 1
                most = max(most, inside)
                passed.append((rank, caller))
                await asyncio.sleep(TURN)
                inside -= 1

        async with asyncio.TaskGroup() as calls:
            for caller in range(200):
                for rank in (2,) * 4 + (1,) * 7 + (0,) * 2:
                    calls.create_task(one(caller, rank))

    asyncio.run(crowd())
    assert most == 32
    assert len(passed) == 200 * 13
    # The first 32 found the gate free, whatever their rank.
    assert passed[32:] == sorted(passed[32:])


def test_who_is_cancelled_leaves_no_trace():
    async def scene() -> list[str]:
        gate, order = Gate(1), []

        async def one(name: str, rank: int) -> None:
            async with gate.entered(rank):
                order.append(name)

        async with gate.entered(0):
            waiting = {name: asyncio.create_task(one(name, rank)) for name, rank in (("a", 1), ("b", 0), ("c", 2))}
            await settle()
            waiting["b"].cancel()
            await settle()
        await asyncio.wait(waiting.values())
        async with asyncio.timeout(1), gate.entered(0):
            order.append("last")
        return order

    assert asyncio.run(scene()) == ["a", "c", "last"]


def test_who_is_cancelled_in_the_moment_of_its_turn_hands_the_place_on():
    async def scene() -> list[str]:
        gate, order = Gate(1), []

        async def one(name: str) -> None:
            async with gate.entered(1):
                order.append(name)

        async with gate.entered(0):
            first, second = asyncio.create_task(one("first")), asyncio.create_task(one("second"))
            await settle()
        # The place was given to the first, which has not run since.
        first.cancel()
        await asyncio.wait((first, second))
        assert first.cancelled()
        async with asyncio.timeout(1), gate.entered(0):
            order.append("last")
        return order

    assert asyncio.run(scene()) == ["second", "last"]


def test_an_error_inside_frees_the_place():
    async def scene() -> None:
        gate = Gate(1)
        with pytest.raises(RuntimeError):
            async with gate.entered(0):
                raise RuntimeError
        async with asyncio.timeout(1), gate.entered(0):
            pass

    asyncio.run(scene())


def test_a_gate_without_a_place_is_a_mistake():
    with pytest.raises(ValueError, match="one"):
        Gate(0)
