"""Silent mode over synthetic cohorts: patients a second beside merely decoding the same lines, memory, linearity."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rows import Met, Row, verdict
from benchmarks.silent_runs import SETTING, Judged, Took, bytes_of, cohort_of, judge, run, workplace

SIZES, QUICK_SIZES = (10_000, 50_000, 200_000), (300, 1_000)
_TARGETS = {"date": 1_000.0, "orders": 150.0}
_MEMORY_GB = 1.5
_FAR = 1_000_000
_ENOUGH = 10_000  # patients: with fewer, the start of the processes is what is measured
_LINEAR = 0.1  # the largest share by which a measured time strays from the line
_WORDS = {"date": "one date", "orders": "every past order"}


def cohort_rows(sizes: Sequence[int], *, inputs: Path | None = None) -> list[Row]:
    """Rows for each size and both kinds of moment; cohorts are made in `inputs`, and kept there, or thrown away."""
    found: dict[tuple[str, int], Judged] = {}
    decoded: dict[int, Took] = {}
    weights: dict[int, int] = {}
    with workplace(inputs) as folder:
        for size in sorted(sizes):
            directory = cohort_of(folder, size)
            weights[size] = bytes_of(directory)
            decoded[size] = run([sys.executable, "-m", "benchmarks.decode_lines", str(directory)])
            for moments in _TARGETS:
                found[moments, size] = judge(directory, folder / f"run-{moments}-{size}", at=moments, size=size)
            if inputs is None:
                shutil.rmtree(directory)
    taken = {key: one.took for key, one in found.items()}
    rows = [
        _speed(moments, size, taken[moments, size], decoded[size], found[moments, size].counts, last=size == max(sizes))
        for moments in _TARGETS
        for size in sorted(sizes)
    ]
    rows += [
        line_row(
            f"cohort-line-{moments}",
            f"silent run, {_WORDS[moments]}",
            {size: taken[moments, size].seconds for size in sizes},
        )
        for moments in _TARGETS
    ]
    rows.append(_memory(max(sizes), weights, taken))
    return rows


def _speed(moments: str, size: int, took: Took, decoded: Took, counts: dict[str, Any], *, last: bool) -> Row:
    rate, target = size / took.seconds, _TARGETS[moments]
    each = counts["resources"] / size
    return Row(
        id=f"cohort-{moments}-{size}",
        work=f"silent run, {size:,} patients of {each:.0f} resources, {_WORDS[moments]}, {os.cpu_count()} cores",
        against="decoding the same NDJSON with orjson",
        target=f"at least {target:,.0f} patients/s" if last else "told for the line",
        measured=f"{rate:,.0f} patients/s; CPU {took.cpu / decoded.cpu:.1f}x decoding "
        f"({took.cpu / size * 1000:.2f} against {decoded.cpu / size * 1000:.2f} ms a patient)",
        met="told" if not last else verdict(rate, target, at_least=True) if size >= _ENOUGH else "not shown",
        figures={
            "patients": size,
            "seconds": took.seconds,
            "cpu_seconds": took.cpu,
            "decode_seconds": decoded.seconds,
            "decode_cpu_seconds": decoded.cpu,
            "peak_bytes": took.peak,
            "rows": counts["rows"],
        },
    )


def fitted(seconds: dict[int, float]) -> tuple[float, float, float]:
    """Start and seconds a patient of the least-squares line, and the largest share by which a measured time strays.

    >>> fitted({10: 3.0, 20: 5.0, 40: 9.0})
    (1.0, 0.2, 0.0)
    """
    mean_x, mean_y = (sum(values) / len(seconds) for values in (seconds, seconds.values()))
    spread = sum((size - mean_x) ** 2 for size in seconds)
    slope = sum((size - mean_x) * (took - mean_y) for size, took in seconds.items()) / spread
    start = mean_y - slope * mean_x
    residual = max(abs(start + slope * size - took) / took for size, took in seconds.items())
    return round(start, 9), round(slope, 12), round(residual, 9)


def line_row(id_: str, what: str, seconds: dict[int, float]) -> Row:
    """How far the cost of `what` follows a straight line in the number of patients, and where that leads."""
    work = f"{what}: {', '.join(f'{size:,}' for size in sorted(seconds))} patients"
    target = f"cost linear to {_FAR:,} patients"
    if len(seconds) < 2:
        return Row(id=id_, work=work, against="-", target=target, measured="one size only", met="not shown")
    start, slope, residual = fitted(seconds)
    # Two points lie on any line, and where the start of the processes weighs, nothing is told of the slope.
    met: Met = verdict(residual, _LINEAR) if len(seconds) > 2 and max(seconds) >= _ENOUGH else "not shown"
    return Row(
        id=id_,
        work=work,
        against="a straight line",
        target=target,
        measured=f"{slope * 1000:.2f} ms a patient and {start:.1f} s; strays by {residual:.1%} at most; "
        f"{_FAR:,} patients: {(start + slope * _FAR) / 60:.0f} minutes",
        met=met,
        figures={"seconds": {str(size): took for size, took in seconds.items()}, "start": start, "slope": slope,
                 "residual": residual},
    )  # fmt: skip


def _memory(largest: int, weights: dict[int, int], taken: dict[tuple[str, int], Took]) -> Row:
    peak = max(took.peak for (_, size), took in taken.items() if size == largest)
    enough = weights[largest] > _MEMORY_GB * 1e9
    return Row(
        id="cohort-memory",
        work=f"silent run, {largest:,} patients, {weights[largest] / 1e9:.2f} GB of NDJSON, memory setting {SETTING}",
        against="-",
        target=f"all processes together under {_MEMORY_GB} GB (PSS), on an input larger than that",
        measured=f"{peak / 1e9:.2f} GB at most",
        met=verdict(peak / 1e9, _MEMORY_GB) if enough else "not shown",
        figures={str(size): weight for size, weight in weights.items()} | {"peak_bytes": peak},
        note="" if enough else "the input of this run was smaller",
    )
