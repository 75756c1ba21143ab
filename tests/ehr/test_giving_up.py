"""A request is cancelled once, so that its connection is closed whatever happens meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from cds_hooks.ehr.giving_up import given_up_once


class Connection:
    """Something whose closing takes a few turns of the loop."""

    closed = False

    async def asked(self) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            self.closed = True
        return "never"


@pytest.mark.parametrize("times", [1, 2, 4])
def test_however_often_the_caller_is_cancelled_the_connection_is_closed(times: int) -> None:
    async def call() -> None:
        connection = Connection()
        caller = asyncio.create_task(given_up_once(connection.asked()))
        for _ in range(times):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        for _ in range(10):
            await asyncio.sleep(0)
        assert connection.closed

    asyncio.run(call())


def test_two_ends_of_time_at_the_same_moment() -> None:
    """As they lie around every request: that of the call and that of its kind of data."""

    async def call() -> None:
        connection = Connection()
        at = asyncio.get_running_loop().time() + 0.01
        with pytest.raises(TimeoutError):
            async with asyncio.timeout_at(at), asyncio.TaskGroup() as group:
                group.create_task(within(at, connection))
        assert connection.closed

    async def within(at: float, connection: Connection) -> None:
        async with asyncio.timeout_at(at):
            await given_up_once(connection.asked())

    asyncio.run(call())


def test_what_comes_of_it_comes_through() -> None:
    async def well() -> str:
        return "well"

    async def badly() -> str:
        raise LookupError

    assert asyncio.run(given_up_once(well())) == "well"
    with pytest.raises(LookupError):
        asyncio.run(given_up_once(badly()))
