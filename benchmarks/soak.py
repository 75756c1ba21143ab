"""Soak: the highest rate a server sustains, held for minutes, while memory, latency and errors are watched.

First the rate is found: steps of a few seconds, each a third faster than the one before, until answers come late,
fail, or no longer keep up with what is offered. Three quarters of the last good rate are then held: a step is short,
and what the database writes in the background is part of the load. One transaction is a signed order-sign with the
whole record prefetched, and a signed report on the cards it brought. Calls are offered by the clock, not when the one
before has ended, so that a slow server cannot slow the load down. Client and server share the machine.

    python -m benchmarks.soak [--minutes 15] [--workers 2] [--database sqlite|postgresql] [--output FILE]

Memory counts as flat when the least-squares slope of a worker's mean resident memory over the last two thirds of the
time, with the upper end of its 95 percent interval, stays below LIMIT; in less than ten minutes the warming up decides
that. Exit status 1 when it is not flat, when a call failed, or when the audit trail does not verify.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import text

from benchmarks.kill_test import bodies_of_calls
from benchmarks.serving_process import FEEDBACK, ORDER_SIGN, Installation, ServerProcess
from tests.services.postgres import running_postgres

LIMIT = 0.5  # MiB a minute and worker: over a day's 1440 minutes that would be 720 MiB
LATE_SECONDS = 0.5  # what CDS Hooks asks of a service; the 95th percentile of a good step stays below
_STEP_SECONDS = 8.0
_FIRST_RATE, _FASTER = 4.0, 4 / 3
_HELD = 0.75
_KEEPING_UP = 0.95
_SAMPLE_SECONDS = 5.0
_MEBIBYTE = 1024 * 1024


@dataclass
class Stretch:
    """What happened in one stretch of time."""

    offered: int = 0
    answered: int = 0
    hooks: list[float] = field(default_factory=list)  # seconds
    reports: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Load:
    """Transactions offered at a steady rate."""

    def __init__(self, installation: Installation, base: str, bodies: list[bytes], http: httpx.AsyncClient) -> None:
        self._installation = installation
        self._base = base
        self._bodies = bodies
        self._http = http
        self._chance = random.Random(1)  # noqa: S311 - chance, not secrets
        self._tasks: set[asyncio.Task[None]] = set()
        self.now = Stretch()

    async def offer(self, rate: float, seconds: float) -> Stretch:
        """Offer `rate` transactions a second for `seconds`; what happened until the last was answered."""
        self.now = stretch = Stretch()
        await self._during(rate, seconds)
        await asyncio.gather(*self._tasks)
        return stretch

    async def hold(self, rate: float, minutes: int) -> list[Stretch]:
        """Offer `rate` without a pause; one stretch for each minute."""
        stretches = []
        for minute in range(minutes):
            self.now = Stretch()
            stretches.append(self.now)
            await self._during(rate, 60.0)
            told = self.now
            print(
                f"  minute {minute + 1} of {minutes}: {told.answered / 60:.1f}/s, "
                f"p95 {percentile(told.hooks, 0.95) * 1000:.0f} ms, {len(told.errors)} errors",
                flush=True,
            )
        await asyncio.gather(*self._tasks)
        return stretches

    async def _during(self, rate: float, seconds: float) -> None:
        began = time.monotonic()
        for number in range(max(1, round(rate * seconds))):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            task = asyncio.create_task(self._transaction(self.now))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))

    async def _transaction(self, stretch: Stretch) -> None:
        stretch.offered += 1
        # Each call is in a visit of its own: no clinician answers the same card a thousand times.
        body = self._chance.choice(self._bodies).replace(b"ENCOUNTER-ID", uuid4().hex.encode())
        answer = await self._post(ORDER_SIGN, body, stretch, stretch.hooks)
        if answer is None:
            return
        stretch.answered += 1
        at = "2026-11-22T10:00:00Z"
        items = [
            {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": at} for card in answer.json()["cards"]
        ]
        if items:
            await self._post(FEEDBACK, json.dumps({"feedback": items}).encode(), stretch, stretch.reports)

    async def _post(self, path: str, body: bytes, stretch: Stretch, times: list[float]) -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {self._installation.token()}", "Content-Type": "application/json"}
        began = time.perf_counter()
        try:
            answer = await self._http.post(self._base + path, content=body, headers=headers)
        except httpx.TransportError as fault:
            stretch.errors.append(type(fault).__name__)
            return None
        times.append(time.perf_counter() - began)
        if answer.status_code != 200:
            stretch.errors.append(f"status {answer.status_code}")
            return None
        return answer


@dataclass(frozen=True)
class Sample:
    """The server at one moment: resident MiB of each worker, open descriptors, size of the database in MiB."""

    minute: float
    memory: tuple[float, ...]
    descriptors: int
    database: float


async def watch(server: ServerProcess, installation: Installation, samples: list[Sample]) -> None:
    """Take a sample every few seconds until cancelled."""
    began = time.monotonic()
    while True:
        workers = server.workers()
        samples.append(
            Sample(
                minute=(time.monotonic() - began) / 60,
                memory=tuple(_resident(pid) for pid in workers),
                descriptors=sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in workers),
                database=await _size(installation),
            )
        )
        await asyncio.sleep(_SAMPLE_SECONDS)


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


async def _size(installation: Installation) -> float:
    if not installation.database_url:
        return sum(file.stat().st_size for file in (installation.folder / "data").iterdir()) / _MEBIBYTE
    records = installation.records()
    try:
        size = "SELECT pg_database_size(current_database())"
        return float(await records.database.read(lambda one: one.execute(text(size)).scalar_one())) / _MEBIBYTE
    finally:
        await records.database.close()


def percentile(times: list[float], share: float) -> float:
    """The nearest-rank percentile; 0 of nothing."""
    return sorted(times)[max(0, math.ceil(share * len(times)) - 1)] if times else 0.0


def slope(points: list[tuple[float, float]]) -> tuple[float, float]:
    """The least-squares slope and half the width of its 95 percent interval (normal approximation)."""
    if len(points) < 3:
        return 0.0, math.inf
    fitted = statistics.linear_regression([x for x, _ in points], [y for _, y in points])
    middle = statistics.fmean(x for x, _ in points)
    left = sum((y - fitted.intercept - fitted.slope * x) ** 2 for x, y in points)
    error = math.sqrt(left / (len(points) - 2) / sum((x - middle) ** 2 for x, _ in points))
    return fitted.slope, statistics.NormalDist().inv_cdf(0.975) * error


async def highest_rate(load: Load) -> float:
    """The last of the rising rates that was kept up with, in time and without an error."""
    good, rate = 0.0, _FIRST_RATE
    while True:
        began = time.monotonic()
        told = await load.offer(rate, _STEP_SECONDS)
        taken = time.monotonic() - began
        late = percentile(told.hooks, 0.95)
        kept_up = not told.errors and late < LATE_SECONDS and taken * _KEEPING_UP < _STEP_SECONDS
        print(f"  {rate:.1f}/s: p95 {late * 1000:.0f} ms, {len(told.errors)} errors", flush=True)
        if not kept_up:
            return good
        good, rate = rate, rate * _FASTER


async def soak(installation: Installation, server: ServerProcess, minutes: int) -> dict[str, Any]:
    """Find the rate, hold it, and say how it went."""
    bodies = [
        body.replace(b"HOOK-INSTANCE", b"00000000-0000-4000-8000-000000000000") for body in await bodies_of_calls()
    ]
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30)
    async with httpx.AsyncClient(trust_env=False, timeout=30, limits=limits) as http:
        load = Load(installation, server.base, bodies, http)
        await load.offer(_FIRST_RATE, _STEP_SECONDS)  # warm
        rate = await highest_rate(load)
        if not rate:
            raise SystemExit("the server did not sustain the lowest rate")
        rate *= _HELD
        samples: list[Sample] = []
        watching = asyncio.create_task(watch(server, installation, samples))
        stretches = await load.hold(rate, minutes)
        watching.cancel()
    body_sizes = [len(body) / 1024 for body in bodies]
    later = [sample for sample in samples if sample.minute >= minutes / 3]
    grows, give = slope([(sample.minute, statistics.fmean(sample.memory)) for sample in later])
    return {
        "minutes": minutes,
        "rate": round(rate, 1),
        "body_kib": round(statistics.fmean(body_sizes), 1),
        "per_minute": [_minute(number, one, samples) for number, one in enumerate(stretches, start=1)],
        "errors": dict(Counter(error for one in stretches for error in one.errors)),
        "late_minutes": sum(percentile(one.hooks, 0.95) >= LATE_SECONDS for one in stretches),
        "memory_slope": round(grows, 3),
        "memory_slope_give": round(give, 3),
        "flat": grows + give < LIMIT,
    }


def _minute(number: int, told: Stretch, samples: list[Sample]) -> dict[str, Any]:
    last = [sample for sample in samples if sample.minute <= number][-1]
    return {
        "minute": number,
        "calls": told.answered,
        "p50_ms": round(percentile(told.hooks, 0.5) * 1000, 1),
        "p95_ms": round(percentile(told.hooks, 0.95) * 1000, 1),
        "p99_ms": round(percentile(told.hooks, 0.99) * 1000, 1),
        "feedback_p95_ms": round(percentile(told.reports, 0.95) * 1000, 1),
        "errors": len(told.errors),
        "rss_mib": [round(each, 1) for each in last.memory],
        "descriptors": last.descriptors,
        "database_mib": round(last.database, 1),
    }


def report(result: dict[str, Any]) -> str:
    """The result as a table, and the verdict with its rule."""
    lines = [
        f"{result['rate']} transactions/s (order-sign of {result['body_kib']} KiB, then feedback), "
        f"{result['workers']} workers, {result['database']}",
        f"{'minute':>6}{'calls':>7}{'p50 ms':>8}{'p95 ms':>8}{'p99 ms':>8}{'fb p95':>8}{'errors':>7}"
        f"{'RSS MiB per worker':>22}{'files':>6}{'db MiB':>8}",
    ]
    for one in result["per_minute"]:
        memory = " ".join(f"{each:.0f}" for each in one["rss_mib"])
        lines.append(
            f"{one['minute']:>6}{one['calls']:>7}{one['p50_ms']:>8}{one['p95_ms']:>8}{one['p99_ms']:>8}"
            f"{one['feedback_p95_ms']:>8}{one['errors']:>7}{memory:>22}{one['descriptors']:>6}{one['database_mib']:>8}"
        )
    verdict = "flat" if result["flat"] else "NOT FLAT"
    lines.append(
        f"memory: {verdict}: {result['memory_slope']:+.3f} ± {result['memory_slope_give']:.3f} MiB a minute and worker "
        f"over the last two thirds (limit {LIMIT})"
    )
    lines.append(f"minutes with a p95 of {LATE_SECONDS * 1000:.0f} ms or more: {result['late_minutes']}")
    lines.append(
        f"errors: {result['errors'] or 'none'}; audit: {result['audit']}; exit status of the server: {result['exit']}"
    )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run it; 0 when memory was flat, nothing failed and the trail verifies."""
    parser = argparse.ArgumentParser(description="Hold the highest sustainable rate and watch the server.")
    parser.add_argument("--minutes", type=int, default=15, metavar="N")
    parser.add_argument("--workers", type=int, default=2, metavar="N")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the result as JSON")
    given = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trd-cds-soak-")))
        url = stack.enter_context(running_postgres()) if given.database == "postgresql" else ""
        installation = Installation.make(folder, database_url=url)
        server = ServerProcess(installation, workers=given.workers)
        try:
            server.await_ready()
            result = asyncio.run(soak(installation, server, given.minutes))
            result |= {"database": given.database, "workers": given.workers, "exit": server.stop()}
        finally:
            if server.process.poll() is None:
                server.kill()
        for line in server.complaints():
            print(f"the server said: {line}")
        verified = installation.command("audit", "verify")
        result["audit"] = verified.stdout.strip()
        good = result["flat"] and not result["errors"] and verified.returncode == 0 and result["exit"] == 0
        good = good and not server.complaints()
    print(report(result))
    if given.output is not None:
        given.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
