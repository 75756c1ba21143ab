"""The engine on one machine: groups out of core with DuckDB, then judges bucket by bucket on all cores."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson

from cds_hooks.silent.blocks import pieces_of
from cds_hooks.silent.buckets import bucket_count, bucket_files, gather_medications
from cds_hooks.silent.engine import Filled, Tally, Task, Watch, tally_of
from cds_hooks.silent.grouping import HELD, Counted
from cds_hooks.silent.parts import is_written, prepare
from cds_hooks.silent.rejects import gather_rejects
from cds_hooks.silent.workers import Grouping, Judging, answers

WORK = "work"
_GROUPED = "grouped"
_TALLY = "grouping.json"
# What a process holds beside its data, and how many times a bucket its judging takes: above what a run took. Grouping
# takes less than that of what it holds back.
_PROCESS = 250 * 2**20
_PARENT = 120 * 2**20
_FOLD = 4
_WORTH_A_PROCESS = 32 * 2**20
_DATABASE = 192 * 2**20


class LocalEngine:
    """All cores of this machine. Needs the extra `cohort`."""

    @property
    def name(self) -> str:
        """What the manifest calls it."""
        return "local"

    def run(self, task: Task, watch: Watch) -> Tally:
        """Group, unless that was done, then judge every bucket that has no parts yet."""
        grouped = task.directory / WORK / _GROUPED
        if not (grouped / _TALLY).exists():
            self.group(task, watch)
        told = orjson.loads((grouped / _TALLY).read_bytes())
        tally = Tally(**{**told["tally"], "kinds": tuple(told["tally"]["kinds"])})
        self._judge(task, watch, replace(task.plan, kinds=tally.kinds), grouped, told["resources"], told["largest"])
        return tally

    def group(self, task: Task, watch: Watch) -> None:
        """Put every resource into the bucket of its patient, and the broken lines aside."""
        shutil.rmtree(task.directory / WORK, ignore_errors=True)
        (task.directory / WORK).mkdir(mode=0o700)
        place = Path(tempfile.mkdtemp(prefix="grouping-", dir=task.directory / WORK))
        known = frozenset(kind.type for kind in task.knowledge.known_then.kinds)
        pieces = pieces_of(task.inputs)
        buckets = bucket_count(sum(file.weight for file in task.inputs))
        job = Grouping(place=place, buckets=buckets, read=known, memory=_DATABASE)
        watch.begin("bytes grouped by patient", sum(piece.weight for piece in pieces))
        # A process of its own pays only where there is much to read.
        workers = min(fitting(task, HELD // _FOLD), 1 + sum(file.size for file in task.inputs) // _WORTH_A_PROCESS)
        counted: list[Counted] = []
        filled = Filled(buckets)
        for one in answers(job, pieces, workers=workers, stop_asked=watch.stop_asked):
            filled.take(one)
            counted.append(one)
            watch.step(pieces[one.piece].weight)
        rejects = gather_rejects(place, task.directory, counted, task.inputs)
        self._medications(place)
        tally = tally_of(counted, task.inputs, known=known, buckets=buckets, rejects=rejects)
        told = {"tally": asdict(tally), "resources": filled.resources, "largest": max(filled.weights)}
        (place / _TALLY).write_bytes(orjson.dumps(told))
        place.rename(task.directory / WORK / _GROUPED)

    def _medications(self, place: Path) -> None:
        import duckdb  # noqa: PLC0415 - an extra that only cohorts need

        database = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        database.execute(f"SET memory_limit = '{_DATABASE // 2**20}MiB'")
        database.execute("SET threads = 1")
        database.execute("SET temp_directory = ?", [str(place / "duckdb")])
        gather_medications(place, sorted(place.glob("medications.*.arrows")), database)
        database.close()

    def _judge(
        self, task: Task, watch: Watch, plan: Any, grouped: Path, resources: Sequence[int], largest: int
    ) -> None:
        prepare(task.directory)
        watch.begin("resources judged", sum(resources))
        waiting = []
        for bucket, many in enumerate(resources):
            if is_written(task.directory, bucket):
                watch.step(many)
            else:
                waiting.append(bucket)
        job = Judging(
            place=grouped,
            directory=task.directory,
            plan=plan,
            load=task.load,
            knowledge_hash=task.knowledge.content_hash,
            memory=_DATABASE,
        )
        for bucket in answers(job, waiting, workers=fitting(task, largest), stop_asked=watch.stop_asked):
            for file in bucket_files(grouped, bucket):
                file.unlink()
            watch.step(resources[bucket])


def fitting(task: Task, bucket: int) -> int:
    """As many workers as were asked for and the memory allows, at least one."""
    return max(1, min(task.workers, (task.memory - _PARENT) // (_PROCESS + _FOLD * bucket)))


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
