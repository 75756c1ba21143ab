"""Memory of processes on Linux: the proportional set size, in which what processes share counts once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path

_EVERY_SECONDS = 0.25


def held(pids: Iterable[int]) -> int:
    """Bytes that these processes hold together; one that has ended holds nothing."""
    total = 0
    for pid in pids:
        try:
            told = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:")) * 1024
    return total


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                waiting += map(int, children.read_text(encoding="ascii").split())
            except OSError:
                continue
    return found


class Peak:
    """Watches a process and its descendants from a thread: `bytes` is the most that they held together."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            self.bytes = max(self.bytes, held(family(self._pid)))
            time.sleep(_EVERY_SECONDS)
