"""What docker-compose.yml starts, without containers: a FHIR server, the loader, the service and a signed call."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cds_hooks.stories import load_stories
from mappings.load import load
from tests.cli.conftest import ROOT, START, Spoken

FHIR_SERVER = """
import sys
import uvicorn
from cds_hooks.sandbox import ResourceStore, create_sandbox
port = int(sys.argv[1])
app = create_sandbox(ResourceStore(), base_url=f"http://127.0.0.1:{port}", writable=True)
uvicorn.run(app, port=port, log_level="critical")
"""
Start = Callable[..., int]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `python ARGUMENTS` with a port as the last argument; the port. All are stopped at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str, **environment: str) -> int:
        port = free_port()
        given = {name: value.format(port=port) for name, value in environment.items()}
        started.append(
            subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, *arguments, str(port)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **given},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        return port

    yield begin
    for server in started:
        server.terminate()
        server.wait(timeout=10)


def answers(address: str) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            httpx.get(address, trust_env=False).raise_for_status()
        except httpx.TransportError:
            assert time.monotonic() < until, f"nothing answers at {address}"
            time.sleep(0.1)
        else:
            return


def client(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "docs/examples/client.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.services
def test_loader_service_and_signed_call_work_together(start: Start, trd: Callable[..., Spoken], registry: Path) -> None:
    fhir = f"http://127.0.0.1:{start('-c', FHIR_SERVER)}"
    loaded = trd("stories", "load", fhir, "--wait", "30")
    assert loaded.status == 0, loaded.err
    assert loaded.out.startswith(f"{len(load_stories(START, load()))} patients")
    assert trd("stories", "load", fhir).out == loaded.out, "loading again replaces"

    written = registry.read_text(encoding="utf-8")
    registry.write_text(written.replace("http://127.0.0.1:8080/fhir", fhir) + "    mode: live\n", encoding="utf-8")
    site = registry.parents[1] / "site"
    site.mkdir()
    signed = "id: s\nname: S\naccepted_by: Dr A. Example\naccepted_on: 2026-12-01\n"
    (site / "site.yaml").write_text(signed, encoding="utf-8")

    def serve(data: str) -> str:
        port = start(
            *("-m", "cds_hooks", "serve", "--port"),
            TRD_CDS_REGISTRY_FILE=str(registry),
            TRD_CDS_BASE_URL="http://127.0.0.1:{port}",
            TRD_CDS_DATA_DIR=str(registry.parents[1] / data),
            TRD_CDS_SITE=str(site),
        )
        answers(f"http://127.0.0.1:{port}/health")
        return f"http://127.0.0.1:{port}"

    def call(base: str) -> list[object]:
        service = f"{base}/cds-services/trd-order-sign"
        called = client("call", "--secret", str(registry.parents[1] / "secret"), "--service", service, "--fhir", fhir)
        assert called.returncode == 0, called.stdout
        return json.loads(called.stdout)["cards"]

    assert call(serve("new")) == [], "a new installation is in shadow"
    assert trd("knowledge", "accept", site, "--who", "Dr A. Example").status == 0
    base = serve("accepted")
    assert call(base)
    service = f"{base}/cds-services/trd-order-sign"

    context = {"userId": "Practitioner/1", "patientId": "x", "draftOrders": {"resourceType": "Bundle"}}
    body = {"hook": "order-sign", "hookInstance": "x", "context": context}
    assert httpx.post(service, json=body, trust_env=False).status_code == 401
    assert httpx.get(f"{base}/intended-use", trust_env=False).status_code == 200
    assert httpx.get(f"{base}/demo/request.json", trust_env=False).status_code == 404


def test_keys_are_made_once(registry: Path) -> None:
    before = registry.read_bytes(), (registry.parent / "client.jwks.json").read_bytes()
    secret = registry.parents[1] / "secret"
    assert (secret / "client.pem").stat().st_mode & 0o077 == 0
    again = client("keys", "--registry", str(registry.parent), "--secret", str(secret))
    assert again.returncode == 0
    assert (registry.read_bytes(), (registry.parent / "client.jwks.json").read_bytes()) == before
    assert b"PRIVATE" not in b"".join(before)


def test_a_server_that_never_comes_up_is_given_up(trd: Callable[..., Spoken]) -> None:
    spoken = trd("stories", "load", f"http://127.0.0.1:{free_port()}/fhir", "--wait", "1")
    assert (spoken.status, spoken.out) == (2, "")
    assert "--wait" in spoken.err.splitlines()[-1]


@pytest.mark.parametrize("address", ["ftp://x", "localhost:8080", "http://", "http://x/fhir?a=b"])
def test_an_address_that_is_none_is_refused(address: str, trd: Callable[..., Spoken]) -> None:
    spoken = trd("stories", "load", address)
    assert spoken.status == 2
    assert "BASE_URL" in spoken.err


def test_a_port_in_use_is_told_before_anything_starts(
    trd: Callable[..., Spoken], registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRD_CDS_REGISTRY_FILE", str(registry))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for command in ("serve", "demo"):
            spoken = trd(command, "--port", port)
            assert spoken.status == 2
            assert "--port" in spoken.err
