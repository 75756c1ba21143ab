"""A silent run without its judging: hashing, grouping, reading back by patient, writing tables; what each costs.

python -m benchmarks.unjudged DIR OUT

Grouping runs as in a run, with all cores; the rest in this process. What is written are the rows of a few patients who
were judged, again and again under the ids that were read.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import duckdb
import orjson

from cds_hooks.silent.buckets import patients_in
from cds_hooks.silent.engine import Task
from cds_hooks.silent.inputs import end_of_records, find_inputs, hashed
from cds_hooks.silent.judging import judge_patient
from cds_hooks.silent.local import WORK, LocalEngine, cores
from cds_hooks.silent.parts import Parts, prepare
from cds_hooks.silent.plan import RunPlan
from cds_hooks.silent.tables import Rows
from mappings.load import load

_JUDGED = 40
_MEMORY = 10**9


class _Nobody:
    """Looks on and says nothing."""

    def begin(self, label: str, length: int) -> None:
        """Nothing."""

    def step(self, steps: int) -> None:
        """Nothing."""

    def stop_asked(self) -> bool:
        """Never."""
        return False


def main(directory: Path, out: Path) -> None:
    """Run the stages over `directory` in the new directory `out`, and tell what each took as JSON."""
    out.mkdir(parents=True)
    told: dict[str, Any] = {}
    with _timed(told, "hash"):
        inputs = hashed(find_inputs([directory], out=out), lambda _: None)
    knowledge = load()
    plan = RunPlan(
        occasion="date",
        until=date.fromisoformat(end_of_records([directory]) or ""),
        definition=knowledge.default_definition,
    )
    task = Task(
        directory=out,
        inputs=inputs,
        plan=plan,
        knowledge=knowledge,
        load=partial(load),
        workers=cores(),
        memory=_MEMORY,
    )
    with _timed(told, "group"):
        LocalEngine().group(task, _Nobody())
    [grouped] = (out / WORK).iterdir()
    buckets = len(orjson.loads((grouped / "grouping.json").read_bytes())["resources"])
    database = duckdb.connect()
    told["patients"] = told["resources"] = 0
    with _timed(told, "read"):
        for bucket in range(buckets):
            for _, lines in patients_in(grouped, bucket, database):
                told["patients"] += 1
                told["resources"] += sum(bool(orjson.loads(line)) for line in lines)
    some = islice(((name, own) for at in range(buckets) for name, own in patients_in(grouped, at, database)), _JUDGED)
    judged = [judge_patient(name, own, plan=plan, knowledge=knowledge) for name, own in some]
    prepare(out)
    with _timed(told, "write"):
        rows = cycle(judged)
        for bucket in range(buckets):
            parts = Parts(out, bucket)
            for number in range(told["patients"] // buckets):
                parts.add(_of(f"{bucket}-{number:06d}", next(rows)))
            parts.finish()
    database.close()
    print(json.dumps(told), flush=True)


def _of(name: str, rows: Rows) -> Rows:
    return {table: [{**row, "patient": name} for row in found] for table, found in rows.items()}


@contextmanager
def _timed(told: dict[str, Any], stage: str) -> Iterator[None]:
    began, cpu = time.monotonic(), _cpu()
    yield
    told[stage] = {"seconds": time.monotonic() - began, "cpu": _cpu() - cpu}


def _cpu() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
