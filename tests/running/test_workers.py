"""Several workers on the embedded database: one service to its callers, one row of metrics, one audit trail."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from benchmarks.serving_process import Installation
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.server_processes import run_workers
from tests.running.conftest import Ehr, Serve, reports_on_record

WORKERS = 4
CALLS = 40


def test_workers_share_records_metrics_and_used_tokens(
    installation: Installation, ehr: Ehr, serve: Serve, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    server = serve(installation, workers=WORKERS, TMPDIR=str(temporary))
    assert len(server.workers()) == WORKERS
    assert len(list(temporary.glob("trd-cds-metrics-*"))) == 1

    def one(number: int) -> list[int]:
        # A connection of its own, so that every worker gets some.
        with httpx.Client(trust_env=False, timeout=60) as http:
            client, token = Ehr(installation, http), installation.token()
            answer = client.sign(server.base, token=token)
            cards = [card["uuid"] for card in answer.json()["cards"]]
            at = f"2026-11-22T10:00:{number:02}Z"
            told = [client.report(server.base, *cards, at=at).status_code for _ in range(2)]
            return [answer.status_code, client.sign(server.base, token=token).status_code, *told, len(cards)]

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(one, range(CALLS)))
    assert {tuple(each[:4]) for each in done} == {(200, 401, 200, 200)}
    shown = sum(each[4] for each in done)
    assert len(reports_on_record(installation)) == shown, "each report once, though all were sent twice"

    metrics = httpx.get(f"{server.base}/metrics", trust_env=False).text
    counted = [line for line in metrics.splitlines() if line.startswith("trd_cds_calls_total{")]
    answered = [line for line in counted if 'call="hook"' in line and 'status="200"' in line]
    assert [float(line.rpartition(" ")[2]) for line in answered] == [CALLS]

    killed = server.workers()[0]
    os.kill(killed, signal.SIGKILL)
    until = time.monotonic() + 60
    while killed in (now := server.workers()) or len(now) < WORKERS:
        assert time.monotonic() < until, "the worker was not replaced"
        time.sleep(0.1)
    assert ehr.sign(server.base).status_code == 200

    assert server.stop() == 0
    assert list(temporary.iterdir()) == [], "nothing is left behind"
    assert server.complaints() == []

    async def verified() -> str:
        records = installation.records()
        try:
            return (await records.audit.verify()).broken
        finally:
            await records.database.close()

    assert asyncio.run(verified()) == ""


def test_without_a_place_for_shared_metrics_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(Refusal, match="TMPDIR"):
        run_workers("no.such:factory", 2, host="127.0.0.1", port=0, drain_seconds=1)
