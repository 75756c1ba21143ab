"""A real server that is asked for far more than it can answer: everybody is told in time, one way or the other."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import httpx
import pytest

from benchmarks.serving_process import ORDER_SIGN, Installation
from tests.running.conftest import Serve, signing

CALLERS, TIMES = 150, 2


@pytest.mark.deep
def test_each_call_is_answered_or_told_to_come_back(installation: Installation, serve: Serve) -> None:
    server = serve(installation, TRD_CDS_QUEUE_SECONDS="0.3")
    body = json.dumps(signing())

    async def caller(client: httpx.AsyncClient) -> list[httpx.Response]:
        tokens = [installation.token() for _ in range(TIMES)]
        return [
            await client.post(ORDER_SIGN, content=body, headers={"Authorization": f"Bearer {token}"})
            for token in tokens
        ]

    async def watch(client: httpx.AsyncClient, calls: asyncio.Future[list[list[httpx.Response]]]) -> list[int]:
        asked = []
        while not calls.done():
            asked += [(await client.get(path)).status_code for path in ("/health/live", "/cds-services")]
        return asked

    async def run() -> tuple[list[httpx.Response], list[int]]:
        limits = httpx.Limits(max_connections=CALLERS + 1)
        # Whoever is told nothing in this time fails the test: no answer takes so long on any machine.
        async with httpx.AsyncClient(base_url=server.base, trust_env=False, timeout=60, limits=limits) as client:
            calls = asyncio.gather(*(caller(client) for _ in range(CALLERS)))
            asked = await watch(client, calls)
            return [answer for answers in await calls for answer in answers], asked

    answers, asked = asyncio.run(run())
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 503}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers if answer.status_code == 503)
    told = Counter(
        tuple(card["summary"] for card in answer.json()["cards"]) for answer in answers if answer.status_code == 200
    )
    assert len(told) == 1
    assert all(told), "an overloaded service shows no card less"
    assert set(asked) == {200}
    metrics = httpx.get(f"{server.base}/metrics", trust_env=False).text
    [refused] = [
        line for line in metrics.splitlines() if line.startswith('trd_cds_overload_refusals_total{where="queue"')
    ]
    assert float(refused.rpartition(" ")[2]) == statuses[503]
