"""Silent mode on input larger than memory: what all processes hold together, and whether each stage stays linear.

Every patient of the large input is judged, on a day two years before the end of the records: all lines are grouped,
read and decoded, but less was known by then, so that judging them costs a fraction. What a judged patient costs at the
end of the records is measured on smaller cohorts, whose buckets are as large. Hashing, grouping, reading back and
writing are measured apart as well (`unjudged`), since they can be taken to sizes at which judging would take hours.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from benchmarks.cohort_rows import line_row
from benchmarks.order_rows import say
from benchmarks.rows import Row, verdict
from benchmarks.silent_runs import GENERATED, SETTING, Judged, bytes_of, cohort_of, judge, run, workplace

_MEMORY_GB = 1.5
_ENOUGH = int(1.05 * _MEMORY_GB * 1e9)  # bytes of input
_LINE = (500, 2_000, 8_000)  # patients judged at the end of the records
_EARLY = "2024-06-30"  # the records end two years later
_STAGES = {
    "hash": "hashing the input",
    "group": "grouping it by patient",
    "read": "reading it back by patient, decoding included",
    "write": "writing the tables",
}


def bulk_rows(sizes: Sequence[int], *, inputs: Path | None = None, quick: bool = False) -> list[Row]:
    """Rows of memory and of linearity; `sizes` are those of the stages without judging. `quick`: small all through."""
    with workplace(inputs) as folder:
        rows = _judged(folder, sorted(sizes) if quick else _LINE, min(sizes) if quick else _large(folder))
        found: dict[int, dict[str, Any]] = {}
        for size in sorted(sizes):
            say(f"{size} patients, all but judging")
            directory, out = cohort_of(folder, size), folder / f"stages-{size}"
            shutil.rmtree(out, ignore_errors=True)
            took = run([sys.executable, "-m", "benchmarks.unjudged", str(directory), str(out)])
            found[size] = orjson.loads(took.said.splitlines()[0]) | {"bytes": bytes_of(directory), "peak": took.peak}
            shutil.rmtree(out)
            if inputs is None:
                shutil.rmtree(directory)
    return rows + [_stage(name, found) for name in _STAGES]


def _large(folder: Path) -> int:
    """How many patients make more bytes than the bound on memory."""
    return GENERATED * -(-_ENOUGH // bytes_of(cohort_of(folder, GENERATED)))


def _judged(folder: Path, sizes: Sequence[int], large: int) -> list[Row]:
    """The rows of memory and of the line of judging."""
    found: dict[int, Judged] = {}
    for size in sizes:
        found[size] = judge(cohort_of(folder, size), folder / f"bulk-{size}", at="date", size=size)
    directory = cohort_of(folder, large)
    weight = bytes_of(directory)
    whole = judge(directory, folder / f"bulk-{large}", at="date", size=large, as_of=_EARLY)
    peak = max(one.took.peak for one in (whole, *found.values()))
    enough = weight >= _ENOUGH
    told = whole.counts
    memory = Row(
        id="bulk-memory",
        work=f"silent run on {_EARLY}, {large:,} patients, {told['resources']:,} resources, {weight / 1e9:.2f} GB of "
        f"NDJSON, memory setting {SETTING}; on the last day, {max(sizes):,} patients",
        against="-",
        target=f"all processes together under {_MEMORY_GB} GB (PSS), on an input larger than that",
        measured=f"{whole.took.peak / 1e9:.2f} GB at most; {found[max(sizes)].took.peak / 1e9:.2f} GB",
        met=verdict(peak / 1e9, _MEMORY_GB) if enough else "not shown",
        figures={
            "bytes": weight,
            "peak_bytes": whole.took.peak,
            "seconds": whole.took.seconds,
            "cpu_seconds": whole.took.cpu,
            "counts": told,
            "last_day": {
                str(size): {"peak_bytes": one.took.peak, "seconds": one.took.seconds, "cpu_seconds": one.took.cpu}
                for size, one in found.items()
            },
        },
        note="" if enough else "the input of this run was smaller",
    )
    cpu = {size: one.took.cpu for size, one in found.items()}
    return [memory, line_row("bulk-line-judged", "CPU of a silent run on one date", cpu)]


def _stage(name: str, found: dict[int, dict[str, Any]]) -> Row:
    row = line_row(
        f"bulk-line-{name}", f"CPU of {_STAGES[name]}", {size: one[name]["cpu"] for size, one in found.items()}
    )
    row.figures["stage"] = {str(size): one[name] | {"bytes": one["bytes"]} for size, one in found.items()}
    if name == "group":
        row.figures["peak_bytes"] = {str(size): one["peak"] for size, one in found.items()}
    return row
