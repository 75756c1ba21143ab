"""The peer of the comparison in a virtual environment of its own, made once from its lock file and kept."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench_server import ROOT, started
from benchmarks.serving_process import free_port

PATH = "/cds/cds-services/empty"
_PEER = Path(__file__).with_name("peer")
_LOCK = _PEER / "requirements.lock"
_VENV = ROOT / ".venv" / "bench-peer"


class NoPeerError(Exception):
    """The peer's environment could not be made; the message says why."""


def make_peer() -> Path:
    """The peer's interpreter. Raises NoPeerError when its packages cannot be installed."""
    stamp, wanted = _VENV / ".locked", hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    python = _VENV / "bin" / "python"
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return python
    print("Making the environment of the peer ...", file=sys.stderr, flush=True)
    shutil.rmtree(_VENV, ignore_errors=True)
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    for command in ([sys.executable, "-m", "venv", str(_VENV)], [*install, "--require-hashes", "-r", str(_LOCK)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            told = done.stderr.strip().splitlines()
            raise NoPeerError(told[-1][:200] if told else "no reason was given")
    stamp.write_text(wanted, encoding="ascii")
    return python


def peer_version() -> str:
    """Name and version as locked."""
    lines = _LOCK.read_text(encoding="utf-8").splitlines()
    return next(line.split(" ")[0].replace("==", " ") for line in lines if line.startswith("healthchain=="))


@contextmanager
def peer_server() -> Iterator[int]:
    """The port of the running peer, stopped at the end of the block."""
    python, port = make_peer(), free_port()
    command = [str(python), str(_PEER / "app.py"), str(port)]
    with started(command, port, path="/health") as process:
        assert process.poll() is None
        yield port
