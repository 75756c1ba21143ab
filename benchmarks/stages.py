"""Where the CPU time of a request goes, stage by stage, and the functions that take most of it.

Samples of the running code, some hundred a second of CPU time (the kernel's clock), in this process and without
sockets; the times themselves are those of calls without any profiler. A sample counts for the stage of its innermost
frame (`stage_map`).

    python -m benchmarks.stages [--seconds 8] [--corpus history|no-concern|all-drugs|500] [--functions 25]
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import orjson
from starlette.types import ASGIApp

from benchmarks.corpora import Corpus, all_drugs, history, no_concern, sized
from benchmarks.in_process import application, call
from benchmarks.stage_map import ROOT, STAGES, StageOf
from cds_hooks.memory import settle_memory

CORPORA: dict[str, Callable[[], Corpus]] = {
    "history": history,
    "no-concern": no_concern,
    "all-drugs": all_drugs,
    "500": lambda: sized(500),
}
_EVERY_SECONDS = 0.0005
_WARMING = 10


@dataclass(frozen=True, slots=True)
class Profile:
    """Milliseconds of CPU of one request, in all and by stage; `floor` is decoding its body alone.

    `functions` are the places with most of it themselves: stage, ``file:function`` and milliseconds.
    """

    corpus: str
    whole: float
    floor: float
    stages: dict[str, float]
    functions: tuple[tuple[str, str, float], ...]
    samples: int


class _Sampler:
    """Counts in which stage and function the CPU time is spent, while it is entered."""

    def __init__(self) -> None:
        self.stages: Counter[str] = Counter()
        self.functions: Counter[tuple[str, str]] = Counter()
        self._stage_of = StageOf()

    def __enter__(self) -> _Sampler:
        signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS, _EVERY_SECONDS)
        return self

    def __exit__(self, *raised: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)

    def _take(self, _: int, frame: FrameType | None) -> None:
        stage = self._stage_of.frame(frame)
        self.stages[stage] += 1
        if frame is not None:
            self.functions[stage, _name(frame)] += 1


def profile(corpus: Corpus, *, seconds: float, functions: int = 12) -> Profile:
    """Call with `corpus` again and again for so many seconds of CPU time."""
    app = application()
    settle_memory()
    return asyncio.run(_profile(app, corpus, seconds, functions))


async def _profile(app: ASGIApp, corpus: Corpus, seconds: float, functions: int) -> Profile:
    for _ in range(_WARMING):
        await call(app, corpus)
    whole: list[float] = []
    floor: list[float] = []
    until = time.process_time() + seconds / 2
    while time.process_time() < until or len(whole) < _WARMING:
        began = time.process_time()
        await call(app, corpus)
        between = time.process_time()
        orjson.loads(corpus.body)
        whole.append((between - began) * 1000)
        floor.append((time.process_time() - between) * 1000)
    until = time.process_time() + seconds / 2
    with _Sampler() as taken:
        while time.process_time() < until:
            await call(app, corpus)
    each, samples = statistics.median(whole), taken.stages.total()
    return Profile(
        corpus=corpus.name,
        whole=each,
        floor=statistics.median(floor),
        stages={stage: each * taken.stages[stage] / samples for stage in STAGES},
        functions=tuple(
            (stage, name, each * count / samples) for (stage, name), count in taken.functions.most_common(functions)
        ),
        samples=samples,
    )


def _name(frame: FrameType) -> str:
    file = Path(frame.f_code.co_filename)
    place = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else file.name
    place = file.name if place.startswith(".venv") else place
    return f"{place}:{frame.f_code.co_qualname}"


def main() -> None:
    """Print the stages and the functions of one corpus."""
    parser = argparse.ArgumentParser(description="Where the CPU time of a request goes.")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--corpus", choices=CORPORA, default="history")
    parser.add_argument("--functions", type=int, default=25, metavar="N")
    given = parser.parse_args()
    told = profile(CORPORA[given.corpus](), seconds=given.seconds, functions=given.functions)
    print(f"{told.corpus}: {told.whole:.2f} ms of CPU a request; decoding its body alone {told.floor:.2f} ms")
    for stage, taken in told.stages.items():
        print(f"  {stage:10}{taken:9.3f} ms {taken / told.whole:6.1%}")
    print(f"by function, itself alone ({told.samples} samples):")
    for stage, name, taken in told.functions:
        print(f"  {taken:9.3f} ms {taken / told.whole:6.1%}  {stage:10} {name}")


if __name__ == "__main__":
    main()
