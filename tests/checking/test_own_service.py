"""Our own service is clean in every profile, for a client of that kind, with login and with FHIR access."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import Any

import httpx
import pytest
import uvicorn

from cds_hooks.app import create_app
from cds_hooks.checking.run import Plan, judge
from cds_hooks.checking.tokens import ISSUER, Keys
from cds_hooks.clock import SystemClock
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.settings import Settings
from cds_hooks.trust.registry import load_registry
from mappings.load import Knowledge
from mappings.site_schema import Acceptance, Site, SiteOverlay
from tests.checking.conftest import BASE, Judge
from tests.record_keeping import new_records

CLIENT = {"2.0.1": "generic", "1.0": "cds-hooks-1.0", "epic": "epic", "inferno": "inferno"}
LOGIN = {"SE-03", "SE-05", "JW-06", "JW-07", "JW-08", "JW-09", "JW-13", "JW-14", "JW-15", "BP-02"}
READING = {"PF-19", "FA-08", "FA-11", "FA-14", "FA-15", "MI-06"}
Own = Callable[..., Any]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def own(tmp_path: Path, knowledge: Knowledge, keys: Keys) -> Own:
    """Makes our service: accepted at its site, live, with the checker registered as a client of `profile`."""

    def make(port: int, profile: str, *, base: str = BASE, open_mode: bool = False) -> Any:
        day = SystemClock().today("UTC")
        accepted = Acceptance(version=knowledge.version, hash=knowledge.content_hash, who="Dr A", when=day)
        site = Site(id="general", name="General", accepted_by="Dr A", accepted_on=day)
        overlay = SiteOverlay(site, (), MappingProxyType({}), accepted)
        (tmp_path / "checker.jwks.json").write_text(json.dumps(keys.public()), encoding="utf-8")
        entry = {
            "id": "checker",
            "name": "Checker",
            "issuer": ISSUER,
            "profile": profile,
            "jwks_file": "checker.jwks.json",
            "fhir_servers": [f"http://127.0.0.1:{port}/fhir"],
            "mode": "live",
            "calls_per_minute": 1_000_000,
        }
        file = tmp_path / "clients.yaml"
        file.write_text(json.dumps({"clients": [entry]}), encoding="utf-8")
        settings = Settings(
            base_url=base,
            open_mode=open_mode,
            fhir_servers=(f"http://127.0.0.1:{port}/fhir",) if open_mode else (),
            deadline_seconds=1.0,
            soft_budget_seconds=1.0,
            ehr_attempts=1,
        )
        return create_app(
            settings=settings,
            knowledge=replace(knowledge, site=overlay),
            clock=SystemClock(),
            registry=None if open_mode else load_registry(file),
            records=new_records(tmp_path),
            log=RequestLog(io.StringIO()),
        )

    return make


@pytest.mark.proves("FN-30")
@pytest.mark.parametrize(
    "profile", ["2.0.1", *(pytest.param(one, marks=pytest.mark.deep) for one in ("1.0", "epic", "inferno"))]
)
def test_our_own_service_is_clean_in_every_profile(own: Own, judged: Judge, profile: str) -> None:
    port = free_port()
    services = ("trd-order-sign", *(("trd-patient-view",) if profile == "2.0.1" else ()))
    app = own(port, CLIENT[profile])
    report = judged(app, profile=profile, port=port, seconds=30, services=services)
    assert [one for one in report.breaches if one.severity != "note"] == []
    assert report.login == "known"
    assert {one.status for one in report.services} == {200}
    assert all(one.cards for one in report.services)
    kept = {one.id for one in report.kept} | {one.id for one in report.breaches}
    assert kept >= LOGIN | READING
    assert {"RS-01", "CA-02", "TR-06", "FN-12", "RQ-02", "SU-01"} <= kept
    assert ("AC-06" in kept) == (profile in ("2.0.1", "epic")), "an order drafted twice: one of the two may be removed"


@pytest.fixture
def served(own: Own) -> Iterator[tuple[str, int]]:
    """Our service without login behind a real socket, and the port that the checker is to listen on."""
    port, mine = free_port(), free_port()
    base = f"http://127.0.0.1:{mine}"
    app = own(port, "generic", base=base, open_mode=True)
    server = uvicorn.Server(uvicorn.Config(app, port=mine, log_level="critical", access_log=False, ws="none"))
    thread = Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.02)
    yield base, port
    server.should_exit = True
    thread.join()


@pytest.mark.deep
def test_our_own_service_is_clean_over_a_real_socket(served: tuple[str, int], keys: Keys) -> None:
    base, port = served
    plan = Plan(calls=2, slow_seconds=0.05, seconds=30, port=port, services=("trd-patient-view",))

    async def run() -> Any:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            return await judge(http, base, plan, keys=keys, clock=SystemClock())

    report = asyncio.run(run())
    assert [one for one in report.breaches if one.severity != "note"] == []
    assert {one.id for one in report.kept} >= READING
    left = {one.id: one.why for one in report.not_judged}
    assert all("open mode" in left[name] for name in LOGIN)
