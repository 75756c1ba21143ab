"""What a request costs without a clock: executed instructions of the interpreter, calls, and memory at its peak.

The same code on the same requests gives the same counts on every machine, whatever else it does. They are kept in
tests/performance/costs.json; `tests/performance/test_cost_guard.py` compares. Instructions do not see what a library
written in C does inside: calls count how often it is asked. Only this thread is counted: the requests are smaller than
what the service hands to another.

    PYTHONHASHSEED=0 python -m benchmarks.cost [--write FILE]     # without --write: print as JSON
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from starlette.types import ASGIApp

from benchmarks.corpora import Corpus, history, no_concern, sized
from benchmarks.in_process import application, call
from benchmarks.stage_map import STAGES, StageOf

_WARMING = 3
KILOBYTE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One request: instructions and calls by stage, and the most memory it held, in kilobytes."""

    instructions: Mapping[str, int]
    calls: Mapping[str, int]
    peak_kilobytes: int


def minor_version() -> str:
    """The version whose instructions these are: ``3.11``."""
    return ".".join(platform.python_version_tuple()[:2])


def costs() -> dict[str, Cost]:
    """The cost of each guarded request, by name. RuntimeError unless strings are hashed the same way every time."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        raise RuntimeError("Counts are the same every time only with PYTHONHASHSEED=0 in the environment.")
    app = application()
    return {corpus.name: asyncio.run(_cost(app, corpus)) for corpus in (history(), no_concern(), sized(50))}


async def _cost(app: ASGIApp, corpus: Corpus) -> Cost:
    for _ in range(_WARMING):
        await call(app, corpus)
    gc.collect()
    gc.disable()  # what a collection finds to do depends on what came before
    try:
        with _Counting() as instructions:
            await call(app, corpus)
        with _Calls() as calls:
            await call(app, corpus)
        return Cost(instructions=instructions.told(), calls=calls.told(), peak_kilobytes=await _peak(app, corpus))
    finally:
        gc.enable()


class _Counting:
    """Counts every instruction that is executed, by stage."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = dict.fromkeys(STAGES, 0)
        self._stage_of = StageOf()

    def __enter__(self) -> _Counting:
        sys.settrace(self._entered)
        return self

    def __exit__(self, *raised: object) -> None:
        sys.settrace(None)

    def told(self) -> dict[str, int]:
        """What was counted."""
        return dict(self._counts)

    def _entered(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        counts, stage = self._counts, self._stage_of.frame(frame)

        def count(_: FrameType, happened: str, __: Any) -> Callable[..., Any]:
            if happened == "opcode":
                counts[stage] += 1
            return count

        return count


class _Calls:
    """Counts every call, of Python and of C, by the stage of the caller."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._stage_of = StageOf()

    def __enter__(self) -> _Calls:
        sys.setprofile(self._called)
        return self

    def __exit__(self, *raised: object) -> None:
        sys.setprofile(None)

    def told(self) -> dict[str, int]:
        """What was counted."""
        return {stage: self._counts[stage] for stage in STAGES}

    def _called(self, frame: FrameType, event: str, argument: Any) -> None:
        if event in ("call", "c_call"):
            self._counts[self._stage_of.frame(frame)] += 1


async def _peak(app: ASGIApp, corpus: Corpus) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        await call(app, corpus)
        return (tracemalloc.get_traced_memory()[1] - before) // KILOBYTE
    finally:
        tracemalloc.stop()


def complaints(kept: Mapping[str, Any], now: Mapping[str, Cost], *, tolerance: Mapping[str, float]) -> list[str]:
    """What differs from the costs on record by more than is tolerated, each with the stages that changed most.

    A lower cost is told too: unless it is put on record, the next one to grow would not be seen.
    """
    told = []
    for name, cost in now.items():
        if name not in kept:
            told.append(f"{name}: not on record")
            continue
        for what, stages in (("instructions", cost.instructions), ("calls", cost.calls)):
            before: Mapping[str, int] = kept[name][what]
            change = sum(stages.values()) / sum(before.values()) - 1
            if abs(change) > tolerance[what]:
                told.append(f"{name}: {change:+.1%} {what} ({_by_stage(before, stages)})")
        change = cost.peak_kilobytes / kept[name]["peak_kilobytes"] - 1
        if abs(change) > tolerance["peak_kilobytes"]:
            told.append(f"{name}: {change:+.1%} memory at its peak, now {cost.peak_kilobytes} kB")
    return told


def _by_stage(before: Mapping[str, int], now: Mapping[str, int]) -> str:
    moved = sorted(now, key=lambda stage: -abs(now[stage] - before.get(stage, 0)))[:3]
    return "; ".join(f"{stage} {before.get(stage, 0)} -> {now[stage]}" for stage in moved)


def as_json(now: Mapping[str, Cost]) -> dict[str, Any]:
    """The costs as they are kept."""
    return {
        name: {"instructions": cost.instructions, "calls": cost.calls, "peak_kilobytes": cost.peak_kilobytes}
        for name, cost in now.items()
    }


def main() -> None:
    """Count, and print or write down."""
    parser = argparse.ArgumentParser(description="The cost of a request in instructions, calls and memory.")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put them on record for this version of Python")
    given = parser.parse_args()
    counted = as_json(costs())
    if given.write is None:
        print(json.dumps(counted))
        return
    kept = json.loads(given.write.read_text(encoding="utf-8")) if given.write.exists() else {}
    kept[minor_version()] = counted
    given.write.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    for name, one in counted.items():
        print(
            f"{name}: {sum(one['instructions'].values()):,} instructions, {sum(one['calls'].values()):,} calls, "
            f"{one['peak_kilobytes']:,} kB"
        )


if __name__ == "__main__":
    main()
