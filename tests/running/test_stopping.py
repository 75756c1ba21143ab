"""A server asked to stop finishes what it has begun, refuses what comes after, and loses nothing it acknowledged."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import httpx
import pytest

from benchmarks.serving_process import Installation, ServerProcess
from tests.running.conftest import Ehr, GatedFhirServer, Serve, reports_on_record, signing


@pytest.fixture
def installation(tmp_path: Path, slow_fhir: GatedFhirServer) -> Installation:
    return Installation.make(tmp_path, fhir_server=slow_fhir.base)


def refused(server: ServerProcess) -> None:
    """Wait until nobody takes a connection."""
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.05)
    raise AssertionError("the server still takes connections")


@pytest.mark.parametrize(
    ("number", "workers"),
    [(signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGTERM, 2)],
    ids=["term", "int", "term, two workers"],
)
def test_calls_in_flight_are_answered_whole(
    number: int, workers: int, installation: Installation, ehr: Ehr, serve: Serve, slow_fhir: GatedFhirServer
) -> None:
    server = serve(installation, workers=workers, TRD_CDS_DEADLINE_SECONDS="30")
    cards = ehr.cards(server.base)
    acknowledged: list[str] = []
    token = installation.token()

    def feed_back(seconds: Iterator[int]) -> None:
        """Report, as fast as it goes, until nobody is there any more."""
        with httpx.Client(trust_env=False, timeout=30) as http:
            one = Ehr(installation, http)
            for second in seconds:
                at = f"2026-11-22T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"
                try:
                    assert one.report(server.base, cards[0], at=at).status_code == 200
                except httpx.TransportError:
                    return
                acknowledged.append(at)

    with ThreadPoolExecutor(3) as pool:
        waiting = pool.submit(ehr.sign, server.base, slow_fhir.pulling(), token=token)
        assert slow_fhir.asked.wait(30)
        reporting = pool.submit(feed_back, count())
        while len(acknowledged) < 3:
            assert not reporting.done()
            time.sleep(0.01)
        server.process.send_signal(number)
        refused(server)
        assert server.process.poll() is None, "it waits for the call"
        slow_fhir.release.set()
        answer = waiting.result(30)
        assert answer.status_code == 200
        assert len(answer.json()["cards"]) == len(cards)
        reporting.result(30)
    assert server.ended() == 0
    assert server.complaints() == []
    # A report whose answer was cut off may be there as well.
    assert len(acknowledged) <= len(reports_on_record(installation)) <= len(acknowledged) + 1

    if workers == 1 and number == signal.SIGTERM:
        again = serve(installation)
        assert len(ehr.cards(again.base)) == len(cards), "started again on the same data"
        assert ehr.sign(again.base, token=token).status_code == 401, "a token used before is known"
        assert again.stop() == 0


def test_a_call_that_outlasts_the_drain_time_is_cut_off(
    installation: Installation, ehr: Ehr, serve: Serve, slow_fhir: GatedFhirServer
) -> None:
    server = serve(installation, TRD_CDS_DEADLINE_SECONDS="60", TRD_CDS_DRAIN_SECONDS="1")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ehr.sign, server.base, slow_fhir.pulling())
        assert slow_fhir.asked.wait(30)
        assert server.stop() == 0
        cut_off = waiting.result(30)
    assert (cut_off.status_code, cut_off.headers["retry-after"]) == (503, "1")
    assert cut_off.json()["resourceType"] == "OperationOutcome"
    said = server.said.read_text(encoding="utf-8")
    assert "Traceback" not in said, said
    assert "cut-off" in [json.loads(line).get("outcome") for line in said.splitlines() if line.startswith("{")]


def test_workers_end_when_their_parent_is_killed(installation: Installation, ehr: Ehr, serve: Serve) -> None:
    server = serve(installation, workers=2)
    workers = server.workers()
    assert len(workers) == 2
    os.kill(server.process.pid, signal.SIGKILL)  # the parent alone, as a memory killer does
    server.process.wait()
    refused(server)
    done = threading.Event()
    for _ in range(600):
        if not any(Path(f"/proc/{pid}").exists() for pid in workers):
            done.set()
            break
        time.sleep(0.05)
    assert done.is_set(), "a worker lives on without its parent"
    again = serve(installation)
    assert ehr.sign(again.base, signing()).status_code == 200
