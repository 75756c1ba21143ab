"""The Parquet parts of a run: one a table and bucket, whole or not there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cds_hooks.silent.tables import TABLES, Row, Rows, Table, sorted_rows

FOLDER = "tables"
# Rows of all tables held before they are written: what bounds the memory of a bucket with many moments.
_HELD = 20_000


def part_of(directory: Path, table: str, bucket: int) -> Path:
    """Where the part of a bucket lies."""
    return directory / FOLDER / table / f"part-{bucket:05d}.parquet"


def is_written(directory: Path, bucket: int) -> bool:
    """Whether all parts of a bucket are there."""
    return all(part_of(directory, table, bucket).exists() for table in TABLES)


def schema_of(table: Table) -> Any:
    """The Arrow schema of a table; every field carries its meaning."""
    import pyarrow as pa  # noqa: PLC0415 - an extra that only cohorts need

    kinds = {
        "text": pa.string(),
        "day": pa.date32(),
        "whole": pa.int64(),
        "number": pa.float64(),
        "yes": pa.bool_(),
        "texts": pa.list_(pa.field("element", pa.string())),
    }
    return pa.schema(
        [pa.field(one.name, kinds[one.kind], metadata={"meaning": one.meaning}) for one in table.columns],
        metadata={"meaning": table.meaning, "key": ",".join(table.key)},
    )


class Parts:
    """The parts of one bucket while they are written. Patients are to come in the order of their ids."""

    def __init__(self, directory: Path, bucket: int) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415

        self._directory, self._bucket, self._held = directory, bucket, 0
        self._rows: dict[str, list[Row]] = {name: [] for name in TABLES}
        self._schemas: Mapping[str, Any] = {name: schema_of(table) for name, table in TABLES.items()}
        self._files = {
            name: os.fdopen(os.open(self._draft(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
            for name in TABLES
        }
        self._writers = {
            name: pq.ParquetWriter(file, self._schemas[name], compression="zstd") for name, file in self._files.items()
        }

    def _draft(self, table: str) -> Path:
        return part_of(self._directory, table, self._bucket).with_suffix(f".{os.getpid()}.draft")

    def add(self, rows: Rows) -> None:
        """The rows of the next patient."""
        for name, table in TABLES.items():
            given = rows.get(name, [])
            self._rows[name] += sorted_rows(table, given)
            self._held += len(given)
        if self._held >= _HELD:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa  # noqa: PLC0415

        for name, rows in self._rows.items():
            if rows:
                self._writers[name].write_table(pa.Table.from_pylist(rows, schema=self._schemas[name]))
                rows.clear()
        self._held = 0

    def finish(self) -> None:
        """Put all parts in their place, each at once; until then none of them is there under its name."""
        self._flush()
        for name, file in self._files.items():
            self._writers[name].close()
            file.flush()
            os.fsync(file.fileno())
            file.close()
        for name in TABLES:
            self._draft(name).replace(part_of(self._directory, name, self._bucket))

    def abandon(self) -> None:
        """Leave nothing behind."""
        for name, file in self._files.items():
            file.close()
            self._draft(name).unlink(missing_ok=True)


def keep(directory: Path, bucket: int, parts: Mapping[str, bytes]) -> None:
    """Put the parts of a bucket that were written elsewhere, one a table, in their place, each at once."""
    drafts = {name: part_of(directory, name, bucket).with_suffix(f".{os.getpid()}.draft") for name in TABLES}
    for name, draft in drafts.items():
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(parts[name])
            file.flush()
            os.fsync(file.fileno())
    for name, draft in drafts.items():
        draft.replace(part_of(directory, name, bucket))


def prepare(directory: Path) -> None:
    """Make the folders of the tables, and clear away drafts that a killed run left."""
    for name in TABLES:
        folder = directory / FOLDER / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for draft in folder.glob("*.draft"):
            draft.unlink()
