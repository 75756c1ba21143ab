"""Broken lines: where each was and what was wrong with it, and the line itself beside that."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from cds_hooks.silent.grouping import Counted
from cds_hooks.silent.inputs import InputFile

LIST = "rejects.ndjson"
FOLDER = "rejects"


def gather_rejects(
    place: Path, directory: Path, counted: Sequence[Counted], inputs: Sequence[InputFile]
) -> dict[str, int]:
    """Put together what the pieces in `place` refused, in the order of the input; the number of each kind of fault.

    Each line of ``rejects.ndjson`` names the file, its number among the inputs, the line and the kind of fault, and the
    file and line below ``rejects`` that hold the broken line; these are null for a line too long to keep.
    """
    shutil.rmtree(directory / FOLDER, ignore_errors=True)
    (directory / FOLDER).mkdir(mode=0o700)
    kinds: Counter[str] = Counter()
    before: Counter[int] = Counter()
    kept: Counter[str] = Counter()
    draft = directory / f"{LIST}.draft"
    with _private(draft, os.O_TRUNC) as listed:
        for piece in sorted(counted, key=lambda one: one.piece):
            for told, line in _refused(place / f"rejects-{piece.piece:06d}"):
                number = told["input"]
                into = f"{FOLDER}/{number:05d}-{inputs[number].name}.lines"
                if line is not None:
                    with _private(directory / into, os.O_APPEND) as held:
                        held.write(line + b"\n")
                    kept[into] += 1
                kinds[told["kind"]] += 1
                entry = {
                    "file": inputs[number].name,
                    "input": number,
                    "line": told["line"] + before[number],
                    "kind": told["kind"],
                    "kept": into if line is not None else None,
                    "keptLine": kept[into] if line is not None else None,
                }
                listed.write(orjson.dumps(entry) + b"\n")
            before.update(piece.lines)
    draft.replace(directory / LIST)
    return dict(sorted(kinds.items()))


def _refused(stem: Path) -> Iterator[tuple[dict[str, Any], bytes | None]]:
    with stem.with_suffix(".ndjson").open("rb") as places, stem.with_suffix(".lines").open("rb") as lines:
        for place in places:
            told = orjson.loads(place)
            # A document over several lines becomes one: outside strings JSON takes a space for a line end.
            yield told, None if told["bytes"] is None else lines.read(told["bytes"]).replace(b"\n", b" ")


def _private(path: Path, mode: int) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | mode, 0o600), "ab" if mode == os.O_APPEND else "wb")
