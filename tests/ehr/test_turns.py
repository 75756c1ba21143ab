"""How many calls read from one server at once: in order of arrival, waiting no longer than told, none forgotten."""

from __future__ import annotations

import asyncio

import pytest

from cds_hooks.ehr.turns import NoTurnError, Turns
from tests.ehr.idle_loop import IdleLoop


def run(coroutine: object) -> object:
    with asyncio.Runner(loop_factory=IdleLoop) as runner:
        return runner.run(coroutine)  # type: ignore[arg-type]


@pytest.mark.parametrize(("connections", "at_once"), [(1, 1), (7, 1), (8, 1), (16, 2), (32, 4), (200, 25)])
def test_there_are_turns_for_so_many_calls_as_the_connections_serve(connections: int, at_once: int) -> None:
    async def crowd() -> tuple[int, list[int]]:
        turns, inside, most, order = Turns(connections), 0, 0, []

        async def call(number: int) -> None:
            nonlocal inside, most
            async with turns.taken(60):
                order.append(number)
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(1)
                inside -= 1

        await asyncio.gather(*(call(number) for number in range(2 * at_once + 1)))
        return most, order

    most, order = run(crowd())  # type: ignore[misc]
    assert most == at_once
    assert order == list(range(2 * at_once + 1))


@pytest.mark.parametrize(("waits", "comes"), [(0.9, False), (1.1, True)])
def test_a_call_waits_as_long_as_told(waits: float, comes: bool) -> None:
    async def two() -> bool:
        turns = Turns(1)

        async def first() -> None:
            async with turns.taken(60):
                await asyncio.sleep(1)

        async with asyncio.TaskGroup() as group:
            group.create_task(first())
            await asyncio.sleep(0)
            try:
                async with turns.taken(waits):
                    return True
            except NoTurnError:
                return False
        raise AssertionError

    assert run(two()) is comes


def test_a_turn_that_failed_or_was_given_up_is_free_again() -> None:
    async def story() -> None:
        turns = Turns(1)
        with pytest.raises(ZeroDivisionError):
            async with turns.taken(1):
                raise ZeroDivisionError
        async with turns.taken(1):
            waiting = asyncio.create_task(_enter(turns))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(NoTurnError):
                await _enter(turns)
        await _enter(turns)

    run(story())


async def _enter(turns: Turns) -> None:
    async with turns.taken(0.5):
        pass
