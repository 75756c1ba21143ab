"""Spark gives what the local engine gives, byte for byte, and says clearly where it cannot run."""

from __future__ import annotations

import gc
import json
import os
import pickle
import signal
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.__main__ import run
from cds_hooks.clock import FixedClock
from cds_hooks.silent import blocks
from cds_hooks.silent.blocks import pieces_of
from cds_hooks.silent.engine import Engine, Filled, tally_of
from cds_hooks.silent.faults import RunInterruptedError, UnusableRunError
from cds_hooks.silent.local import LocalEngine
from cds_hooks.silent.parts import part_of
from cds_hooks.silent.plan import Occasion, RunPlan
from cds_hooks.silent.running import run_cohort
from cds_hooks.silent.spark.engine import SparkEngine
from cds_hooks.silent.spark.guarding import FAULT, Surroundings, TaskFailedError, guarded, versions_here
from cds_hooks.silent.spark.judged import Judged
from cds_hooks.silent.spark.reading import COUNTED, RECORDS, Reading, matched, only, owned, wanted
from cds_hooks.silent.spark.session import LOG, spark_context
from cds_hooks.silent.spark.slices import put, slices_of
from cds_hooks.silent.tables import TABLES
from mappings.load import Knowledge, load
from tests.silent.exports import Quiet, files_in, task_of
from tests.silent.mixed_export import write_mixed_export

Capture = pytest.CaptureFixture[str]
Ran = Callable[..., Any]
PATIENTS = 30


@pytest.fixture(scope="module")
def export(knowledge: Knowledge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("export")
    write_mixed_export(place, knowledge, patients=PATIENTS)
    return place


@contextmanager
def redirected(into: int) -> Iterator[None]:
    """What this process and those it starts write to the terminal goes to another file."""
    kept = [os.dup(number) for number in (1, 2)]
    try:
        for number in (1, 2):
            os.dup2(into, number)
        yield
    finally:
        for number, before in zip((1, 2), kept, strict=True):
            os.dup2(before, number)
            os.close(before)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One Spark on two cores for all tests, started as the command starts it; where its log is."""
    work = tmp_path_factory.mktemp("spark")
    heard = signal.getsignal(signal.SIGINT)
    SparkEngine()  # tells what is missing
    with ExitStack() as running:
        with (work / "terminal").open("w") as terminal, redirected(terminal.fileno()):
            running.enter_context(spark_context("local[2]", work))
        assert (work / "terminal").read_text() == ""
        assert signal.getsignal(signal.SIGINT) is heard  # Ctrl-C stays with the command
        yield work / LOG
    with warnings.catch_warnings():  # the library leaves its sockets to the collector: here, not in another test
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def ran(export: Path, knowledge: Knowledge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Runs the export into a directory; files are read in many pieces."""
    monkeypatch.setattr(blocks, "_PIECE", 300_000)

    def run_it(
        name: str, engine: Engine, *, paths: tuple[Path | str, ...] = (), at: Occasion = "date", **more: Any
    ) -> Any:
        given = {
            "plan": RunPlan(occasion=at, until=date(2026, 6, 30), definition=knowledge.default_definition),
            "knowledge": knowledge,
            "load": partial(load),
            "workers": 1,
            "watch": Quiet(),
        }
        return run_cohort(
            paths or (export,),
            tmp_path / name,
            engine=engine,
            memory=10**9,
            release="0",
            clock=FixedClock(datetime(2026, 7, 1, tzinfo=UTC)),
            **given | more,
        )

    return run_it


@pytest.mark.services
def test_the_command_gives_the_bytes_of_the_local_engine_and_says_no_more(
    capfd: Capture, spark: Path, export: Path, tmp_path: Path
) -> None:
    """Each order of the last months, from the command line: what the user sees of Spark is nothing."""
    told: dict[str, str] = {}
    for engine, more in (("local", ["--workers", "1"]), ("spark", [])):
        days = ["--since", "2025-10-01", "--as-of", "2026-06-30"]
        out = ["--out", str(tmp_path / engine)]
        assert run(["cohort", "run", str(export), *out, *days, "--engine", engine, *more]) == 0
        told[engine], said = capfd.readouterr()
        assert said == ""
    assert told["spark"].replace("spark", "local") == told["local"]
    assert files_in(tmp_path / "spark") == files_in(tmp_path / "local")
    manifests = {name: json.loads((tmp_path / name / "run.json").read_bytes()) for name in ("local", "spark")}
    assert manifests["spark"]["ran"] == "spark"
    assert "pyspark" in manifests["spark"]["versions"]
    for one in manifests.values():
        for differing in ("ran", "versions", "times"):
            del one[differing]
    assert manifests["spark"] == manifests["local"]
    counts = manifests["spark"]["counts"]
    assert counts["patients"] == PATIENTS
    assert counts["rejects"] == {
        "no patient named": 1,
        "not JSON": 3,
        "not an object": 1,
        "the packed file is damaged or ends early": 1,
    }
    assert counts["rows"]["cards"] > 0
    assert not (tmp_path / "spark" / "work").exists()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "spark").rglob("*") if path.is_file())


@pytest.mark.services
def test_stopped_and_resumed_from_a_url_it_gives_the_same_bytes(
    spark: Path, ran: Ran, export: Path, tmp_path: Path
) -> None:
    local = ran("local", LocalEngine())
    with pytest.raises(RunInterruptedError):
        ran("spark", SparkEngine(), paths=(export.as_uri(),), watch=Quiet(stop_after=1))
    written = list((tmp_path / "spark" / "tables" / "patients").glob("*.parquet"))
    assert 0 < len(written) < 8
    before = {path: path.stat().st_mtime_ns for path in written}
    watch = Quiet()
    finished = ran("spark", SparkEngine(), paths=(export.as_uri(),), watch=watch)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert files_in(tmp_path / "spark") == files_in(tmp_path / "local")
    assert finished["counts"] == local["counts"]
    assert finished["inputs"] == local["inputs"]
    assert watch.steps == sum(length for _, length in watch.phases)


@pytest.mark.services
def test_a_fault_on_a_worker_is_told_and_repeats_nothing(
    spark: Path, ran: Ran, knowledge: Knowledge, tmp_path: Path, capfd: Capture
) -> None:
    with pytest.raises(UnusableRunError, match="a worker: has other knowledge"):
        ran("other", SparkEngine(), knowledge=replace(knowledge, content_hash="sha256:0"))
    with pytest.raises(UnusableRunError, match=r"gave up on a task \(ValueError\)") as fault:
        ran("broken", SparkEngine(), load=partial(int, "Jane Doe"))
    assert fault.value.__suppress_context__
    assert "Jane" not in str(fault.value) + "".join(capfd.readouterr())
    assert "TaskFailedError: ValueError" in spark.read_text()
    assert "Jane" not in spark.read_text()


def test_the_steps_give_the_same_bytes_without_spark(knowledge: Knowledge, tmp_path: Path) -> None:
    """What the tasks do, brought together by hand: a change of the local engine that Spark misses is seen at once."""
    place = tmp_path / "export"
    place.mkdir()
    write_mixed_export(place, knowledge, patients=4)
    task = task_of(tmp_path / "local", [place], knowledge)
    tally = LocalEngine().run(task, Quiet())
    same = Surroundings(versions=versions_here(), load=task.load, knowledge_hash=knowledge.content_hash)
    known = frozenset(kind.type for kind in knowledge.known_then.kinds)
    reading = Reading(buckets=tally.buckets, read=known, memory=10**8, surroundings=same)
    read = [list(reading([piece])) for piece in pieces_of(task.inputs)]
    found = [value.counted for records in read for _, value in only(records, COUNTED)]
    assert tally_of(found, task.inputs, known=known, buckets=tally.buckets, rejects=tally.rejects) == tally
    groups: dict[int, list[Any]] = {}
    buckets: dict[int, list[Any]] = {}
    for records in read:
        for key, value in only(records, RECORDS):
            buckets.setdefault(key, []).append((key, value))
        for pair in [*wanted(records, tally.buckets), *owned(records)]:
            groups.setdefault(pair[0], []).append(pair)
    for group in groups.values():
        for pair in matched(group):
            buckets.setdefault(pair[0], []).append(pair)
    filled = Filled(tally.buckets)
    for one in found:
        filled.take(one)
    judged = Judged(
        plan=replace(task.plan, kinds=tally.kinds),
        resources=filled.resources,
        memory=10**8,
        surroundings=same,
    )
    for bucket in range(tally.buckets):
        parts = {table: written for _, table, written in judged(bucket, reversed(buckets.get(bucket, [])))}
        assert parts == {table: part_of(task.directory, table, bucket).read_bytes() for table in TABLES}
    one = min(buckets)
    with pytest.raises(TaskFailedError, match="LostRecordsError"):
        list(judged(one, buckets[one][1:]))


def test_a_piece_that_cannot_be_read_again_is_never_taken_for_an_empty_one() -> None:
    with pytest.raises(TaskFailedError):
        list(only([(FAULT, 0, ("file", "is gone", "bring it back"))], RECORDS))


def test_without_pyspark_the_command_is_refused_with_the_remedy(
    export: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    assert run(["cohort", "run", str(export), "--out", str(tmp_path / "run"), "--engine", "spark"]) == 2
    assert "needs pyspark, which is not installed; install the extra: trd-cds-hooks[spark]" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("home", [None, "no-such-folder"])
def test_without_java_the_command_is_refused_with_the_remedy(
    home: str | None, export: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", types.ModuleType("pyspark"))
    monkeypatch.setenv("PATH", str(tmp_path))
    if home is None:
        monkeypatch.delenv("JAVA_HOME", raising=False)
    else:
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / home))
    assert run(["cohort", "run", str(export), "--out", str(tmp_path / "run"), "--engine", "spark"]) == 2
    assert "needs Java 17 or newer, which was not found" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--spark-master", "local[2]"], "--spark-master: is only for Spark"),
        (["--engine", "spark", "--memory", "2GB"], "--memory: is not for Spark"),
        (["s3://bucket/export"], "PATH: is a URL"),
        (["--engine", "spark", "--out", "s3://bucket/run"], "--out: is a URL"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    arguments: list[str], says: str, export: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["cohort", "run", str(export), "--out", "run", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_only_the_class_of_a_fault_leaves_a_worker() -> None:
    def failing(fault: Exception) -> Iterator[tuple[str, Any, Any]]:
        yield "part", 1, b""
        raise fault

    with pytest.raises(TaskFailedError, match=r"^ValueError$") as told:
        list(guarded(failing(ValueError("Jane Doe"))))
    assert told.value.__suppress_context__
    mendable = list(guarded(failing(UnusableRunError("file", "is broken", "mend it"))))
    assert mendable == [("part", 1, b""), (FAULT, 0, ("file", "is broken", "mend it"))]


def test_a_worker_of_another_version_is_told(knowledge: Knowledge) -> None:
    like = Surroundings(versions=versions_here(), load=load, knowledge_hash=knowledge.content_hash)
    pickle.loads(pickle.dumps(like)).check()  # noqa: S301
    with pytest.raises(UnusableRunError, match="another version of pyarrow"):
        replace(like, versions=versions_here() | {"pyarrow": "0"}).check()
    with pytest.raises(UnusableRunError, match="other knowledge"):
        replace(like, knowledge_hash="sha256:0").check()


@pytest.mark.parametrize("size", [0, 1, 10, 11, 20])
def test_slices_come_together_again_in_any_order(size: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(size))
    (tmp_path / "into").mkdir()
    slices = list(slices_of(tmp_path / "file", "same", 10))
    for one in reversed(slices):
        put(tmp_path / "into", one)
    assert (tmp_path / "into" / "same").read_bytes() == (tmp_path / "file").read_bytes()
    assert [len(one.content) for one in slices[:-1]] == [10] * (len(slices) - 1)
