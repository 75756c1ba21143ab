"""When the garbage collector runs: not over what is being built to stay, and seldom over what never dies."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def building() -> Iterator[None]:
    """Around building what stays for the life of the process, as knowledge does: nothing of it is garbage yet."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def settle_memory() -> None:
    """Call once when the process is ready to serve: keeps the garbage collector from walking what never dies.

    Full collections over code and knowledge cost tens of milliseconds each and are the tail of the response times.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
