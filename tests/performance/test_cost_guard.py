"""What a request costs in instructions, calls and memory, against the costs on record: times are noisy, counts not.

A change that costs more, or less, is put on record by `make cost`, so that it stands in the diff for all to see.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cost import Cost, complaints, minor_version
from benchmarks.stage_map import MEANING, ROOT, STAGES, StageOf

RECORD = Path(__file__).with_name("costs.json")
# Patch versions of Python compile a little differently, and ids are drawn at random; no more than that is forgiven.
TOLERANCE = {"instructions": 0.05, "calls": 0.05, "peak_kilobytes": 0.1}
KEPT: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))


def as_costs(kept: dict[str, Any]) -> dict[str, Cost]:
    return {name: Cost(**one) for name, one in kept.items()}


@pytest.mark.skipif(minor_version() not in KEPT, reason=f"no costs on record for Python {minor_version()}: make cost")
def test_a_request_costs_what_is_on_record() -> None:
    counted = subprocess.run(
        [sys.executable, "-m", "benchmarks.cost"],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert counted.returncode == 0, counted.stderr[-2000:]
    now = as_costs(json.loads(counted.stdout.splitlines()[-1]))
    told = complaints(KEPT[minor_version()], now, tolerance=TOLERANCE)
    assert not told, "\n".join([*told, "If that is meant: make cost, and say why in the commit."])


@pytest.mark.parametrize("version", KEPT)
def test_costs_on_record_are_whole(version: str) -> None:
    assert set(KEPT[version]) == {"history", "no-concern", "50-resources"}
    for one in KEPT[version].values():
        assert set(one) == {"instructions", "calls", "peak_kilobytes"}
        assert set(one["instructions"]) == set(one["calls"]) == set(STAGES) == set(MEANING)
        assert sum(one["calls"].values()) > 0 < one["peak_kilobytes"]


@pytest.mark.parametrize("change", [1.1, 0.9])
@pytest.mark.parametrize("what", ["instructions", "calls"])
def test_a_tenth_more_or_less_is_seen_and_its_stage_named(what: str, change: float) -> None:
    kept = next(iter(KEPT.values()))
    for name, cost in as_costs(kept).items():
        counts = dict(getattr(cost, what))
        largest = max(counts, key=counts.__getitem__)
        counts[largest] += round((change - 1) * sum(counts.values()))
        [told] = complaints(kept, {name: replace(cost, **{what: counts})}, tolerance=TOLERANCE)
        assert told.startswith(f"{name}: {change - 1:+.1%} {what} ({largest} "), told


def test_more_memory_is_seen() -> None:
    kept = next(iter(KEPT.values()))
    for name, cost in as_costs(kept).items():
        more = replace(cost, peak_kilobytes=round(cost.peak_kilobytes * 1.2))
        [told] = complaints(kept, {name: more}, tolerance=TOLERANCE)
        assert "memory at its peak" in told


def test_the_costs_on_record_have_no_complaints_and_a_new_request_has_one() -> None:
    kept = next(iter(KEPT.values()))
    now = as_costs(kept)
    assert complaints(kept, now, tolerance=TOLERANCE) == []
    assert complaints({}, now, tolerance=TOLERANCE) == [f"{name}: not on record" for name in now]


def test_code_belongs_to_the_stage_of_its_file_and_else_to_its_caller() -> None:
    from mappings.values import DatedValue
    from plugin.ingest import read_record
    from plugin.pipeline import assess

    stage_of = StageOf()
    assert stage_of.code(read_record.__code__) == "read"
    assert stage_of.code(assess.__code__) == "rulings"
    assert stage_of.code(DatedValue.on.__code__) is None
    assert stage_of.code(json.loads.__code__) is None


def test_every_stage_is_the_stage_of_some_code() -> None:
    found = {
        stage_of_file
        for folder in ("cds_hooks", "plugin")
        for file in (ROOT / folder).rglob("*.py")
        if (stage_of_file := StageOf().code(compile("", str(file), "exec"))) is not None
    }
    assert found == set(STAGES)
