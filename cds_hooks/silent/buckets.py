"""What grouping leaves: one bucket of patients after another, each read whole, and the Medications beside them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from cds_hooks.silent.telling import medications_named

MEDICATIONS = "medications.parquet"
_BUCKET = 16 * 2**20
_FEWEST = 8
_AT_ONCE = 1000
# Before each stream of Arrow in a file: its bytes as they stand there, packed, and once unpacked. Arrow's own packing
# takes ten times as long for a stream of few lines, and most are such.
_HEAD = struct.Struct("<QQ")
_PACKING = "lz4"


def bucket_count(weight: int) -> int:
    """Into how many buckets an input of `weight` bytes goes: about 16 MiB each, whatever the machine."""
    return max(_FEWEST, -(-weight // _BUCKET))


def bucket_files(place: Path, bucket: int) -> list[Path]:
    """The files of one bucket, one of each worker that met it; empty when no patient fell into it."""
    return sorted(place.glob(f"{bucket:06d}.*.arrows"))


def patients_in(place: Path, bucket: int, database: Any) -> Iterator[tuple[str, list[bytes]]]:
    """The patients of a bucket by id, each with its lines, sorted, and the Medications that these refer to.

    A Medication that names no patient is given to every patient whose lines refer to it: no other sees it.
    """
    import pyarrow as pa  # noqa: PLC0415 - an extra that only cohorts need
    import pyarrow.compute as pc  # noqa: PLC0415

    tables = [table for file in bucket_files(place, bucket) for table in streams_in(file)]
    if not tables:
        return
    rows = pa.concat_tables(tables).combine_chunks().sort_by([("patient", "ascending"), ("line", "ascending")])
    del tables
    medications = _medications(place, rows, database)
    patients, lines = rows["patient"], rows["line"].cast(pa.binary())
    start, total = 0, rows.num_rows
    runs = pc.run_end_encode(patients.combine_chunks())
    for patient, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        own: list[bytes] = lines.slice(start, end - start).to_pylist()
        if medications:
            named = {name for line in own for name in medications_named(line)}
            own = sorted([*own, *(line for name in named for line in medications.get(name, ()))])
        yield patient, own
        start = end
    assert start == total  # noqa: S101 - a run too few would lose a patient in silence


def packed(rows: Any) -> bytes:
    """A table as it stands in a file: tables are appended to each other, and `streams_in` gives them back."""
    import pyarrow as pa  # noqa: PLC0415

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    plain = sink.getvalue()
    content = pa.Codec(_PACKING).compress(plain, asbytes=True)
    return cast(bytes, _HEAD.pack(len(content), plain.size) + content)


def streams_in(file: Path) -> Iterator[Any]:
    """The tables that a file holds, one after another. Raises ValueError (pyarrow.ArrowInvalid) for a broken file."""
    import pyarrow as pa  # noqa: PLC0415

    codec = pa.Codec(_PACKING)
    with file.open("rb") as content:
        while head := content.read(_HEAD.size):
            length, plain = _HEAD.unpack(head)
            with pa.ipc.open_stream(codec.decompress(content.read(length), plain)) as stream:
                yield stream.read_all()


def _medications(place: Path, rows: Any, database: Any) -> dict[str, list[bytes]]:
    file = place / MEDICATIONS
    if not file.exists():
        return {}
    import pyarrow as pa  # noqa: PLC0415

    wanted = {name for line in lines_in(rows) for name in medications_named(line)}
    database.register("wanted", pa.table({"id": pa.array(sorted(wanted), pa.string())}))
    try:
        found = database.execute(
            "SELECT id, line FROM read_parquet(?) SEMI JOIN wanted USING (id) ORDER BY ALL", [str(file)]
        ).fetchall()
    finally:
        database.unregister("wanted")
    medications: dict[str, list[bytes]] = {}
    for name, line in found:
        medications.setdefault(name, []).append(line.encode())
    return medications


def lines_in(rows: Any) -> Iterator[bytes]:
    """The lines of a table of them, a batch at a time in memory."""
    for batch in rows.to_batches(max_chunksize=_AT_ONCE):
        yield from (line.encode() for line in batch["line"].to_pylist())


def gather_medications(place: Path, files: Sequence[Path], database: Any) -> None:
    """All Medications without a patient in one file sorted by id, each line once; nothing when there is none."""
    if not files:
        return
    import pyarrow as pa  # noqa: PLC0415

    schema = pa.schema([("id", pa.string()), ("line", pa.string())])
    batches = (batch for file in files for table in streams_in(file) for batch in table.to_batches())
    database.register("medications", pa.RecordBatchReader.from_batches(schema, batches))
    try:
        sorted_ = database.sql("SELECT DISTINCT id, line FROM medications ORDER BY ALL")
        sorted_.write_parquet(str(place / MEDICATIONS), compression="zstd")
    finally:
        database.unregister("medications")
