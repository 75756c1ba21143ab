"""The engine on Apache Spark: pieces are read and buckets judged by its workers; the run directory is the driver's.

No line of a patient comes to the driver but the broken ones, slice by slice; the parts of a bucket come as they are
done. So a cluster needs no file system for the results, and what is there is kept whenever the run ends.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cds_hooks.silent.blocks import Piece, pieces_of
from cds_hooks.silent.buckets import bucket_count
from cds_hooks.silent.engine import Filled, Tally, Task, Watch, tally_of
from cds_hooks.silent.local import WORK
from cds_hooks.silent.parts import is_written, keep, prepare
from cds_hooks.silent.rejects import gather_rejects
from cds_hooks.silent.spark.asking import answer, answers
from cds_hooks.silent.spark.guarding import Surroundings, versions_here
from cds_hooks.silent.spark.judged import Judged
from cds_hooks.silent.spark.reading import (
    RECORDS,
    PieceRead,
    Reading,
    matched,
    only,
    owned,
    piece_read,
    reject_of,
    wanted,
)
from cds_hooks.silent.spark.session import need_spark, spark_context
from cds_hooks.silent.spark.slices import put

_DATABASE = 192 * 2**20


class SparkEngine:
    """Spark at `master`, else as it is configured, else on all cores here. UnusableRunError without PySpark or Java."""

    def __init__(self, master: str | None = None) -> None:
        need_spark()
        self._master = master

    @property
    def name(self) -> str:
        """What the manifest calls it."""
        return "spark"

    def run(self, task: Task, watch: Watch) -> Tally:
        """Read and group the whole input, then judge every bucket that has no parts yet."""
        work = task.directory / WORK
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(mode=0o700)
        with spark_context(self._master, work) as context:
            return _Run(context, task, watch, work).whole()


class _Run:
    def __init__(self, context: Any, task: Task, watch: Watch, work: Path) -> None:
        self._context, self._task, self._watch, self._work = context, task, watch, work
        self._buckets = bucket_count(sum(file.weight for file in task.inputs))
        self._filled = Filled(self._buckets)
        self._known = frozenset(kind.type for kind in task.knowledge.known_then.kinds)
        self._surroundings = Surroundings(
            versions=versions_here(), load=task.load, knowledge_hash=task.knowledge.content_hash
        )

    def whole(self) -> Tally:
        from pyspark import StorageLevel  # noqa: PLC0415 - an extra that only this engine needs

        pieces = pieces_of(self._task.inputs)
        reading = Reading(buckets=self._buckets, read=self._known, memory=_DATABASE, surroundings=self._surroundings)
        read = self._context.parallelize(pieces, len(pieces)).mapPartitions(reading).persist(StorageLevel.DISK_ONLY)
        try:
            found = self._read(read, pieces)
            counted = [one.counted for one in found]
            place = self._rejects(read, found)
            rejects = gather_rejects(place, self._task.directory, counted, self._task.inputs)
            tally = tally_of(counted, self._task.inputs, known=self._known, buckets=self._buckets, rejects=rejects)
            grouped = self._grouped(read, medications=any(one.medications for one in found))
            self._judge(grouped, replace(self._task.plan, kinds=tally.kinds), self._filled.resources)
        finally:
            read.unpersist()
        return tally

    def _read(self, read: Any, pieces: Sequence[Piece]) -> list[PieceRead]:
        self._watch.begin("bytes grouped by patient", sum(piece.weight for piece in pieces))
        found: list[PieceRead] = []
        for piece, records in self._answers(read, range(len(pieces)), piece_read):
            for _, _, value in records:
                self._filled.take(value.counted)
                found.append(value)
            self._watch.step(pieces[piece].weight)
        return sorted(found, key=lambda one: one.counted.piece)

    def _rejects(self, read: Any, found: Sequence[PieceRead]) -> Path:
        """What the pieces refused, as the local engine leaves it."""
        place = self._work / "rejects"
        place.mkdir(mode=0o700)
        for one in found:
            for suffix in (".ndjson", ".lines"):
                (place / f"rejects-{one.counted.piece:06d}{suffix}").touch(mode=0o600)
            for number in range(one.rejects):
                for refused in answer(self._context, read, one.counted.piece, partial(reject_of, number)):
                    put(place, refused)
        return place

    def _grouped(self, read: Any, *, medications: bool) -> Any:
        """Each bucket as one partition of that number, with the Medications that it may refer to."""
        records = read.mapPartitions(partial(only, what=RECORDS))
        if medications:
            names = read.mapPartitions(partial(wanted, groups=self._buckets))
            pairs = names.union(read.mapPartitions(owned)).partitionBy(self._buckets, _as_it_is)
            records = records.union(pairs.mapPartitions(matched))
        return records.partitionBy(self._buckets, _as_it_is)

    def _judge(self, grouped: Any, plan: Any, resources: Sequence[int]) -> None:
        directory = self._task.directory
        prepare(directory)
        self._watch.begin("resources judged", sum(resources))
        waiting = [bucket for bucket in range(self._buckets) if not is_written(directory, bucket)]
        self._watch.step(sum(resources) - sum(resources[bucket] for bucket in waiting))
        judged = grouped.mapPartitionsWithIndex(
            Judged(plan=plan, resources=resources, memory=_DATABASE, surroundings=self._surroundings)
        )
        for bucket, records in self._answers(judged, waiting, list):
            keep(directory, bucket, {table: written for _, table, written in records})
            self._watch.step(resources[bucket])

    def _answers(self, rdd: Any, asked: Sequence[int], what: Any) -> Any:
        return answers(
            self._context, rdd, asked, what=what, workers=self._task.workers, stop_asked=self._watch.stop_asked
        )


def _as_it_is(number: int) -> int:
    """The partition of a key that is the number of a partition."""
    return number
