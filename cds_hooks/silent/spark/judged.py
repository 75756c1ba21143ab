"""What a worker does with a bucket: it is judged as the local engine does it, and its parts travel to the driver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cds_hooks.silent.buckets import gather_medications, packed
from cds_hooks.silent.parts import part_of, prepare
from cds_hooks.silent.plan import RunPlan
from cds_hooks.silent.spark.guarding import Surroundings, guarded
from cds_hooks.silent.spark.reading import Record
from cds_hooks.silent.spark.slices import Slice, put, workplace
from cds_hooks.silent.tables import TABLES
from cds_hooks.silent.workers import Judging

PART = "part"


class LostRecordsError(Exception):
    """A bucket does not hold what was counted into it: no patient may be judged by half a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Judges buckets by `plan`; `memory` bytes are for DuckDB, `resources` is how many each bucket has to hold."""

    plan: RunPlan
    resources: Sequence[int]
    memory: int
    surroundings: Surroundings

    def __call__(self, bucket: int, records: Iterable[tuple[int, Slice | tuple[str, str]]]) -> Iterator[Record]:
        """The record (`PART`, table, the bytes of the file) of each table, or one `FAULT`."""
        return guarded(self._parts(bucket, records))

    def _parts(self, bucket: int, records: Iterable[tuple[int, Slice | tuple[str, str]]]) -> Iterator[Record]:
        self.surroundings.check()
        with workplace() as place:
            grouped, directory = place / "grouped", place / "run"
            grouped.mkdir()
            medications: list[tuple[str, str]] = []
            rows = 0
            for _, one in records:
                if isinstance(one, Slice):
                    put(grouped, one)
                    rows += one.rows
                else:
                    medications.append(one)
            if rows != self.resources[bucket]:
                raise LostRecordsError
            if medications:
                self._keep(medications, grouped)
            prepare(directory)
            Judging(
                place=grouped,
                directory=directory,
                plan=self.plan,
                load=self.surroundings.load,
                knowledge_hash=self.surroundings.knowledge_hash,
                memory=self.memory,
            ).ready()(bucket)
            for table in TABLES:
                yield PART, table, part_of(directory, table, bucket).read_bytes()

    def _keep(self, medications: list[tuple[str, str]], place: Path) -> None:
        import duckdb  # noqa: PLC0415 - an extra that only cohorts need
        import pyarrow as pa  # noqa: PLC0415

        ids, lines = zip(*medications, strict=True)
        table = pa.table({"id": pa.array(ids, pa.string()), "line": pa.array(lines, pa.string())})
        file = place / "medications.0.arrows"
        file.write_bytes(packed(table))
        with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as database:
            gather_medications(place, [file], database)
