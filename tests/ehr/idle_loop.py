"""An event loop whose time stands still while there is work, and goes on to the next timer when there is none.

What a call does within its time then depends on how the two ends behave and not on how busy the machine is. Real
sockets work: the kernel hands over what was sent on loopback at once, and a moment is waited to be sure of it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_QUIET_SECONDS = 0.01
_DEAD_SECONDS = 30.0
_T = TypeVar("_T")


class _Waiting(selectors.DefaultSelector):  # type: ignore[misc, unused-ignore]
    """Waits for sockets a moment only; `passed` are the seconds of loop time gone by while nothing came."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            found = super().select(_DEAD_SECONDS)
            if not found:
                raise RuntimeError("nothing will ever happen: no timer is set, and no socket is ready")
            return found
        found = super().select(min(timeout, _QUIET_SECONDS))
        if not found:
            self.passed += timeout
        return found


class IdleLoop(asyncio.SelectorEventLoop):
    """The loop. Its time begins at 0."""

    def __init__(self) -> None:
        self._waiting = _Waiting()
        super().__init__(self._waiting)

    def time(self) -> float:
        return self._waiting.passed


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Like `asyncio.run`, on an `IdleLoop`."""
    with asyncio.Runner(loop_factory=IdleLoop) as runner:
        return runner.run(main)
