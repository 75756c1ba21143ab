"""A run in a process of its own that kills itself without warning, at its n-th step of a kind.

``step``: anything done to the disk; ``part``: a part put in its place, so that a bucket is half there; ``bucket``: a
bucket done.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from cds_hooks.clock import FixedClock
from cds_hooks.silent.local import LocalEngine
from cds_hooks.silent.plan import RunPlan
from cds_hooks.silent.running import run_cohort
from cds_hooks.silent.spark.engine import SparkEngine
from mappings.load import load
from tests.silent.exports import Quiet

# For each kind the audit events, and how the first path of them ends.
STEPS = {
    "step": (("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"), ""),
    "part": (("os.rename",), ".draft"),
    "bucket": (("os.remove",), ".arrows"),
}


def main(export: str, out: str, what: str, kill_at: str, workers: str, engine: str) -> None:
    knowledge = load()
    done = 0
    steps, ending = STEPS[what]

    def counted(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal done
        if event in steps and str(arguments[0]).startswith(out) and str(arguments[0]).endswith(ending):
            done += 1
            if done == int(kill_at):
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(counted)
    run_cohort(
        [Path(export)],
        Path(out),
        engine=LocalEngine() if engine == "local" else SparkEngine("local[2]"),
        plan=RunPlan(occasion="date", until=date(2026, 6, 30), definition=knowledge.default_definition),
        knowledge=knowledge,
        load=load,
        workers=int(workers),
        memory=2 * 10**9,
        release="0",
        clock=FixedClock(datetime(2026, 7, 1, tzinfo=UTC)),
        watch=Quiet(),
    )
    sys.stdout.write(str(done))


if __name__ == "__main__":
    main(*sys.argv[1:])
