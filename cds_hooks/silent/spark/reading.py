"""What a worker does with the input: a piece is grouped as the local engine does it, then handed to the shuffle.

A record is (what, key, value). Of each piece come, in this order: one `COUNTED`; its `REJECTS` as slices of two files;
its `RECORDS` as slices of one file a bucket, keyed by the bucket; its `MEDICATIONS` without a patient, keyed by group.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from cds_hooks.silent.blocks import Piece
from cds_hooks.silent.buckets import bucket_files, lines_in, streams_in
from cds_hooks.silent.faults import UnusableRunError
from cds_hooks.silent.grouping import Counted
from cds_hooks.silent.inputs import InputFile
from cds_hooks.silent.remote import RemoteFile, fetched
from cds_hooks.silent.spark.guarding import FAULT, Surroundings, TaskFailedError, guarded
from cds_hooks.silent.spark.slices import LARGE, Slice, put, slices_of, workplace
from cds_hooks.silent.telling import medications_named
from cds_hooks.silent.workers import Grouping

Record = tuple[str, Any, Any]
COUNTED, REJECTS, RECORDS, MEDICATIONS, WANTED = "counted", "rejects", "records", "medications", "wanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceRead:
    """`rejects` slices of broken lines, and whether there are Medications that name no patient."""

    counted: Counted
    rejects: int
    medications: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Reads pieces into `buckets`; `read` are the types that the reasoning reads, `memory` bytes are for DuckDB."""

    buckets: int
    read: frozenset[str]
    memory: int
    surroundings: Surroundings

    def __call__(self, pieces: Iterable[Piece]) -> Iterator[Record]:
        """All records of the pieces; a last one `FAULT` when a file cannot be read here."""
        return guarded(self._records(pieces))

    def _records(self, pieces: Iterable[Piece]) -> Iterator[Record]:
        self.surroundings.check()
        for piece in pieces:
            with workplace() as place:
                for _, file in piece.files:
                    _check(file)
                near = fetched(piece, place)
                grouping = Grouping(place=place, buckets=self.buckets, read=self.read, memory=self.memory)
                yield from self._handed(grouping.ready()(near), place)

    def _handed(self, counted: Counted, place: Path) -> Iterator[Record]:
        stem = place / f"rejects-{counted.piece:06d}"
        refused = [file for file in (stem.with_suffix(".ndjson"), stem.with_suffix(".lines")) if file.stat().st_size]
        rejects = sum(-(-file.stat().st_size // LARGE) for file in refused)
        unowned = sorted(place.glob("medications.*.arrows"))
        yield COUNTED, counted.piece, PieceRead(counted=counted, rejects=rejects, medications=bool(unowned))
        for file in refused:
            for one in slices_of(file, file.name, LARGE):
                yield REJECTS, counted.piece, one
        for bucket, (rows, _) in sorted(counted.buckets.items()):
            (file,) = bucket_files(place, bucket)
            for one in slices_of(file, f"{bucket:06d}.{counted.piece:06d}.arrows", rows=rows):
                yield RECORDS, bucket, one
        for file in unowned:
            for table in streams_in(file):
                for row in table.to_pylist():
                    yield MEDICATIONS, group_of(row["id"], self.buckets), (row["id"], row["line"])


def _check(file: InputFile) -> None:
    """Raises UnusableRunError when this machine sees another file, or none, under the path."""
    if isinstance(file, RemoteFile):
        return
    try:
        same = file.path.stat().st_size == file.size
    except OSError:
        same = False
    if not same:
        raise UnusableRunError(
            str(file.path), "is not on a worker what it is on the driver", "share its directory, or give a URL"
        )


def group_of(name: str, groups: int) -> int:
    """Which of so many groups a Medication belongs to, the same on every machine."""
    return int.from_bytes(hashlib.md5(name.encode(), usedforsecurity=False).digest()[:8], "little") % groups


def only(records: Iterable[Record], what: str) -> Iterator[tuple[Any, Any]]:
    """Key and value of the records of one kind.

    Raises TaskFailedError where a piece could not be read after all: Spark may have to read it again on another worker.
    """
    for kind, key, value in records:
        if kind == FAULT:
            raise TaskFailedError(UnusableRunError.__name__)
        if kind == what:
            yield key, value


def piece_read(records: Iterable[Record]) -> list[Record]:
    """What the driver wants to know of a piece."""
    return [record for record in records if record[0] in (COUNTED, FAULT)]


def reject_of(number: int, records: Iterable[Record]) -> list[Slice]:
    """One slice of the broken lines of a piece, so that the driver never holds more."""
    # All are looked at: Spark throws away a worker that leaves something unread.
    return [one for place, (_, one) in enumerate(only(records, REJECTS)) if place == number]


def wanted(records: Iterable[Record], groups: int) -> Iterator[tuple[int, tuple[str, str, int]]]:
    """Which Medications each bucket may refer to, keyed by their group."""
    for bucket, slices in groupby(only(records, RECORDS), key=lambda one: one[0]):
        with workplace() as place:
            for _, one in slices:
                put(place, one)
            tables = (table for file in bucket_files(place, bucket) for table in streams_in(file))
            names = {name for table in tables for line in lines_in(table) for name in medications_named(line)}
        for name in sorted(names):
            yield group_of(name, groups), (WANTED, name, bucket)


def owned(records: Iterable[Record]) -> Iterator[tuple[int, tuple[str, str, str]]]:
    """The Medications without a patient, keyed by their group."""
    return ((group, (MEDICATIONS, *row)) for group, row in only(records, MEDICATIONS))


def matched(group: Iterable[tuple[int, tuple[str, str, Any]]]) -> Iterator[tuple[int, tuple[str, str]]]:
    """Each Medication for each bucket that may refer to it."""
    lines: dict[str, set[str]] = {}
    buckets: dict[str, set[int]] = {}
    for _, (what, name, value) in group:
        (buckets if what == WANTED else lines).setdefault(name, set()).add(value)
    for name in sorted(lines.keys() & buckets.keys()):
        for bucket in sorted(buckets[name]):
            for line in sorted(lines[name]):
                yield bucket, (name, line)
