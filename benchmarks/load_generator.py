"""Load from wrk, one thread: a C program that costs a fraction of what any server here does for a request.

wrk keeps so many callers in the air that each sends its next request once it has its answer. Where an answer took
twice the mean or more, it adds the requests that would have waited meanwhile, so that its high percentiles are, if
anything, too high.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx

_REST_SECONDS = 60
_TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds, as the kernel counts
_SCRIPT = Path(__file__).with_name("wrk_post.lua")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What some seconds of load came to; times in milliseconds.

    `busy` is the share of a core that wrk itself took; `cpu` what the server worked for a request, where its
    process was named: it tells of the service when others use the machine too.
    """

    per_second: float
    p50: float
    p90: float
    p95: float
    p99: float
    longest: float
    requests: int
    failed: int
    timeouts: int
    busy: float
    cpu: float = 0.0


def require_wrk() -> None:
    """SystemExit with the remedy where there is no wrk."""
    if shutil.which("wrk") is None:
        raise SystemExit("The benchmarks need wrk, a Debian package: make setup-services")


def await_rest(address: str) -> None:
    """Wait until the server at `address` answers something trivial."""
    httpx.get(urljoin(address, "/health"), timeout=_REST_SECONDS, trust_env=False)


def load(
    address: str,
    body: bytes,
    *,
    server: int | None = None,
    callers: int = 1,
    seconds: int,
    tokens: Sequence[str] = (),
    may_fail: bool = False,
) -> Load:
    """POST `body` to `address` from `callers` at once; each request takes one of `tokens`, which must last.

    `server` is the process whose work is told.

    It begins once the server is at rest: of the load before, an answer may still be under way that nobody waits for.
    Where not one answer comes in that time, it is tried again for longer. SystemExit when a request is not answered
    with success, unless it `may_fail`.
    """
    await_rest(address)
    with tempfile.TemporaryDirectory(prefix="trd-cds-load-") as folder:
        sent = Path(folder) / "body.json"
        sent.write_bytes(body)
        files = [str(sent)]
        if tokens:
            (Path(folder) / "tokens.txt").write_text("\n".join(tokens) + "\n", encoding="ascii")
            files.append(str(Path(folder) / "tokens.txt"))
        before, worked = resource.getrusage(resource.RUSAGE_CHILDREN), _worked(server)
        done = subprocess.run(
            [
                *("wrk", "--threads", "1", "--connections", str(callers), "--duration", f"{seconds}s"),
                *("--timeout", "10s", "--script", str(_SCRIPT), address, "--", *files),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        after, worked = resource.getrusage(resource.RUSAGE_CHILDREN), max(_worked(server) - worked, _TICK)
    told = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not told:
        raise SystemExit(f"wrk failed: {(done.stderr or done.stdout).strip()[-300:]}")
    read = json.loads(told[0])
    failed = read["status_errors"] + read["socket_errors"] + read["timeouts"]
    if not failed and not read["requests"] and seconds < _REST_SECONDS:
        return load(
            address, body, server=server, callers=callers, seconds=4 * seconds, tokens=tokens, may_fail=may_fail
        )
    if not read["requests"] or (failed and not may_fail):
        raise SystemExit(f"{failed} of {read['requests']} requests to {address} were not answered with success")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Load(
        per_second=read["requests"] / read["seconds"],
        **{name: read[name] / 1000 for name in ("p50", "p90", "p95", "p99", "longest")},
        requests=read["requests"],
        failed=failed,
        timeouts=read["timeouts"],
        busy=spent / read["seconds"],
        cpu=worked * 1000 / read["requests"] if server is not None else 0.0,
    )


def _worked(server: int | None) -> float:
    """Seconds of CPU of a process so far, user and system."""
    if server is None:
        return 0.0
    fields = Path(f"/proc/{server}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK
