"""The scan over the whole run finds what is planted, wherever it is written, and fails the run for it."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt import encode

from cds_hooks.observing.call_line import CallLine
from cds_hooks.observing.metrics import Metrics
from cds_hooks.observing.request_log import RequestLog
from mappings.load import Knowledge
from tests.planted import PLANTED, TOKEN, LeakScan, watching

ROOT = Path(__file__).parents[2]
HOOKS = (
    "from tests.conftest import (leak_scan, pytest_sessionfinish, pytest_sessionstart, pytest_terminal_summary,"
    " pytest_testnodedown)"
)
LEAKING = {
    "request log": (
        "RequestLog(io.StringIO()).write(CallLine(client=FAMILY_NAME))",
        "family name in the request log",
    ),
    "library log": ("logging.getLogger('some.library').warning('for %s', PHONE)", "phone in the logger some.library"),
    "metric": (
        "Counter('a', 'b', ['c'], registry=CollectorRegistry()).labels(RECORD_NUMBER).inc()",
        "record number in the label of a metric",
    ),
    "subprocess": ("leak_scan.look('it said ' + BIRTH_DATE, 'a subprocess')", "birth date in a subprocess"),
}
ALL = ("outcome", "message", "argument", "client")
SILENT = "RequestLog(io.StringIO()).write(CallLine(client='general'))"


@pytest.fixture
def scan() -> LeakScan:
    return LeakScan()


@pytest.mark.parametrize("name", PLANTED)
def test_every_planted_value_is_found_in_any_case(scan: LeakScan, name: str) -> None:
    scan.look(f"before {PLANTED[name].upper()} after", "a place")
    (leak,) = scan.leaks
    assert (leak.what, leak.where) == (name, "a place")
    assert "test_every_planted_value_is_found_in_any_case" in leak.test


def test_anything_like_a_signed_token_is_found(scan: LeakScan) -> None:
    token = encode({"iss": "x"}, ec.generate_private_key(ec.SECP384R1()), algorithm="ES384")
    scan.look(f'"header": "Bearer {token}"', "a place")
    assert {leak.what for leak in scan.leaks} == {TOKEN}
    assert not any(part in str(scan.leaks[0]) for part in token.split(".")[2:])


def test_ordinary_lines_are_no_find(scan: LeakScan) -> None:
    written = io.StringIO()
    with watching(scan):
        RequestLog(written).write(CallLine(call="hook", service="trd-order-sign", client="general"))
    scan.look("eyJ is how a token begins, and eyJhbGci is too short", "a place")
    assert scan.leaks == []
    assert scan.looked_at > 1


def test_log_lines_libraries_labels_and_expositions_are_watched(
    scan: LeakScan, leak_scan: LeakScan, knowledge: Knowledge
) -> None:
    with leak_scan.looking_away(), watching(scan):
        RequestLog(io.StringIO()).write(CallLine(outcome="canary-outcome"))
        try:
            raise LookupError("canary-message")
        except LookupError:
            logging.getLogger("some.library").exception("it failed for %s", "canary-argument")
        metrics = Metrics(version="1", knowledge=knowledge)
        metrics.observe(CallLine(client="canary-client"))
        metrics.exposition()
    found = {(leak.where, what) for leak in scan.leaks for what in ALL if f"canary-{what}" in leak.text}
    assert found == {
        ("the request log", "outcome"),
        ("the logger some.library", "message"),
        ("the logger some.library", "argument"),
        ("the label of a metric", "client"),
        ("the exposition of metrics", "client"),
    }


def test_nothing_is_watched_afterwards(scan: LeakScan) -> None:
    with watching(scan):
        pass
    RequestLog(io.StringIO()).write(CallLine(client="general"))
    assert scan.looked_at == 0


def run(folder: Path, *bodies: str, workers: bool) -> tuple[int, str]:
    """A pytest session of its own with our hooks and a test for each of `bodies`; its exit status and output."""
    (folder / "conftest.py").write_text(HOOKS, encoding="utf-8")
    lines = [
        "import io, logging",
        "from prometheus_client import CollectorRegistry, Counter",
        "from cds_hooks.observing.call_line import CallLine",
        "from cds_hooks.observing.request_log import RequestLog",
        "from tests.planted import *",
        *(f"def test_{number}(leak_scan):\n    {body}" for number, body in enumerate(bodies)),
    ]
    (folder / "test_it.py").write_text("\n".join(lines), encoding="utf-8")
    several = ("-p", "xdist", "-n", "2") if workers else ()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *several]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # no other plugin has a part in it
    done = subprocess.run(  # noqa: S603
        [*command, str(folder)],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("workers", [False, pytest.param(True, marks=pytest.mark.deep)])
def test_a_run_with_leaks_fails_though_its_tests_pass(tmp_path: Path, workers: bool) -> None:
    status, output = run(tmp_path, *(body for body, _ in LEAKING.values()), workers=workers)
    assert f"{len(LEAKING)} passed" in output
    for number, (_, told) in enumerate(LEAKING.values()):
        assert f"LEAK: {told}, written during test_it.py::test_{number} (call)" in output
    assert status == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("workers", [False, pytest.param(True, marks=pytest.mark.deep)])
def test_a_silent_run_passes_and_says_that_it_looked(tmp_path: Path, workers: bool) -> None:
    status, output = run(tmp_path, SILENT, SILENT, workers=workers)
    assert "LEAK" not in output
    assert "no planted value in 2 texts" in output
    assert status == pytest.ExitCode.OK, output
