"""A run that was killed, interrupted or begun otherwise, and what running it again does."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.clock import FixedClock
from cds_hooks.cohort.directory import write_cohort
from cds_hooks.cohort.plan import Plan
from cds_hooks.silent.faults import RunInterruptedError, UnusableRunError
from cds_hooks.silent.local import LocalEngine
from cds_hooks.silent.plan import RunPlan
from cds_hooks.silent.running import run_cohort
from cds_hooks.silent.tables import TABLES
from mappings.load import Knowledge, load
from tests.silent.exports import Quiet, files_in

ROOT = Path(__file__).parents[2]
Ran = Callable[..., Any]


@pytest.fixture(scope="module")
def export(knowledge: Knowledge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve patients, with two broken lines among their records."""
    place = tmp_path_factory.mktemp("export")
    for _ in write_cohort(place, Plan(knowledge), patients=12, seed=3, profile="complete", engine="0"):
        pass
    with (place / "Observation.ndjson").open("ab") as file:
        file.write(b'{"resourceType":"Observation"}\n{\n')
    return place


@pytest.fixture
def ran(export: Path, knowledge: Knowledge, tmp_path: Path) -> Ran:
    """Runs the export into tmp_path/run."""

    def run(
        *, paths: tuple[Path, ...] = (export,), watch: Quiet | None = None, force: bool = False, **more: Any
    ) -> Any:
        plan = RunPlan(occasion="date", until=date(2026, 6, 30), definition=knowledge.default_definition)
        return run_cohort(
            paths,
            tmp_path / "run",
            engine=LocalEngine(),
            plan=replace(plan, **more),
            knowledge=knowledge,
            load=partial(load),
            workers=1,
            memory=10**9,
            release="0",
            clock=FixedClock(datetime(2026, 7, 1, tzinfo=UTC)),
            watch=watch or Quiet(),
            force=force,
        )

    return run


def alone(
    export: Path, out: Path, *, what: str = "step", kill_at: int = 0, workers: int = 1, engine: str = "local"
) -> subprocess.CompletedProcess[str]:
    given = [str(export), str(out), what, str(kill_at), str(workers), engine]
    command = [sys.executable, "-m", "tests.silent.killed_run", *given]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.mark.deep
def test_killed_again_and_again_the_output_is_that_of_an_unbroken_run(export: Path, tmp_path: Path) -> None:
    whole = alone(export, tmp_path / "whole")
    steps = int(whole.stdout)
    assert steps > 100
    expected = files_in(tmp_path / "whole")
    assert len(expected) == 8 * 8 + 2
    killed = tmp_path / "killed"
    chance = random.Random(11)
    # Each begins where the one before was killed, and so has fewer steps to go: the first two are still grouping.
    for most in (0.02, 0.06, 0.3, 0.3, 0.3):
        at = chance.randint(1, int(steps * most))
        assert alone(export, killed, kill_at=at).returncode == -signal.SIGKILL, at
    # While the parts of a bucket are put in place one by one.
    half = chance.randint(1, len(TABLES) - 1)
    assert alone(export, killed, what="part", kill_at=2 + half).returncode == -signal.SIGKILL
    written = [len(list((killed / "tables" / name).glob("*.parquet"))) for name in TABLES]
    assert len(set(written)) == 2
    # While workers are at hand: they end with the process that they work for.
    assert alone(export, killed, what="bucket", kill_at=1, workers=2).returncode == -signal.SIGKILL
    assert json.loads((killed / "run.json").read_bytes())["state"] == "running"
    assert alone(export, killed).returncode == 0
    assert files_in(killed) == expected
    manifests = [json.loads((place / "run.json").read_bytes()) for place in (tmp_path / "whole", killed)]
    assert manifests[0] == manifests[1]
    assert manifests[0]["state"] == "finished"
    assert manifests[0]["counts"]["rejects"] == {"no patient named": 1, "not JSON": 1}


@pytest.mark.services
def test_spark_killed_while_it_keeps_parts_goes_on_to_the_bytes_of_the_local_engine(
    export: Path, tmp_path: Path
) -> None:
    """The driver is killed at a random step of grouping, then with a bucket half kept."""
    assert alone(export, tmp_path / "whole").returncode == 0
    expected, killed = files_in(tmp_path / "whole"), tmp_path / "killed"
    chance = random.Random(12)
    for what, most in (("step", 60), ("part", 3 * len(TABLES))):
        done = alone(export, killed, what=what, kill_at=chance.randint(3, most), engine="spark")
        assert done.returncode == -signal.SIGKILL, done.stderr
    assert alone(export, killed, engine="spark").returncode == 0
    assert files_in(killed) == expected


def test_asked_to_stop_it_stops_between_buckets_and_goes_on_there(ran: Ran, tmp_path: Path) -> None:
    with pytest.raises(RunInterruptedError):
        ran(watch=Quiet(stop_after=1))
    written = list((tmp_path / "run" / "tables" / "patients").glob("*.parquet"))
    assert 0 < len(written) < 8
    before = {path: path.stat().st_mtime_ns for path in written}
    assert json.loads((tmp_path / "run" / "run.json").read_bytes())["state"] == "running"
    assert ran()["state"] == "finished"
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not (tmp_path / "run" / "work").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"until": date(2026, 1, 1)}, "plan.until"),
        ({"jurisdiction": "eu"}, "plan.jurisdiction"),
        ({"paths": "other"}, "inputs"),
    ],
)
def test_another_run_in_the_directory_is_refused_by_what_differs(
    ran: Ran, export: Path, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(RunInterruptedError):
        ran(watch=Quiet(stop_after=1))
    if change.get("paths"):
        change = {"paths": (export / "Patient.ndjson",)}
    with pytest.raises(UnusableRunError, match=f"differs in {says};.*--force"):
        ran(**change)
    assert ran(force=True, **change)["state"] == "finished"


def test_a_directory_of_something_else_is_never_touched(ran: Ran, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("years of work")
    for force in (False, True):
        with pytest.raises(UnusableRunError, match="holds no run"):
            ran(force=force)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]
