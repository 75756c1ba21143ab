"""The files of an export: Bulk Data NDJSON, plain, gzip or zstd, and JSON documents such as one Bundle a patient.

A directory stands for the files directly in it. Folders below it, where the truth of a synthetic cohort lies, and a
manifest are left alone, as are files of other endings.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from cds_hooks.cohort.directory import MANIFEST
from cds_hooks.silent.faults import UnusableRunError

Packing = Literal["plain", "gzip", "zstd"]
_ENDINGS: dict[str, tuple[bool, Packing]] = {
    ".ndjson": (True, "plain"),
    ".ndjson.gz": (True, "gzip"),
    ".ndjson.zst": (True, "zstd"),
    ".json": (False, "plain"),
}
_READ = 4 * 2**20
_WORD = re.compile(r"[A-Z][A-Za-z]+")
# How much larger a packed export is once unpacked, on the safe side: it only decides into how many buckets it goes.
_UNPACKED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One file. `lines`: NDJSON by its name; else a document, or lines after all, as its beginning shows."""

    path: Path
    lines: bool
    packing: Packing
    size: int
    sha256: str = ""

    @property
    def name(self) -> str:
        """The name without folders: what a manifest and a reject tell."""
        return self.path.name

    @property
    def weight(self) -> int:
        """Bytes once unpacked, roughly."""
        return self.size if self.packing == "plain" else self.size * _UNPACKED


def find_inputs(paths: Sequence[Path], *, out: Path) -> tuple[InputFile, ...]:
    """The files that `paths` stand for, by name. Raises UnusableRunError when there is none, or `out` is among them."""
    found: dict[Path, InputFile] = {}
    for path in paths:
        for file in _files_of(path, out):
            found.setdefault(file.path.resolve(), file)
    return tuple(sorted(found.values(), key=lambda one: (one.name, str(one.path))))


def _files_of(path: Path, out: Path) -> Iterator[InputFile]:
    try:
        if path.is_dir():
            if path.resolve() == out.resolve():
                raise UnusableRunError(str(path), "is the directory of the run", "name another directory with --out")
            files = [one for one in sorted(path.iterdir()) if one.is_file() and is_listed(one)]
            if not files:
                raise UnusableRunError(
                    str(path), "holds no NDJSON and no JSON file", "name the directory of an export, or its files"
                )
            yield from (_input(one) for one in files)
        elif not path.exists():
            raise UnusableRunError(str(path), "does not exist", "check the path")
        elif kind_of(path) is None:
            raise UnusableRunError(
                str(path), "is no file of an export by its name", f"give files that end in {', '.join(_ENDINGS)}"
            )
        else:
            yield _input(path)
    except OSError as fault:
        raise _unreadable(path, fault) from None


def is_listed(path: Path) -> bool:
    """Whether a file that lies in a directory named as input is read."""
    return path.name != MANIFEST and not path.name.startswith(".") and kind_of(path) is not None


def kind_of(path: Path) -> tuple[bool, Packing] | None:
    """By its name, whether a file holds lines, and how it is packed; None for one that is not read."""
    return next((kind for ending, kind in _ENDINGS.items() if path.name.lower().endswith(ending)), None)


def _input(path: Path) -> InputFile:
    kind = kind_of(path)
    assert kind is not None  # noqa: S101 - both callers have looked
    return InputFile(path=path, lines=kind[0], packing=kind[1], size=path.stat().st_size)


def hashed(files: Iterable[InputFile], told: Callable[[int], None]) -> tuple[InputFile, ...]:
    """The files with their SHA-256, by name and hash; `told` hears of the bytes read. Raises UnusableRunError."""
    done = []
    for file in files:
        digest = hashlib.sha256()
        try:
            with file.path.open("rb") as content:
                while block := content.read(_READ):
                    digest.update(block)
                    told(len(block))
        except OSError as fault:
            raise _unreadable(file.path, fault) from None
        done.append(
            InputFile(path=file.path, lines=file.lines, packing=file.packing, size=file.size, sha256=digest.hexdigest())
        )
    return tuple(sorted(done, key=lambda one: (one.name, one.sha256)))


def kinds_named(files: Iterable[InputFile], known: Collection[str]) -> frozenset[str]:
    """The resource types that the names of the files tell, be they empty: ``Patient.ndjson``, ``1.Patient.ndjson``."""
    return frozenset(word for file in files for word in _WORD.findall(file.name) if word in known)


def end_of_records(paths: Sequence[Path]) -> str | None:
    """The last day of a synthetic cohort, as its manifest tells; None for any other input."""
    for path in paths:
        try:
            told: Any = orjson.loads((path / MANIFEST).read_bytes())
        except (OSError, orjson.JSONDecodeError):
            continue
        if isinstance(told, dict) and isinstance(told.get("endOfRecords"), str):
            return str(told["endOfRecords"])
    return None


def _unreadable(path: Path, fault: OSError) -> UnusableRunError:
    return UnusableRunError(
        str(path), f"cannot be read ({fault.strerror or 'fault of the disk'})", "check the path and its permissions"
    )
