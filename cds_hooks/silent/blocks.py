"""Files in pieces that can be read side by side, and their lines in blocks that fit into memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from cds_hooks.silent.faults import UnusableRunError
from cds_hooks.silent.inputs import InputFile
from cds_hooks.silent.telling import ENDS_EARLY, TOO_LONG

# Of a line, and of a document that is not NDJSON.
LONGEST = 64 * 2**20
_BLOCK = 4 * 2**20
_PIECE = 64 * 2**20
_DOCUMENTS = 200
_PACKED_BLOCK = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The lines of `file` that begin in ``start <= place < end``, or, without `end`, all of it."""

    number: int
    files: tuple[tuple[int, InputFile], ...]
    start: int = 0
    end: int | None = None

    @property
    def weight(self) -> int:
        """Bytes to read."""
        return sum(file.size for _, file in self.files) if self.end is None else self.end - self.start


@dataclass(frozen=True, slots=True)
class Block:
    """Lines one after another, the first being number `first`, from 1. A `fault` concerns the one line held."""

    first: int
    lines: list[bytes]
    fault: str = ""
    kept: bool = True


def pieces_of(files: Sequence[InputFile]) -> tuple[Piece, ...]:
    """All pieces, the same whatever the machine: plain NDJSON in ranges, packed files whole, documents in heaps."""
    found: list[Piece] = []
    heap: list[tuple[int, InputFile]] = []
    for place, file in enumerate(files):
        if not file.lines:
            heap.append((place, file))
            if len(heap) == _DOCUMENTS or sum(one.size for _, one in heap) > _PIECE:
                found.append(Piece(number=len(found), files=tuple(heap)))
                heap = []
        elif file.packing != "plain":
            found.append(Piece(number=len(found), files=((place, file),)))
        else:
            found += [
                Piece(number=len(found) + at, files=((place, file),), start=start, end=min(start + _PIECE, file.size))
                for at, start in enumerate(range(0, max(file.size, 1), _PIECE))
            ]
    if heap:
        found.append(Piece(number=len(found), files=tuple(heap)))
    return tuple(found)


def blocks_of(piece: Piece, file: InputFile) -> Iterator[Block]:
    """The lines of one file of a piece, blank ones included, so that numbers hold.

    A damaged packed file ends with a Block whose `fault` says so. Raises UnusableRunError when the disk refuses.
    """
    try:
        if file.packing != "plain":
            yield from _packed(file)
            return
        with file.path.open("rb") as content:
            if file.lines:
                yield from _split(_range(content, piece.start, piece.end))
            else:
                yield from _document(content, file.size)
    except OSError as fault:
        raise UnusableRunError(
            str(file.path), f"cannot be read ({fault.strerror or 'fault of the disk'})", "check the file and the disk"
        ) from None


def _document(content: BinaryIO, size: int) -> Iterator[Block]:
    """One document, or NDJSON when its first line that is not blank ends a JSON value and another line follows."""
    if size > LONGEST:
        head = content.read(_BLOCK).lstrip()
        if not head.startswith(b"{") or b"}\n{" not in head:
            yield Block(1, [b""], TOO_LONG, kept=False)
            return
        content.seek(0)
        yield from _split(_range(content, 0, None))
        return
    written = content.read()
    first = written.lstrip().partition(b"\n")[0].rstrip()
    if first.startswith(b"{") and first.endswith(b"}") and len(first) < len(written.strip()):
        yield Block(1, written.split(b"\n"))
    else:
        yield Block(1, [written.removeprefix(b"\xef\xbb\xbf").strip()])


def _range(content: BinaryIO, start: int, end: int | None) -> Iterator[bytes]:
    """The bytes of the lines that begin in the range."""
    place = start
    if start:
        content.seek(start - 1)
        while (skipped := content.readline(_BLOCK)) and not skipped.endswith(b"\n"):
            pass
        place = content.tell()
    while end is None or place < end:
        block = content.read(_BLOCK if end is None else min(_BLOCK, end - place))
        if not block:
            return
        place += len(block)
        yield block
        if end is not None and place >= end and not block.endswith(b"\n"):
            while rest := content.readline(_BLOCK):
                yield rest
                if rest.endswith(b"\n"):
                    return


def _split(blocks: Iterator[bytes]) -> Iterator[Block]:
    number, parts, held, over = 1, list[bytes](), 0, False
    for block in blocks:
        if b"\n" not in block:
            held += len(block)
            over = over or held > LONGEST
            parts = [] if over else [*parts, block]
            continue
        lines = block.split(b"\n")
        if over:
            yield Block(number, [b""], TOO_LONG, kept=False)
            number += 1
            lines, over = lines[1:], False
        else:
            lines[0] = b"".join([*parts, lines[0]])
        last = lines.pop()
        parts, held = [last], len(last)
        if lines:
            yield Block(number, lines)
            number += len(lines)
    if over:
        yield Block(number, [b""], TOO_LONG, kept=False)
    elif any(parts):
        yield Block(number, [b"".join(parts)])


def _packed(file: InputFile) -> Iterator[Block]:
    damaged: list[bool] = []
    waiting: Block | None = None
    for block in _split(_unpacked(file, damaged)):
        if waiting is not None:
            yield waiting
        waiting = block
    if waiting is not None and damaged:
        # What follows the last line end is the beginning of a line that was cut off.
        yield Block(waiting.first, waiting.lines[:-1])
        yield Block(waiting.first + len(waiting.lines) - 1, waiting.lines[-1:], ENDS_EARLY)
    elif damaged:
        yield Block(1, [b""], ENDS_EARLY)
    elif waiting is not None:
        yield waiting


def _unpacked(file: InputFile, damaged: list[bool]) -> Iterator[bytes]:
    """The content as far as it can be unpacked; `damaged` gets an entry when that is not to its end."""
    import pyarrow as pa  # noqa: PLC0415 - an extra that only cohorts need

    ended = True
    try:
        with (
            gzip.open(file.path) if file.packing == "gzip" else pa.input_stream(str(file.path), compression="zstd")
        ) as content:
            while block := cast(bytes, content.read(_PACKED_BLOCK)):
                ended = block.endswith(b"\n")
                yield block
    except (EOFError, zlib.error, OSError):  # gzip.BadGzipFile and Arrow's faults of unpacking are OSErrors
        damaged.append(True)
        if ended:
            yield b"\n"  # a line that holds nothing, so that the fault has a place of its own
