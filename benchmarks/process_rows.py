"""A process as such: how soon it gives its first correct card, how long the knowledge takes, what a worker holds."""

from __future__ import annotations

import compileall
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from benchmarks.bare import FRAMEWORK
from benchmarks.bench_server import ROOT, bench_server, started
from benchmarks.corpora import history, moment
from benchmarks.load_generator import load
from benchmarks.memory import family, held
from benchmarks.order_rows import SERVICE, Pace, check_answer, say
from benchmarks.rows import Row, verdict
from benchmarks.serving_process import Installation, free_port

_START_SECONDS, _KNOWLEDGE_MS, _MEMORY_MB = 1.5, 300.0, 120.0
_AUDIENCE = "https://cds.example" + SERVICE
_POLL_SECONDS = 0.005
_PACKAGES = ("cds_hooks", "plugin", "mappings")
_LOAD = (
    "import time; from mappings.load import load; began = time.perf_counter(); load(); "
    "print((time.perf_counter() - began) * 1000)"
)
_NOTHING = "pass"
_FRAMEWORK = "import fastapi, uvicorn"


def process_rows(pace: Pace) -> list[Row]:
    """Start, knowledge, memory."""
    times = 2 if pace.quick else 9
    say("starting processes")
    for package in _PACKAGES:  # pip compiles what it installs; in a new checkout nothing need be compiled
        compileall.compile_dir(ROOT / package, quiet=1)
    with tempfile.TemporaryDirectory(prefix="trd-cds-bench-") as folder:
        installation = Installation.make(Path(folder))
        upgraded = installation.command("database", "upgrade")
        if upgraded.returncode:
            raise SystemExit(f"the database could not be made: {upgraded.stderr}")
        starts: list[float] = []
        bases: list[float] = []
        nothing: list[float] = []
        for _ in range(times):
            starts.append(_first_card(installation))
            bases.append(_python(_FRAMEWORK))
            nothing.append(_python(_NOTHING))
    loads = [float(_told(_LOAD)) for _ in range(times)]
    start, base = statistics.median(starts), statistics.median(bases)
    loaded = statistics.median(loads)
    return [
        Row(
            id="cold-start",
            work="`trd-cds serve` from the start of the process to the first correct card",
            against="`python -c pass` and the import of the framework, a process each",
            target=f"under {_START_SECONDS} s in all",
            measured=f"{start:.2f} s ({min(starts):.2f} to {max(starts):.2f}); "
            f"pass {statistics.median(nothing):.2f} s, with the framework {base:.2f} s",
            met=verdict(start, _START_SECONDS),
            figures={"start": starts, "framework": bases, "pass": nothing},
        ),
        Row(
            id="knowledge",
            work="loading and checking the knowledge in a new process",
            against="-",
            target=f"under {_KNOWLEDGE_MS:.0f} ms",
            measured=f"{loaded:.0f} ms ({min(loads):.0f} to {max(loads):.0f})",
            met=verdict(loaded, _KNOWLEDGE_MS),
            figures={"milliseconds": loads},
        ),
        _memory(pace),
    ]


def _first_card(installation: Installation) -> float:
    """Seconds from the start of a server to its first answer with cards, which must be that of the warm server."""
    port, corpus, token = free_port(), history(), installation.token(_AUDIENCE)
    again = installation.token(_AUDIENCE)
    command = [sys.executable, "-m", "cds_hooks", "serve", "--port", str(port)]
    began = time.monotonic()
    server = subprocess.Popen(
        command, cwd=ROOT, env=installation.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        with httpx.Client(trust_env=False, timeout=60) as http:
            while True:
                try:
                    answer = http.post(f"http://127.0.0.1:{port}{SERVICE}", content=corpus.body, headers=headers)
                    break
                except httpx.ConnectError:
                    if server.poll() is not None or time.monotonic() - began > 60:
                        raise SystemExit("the server did not start") from None
                    time.sleep(_POLL_SECONDS)
        taken = time.monotonic() - began
        first = [card["summary"] for card in answer.json().get("cards", ())]
        if not first or first != check_answer(port, corpus, token=again):
            raise SystemExit(f"the first answer was not correct: status {answer.status_code}, {len(first)} cards")
        return taken
    finally:
        server.terminate()
        server.wait(timeout=30)


def _python(code: str) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    return time.monotonic() - began


def _told(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def _memory(pace: Pace) -> Row:
    """Proportional memory of a worker with login, store and audit after some requests, and of the bare framework."""
    say("memory of a worker")
    seconds = 1 if pace.quick else 10
    with tempfile.TemporaryDirectory(prefix="trd-cds-bench-") as folder:
        installation, port = Installation.make(Path(folder)), free_port()
        tokens: Callable[[], str] = lambda: installation.token(_AUDIENCE, at=moment())  # noqa: E731
        with bench_server(port, moment(), "kept", environment=installation.environment) as process:
            check_answer(port, history(), token=tokens())
            fresh = held(family(process.pid))
            some: Sequence[str] = [tokens() for _ in range(1_000 * seconds)]
            load(f"http://127.0.0.1:{port}{SERVICE}", history().body, seconds=seconds, tokens=some)
            service = held(family(process.pid))
    port = free_port()
    with started([sys.executable, "-m", "benchmarks.bare", "--port", str(port)], port, path="/") as process:
        load(f"http://127.0.0.1:{port}{FRAMEWORK}", history().body, seconds=seconds)
        bare = held(family(process.pid))
    added = (service - bare) / 1e6
    return Row(
        id="memory",
        work="memory of a worker (PSS) with login, store and audit, after the 50 + 30 request again and again",
        against="bare framework worker",
        target=f"under +{_MEMORY_MB:.0f} MB",
        measured=f"+{added:.0f} MB: {service / 1e6:.0f} MB against {bare / 1e6:.0f} MB",
        met=verdict(added, _MEMORY_MB),
        figures={"service": service, "service_after_one": fresh, "bare": bare},
        note=f"after the first request: {fresh / 1e6:.0f} MB",
    )
