"""How many requests to one host are under way at once, and who goes first when it is full."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count


class Gate:
    """At most `width` inside at once. Who waits is let in by rank, the lowest first, and within a rank in order of
    arrival: 0 for what an answer cannot do without, 1 for what is announced as prefetch, 2 for what is asked on need.

    So a crowd of calls gets what is essential for all before anything else for some. Nobody waits for ever, because
    every caller has a deadline. ValueError for a width below 1.
    """

    def __init__(self, width: int) -> None:
        if width < 1:
            raise ValueError("a gate must let at least one in")
        self._free = width
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = count()

    @property
    def waiting(self) -> int:
        """How many wait to be let in."""
        return sum(not turn.done() for _, _, turn in self._waiting)

    @asynccontextmanager
    async def entered(self, rank: int) -> AsyncIterator[None]:
        """Be inside from entry to exit. Who is cancelled while waiting leaves no trace."""
        await self._enter(rank)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, rank: int) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._arrivals), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the place was given in the same moment
                self._leave()
            raise

    def _leave(self) -> None:
        """Hand the place to who is next, or free it."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
