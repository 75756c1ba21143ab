"""Files that travel through Spark: cut into slices, and put together again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

# Spark counts records, not bytes, before it writes a shuffle: many small ones keep its worker small.
SMALL = 64 * 2**10
LARGE = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Slice:
    """`content` stands at `offset` of the file `name`; the first slice of a file tells how many `rows` that holds."""

    name: str
    offset: int
    content: bytes
    rows: int = 0


def slices_of(file: Path, name: str, size: int = SMALL, rows: int = 0) -> Iterator[Slice]:
    """`file` from its beginning, as slices of a file `name`; one empty slice when it is empty."""
    offset = 0
    with file.open("rb") as content:
        while (read := content.read(size)) or not offset:
            yield Slice(name, offset, read, 0 if offset else rows)
            offset += len(read)
            if not read:
                return


def put(place: Path, one: Slice) -> None:
    """Write a slice where it belongs in the directory `place`; they may come in any order."""
    with os.fdopen(os.open(place / one.name, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.seek(one.offset)
        file.write(one.content)


@contextmanager
def workplace() -> Iterator[Path]:
    """An empty directory on a disk that Spark was given for such things; gone afterwards."""
    disk = os.environ.get("SPARK_LOCAL_DIRS", "").partition(",")[0]
    with TemporaryDirectory(prefix="trd-cds-", dir=disk if Path(disk).is_dir() and disk else None) as place:
        yield Path(place)
