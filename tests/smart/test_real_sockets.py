"""A launch between real servers on loopback, through the outbound client of the application."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from cds_hooks.app import create_app
from cds_hooks.clock import SystemClock
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.sandbox.app_grants import AppClient
from cds_hooks.sandbox.launching import LaunchServer
from cds_hooks.settings import Settings
from cds_hooks.smart.registration import Ehr, RegisteredEhrs, registered
from tests.record_keeping import new_records

_PATIENCE_SECONDS = 30


def listening() -> tuple[socket.socket, str]:
    bound = socket.create_server(("127.0.0.1", 0))
    return bound, f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def serving(app: Any, bound: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    until = time.monotonic() + _PATIENCE_SECONDS
    while not server.started:
        assert thread.is_alive() and time.monotonic() < until
        time.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_PATIENCE_SECONDS)


@pytest.mark.services
def test_a_launch_between_servers(knowledge, tmp_path):
    (ehr_socket, ehr), (cds_socket, cds) = listening(), listening()
    patient = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1975-01-01"}
    server = LaunchServer(
        issuer=f"{ehr}/auth",
        fhir_base=f"{ehr}/fhir",
        clients=[AppClient(client_id="trd", name="trd-cds", redirect_uris=(f"{cds}/app/callback/e",))],
        clock=SystemClock(),
        patients=lambda: [("p1", "One")],
    )
    sandbox = create_sandbox(ResourceStore([patient]), base_url=f"{ehr}/fhir")
    there = Starlette(routes=[*server.routes(), Mount("/fhir", server.guarded(sandbox, required=True))])
    entry = Ehr.model_validate(
        {"id": "e", "name": "EHR", "iss": f"{ehr}/fhir", "client": "open", "client_id": "trd", "standalone": True}
    )
    here = create_app(
        settings=Settings(base_url=cds, open_mode=True, fhir_servers=(f"{ehr}/fhir",)),
        knowledge=knowledge,
        clock=SystemClock(),
        registry=None,
        records=new_records(tmp_path),
        ehrs=RegisteredEhrs([registered(entry)]),
    )
    with serving(there, ehr_socket), serving(here, cds_socket), httpx.Client(trust_env=False, timeout=30) as browser:
        address = server.launch_address(f"{cds}/app/launch", "p1", "Practitioner/d1")
        consent = browser.get(address, follow_redirects=True)
        ticket = re.search(r'name="ticket" value="([^"]+)"', consent.text)
        assert ticket is not None, consent.text
        sent = {"ticket": ticket[1], "decision": "allow"}
        page = browser.post(f"{ehr}/auth/authorize", data=sent, follow_redirects=True)
        assert (page.status_code, str(page.url)) == (200, f"{cds}/app/patient")
        assert "born 1975-01-01" in page.text
        asked = browser.get(f"{cds}/app/end")
        proof = re.search(r'name="csrf" value="([^"]+)"', asked.text)
        assert proof is not None and browser.get(f"{cds}/app/patient").status_code == 200
        ended = browser.post(f"{cds}/app/end", data={"csrf": proof[1]}, headers={"Origin": cds})
        assert ended.status_code == 200
        assert browser.get(f"{cds}/app/patient").status_code == 401
