"""A second FHIR server, in a process of its own on loopback, that knows nothing of ours: sekmet-fhir.

It comes with the locked development dependencies (`make setup`), so nothing is installed here. Its simulator, which
would change what it was given, is off; its validation warns and refuses nothing.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from cds_hooks.fhir_writer import Resource, transaction

_STARTING_SECONDS = 60
_WRITTEN = {"200", "201"}
# It has no search parameters for these and ignores `patient`: it answers with those of all patients.
_ANYBODYS = ("QuestionnaireResponse",)


class MissingServiceError(Exception):
    """sekmet-fhir is not installed here; `make setup` installs it."""


@dataclass(frozen=True)
class Sekmet:
    """A running server: its FHIR `base`, and `folder`, where it keeps its data and what it said."""

    base: str
    folder: Path

    @property
    def said(self) -> str:
        """Everything it printed."""
        return (self.folder / "said").read_text(encoding="utf-8")

    @contextmanager
    def holding(self, resources: Iterable[Resource]) -> Iterator[None]:
        """Put `resources` on it by one transaction, replacing what stood under the same ids.

        At the end of the block those go that it would give to anybody; the others stay.
        """
        resources = list(resources)
        with httpx.Client(trust_env=False, timeout=60) as http:
            answer = http.post(f"{self.base}/", json=transaction(resources))
            assert answer.status_code == 200, f"the transaction was refused with {answer.status_code}"
            refused = {entry["response"]["status"][:3] for entry in answer.json()["entry"]} - _WRITTEN
            assert not refused, f"entries of the transaction were answered with {sorted(refused)}"
            try:
                yield
            finally:
                for resource in resources:
                    if resource["resourceType"] in _ANYBODYS:
                        http.delete(f"{self.base}/{resource['resourceType']}/{resource['id']}").raise_for_status()


@contextmanager
def running_sekmet(**more: Any) -> Iterator[Sekmet]:
    """An empty server that lives as long as the block; `more` are settings of its own, such as ``server_auth``.

    Raises MissingServiceError when it is not installed.
    """
    if importlib.util.find_spec("sekmet") is None:
        raise MissingServiceError("sekmet-fhir is not installed: run `make setup`")
    with tempfile.TemporaryDirectory(prefix="trd-cds-sekmet-") as place:
        folder, port = Path(place), _free_port()
        server = Sekmet(f"http://127.0.0.1:{port}/fhir", folder)
        settings = {
            "base_url": server.base,
            "host": "127.0.0.1",
            "port": port,
            "data_dir": str(folder / "data"),
            "simulator": {"enabled": False},
            "validation": {"inbound": "warn"},
            "log_inbound": False,
            **more,
        }
        (folder / "settings.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        with (folder / "said").open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "sekmet.cli", "serve", "--config", "settings.yaml"],
                cwd=folder,
                env={name: value for name, value in os.environ.items() if not name.startswith("SEKMET_")},
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        try:
            _await(server, process)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(server: Sekmet, process: subprocess.Popen[bytes]) -> None:
    """Return once it answers its capability statement; AssertionError when it ended, or took too long."""
    until = time.monotonic() + _STARTING_SECONDS
    with httpx.Client(trust_env=False, timeout=5) as http:
        while True:
            assert process.poll() is None, f"the server ended at once: {server.said}"
            try:
                if http.get(f"{server.base}/metadata").is_success:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < until, f"the server did not start: {server.said}"
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
