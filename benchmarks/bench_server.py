"""The service as it is measured: the server of `trd-cds serve`, on the day of the corpora, with the floor before it.

Service and floor are one process and one event loop, so that what else the machine does hits both alike. `open` is open
mode without records; `kept` is the application of `trd-cds serve` as the environment names it, with login, store and
audit. The log goes to standard error.

    python -m benchmarks.bench_server --port P --at INSTANT [--kind open|kept] [--fhir BASE]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.bare import FLOOR, FRAMEWORK, floor, framework
from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock
from cds_hooks.commands import recording, serving
from cds_hooks.commands.server_processes import run_alone
from cds_hooks.cut_off import CutOff
from cds_hooks.memory import settle_memory
from cds_hooks.settings import Settings
from mappings.load import load

ROOT = Path(__file__).parents[1]
Kind = Literal["open", "kept"]
_START_SECONDS = 180  # a machine may have other things to do


class BesideTheFloor:
    """The service, but for the addresses of the floors."""

    def __init__(self, service: ASGIApp) -> None:
        self._service = service
        self._framework = framework()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one call over."""
        path = scope.get("path")
        if path == FLOOR:
            await floor(scope, receive, send)
        elif path == FRAMEWORK:
            await self._framework(scope, receive, send)
        else:
            await self._service(scope, receive, send)


def open_application(at: datetime, fhir: str | None = None) -> ASGIApp:
    """The service in open mode at the instant `at`; it reads from the FHIR server `fhir`, if one is given."""
    settings = Settings(open_mode=True, fhir_servers=(fhir,) if fhir else ())
    app = create_app(settings=settings, knowledge=load(), clock=FixedClock(at), registry=None)
    return CutOff(app)


def kept_application(at: datetime) -> ASGIApp:
    """The application of `trd-cds serve` for the environment, at the instant `at`."""
    clock = partial(FixedClock, at)
    serving.SystemClock = recording.SystemClock = clock  # type: ignore[attr-defined,assignment]
    recording.prepare_records(Settings())
    return serving.application()


@contextmanager
def bench_server(
    port: int,
    at: datetime,
    kind: Kind = "open",
    *,
    fhir: str | None = None,
    environment: Mapping[str, str] | None = None,
    said: Path = Path(os.devnull),
) -> Iterator[subprocess.Popen[bytes]]:
    """The server in a process of its own, ready, stopped at the end of the block; its log goes to the file `said`."""
    command = [sys.executable, "-m", "benchmarks.bench_server", "--port", str(port), "--at", at.isoformat()]
    command += ["--kind", kind, *(("--fhir", fhir) if fhir else ())]
    with started(command, port, path="/health", environment=environment, said=said) as process:
        yield process


@contextmanager
def started(
    command: list[str],
    port: int,
    *,
    path: str,
    environment: Mapping[str, str] | None = None,
    said: Path = Path(os.devnull),
) -> Iterator[subprocess.Popen[bytes]]:
    """A server process of any kind, once `path` on `port` answers; ended at the end of the block."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRD_CDS_")}
    with said.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=kept | dict(environment or {}), stdout=subprocess.DEVNULL, stderr=log
        )
    try:
        until = time.monotonic() + _START_SECONDS
        while not _answers(port, path):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"a server did not start: {' '.join(command[1:4])}")
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int, path: str) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False)
    except httpx.TransportError:
        return False
    return True


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="The measured service and its floor, on loopback.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--at", type=datetime.fromisoformat, required=True, metavar="INSTANT")
    parser.add_argument("--kind", choices=("open", "kept"), default="open")
    parser.add_argument("--fhir", metavar="BASE")
    given = parser.parse_args()
    app = open_application(given.at, given.fhir) if given.kind == "open" else kept_application(given.at)
    settle_memory()
    run_alone(BesideTheFloor(app), lambda: None, host="127.0.0.1", port=given.port, drain_seconds=2)


if __name__ == "__main__":
    main()
