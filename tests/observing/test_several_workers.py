"""Metrics of several processes: added up by whichever is asked, and nothing left in flight by one that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from cds_hooks.observing.worker_files import DIRECTORY, prepare_multiprocess
from tests.observing.conftest import Samples, sample, samples

pytestmark = pytest.mark.services  # processes, locks and long waits: part of test-all
ROOT = Path(__file__).parents[2]
WORKER = """
import sys
from cds_hooks.observing.call_line import CallLine
from cds_hooks.observing.metrics import Metrics
from mappings.load import load

metrics = Metrics(version="1", knowledge=load())
with metrics.in_flight():
    metrics.observe(CallLine(call="hook", service="trd-order-sign", status=200, milliseconds=3.0))
    for asked in sys.stdin:
        content, _ = metrics.exposition()
        print(len(content), flush=True)
        sys.stdout.write(content.decode())
        sys.stdout.flush()
"""


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(DIRECTORY, "")  # what is set below is taken back
    shared = tmp_path / "metrics"
    shared.mkdir()
    (shared / "counter_1.db").write_bytes(b"of an earlier run")
    prepare_multiprocess(shared)
    assert os.environ[DIRECTORY] == str(shared)
    assert list(shared.iterdir()) == []
    return shared


def worker() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WORKER]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603


def ask(process: subprocess.Popen[bytes]) -> Samples:
    told: IO[bytes] | None = process.stdout
    assert process.stdin is not None and told is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    return samples(told.read(int(told.readline())))


def test_workers_count_together_and_the_dead_hold_no_call(directory: Path) -> None:
    one, two = worker(), worker()
    try:
        ask(one), ask(two)  # both are up
        calls = sample("calls_total", call="hook", service="trd-order-sign", client="none", status="200", mode="none")
        for process in (one, two):
            told = ask(process)
            assert told[calls] == 2
            assert told[sample("calls_in_flight")] == 2
            assert told[sample("call_seconds_bucket", call="hook", service="trd-order-sign", le="0.004")] == 2
            assert sum(name == "trd_cds_info" for name, _ in told) == 1
        one.kill()
        one.wait()
        told = ask(two)
        assert told[calls] == 2
        assert told[sample("calls_in_flight")] == 1
        assert not list(directory.glob(f"gauge_live*_{one.pid}.db"))
    finally:
        for process in (one, two):
            process.kill()
            process.communicate()


def test_the_directory_is_made_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DIRECTORY, "")
    prepare_multiprocess(tmp_path / "made")
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700
