"""One piece of an export, sorted into buckets of patients: DuckDB reads the JSON, what it cannot tell is read again.

A bucket is chosen by the MD5 of the patient id, so that it is the same on every machine. Each worker appends to files
of its own, one a bucket, which `buckets` reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from cds_hooks.silent.blocks import Block, Piece, blocks_of
from cds_hooks.silent.buckets import packed
from cds_hooks.silent.telling import MEDICATION, told_by

_PATHS = "['$.resourceType', '$.subject', '$.subject.reference', '$.patient.reference']"
_ID = "[A-Za-z0-9.\\-]+"
# DuckDB takes JSON that orjson refuses: a comma before a closing bracket, NaN, infinity. A hit is only read again.
# One pattern for each character before the value: they begin with it, and are searched for at twice the speed.
_LAX = " OR ".join(
    f"regexp_matches(line, '{before}')"
    for before in (",\\s*[\\]}]", *(f"{one}\\s*-?[nNiI][aAnN][nNfF]" for one in (":", "\\[", ",")))
)
# Whose a line is, where its reference is written as it should be; NULL for everything else.
_TELL = f"""
CREATE OR REPLACE TEMP TABLE told AS
SELECT n, line, kind, CASE
    WHEN lax OR kind IS NULL OR kind IN ('Patient', 'Bundle', '{MEDICATION}') THEN NULL
    WHEN NOT regexp_full_match(kind, '[A-Z][A-Za-z]{{1,59}}') THEN NULL
    WHEN regexp_full_match(one, 'Patient/{_ID}') THEN one[9:]
    WHEN subject IS NULL AND regexp_full_match(other, 'Patient/{_ID}') THEN other[9:]
    END AS patient
FROM (
    SELECT n, line, lax, t[1] AS kind, t[2] AS subject, t[3] AS one, t[4] AS other
    FROM (SELECT n, line, ({_LAX}) AS lax, json_extract_string(line, {_PATHS}) AS t FROM block)
)
"""  # noqa: S608 - built of constants
_PUT = """
SELECT CAST(md5_number_lower(patient) % {buckets} AS INTEGER) AS bucket, patient, line FROM (
    SELECT patient, line FROM told WHERE patient IS NOT NULL UNION ALL SELECT patient, line FROM again
)
"""
# So many bytes of lines are held before they are appended to the buckets: with every block, each patient would cost a
# file opened, and all the more the more buckets there are.
HELD = 64 * 2**20


@dataclass(slots=True)
class Counted:
    """What one piece held. `lines` counts the lines of each file, blank ones too, so that places can be told.

    `buckets` are the resources and bytes that went into each bucket.
    """

    piece: int
    lines: dict[int, int] = field(default_factory=dict)
    resources: int = 0
    passed: int = 0
    types: set[str] = field(default_factory=set)
    buckets: dict[int, tuple[int, int]] = field(default_factory=dict)


class Grouper:
    """Sorts pieces into the buckets of `place`, under the name `mark`, which no other worker has.

    `read` are the resource types that the reasoning reads; `memory` bytes is what DuckDB may hold.
    """

    def __init__(self, place: Path, mark: str, *, buckets: int, read: frozenset[str], memory: int) -> None:
        import duckdb  # noqa: PLC0415 - an extra that only cohorts need

        self._place, self._mark, self._buckets, self._read = place, mark, buckets, read
        self._held: list[Any] = []
        self._database = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        self._database.execute("SET threads = 1")
        self._database.execute(f"SET memory_limit = '{memory // 2**20}MiB'")
        self._database.execute("SET temp_directory = ?", [str(place / f"duckdb-{mark}")])

    def group(self, piece: Piece) -> Counted:
        """Read one piece. Raises UnusableRunError when a file cannot be read."""
        counted = Counted(piece.number)
        stem = self._place / f"rejects-{piece.number:06d}"
        with _private(stem.with_suffix(".ndjson")) as places, _private(stem.with_suffix(".lines")) as kept:
            for number, file in piece.files:
                counted.lines[number] = 0
                for block in blocks_of(piece, file):
                    counted.lines[number] = block.first + len(block.lines) - 1
                    faults = [(0, block.fault)] if block.fault else self._block(block, counted)
                    for at, fault in faults:
                        line = block.lines[at] if block.kept else None
                        told = {"input": number, "line": block.first + at, "kind": fault}
                        places.write(orjson.dumps({**told, "bytes": None if line is None else len(line)}) + b"\n")
                        kept.write(line or b"")
        self._spill(counted)
        return counted

    def _block(self, block: Block, counted: Counted) -> list[tuple[int, str]]:
        numbers = [at for at, line in enumerate(block.lines) if line and not line.isspace()]
        faults: list[tuple[int, str]] = []
        again: list[tuple[str, bytes]] = []
        medications: list[tuple[str, bytes]] = []
        for at in self._unsure(block.lines, numbers, counted):
            told = told_by(block.lines[at], self._read)
            if told.fault:
                faults.append((at, told.fault))
                continue
            again += told.members
            medications += told.medications
            counted.types |= told.types
            counted.passed += told.passed
        self._put(again, counted)
        if medications:
            self._append("medications", _table(("id", "line"), medications))
        return faults

    def _unsure(self, lines: list[bytes], numbers: list[int], counted: Counted) -> Iterator[int]:
        """Fill the table `told`; yields the lines that it cannot tell."""
        import duckdb  # noqa: PLC0415

        sure, unsure = numbers, list[int]()
        try:
            self._tell(lines, sure)
        except (duckdb.Error, ValueError):  # something in it is no JSON or no UTF-8: find out which
            sure, unsure = self._parted(lines, numbers)
            self._tell(lines, sure)
        counted.types |= {
            kind
            for (kind,) in self._database.execute("SELECT DISTINCT kind FROM told WHERE patient IS NOT NULL").fetchall()
        }
        told = self._database.execute("SELECT n FROM told WHERE patient IS NULL").fetchall()
        yield from sorted([*unsure, *(at for (at,) in told)])

    def _tell(self, lines: list[bytes], numbers: list[int]) -> None:
        import pyarrow as pa  # noqa: PLC0415

        chosen = _text([lines[at] for at in numbers])
        self._database.register("block", pa.table({"n": pa.array(numbers, pa.int64()), "line": chosen}))
        try:
            self._database.execute(_TELL)
        finally:
            self._database.unregister("block")

    def _parted(self, lines: list[bytes], numbers: list[int]) -> tuple[list[int], list[int]]:
        sure, unsure = list[int](), list[int]()
        for at in numbers:
            try:
                orjson.loads(lines[at])
            except orjson.JSONDecodeError:
                unsure.append(at)
            else:
                # What remains is refused by DuckDB alone; nothing of it may spoil the block.
                (valid,) = self._database.execute("SELECT json_valid(?)", [lines[at].decode()]).fetchall()[0]
                (sure if valid else unsure).append(at)
        return sure, unsure

    def _put(self, again: list[tuple[str, bytes]], counted: Counted) -> None:
        """Hold the lines of a block for their buckets."""
        self._database.register("again", _table(("patient", "line"), again))
        try:
            rows = self._database.sql(_PUT.format(buckets=self._buckets)).to_arrow_table()
        finally:
            self._database.unregister("again")
        self._held.append(rows)
        counted.resources += rows.num_rows
        if sum(held.nbytes for held in self._held) >= HELD:
            self._spill(counted)

    def _spill(self, counted: Counted) -> None:
        """Append what is held to the files of its buckets."""
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        if not self._held:
            return
        rows = pa.concat_tables(self._held).sort_by("bucket")
        self._held.clear()
        start = 0
        runs = pc.run_end_encode(rows["bucket"].combine_chunks())
        for bucket, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            own = rows.slice(start, end - start).drop_columns(["bucket"])
            self._append(f"{bucket:06d}", own)
            many, weight = counted.buckets.get(bucket, (0, 0))
            counted.buckets[bucket] = many + own.num_rows, weight + own.nbytes
            start = end

    def _append(self, name: str, rows: Any) -> None:
        with _private(self._place / f"{name}.{self._mark}.arrows", "ab") as file:
            file.write(packed(rows))


def _table(names: tuple[str, str], rows: list[tuple[str, bytes]]) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    ids = pa.array([row[0] for row in rows], pa.string())
    return pa.table({names[0]: ids, names[1]: _text([row[1] for row in rows])})


def _text(lines: list[bytes]) -> Any:
    """Lines as text. Raises ValueError (pyarrow.ArrowInvalid) when one is not UTF-8."""
    import pyarrow as pa  # noqa: PLC0415

    return pa.array(lines, pa.binary()).cast(pa.string())


def _private(path: Path, mode: str = "wb") -> Any:
    """A file that only its owner can read."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if mode == "ab" else os.O_TRUNC)
    return os.fdopen(os.open(path, flags, 0o600), mode)
