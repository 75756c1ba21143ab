"""How long an input takes and what memory is held: CPU time and resident memory of this process."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.doors import HARD_BUDGET_SECONDS
from tests.fuzz.findings import Findings, place_of
from tests.fuzz.oracle import LATE
from tests.fuzz.targets import Target

_HANGS_SECONDS = 30.0
_TRIES = 3
# Resident memory of a Python process moves by fragments; what is kept of each input shows at a million of them.
GROWTH_BYTES_AN_INPUT = 40
GROWTH_FREE_MB = 40.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


class HangError(BaseException):
    """An input that does not end; no `except Exception` of the product may swallow it."""


def _hangs(_: int, __: FrameType | None) -> None:
    raise HangError


@contextmanager
def bounded() -> Iterator[None]:
    """Raise HangError in what takes more CPU time than any input may."""
    before = signal.signal(signal.SIGPROF, _hangs)
    signal.setitimer(signal.ITIMER_PROF, _HANGS_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@dataclass(slots=True)
class Tally:
    """What one target took: inputs, CPU seconds, the slowest input in CPU milliseconds."""

    inputs: int = 0
    cpu_seconds: float = 0.0
    slowest_ms: float = 0.0


def judged(target: Target, value: Any, number: int, findings: Findings, tally: Tally) -> list[str]:
    """Judge one input and note what is wrong with it. Too slow is what takes more than the hard budget every time: once
    something may have been loaded or collected, or the machine given to others.
    """
    faults, seconds = _once(target, value)
    tally.inputs += 1
    tally.cpu_seconds += seconds
    tries = 1
    while (seconds > HARD_BUDGET_SECONDS or LATE in faults) and tries < _TRIES:
        again, taken = _once(target, value)
        seconds = min(seconds, taken)
        faults = [fault for fault in faults if fault != LATE or LATE in again]
        tries += 1
    tally.slowest_ms = max(tally.slowest_ms, seconds * 1000)
    if seconds > HARD_BUDGET_SECONDS:
        faults.append("slower than the hard budget")
    for fault in faults:
        findings.note(target.name, number, fault, value)
    return faults


def _once(target: Target, value: Any) -> tuple[list[str], float]:
    began = time.process_time()
    try:
        with bounded():
            faults = list(target.judge(value))
    except HangError:
        faults = ["a hang"]
    except Exception as error:
        faults = [place_of(error)]
    return faults, time.process_time() - began


def resident_mb() -> float:
    """Resident memory after garbage is collected and what the allocator holds free is given back."""
    gc.collect()
    with suppress(AttributeError, OSError):  # another allocator: what it holds is counted
        ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE / 1e6


@dataclass(slots=True)
class Memory:
    """Resident memory after each round, with the inputs so far."""

    rounds: list[tuple[int, float]] = field(default_factory=list)

    def look(self, inputs: int) -> None:
        self.rounds.append((inputs, round(resident_mb(), 1)))

    def told(self) -> dict[str, Any]:
        """After the warm-up (a fifth of the rounds), at the end, at most; and whether it is bounded."""
        warm = self.rounds[len(self.rounds) // 5]
        last = self.rounds[-1]
        allowed = GROWTH_FREE_MB + (last[0] - warm[0]) * GROWTH_BYTES_AN_INPUT / 1e6
        return {
            "warm_mb": warm[1],
            "warm_after_inputs": warm[0],
            "end_mb": last[1],
            "most_mb": max(one for _, one in self.rounds),
            "allowed_growth_mb": round(allowed, 1),
            "bounded": last[1] - warm[1] <= allowed,
        }
