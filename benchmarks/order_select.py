"""Latency of one order-select with a long record, against the floor of the same server on the same machine.

One uvicorn process with one worker serves both: the real service, and a floor endpoint that parses the same body with
orjson and returns a fixed card. Requests alternate, one at a time, over one kept-alive loopback connection each, so
that whatever else the machine does hits both alike. Bounded by count and by time.

    python -m benchmarks.order_select [--requests 300] [--seconds 60]
"""

from __future__ import annotations

import argparse
import math
import socket
import statistics
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import httpx
import orjson
from fastapi import FastAPI, Request
from starlette.responses import Response

from cds_hooks.app import create_app
from cds_hooks.clock import SystemClock
from cds_hooks.fhir_writer import (
    Resource,
    coding,
    collection,
    concept,
    condition,
    dosage,
    medication_request,
    observation,
    patient,
    quantity,
)
from cds_hooks.memory import settle_memory
from cds_hooks.settings import Settings
from cds_hooks.simulator.drafting import choices, draft
from cds_hooks.simulator.hook_requests import hook_request
from mappings.load import Knowledge, load

ORDERS = 50
SCORES = 30
PATIENT = "bench"
FLOOR = "/floor"
REAL = "/cds-services/trd-order-select"


def application() -> FastAPI:
    """The real service and, beside it, the floor. Its log lines go nowhere: the floor writes none either."""
    knowledge = load()
    app = create_app(settings=Settings(open_mode=True), knowledge=knowledge, clock=SystemClock(), registry=None)
    card = {
        "cards": [{"summary": "fixed", "indicator": "info", "source": {"label": "floor", "url": "https://example.org"}}]
    }

    @app.post(FLOOR)
    async def floor(request: Request) -> Response:
        orjson.loads(await request.body())
        return Response(orjson.dumps(card), media_type="application/json")

    settle_memory()
    return app


def body(knowledge: Knowledge, today: date) -> bytes:
    """An order-select with 50 prefetched orders of all antidepressants in turn and 30 scores, one a month."""
    products = [product for drug in choices(knowledge) for product in drug.products]
    orders: list[Resource] = []
    for number in range(ORDERS):
        product = products[number * 7 % len(products)]
        orders.append(
            medication_request(
                id_=f"order-{number}",
                patient_id=PATIENT,
                medication=concept(coding(knowledge.uri_of("rxnorm"), product.code, product.name), text=product.name),
                status="completed",
                authored=today - timedelta(days=30 * (ORDERS - number)),
                dosages=[dosage(text="1 a day", dose=quantity(1, "tablet", ucum="{tbl}"), frequency=1)],
                fill=quantity(30, "tablet"),
                fill_days=30,
            )
        )
    scale = next(iter(knowledge.instruments.values()))
    code = scale.total_codes[0]
    scores = [
        observation(
            id_=f"score-{number}",
            patient_id=PATIENT,
            code=concept(coding(knowledge.uri_of(code.system), code.code)),
            day=today - timedelta(days=30 * (SCORES - number)),
            value=int(scale.maximum * 0.7),
        )
        for number in range(SCORES)
    ]
    depression = next(category for category in knowledge.conditions.categories if category.id == "depression")
    codes = depression.code_sets[0]
    problem = condition(
        id_="depression",
        patient_id=PATIENT,
        code=concept(coding(knowledge.uri_of(codes.system), (*codes.exact, *codes.prefixes)[0])),
        onset=today - timedelta(days=30 * ORDERS),
    )
    empty = collection([], kind="searchset")
    first = products[0]
    return orjson.dumps(
        hook_request(
            hook="order-select",
            patient_id=PATIENT,
            draft=draft(first.code, 1, patient_id=PATIENT, day=today, knowledge=knowledge),
            prefetch={
                "patient": patient(id_=PATIENT, birth=today.replace(year=today.year - 45, day=1), sex="female"),
                "medicationRequests": collection(orders, kind="searchset"),
                "scales": collection(scores, kind="searchset"),
                "conditions": collection([problem], kind="searchset"),
                **dict.fromkeys(
                    ("dispenses", "statements", "questionnaireResponses", "allergies", "procedures"), empty
                ),
            },
            fhir_server="https://ehr.example/fhir",
        )
    )


def measure(base: str, payload: bytes, requests: int, seconds: float) -> dict[str, list[float]]:
    """Milliseconds per answer, for the real service and the floor in turn; raises when an answer is not 200."""
    taken: dict[str, list[float]] = {REAL: [], FLOOR: []}
    until = time.monotonic() + seconds
    with httpx.Client(base_url=base, trust_env=False, timeout=10) as http:
        for path in (REAL, FLOOR) * 10:
            _once(http, path, payload)
        answered = http.post(REAL, content=payload).json()
        for _ in range(requests):
            if time.monotonic() > until:
                break
            for path, times in taken.items():
                times.append(_once(http, path, payload))
    print(f"the real answer holds {len(answered['cards'])} card(s)")
    return taken


def _once(http: httpx.Client, path: str, payload: bytes) -> float:
    started = time.perf_counter()
    answer = http.post(path, content=payload, headers={"Content-Type": "application/json"})
    taken = (time.perf_counter() - started) * 1000
    answer.raise_for_status()
    return taken


def percentile(times: list[float], share: float) -> float:
    """The nearest-rank percentile."""
    return sorted(times)[max(0, math.ceil(share * len(times)) - 1)]


def report(taken: dict[str, list[float]]) -> None:
    """Print p50, p95 and requests a second of both, and the ratio of the medians."""
    print(f"{'':28}{'n':>6}{'p50 ms':>9}{'p95 ms':>9}{'req/s':>8}")
    for name, path in (("order-select, 50 orders", REAL), ("floor: parse, fixed card", FLOOR)):
        times = taken[path]
        rate = 1000 / statistics.fmean(times)
        print(f"{name:28}{len(times):>6}{percentile(times, 0.5):>9.2f}{percentile(times, 0.95):>9.2f}{rate:>8.0f}")
    print(f"ratio of medians: {percentile(taken[REAL], 0.5) / percentile(taken[FLOOR], 0.5):.1f}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(base: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and server.poll() is None:
        try:
            httpx.get(f"{base}/health", trust_env=False).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


def main() -> None:
    """Start the server, measure, report, stop the server."""
    parser = argparse.ArgumentParser(description="Latency of order-select against the floor of the same server.")
    parser.add_argument("--requests", type=int, default=300, choices=range(1, 5001), metavar="N")
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    payload = body(load(), SystemClock().today("UTC"))
    port = _free_port()
    base = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "benchmarks.order_select:application", "--factory"),
            *("--no-access-log", "--log-level", "warning", "--host", "127.0.0.1", "--port", str(port)),
        ],
        cwd=Path(__file__).parents[1],
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(base, server)
        print(f"body: {len(payload) / 1024:.0f} KiB, one worker, requests one at a time, alternating")
        report(measure(base, payload, given.requests, min(given.seconds, 600.0)))
    finally:
        server.terminate()
        server.wait(timeout=10)


if __name__ == "__main__":
    main()
