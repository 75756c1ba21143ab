"""Which calls are taken on: those that can be begun in time. The rest are told so before their body is decoded.

A process reasons about one call after the other. Where more come than it can answer, all would be late, and those whose
client has given up would cost as much as the others. So calls stand in line, and one is refused as soon as the line
before it will take longer than it may wait, which is learned from how fast the line has moved. It is a matter of time
alone: what is in a call plays no part.

Between two calls the process looks at what else has come, so that refusals, discovery and health are never far behind.
One look is not enough: the event loop takes on one new connection a round, and hundreds may be waiting to be heard.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import ClientDisconnect

from cds_hooks.clock import stopwatch
from cds_hooks.errors import Overloaded

LARGE_BYTES = 200_000
_GUESS, _LARGE_GUESS = 0.005, 0.3  # seconds of a call, before any was measured
_NEWEST = 0.1  # the weight of the newest in what is learned
_LATE = 1.5  # times the wait allowed: whoever has stood in line for so long is refused in the end, too
_ODD = 4.0  # times what was learned: no single call teaches more
_QUIET_ROUNDS = 3  # of the event loop: from a new connection to its call
_LOOKING = 2.0  # times what the call before took: so long, at most, the process looks at what else has come


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call in line: since when, and whether it may begin once that is told."""

    since: float
    turn: asyncio.Future[bool]

    @property
    def begins(self) -> bool:
        """Whether it was told to begin."""
        return self.turn.done() and not self.turn.cancelled() and self.turn.result()

    def tell(self, begins: bool) -> bool:
        """Whether it is still there to be told; it may have been cut off."""
        if self.turn.done():
            return False
        self.turn.set_result(begins)
        return True


class Pace:
    """Seconds that a call takes, as learned from those before; without a guess, the first teaches it."""

    def __init__(self, guess: float = 0.0) -> None:
        self.seconds = guess

    def learn(self, seconds: float) -> None:
        """The newest took so long."""
        if not self.seconds:
            self.seconds = seconds
        self.seconds += _NEWEST * (min(seconds, _ODD * self.seconds) - self.seconds)


class Admission:
    """The calls of one process. One that cannot be begun within `seconds` is refused.

    `now` is a monotonic time in seconds; `draw` gives numbers from 0 to 1, so that not all come back at once.
    """

    def __init__(
        self, seconds: float, *, now: Callable[[], float] = stopwatch, draw: Callable[[], float] = random.random
    ) -> None:
        self._seconds = seconds
        self._now = now
        self._draw = draw
        self._line: deque[Waiting] = deque()
        self._pace = Pace(_GUESS)
        self._called = -math.inf  # when the last one was let begin
        self._began = 0.0  # when it did
        self._just_began = False  # or is about to, and the network has not been looked at since
        self._looking_since = 0.0
        self._quiet_rounds = 0
        self._large_calls = 0
        self._large_pace = Pace(_LARGE_GUESS)
        self._large_turn = asyncio.Lock()

    @property
    def idle(self) -> bool:
        """Whether nobody stands in line, and no large record is at work."""
        return not self._line and not self._large_calls

    def refusal(self, size: int) -> Overloaded | None:
        """What a call with a body of `size` bytes is told if it comes now; None when it may come."""
        self._quiet_rounds = 0
        wait = len(self._line) * self._pace.seconds
        if size > LARGE_BYTES:
            wait = max(wait, self._large_calls * self._large_pace.seconds)
        return None if wait <= self._seconds else self._overloaded()

    @asynccontextmanager
    async def taken(self, size: int, has_left: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
        """Be worked on, from entry to exit, with a body of `size` bytes that has arrived. First come, first served.

        Raises Overloaded, and ClientDisconnect when the client `has_left` while it stood in line.
        """
        if (refused := self.refusal(size)) is not None:
            raise refused
        large = size > LARGE_BYTES
        self._large_calls += large
        try:
            if self._just_began or self._line:
                await self._stand_in_line(has_left)
            else:
                self._called = self._now()
                self._begin()
            yield
        finally:
            self._large_calls -= large

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Judge a large record, from entry to exit, while no other large one is: side by side, all would be late."""
        async with self._large_turn:
            began = self._now()
            yield
            self._large_pace.learn(self._now() - began)

    def _late(self, now: float) -> bool:
        """Whether the last in line would have waited too long when it begins."""
        ahead = len(self._line) - 1
        return now - self._line[-1].since + ahead * self._pace.seconds > self._seconds

    def _overloaded(self) -> Overloaded:
        return Overloaded(math.ceil(self._seconds * (0.5 + self._draw())))

    async def _stand_in_line(self, has_left: Callable[[], Awaitable[bool]]) -> None:
        waiting = Waiting(self._now(), asyncio.get_running_loop().create_future())
        self._line.append(waiting)
        try:
            if not await waiting.turn:
                raise self._overloaded()
            if await has_left():
                raise ClientDisconnect
        finally:
            if waiting.begins:  # also when it leaves now: its turn goes to the next
                self._begin()

    def _begin(self) -> None:
        self._just_began, self._began = True, self._now()
        asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        """The round in which a call began is over: the next begins when nothing more comes in for some rounds."""
        self._looking_since, self._quiet_rounds = self._now(), 0
        self._next()

    def _next(self) -> None:
        looked, worked = self._now() - self._looking_since, self._looking_since - self._began
        self._quiet_rounds += 1
        if self._line and self._quiet_rounds <= _QUIET_ROUNDS and looked <= _LOOKING * worked:
            asyncio.get_running_loop().call_soon(self._next)
            return
        self._just_began = False
        if not self._line:
            return
        now = self._now()
        self._pace.learn(now - self._called)
        while len(self._line) > 1 and self._late(now):
            self._line.pop().tell(begins=False)  # the line is slower than it seemed when this one came
        oldest = now - _LATE * self._seconds
        while self._line and not self._just_began:
            first = self._line.popleft()
            begins = first.since >= oldest
            self._just_began = first.tell(begins) and begins
        self._called = now
