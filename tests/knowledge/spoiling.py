"""Spoiling one place of a copy of the knowledge."""

from __future__ import annotations

from pathlib import Path


def edit(root: Path, file: str, old: str, new: str) -> None:
    """Replace the first `old` of `file` below `root`; fails when it is no longer there."""
    path = root / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{file} no longer holds {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
