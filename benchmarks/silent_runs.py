"""Silent runs that are measured: the cohorts they read, and a command with its time, its CPU and the memory it held."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmarks.bench_server import ROOT
from benchmarks.memory import Peak
from benchmarks.multiplied import multiply
from benchmarks.order_rows import say
from cds_hooks.cohort.directory import MANIFEST

SEED = 11
SETTING = "1GB"
# Patients that are generated; a cohort of a multiple of them is that one under other ids, again and again.
GENERATED = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """One command: seconds by the clock, of CPU of all its processes, the most memory they held; what it said."""

    seconds: float
    cpu: float
    peak: int
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One silent run: what it took, and the counts of its manifest."""

    took: Took
    counts: dict[str, Any]


def cohort_of(folder: Path, size: int) -> Path:
    """A cohort of `size` patients in `folder`, made unless it is there."""
    directory = folder / f"cohort-{size}"
    if (directory / MANIFEST).exists():
        return directory
    shutil.rmtree(directory, ignore_errors=True)
    say(f"making a cohort of {size} patients")
    if size > GENERATED and size % GENERATED == 0:
        multiply(cohort_of(folder, GENERATED), directory, size // GENERATED, seed=SEED)
        return directory
    command = [sys.executable, "-m", "cds_hooks", "cohort", "synth", "--patients", str(size), "--seed", str(SEED)]
    run([*command, "--out", str(directory), "--force"])
    return directory


def bytes_of(directory: Path) -> int:
    """The bytes of NDJSON of a cohort."""
    return sum(file.stat().st_size for file in directory.glob("*.ndjson"))


def judge(directory: Path, out: Path, *, at: str, size: int, as_of: str | None = None) -> Judged:
    """`trd-cds cohort run` over a cohort of `size` patients, up to the last day of its records, or else `as_of`.

    SystemExit where it lost a patient, or failed to judge one.
    """
    say(f"{size} patients, at {at}")
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "cds_hooks", "cohort", "run", str(directory), "--out", str(out)]
    day = [] if as_of is None else ["--as-of", as_of]
    took = run([*command, "--at", at, "--memory", SETTING, *day])
    counts = orjson.loads((out / "run.json").read_bytes())["counts"]
    if counts["failed"] or counts["patients"] != size:
        raise SystemExit(f"the run over {size} patients lost or failed some: {counts}")
    shutil.rmtree(out)
    return Judged(took=took, counts=counts)


def run(command: list[str]) -> Took:
    """Run a command to its end and watch all its processes. SystemExit where it fails."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=complained)
        with Peak(process.pid) as peak:
            status = process.wait()
        seconds = time.monotonic() - began
        said.seek(0)
        complained.seek(0)
        told, fault = said.read().decode(), complained.read().decode(errors="replace").strip()[-300:]
    if status:
        raise SystemExit(f"{' '.join(command[1:5])} ended with {status}: {fault}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(seconds=seconds, cpu=cpu, peak=peak.bytes, said=told)


@contextmanager
def workplace(kept: Path | None) -> Iterator[Path]:
    """Where cohorts are made: in `kept`, and left there, or in a directory that is thrown away."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="trd-cds-cohorts-") as made:
        yield Path(made)
