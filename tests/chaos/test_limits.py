"""A real server whose machine runs out of something: of disk, of file descriptors, of its log. It goes on, says so, and
takes up where it was when there is room again.
"""

from __future__ import annotations

import json
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from benchmarks.serving_process import Installation, ServerProcess
from tests.running.conftest import Ehr, Serve, ehr, installation, reports_on_record, serve, signing

__all__ = ["ehr", "installation", "serve"]
pytestmark = pytest.mark.services


@contextmanager
def limited(server: ServerProcess, what: int, most: int) -> Iterator[None]:
    """The server may have no more than `most` of `what`, one of the limits of its process."""
    usual = resource.prlimit(server.process.pid, what)
    resource.prlimit(server.process.pid, what, (most, usual[1]))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, what, usual)


def descriptors(server: ServerProcess) -> int:
    """How many the server has open."""
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def until_well(ehr: Ehr, server: ServerProcess) -> list[str]:
    """The cards of a call, once one is answered again."""
    for _ in range(100):
        answer = ehr.sign(server.base)
        if answer.status_code == 200:
            return [card["uuid"] for card in answer.json()["cards"]]
        assert answer.status_code == 503
        time.sleep(0.05)
    raise AssertionError("it does not answer any more")


def test_where_no_byte_can_be_written_nothing_is_acknowledged(
    installation: Installation, ehr: Ehr, serve: Serve
) -> None:
    """Neither into the database nor into the log."""
    server = serve(installation)
    cards = ehr.cards(server.base)
    assert ehr.report(server.base, cards[0], at="2026-11-22T10:00:00Z").status_code == 200
    with limited(server, resource.RLIMIT_FSIZE, 0):
        for answer in (
            ehr.sign(server.base),
            ehr.report(server.base, cards[0], at="2026-11-22T11:00:00Z"),
        ):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert "not a statement about the patient" in answer.text
        assert ehr.http.get(f"{server.base}/health/live").status_code == 200
        assert ehr.http.get(f"{server.base}/health/ready").status_code == 503
    assert len(until_well(ehr, server)) == len(cards)
    assert ehr.http.get(f"{server.base}/health/ready").status_code == 200
    counted = ehr.http.get(f"{server.base}/metrics").text.splitlines()
    unwritten = [line for line in counted if line.startswith("trd_cds_write_failures_total")]
    assert {line.split('"')[1] for line in unwritten if not line.endswith(" 0.0")} == {"audit", "feedback", "log"}
    assert ehr.report(server.base, cards[0], at="2026-11-22T11:00:00Z").status_code == 200
    assert server.stop() == 0
    assert reports_on_record(installation) == [cards[0]] * 2
    assert installation.command("audit", "verify").returncode == 0


def test_without_file_descriptors_open_connections_are_served_and_the_rest_wait(
    installation: Installation, ehr: Ehr, serve: Serve
) -> None:
    server = serve(installation)
    cards = ehr.cards(server.base)  # its connection stays open
    with ExitStack() as crowd:
        with limited(server, resource.RLIMIT_NOFILE, descriptors(server)):
            idle = [
                crowd.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5)) for _ in range(20)
            ]
            answer = ehr.sign(server.base)
            assert answer.status_code == 200 and len(answer.json()["cards"]) == len(cards)
            pulled = {key: value for key, value in signing().items() if key != "prefetch"}
            refused = ehr.sign(server.base, {**pulled, "fhirServer": "http://127.0.0.1:9/fhir"})
            assert refused.status_code == 412, "no socket for the FHIR server either: no history, no advice"
            assert ehr.report(server.base, cards[0], at="2026-11-22T11:00:00Z").status_code == 200
        for one in idle:
            one.close()
    with httpx.Client(trust_env=False, timeout=30) as fresh:
        assert len(until_well(Ehr(installation, fresh), server)) == len(cards)
    assert server.stop() == 0
    assert reports_on_record(installation) == [cards[0]]
    said = server.said.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert not any("fault" in line for line in lines), "no fault of ours"
