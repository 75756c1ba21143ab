"""Questions to Spark, several under way at once: one a partition, so that each answer counts as soon as it is there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any
from uuid import uuid4

from cds_hooks.silent.faults import RunInterruptedError, UnusableRunError
from cds_hooks.silent.spark.guarding import ALIKE, FAULT, TaskFailedError

# More than there are cores, so that none waits for the driver and Spark sees that more executors would help.
_AHEAD = 2
_MOST = 1024
_KIND = re.compile(rf"{TaskFailedError.__name__}: (\w+)")


def answers(
    context: Any,
    rdd: Any,
    asked: Sequence[int],
    *,
    what: Callable[[Any], Any],
    workers: int,
    stop_asked: Callable[[], bool],
) -> Iterator[tuple[int, list[Any]]]:
    """`what` of each partition `asked` of `rdd`, as they are found; `workers` at once, 0: as Spark has cores.

    Raises RunInterruptedError once those in hand are answered when asked to stop, and UnusableRunError when Spark gives
    up or a worker tells a fault.
    """
    waiting = list(reversed(asked))
    mark = f"trd-cds-{uuid4()}"

    def ask(partition: int) -> tuple[int, list[Any]]:
        context.setJobGroup(mark, "trd-cds cohort run")
        return partition, answer(context, rdd, partition, what)

    with ThreadPoolExecutor(_MOST, thread_name_prefix="spark") as pool:
        running: set[Future[tuple[int, list[Any]]]] = set()
        try:
            while waiting or running:
                room = min(workers or _AHEAD * context.defaultParallelism, _MOST) - len(running)
                while waiting and room > 0 and not stop_asked():
                    running.add(pool.submit(ask, waiting.pop()))
                    room -= 1
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for one in done:
                    yield one.result()
        except BaseException:
            for one in running:
                one.cancel()
            context.cancelJobGroup(mark)
            raise
    if waiting:
        raise RunInterruptedError


def answer(context: Any, rdd: Any, partition: int, what: Callable[[Any], Any]) -> list[Any]:
    """`what` of one partition. Raises UnusableRunError, which repeats nothing that Spark says."""
    try:
        found = context.runJob(rdd, what, [partition])
    except Exception as fault:
        raise _told(str(fault)) from None
    for record in found:
        if isinstance(record, tuple) and record[0] == FAULT:
            raise UnusableRunError(*record[2])
    return list(found)


def _told(said: str) -> UnusableRunError:
    if "ModuleNotFoundError" in said or "ImportError" in said:
        return UnusableRunError("a worker", "cannot load this program or one of its libraries", ALIKE)
    kind = _KIND.search(said)
    what = f"gave up on a task ({kind.group(1)})" if kind else "gave up on a task"
    return UnusableRunError("Spark", what, "see its log; the same command goes on from here")
