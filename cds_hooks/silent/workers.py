"""The worker processes of the local engine: what each sets up once, and the two things it can be asked."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any, TypeVar

from cds_hooks.memory import settle_memory
from cds_hooks.silent.blocks import Piece
from cds_hooks.silent.buckets import patients_in
from cds_hooks.silent.faults import RunInterruptedError, UnusableRunError
from cds_hooks.silent.grouping import Counted, Grouper
from cds_hooks.silent.judging import judge_patient
from cds_hooks.silent.parts import Parts
from cds_hooks.silent.plan import RunPlan
from mappings.load import Knowledge

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """How a worker groups: into the buckets of `place`; `memory` bytes for DuckDB in each worker."""

    place: Path
    buckets: int
    read: frozenset[str]
    memory: int

    def ready(self) -> Callable[[Piece], Counted]:
        """What the worker is asked: one piece."""
        mark = f"{os.getpid()}-{threading.get_native_id()}"
        return Grouper(self.place, mark, buckets=self.buckets, read=self.read, memory=self.memory).group


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How a worker judges the buckets of `place` into the parts of `directory`."""

    place: Path
    directory: Path
    plan: RunPlan
    load: Callable[[], Knowledge]
    knowledge_hash: str
    memory: int

    def ready(self) -> Callable[[int], int]:
        """What the worker is asked: one bucket; it answers with its number."""
        import duckdb  # noqa: PLC0415 - an extra that only cohorts need

        knowledge = self.load()
        if knowledge.content_hash != self.knowledge_hash:
            raise UnusableRunError("knowledge", "was changed during the run", "run again with --force")
        database = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        database.execute("SET threads = 1")
        settle_memory()
        atexit.register(gc.unfreeze)  # what is frozen is never let go, and DuckDB complains of it at the end
        database.execute(f"SET memory_limit = '{self.memory // 2**20}MiB'")

        def judge(bucket: int) -> int:
            parts = Parts(self.directory, bucket)
            try:
                for patient, lines in patients_in(self.place, bucket, database):
                    parts.add(judge_patient(patient, lines, plan=self.plan, knowledge=knowledge))
                parts.finish()
            except BaseException:
                parts.abandon()
                raise
            return bucket

        return judge


_asked: Callable[[Any], Any] | None = None


def _set_up(job: Grouping | Judging) -> None:
    """Once in each worker: the parent alone hears Ctrl-C, and no worker outlives it, however it ends."""
    global _asked  # noqa: PLW0603 - what the process was made for
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o077)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _asked = job.ready()
    atexit.register(_let_go)


def _let_go() -> None:
    """Close what the worker holds before the interpreter ends: DuckDB complains of what is left open."""
    global _asked  # noqa: PLW0603
    _asked = None


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _ask(asked: Any) -> Any:
    assert _asked is not None  # noqa: S101 - `_set_up` has run
    return _asked(asked)


def answers(
    job: Grouping | Judging, asked: Sequence[Any], *, workers: int, stop_asked: Callable[[], bool]
) -> Iterator[Any]:
    """The answer to each of `asked`, in the order they are found; with one worker in this process.

    Raises RunInterruptedError once those in hand are answered when asked to stop, and UnusableRunError when a worker
    was ended from outside.
    """
    if workers == 1 or len(asked) == 1:
        answer = job.ready() if asked else None
        for one in asked:
            if stop_asked():
                raise RunInterruptedError
            assert answer is not None  # noqa: S101
            yield answer(one)
        return
    waiting = list(reversed(asked))
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_set_up, initargs=(job,))
    with pool:
        running: set[Future[Any]] = set()
        try:
            while waiting or running:
                while waiting and len(running) < workers and not stop_asked():
                    running.add(pool.submit(_ask, waiting.pop()))
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for one in done:
                    yield one.result()
        except BrokenProcessPool:
            raise UnusableRunError(
                "a worker",
                "was ended, most likely for want of memory",
                "run the same command again to resume, with fewer --workers",
            ) from None
        finally:
            with suppress(BrokenProcessPool):
                for one in running:
                    one.cancel()
    if waiting:
        raise RunInterruptedError
