"""Giving up a request: once, so that its connection is closed for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


async def given_up_once(request: Coroutine[None, None, T]) -> T:
    """The answer to `request`, which is cancelled once at most, however often its caller is.

    Several ends of time lie at the same moment, and whoever waits is cancelled by each of them. A second cancellation
    would meet httpcore while it closes the connection: that would stay open, and its place in the pool taken for ever.
    """
    task = asyncio.create_task(request)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            task.add_done_callback(_not_asked_how_it_ended)
            task.cancel()
            await asyncio.wait((task,))
        raise


def _not_asked_how_it_ended(task: asyncio.Task[T]) -> None:
    if not task.cancelled():
        task.exception()  # otherwise asyncio would complain that nobody looked
