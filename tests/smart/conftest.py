"""An EHR that launches the app, the service, and a browser between them; all in this process.

The EHR is the sandbox behind its own authorization server, whose protocol is oauthlib's, a library that shares nothing
with the app. A browser here keeps cookies as browsers do and follows no redirect by itself.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from cds_hooks.app import create_app
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.path_prefix import PathPrefix
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.sandbox.app_grants import AppClient
from cds_hooks.sandbox.launching import LaunchServer
from cds_hooks.settings import Settings
from cds_hooks.smart import assembling
from cds_hooks.smart.page_wanted import MakePage, PageMade, PageWanted
from cds_hooks.smart.pages import HEADERS
from cds_hooks.smart.registration import Ehr, RegisteredEhrs, registered
from mappings.load import Knowledge
from tests.planted import planted_person
from tests.record_keeping import new_records

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
BASE = "https://cds.example/trd"
ISS = "https://ehr.example/fhir"
ISSUER = "https://ehr.example/auth"
DOCTOR = "Practitioner/d1"
SECRET = "token-canary-secret"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


@dataclass
class MovableClock:
    """A clock that a test moves."""

    instant: datetime = NOW

    def now(self) -> datetime:
        return self.instant

    def today(self, zone: str) -> date:
        return self.instant.astimezone(ZoneInfo(zone)).date()

    def pass_by(self, **span: float) -> None:
        self.instant += timedelta(**span)


def chart(patient: str) -> list[dict[str, Any]]:
    subject = {"reference": f"Patient/{patient}"}
    sertraline = {"coding": [{"system": RXNORM, "code": "312941"}], "text": "sertraline 50 MG Oral Tablet"}
    depression = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F33.1"}]}
    active = {"coding": [{"code": "active"}]}
    return [
        planted_person({"resourceType": "Patient", "id": patient, "gender": "female", "birthDate": "1980-02-03"}),
        {
            "resourceType": "MedicationRequest",
            "id": f"{patient}-order",
            "status": "active",
            "intent": "order",
            "subject": subject,
            "authoredOn": "2026-08-01",
            "medicationCodeableConcept": sertraline,
        },
        {
            "resourceType": "Condition",
            "id": f"{patient}-depression",
            "subject": subject,
            "code": depression,
            "clinicalStatus": active,
            "onsetDateTime": "2026-07-01",
        },
    ]


@dataclass
class Browser:
    """Goes where it is told, with its cookies; remembers every address and every answer. It comes from `place`."""

    hosts: dict[str, Any]
    place: str = "192.0.2.1"
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    seen: list[httpx.Response] = field(default_factory=list)

    def go(self, address: str, *, method: str = "GET", **more: Any) -> httpx.Response:
        async def sent() -> httpx.Response:
            parts = urlsplit(address)
            transport = httpx.ASGITransport(
                app=self.hosts[parts.netloc], raise_app_exceptions=True, client=(self.place, 50_000)
            )
            async with httpx.AsyncClient(transport=transport, cookies=self.cookies, trust_env=False) as client:
                answer = await client.request(method, address, **more)
                self.cookies = client.cookies
                return answer

        answer = asyncio.run(sent())
        self.seen.append(answer)
        return answer

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """One redirect further."""
        assert answer.is_redirect, (answer.status_code, answer.text)
        return self.go(answer.headers["location"])


@dataclass
class World:
    """All of it, for a test to walk through."""

    app: Any
    server: LaunchServer
    store: ResourceStore
    records: Any
    clock: MovableClock
    written: io.StringIO
    asked: list[httpx.Request]
    browser: Browser

    def new_browser(self, place: str = "192.0.2.1") -> Browser:
        return Browser(dict(self.browser.hosts), place)

    def launch_address(self, patient: str = "p1", context: str = "") -> str:
        return self.server.launch_address(f"{BASE}/app/launch", patient, DOCTOR, context)

    def consent(self, page: httpx.Response, browser: Browser | None = None, **fields: str) -> httpx.Response:
        """Press a button of the EHR's page: the address that the browser is sent back to, not yet opened."""
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
        assert ticket is not None, page.text
        sent = {"ticket": ticket[1], "decision": "allow", **fields}
        return (browser or self.browser).go(f"{ISSUER}/authorize", method="POST", data=sent)

    def to_answer(self, browser: Browser | None = None, **launch: str) -> httpx.Response:
        """As far as the EHR's answer, which is not yet opened."""
        one = browser or self.browser
        return self.consent(one.follow(one.go(self.launch_address(**launch))), one)

    def launched(self, browser: Browser | None = None, **launch: str) -> httpx.Response:
        """A whole launch; the page."""
        one = browser or self.browser
        answer = one.follow(self.to_answer(one, **launch))
        assert answer.status_code == 303, answer.text
        return one.follow(answer)

    def page(self, browser: Browser | None = None) -> httpx.Response:
        return (browser or self.browser).go(f"{BASE}/app/patient")

    def post(self, browser: Browser | None = None, **fields: str) -> httpx.Response:
        return (browser or self.browser).go(
            f"{BASE}/app/patient", method="POST", data=fields, headers={"Origin": "https://cds.example"}
        )

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The audit events of a kind, each with its details as a dict."""
        events = [json.loads(record) for _, record in asyncio.run(self.records.audit.events())]
        return [
            {**one, "details": {told["type"]: told["valueString"] for told in one["entity"][-1]["detail"]}}
            for one in events
            if one["subtype"][0]["code"] == kind
        ]

    @property
    def lines(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.written.getvalue().splitlines()]
        return [line for line in lines if line["event"] == "call"]

    @property
    def outcome(self) -> str:
        return str(self.lines[-1].get("outcome", ""))

    def rows(self) -> list[Any]:
        from sqlalchemy import select

        from cds_hooks.storage.tables import app_sessions

        return list(asyncio.run(self.records.database.read(lambda one: one.execute(select(app_sessions)).all())))


def entry(**changed: Any) -> Ehr:
    """The registration at the EHR; None removes a key."""
    written = {
        "id": "general",
        "name": "General Hospital",
        "iss": ISS,
        "client": "open",
        "client_id": "trd-public",
        "standalone": True,
        "writes": ("MedicationStatement", "Observation"),
        **changed,
    }
    return Ehr.model_validate({name: value for name, value in written.items() if value is not None})


def address_of(answer: httpx.Response) -> dict[str, str]:
    """The parameters of the address that a redirect leads to."""
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


@pytest.fixture(scope="session")
def smart() -> SimpleNamespace:
    """The constants and builders above."""
    return SimpleNamespace(
        NOW=NOW, BASE=BASE, ISS=ISS, ISSUER=ISSUER, DOCTOR=DOCTOR, SECRET=SECRET, entry=entry, address_of=address_of,
        Browser=Browser,
    )  # fmt: skip


@pytest.fixture(scope="session")
def app_key() -> Any:
    return ec.generate_private_key(ec.SECP384R1())


def written_files(folder: Path, app_key: Any) -> Path:
    """`folder` with a secret and a key, for their owner only."""
    (folder / "secret").write_text(SECRET + "\n", encoding="ascii")
    pem = app_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(pem)
    for name in ("secret", "key.pem"):
        (folder / name).chmod(0o600)
    return folder


@pytest.fixture
def files(tmp_path: Path, app_key: Any) -> Path:
    """A folder with a secret and a key."""
    return written_files(tmp_path, app_key)


async def plain_page(wanted: PageWanted) -> PageMade:
    """A page that only says what it was made from: the basis itself has tests of its own."""
    saved = None
    if wanted.fields is not None and ("do", "save") in wanted.fields:
        saved = await wanted.save(
            [
                {
                    "resourceType": kind,
                    "id": f"reported-{number}",
                    "identifier": [{"system": "urn:x", "value": str(number)}],
                    "status": "active",
                    "subject": {"reference": f"Patient/{wanted.patient_id}"},
                }
                for number, kind in enumerate(sorted(wanted.writes), 1)
            ]
        )
    told = {
        "patient": wanted.patient_id,
        "author": wanted.author,
        "resources": sorted(f"{one['resourceType']}/{one['id']}" for one in wanted.chart.gathered.resources),
        "gaps": [gap.what for gap in wanted.chart.gathered.gaps],
        "orders": [list(one.product.ingredients) if one.product else one.procedure for one in wanted.orders],
        "writes": sorted(wanted.writes),
        "csrf": wanted.csrf,
        "fields": wanted.fields,
        "definition": wanted.definition,
        "saved": saved.sentences() if saved is not None else (),
    }
    written = sum(one.fate == "saved" for one in saved.each) if saved is not None else 0
    return PageMade(html=json.dumps(told), headers=HEADERS, written=written)


def maker(knowledge: Knowledge, folder: Path, app_key: Any) -> Callable[..., World]:
    """Makes worlds. `changed` is about the registration; `twist` changes the EHR before it is asked for anything;
    `before` answers in its place; `page` makes the page.
    """

    def make(
        *,
        settings: dict[str, Any] | None = None,
        page: MakePage = plain_page,
        twist: Callable[[LaunchServer], None] | None = None,
        before: Callable[[Request], Response | None] | None = None,
        **changed: Any,
    ) -> World:
        clock, written = MovableClock(), io.StringIO()
        back = (f"{BASE}/app/callback/general",)
        server = LaunchServer(
            issuer=ISSUER,
            fhir_base=ISS,
            clients=[
                AppClient(client_id="trd-public", name="trd-cds", redirect_uris=back),
                AppClient(client_id="trd-secret", name="trd-cds", redirect_uris=back, secret=SECRET),
                AppClient(
                    client_id="trd-key",
                    name="trd-cds",
                    redirect_uris=back,
                    keys=MappingProxyType({"key-1": app_key.public_key()}),
                ),
            ],
            clock=clock,
            patients=lambda: [("p1", "One"), ("p2", "Two")],
            user=DOCTOR,
        )
        if twist is not None:
            twist(server)
        store = ResourceStore([*chart("p1"), *chart("p2")])
        sandbox = create_sandbox(store, base_url=ISS, writable=True)
        inner = Starlette(routes=[*server.routes(), Mount("/fhir", server.guarded(sandbox, required=True))])
        asked: list[httpx.Request] = []

        async def ehr(scope: Any, receive: Any, send: Any) -> None:
            instead = before(Request(scope, receive)) if before is not None else None
            await (instead or inner)(scope, receive, send)

        async def noted(request: httpx.Request) -> None:
            asked.append(request)

        records = new_records(folder)
        with patch.object(assembling, "make_page", page):
            app = create_app(
                settings=Settings(
                    **{"base_url": BASE, "open_mode": True, "fhir_servers": (ISS,), "ehr_attempts": 1}
                    | (settings or {})
                ),
                knowledge=knowledge,
                clock=clock,
                http=httpx.AsyncClient(
                    transport=httpx.ASGITransport(app=ehr), event_hooks={"request": [noted]}, trust_env=False
                ),
                registry=None,
                records=records,
                ehrs=RegisteredEhrs([registered(entry(**changed), folder=folder)]),
                log=RequestLog(written),
            )
        browser = Browser({"cds.example": PathPrefix(app, "/trd"), "ehr.example": ehr})
        return World(app, server, store, records, clock, written, asked, browser)

    return make


@pytest.fixture
def world(knowledge: Knowledge, files: Path, app_key: Any) -> Callable[..., World]:
    """Makes worlds that share one database."""
    return maker(knowledge, files, app_key)


@pytest.fixture(scope="module")
def standing_world(knowledge: Knowledge, tmp_path_factory: pytest.TempPathFactory, app_key: Any) -> World:
    """One world for many launches that end in no session."""
    folder = written_files(tmp_path_factory.mktemp("smart"), app_key)
    return maker(knowledge, folder, app_key)(launches_per_minute=10_000)
