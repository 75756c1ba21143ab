"""A cohort larger than one would want to generate: a generated one, again and again under other ids.

Every copy of a line differs from the first in the ids that it names and in nothing else, so that reading, grouping and
judging cost what they cost for other people. It is written as a stream, a file after another, a copy after another.
"""

from __future__ import annotations

from pathlib import Path

from cds_hooks.cohort.directory import MANIFEST


def multiply(source: Path, target: Path, times: int, *, seed: int) -> None:
    """Write the cohort in `source`, made with `seed`, `times` times over into the new directory `target`."""
    target.mkdir(parents=True)
    ours = f"synthetic-{seed}-".encode()
    for file in sorted(source.glob("*.ndjson")):
        written = file.read_bytes()
        with (target / file.name).open("wb") as copies:
            for copy in range(times):
                copies.write(written.replace(ours, f"synthetic-{seed}.{copy}-".encode()))
    # Last: a cohort without it was not finished.
    (target / MANIFEST).write_bytes((source / MANIFEST).read_bytes())
