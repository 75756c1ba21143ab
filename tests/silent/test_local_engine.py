"""The local engine: the same tables whatever the workers and the order of the input, and nobody lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cds_hooks.__main__ import run
from cds_hooks.cohort.directory import write_cohort
from cds_hooks.cohort.plan import Plan
from cds_hooks.silent import blocks, grouping, local
from cds_hooks.silent.buckets import bucket_count, packed, streams_in
from cds_hooks.silent.engine import Filled
from cds_hooks.silent.grouping import Counted
from cds_hooks.silent.judging import judge_patient
from cds_hooks.silent.local import LocalEngine
from cds_hooks.silent.parts import schema_of
from cds_hooks.silent.tables import TABLES, sorted_rows
from mappings.load import Knowledge
from tests.silent.exports import Quiet, files_in, ndjson, observation, patient, task_of

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def export(knowledge: Knowledge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten patients."""
    place = tmp_path_factory.mktemp("export")
    for _ in write_cohort(place, Plan(knowledge), patients=10, seed=5, profile="complete", engine="0"):
        pass
    return place


@pytest.mark.deep
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_ends_without_a_word_of_complaint(export: Path, tmp_path: Path, workers: str) -> None:
    """What a worker still holds when it ends, a library lists to whoever ran the command."""
    command = ["cohort", "run", str(export), "--out", str(tmp_path / "run"), "--at", "date", "--workers", workers]
    ended = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "cds_hooks", *command], capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    assert ended.stdout.startswith("10 patients of ")


@pytest.mark.deep
def test_workers_and_the_order_of_lines_change_no_byte(export: Path, tmp_path: Path, knowledge: Knowledge) -> None:
    turned = tmp_path / "turned"
    turned.mkdir()
    for file in export.glob("*.ndjson"):
        lines = file.read_bytes().splitlines(keepends=True)
        (turned / file.name).write_bytes(b"".join(reversed(lines)))
    LocalEngine().run(task_of(tmp_path / "one", [export], knowledge), Quiet())
    LocalEngine().run(task_of(tmp_path / "two", [turned], knowledge, workers=2), Quiet())
    one, two = files_in(tmp_path / "one" / "tables"), files_in(tmp_path / "two" / "tables")
    assert len(one) == 8 * len(TABLES)
    assert one == two


def test_the_tables_hold_what_judging_gives_in_the_order_of_their_keys(
    export: Path, tmp_path: Path, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file is read in many blocks, and those are appended to their buckets a few at a time."""
    monkeypatch.setattr(blocks, "_BLOCK", 20_000)
    monkeypatch.setattr(grouping, "HELD", 50_000)
    task = task_of(tmp_path / "run", [export], knowledge)
    tally = LocalEngine().run(task, Quiet())
    lines: dict[str, list[bytes]] = {}
    for file in export.glob("*.ndjson"):
        for line in file.read_bytes().splitlines():
            told = json.loads(line)
            if told["resourceType"] == "Practitioner":
                continue
            own = told["id"] if told["resourceType"] == "Patient" else told["subject"]["reference"][8:]
            lines.setdefault(own, []).append(line)
    plan = task.plan.__class__(
        occasion="date", until=task.plan.until, definition=task.plan.definition, kinds=tally.kinds
    )
    judged = [judge_patient(name, own, plan=plan, knowledge=knowledge) for name, own in lines.items()]
    for name, table in TABLES.items():
        parts = sorted((tmp_path / "run" / "tables" / name).glob("*.parquet"))
        written = [pq.read_table(part).to_pylist() for part in parts]
        expected = [row for rows in judged for row in rows[name]]
        assert sorted_rows(table, [row for part in written for row in part]) == sorted_rows(table, expected)
        assert all(part == sorted_rows(table, part) for part in written)
        assert pq.read_schema(parts[0]).equals(schema_of(table), check_metadata=True)
    assert len(judged) == 10


def test_tables_appended_to_a_file_come_back_and_a_file_cut_short_is_no_table(tmp_path: Path) -> None:
    tables = [pa.table({"patient": ["a", "b"][:rows], "line": ["{}", "[]"][:rows]}) for rows in (2, 1, 2)]
    file = tmp_path / "000000.1.arrows"
    file.write_bytes(b"".join(packed(rows.slice(0)) for rows in tables))
    assert list(streams_in(file)) == tables
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises((ValueError, OSError)):
        list(streams_in(file))


def test_what_a_piece_put_into_its_buckets_is_added_and_let_go() -> None:
    filled = Filled(3)
    pieces = [Counted(0, buckets={0: (2, 20), 2: (1, 7)}), Counted(1, buckets={2: (3, 30)})]
    for one in pieces:
        filled.take(one)
    assert (filled.resources, filled.weights) == ([2, 0, 4], [20, 0, 37])
    assert [one.buckets for one in pieces] == [{}, {}]


def test_a_patient_without_a_patient_resource_is_judged_too(tmp_path: Path, knowledge: Knowledge) -> None:
    file = tmp_path / "Observation.ndjson"
    file.write_bytes(ndjson([observation(1, "a"), patient("b")]))
    LocalEngine().run(task_of(tmp_path / "run", [file], knowledge), Quiet())
    rows = pq.read_table(tmp_path / "run" / "tables" / "patients").to_pylist()
    assert {row["patient"]: row["resources"] for row in rows} == {"a": 1, "b": 1}


def test_buckets_grow_with_the_input_alone_and_workers_with_the_memory(tmp_path: Path, knowledge: Knowledge) -> None:
    assert [bucket_count(weight) for weight in (0, 10**6, 2**30, 2**36)] == [8, 8, 64, 4096]
    file = tmp_path / "Patient.ndjson"
    file.write_bytes(ndjson([patient("a")]))
    task = task_of(tmp_path / "run", [file], knowledge, workers=64)
    assert local.fitting(task, 2**25) < local.fitting(task, 2**20) <= 4
    assert local.fitting(task, 2**40) == 1


def test_the_command_runs_says_what_it_did_and_runs_again_at_once(
    export: Path, tmp_path: Path, capsys: Capture
) -> None:
    command = ["cohort", "run", str(export), "--out", str(tmp_path / "run"), "--at", "date", "--workers", "1"]
    assert run(command) == 0
    out, err = capsys.readouterr()
    assert out.startswith("10 patients of ")
    assert err == ""
    manifest = json.loads((tmp_path / "run" / "run.json").read_bytes())
    assert manifest["plan"]["until"] == json.loads((export / "manifest.json").read_bytes())["endOfRecords"]
    assert manifest["counts"]["rows"]["patients"] == 10
    assert run(command) == 0
    assert capsys.readouterr().out == out
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "run").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none"], "none: does not exist"),
        ([".", "--memory", "1"], "--memory: is not a size"),
        ([".", "--memory", "10MB"], "--memory: is less than a run needs"),
        ([".", "--definition", "X"], "--definition: is not a definition"),
        ([".", "--jurisdiction", "uk"], "--jurisdiction: is none"),
        ([".", "--as-of", "2026-01-01", "--since", "2026-02-01"], "--since: is after"),
        ([".", "--as-of", "soon"], "--as-of: is not a date"),
    ],
)
def test_unusable_arguments_end_with_status_2(
    arguments: list[str], says: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["cohort", "run", *arguments, "--out", "run"]) == 2
    assert says in capsys.readouterr().err


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(
    export: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import signal

    from cds_hooks.silent import workers

    def interrupted(*arguments: object, **more: object) -> object:
        monkeypatch.setattr(workers, "judge_patient", judge_patient)
        os.kill(os.getpid(), signal.SIGINT)
        return judge_patient(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(workers, "judge_patient", interrupted)
    command = ["cohort", "run", str(export), "--out", str(tmp_path / "run"), "--at", "date", "--workers", "1"]
    assert run(command) == 130
    assert "run the same command again to go on from here" in capsys.readouterr().err
    assert run(command) == 0
    assert capsys.readouterr().out.startswith("10 patients of ")
