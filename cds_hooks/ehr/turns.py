"""How many calls read from one FHIR server at once: the others wait for their turn before their time starts to run.

Each call makes a dozen requests. If a crowd of calls began at once, all of them would run out of time together, and
most of what was read would be read for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from cds_hooks.admission import Pace
from cds_hooks.ehr.gate import Gate

# About as many of a call's requests are under way at once as there are kinds that every call reads.
_CONNECTIONS_A_CALL = 8


class NoTurnError(Exception):
    """The call's turn did not come in the time that it may wait, or will not: so many wait before it."""


class Turns:
    """The turns at one server to which there are at most `connections`, in order of arrival."""

    def __init__(self, connections: int) -> None:
        self._width = max(1, connections // _CONNECTIONS_A_CALL)
        self._gate = Gate(self._width)
        self._turn = Pace()

    @asynccontextmanager
    async def taken(self, at_most_seconds: float) -> AsyncIterator[None]:
        """Have a turn from entry to exit, after waiting `at_most_seconds` for it. Raises NoTurnError, at once where the
        turns of those who wait already will take longer, as turns went so far.
        """
        if self._gate.waiting * self._turn.seconds / self._width > at_most_seconds:
            raise NoTurnError
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as turn:
            try:
                async with asyncio.timeout(at_most_seconds):
                    await turn.enter_async_context(self._gate.entered(0))
            except TimeoutError:
                raise NoTurnError from None
            began = loop.time()
            yield
            self._turn.learn(loop.time() - began)
