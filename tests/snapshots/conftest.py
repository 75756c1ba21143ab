"""A client with snapshot links, the site's OpenID provider, and a browser between them; all in this process.

The provider's protocol is oauthlib's, a library that shares nothing with what is tested. It signs in whoever `user`
says, without a page.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from oauthlib.openid import Server
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from cds_hooks.app import create_app
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.path_prefix import PathPrefix
from cds_hooks.sandbox.app_grants import KEY_ID, AppClient, AppGrants, LaunchContext
from cds_hooks.settings import Settings
from cds_hooks.storage.tables import snapshots
from cds_hooks.trust.registry import load_registry
from mappings.load import Knowledge
from mappings.site_schema import Acceptance, SiteOverlay
from mappings.site_schema import Site as KnowledgeSite
from tests.planted import FAMILY_NAME, planted_person
from tests.record_keeping import new_records

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
BASE = "https://cds.example/trd"
LOGIN = "https://login.example/staff"
DOCTOR = "Practitioner/doctor-canary"
PATIENT = "patient-canary"
SECRET = "sign-in-canary-secret"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
READ = (
    "medicationRequests", "dispenses", "statements", "scales", "questionnaireResponses", "conditions", "procedures",
)  # fmt: skip


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


class Provider:
    """The site's sign-in. `user` is what its claim says of whoever comes; `named` is what it calls itself."""

    def __init__(self, clock: MovableClock) -> None:
        self.user, self.named, self.claim = DOCTOR, LOGIN, "fhirUser"
        self.says_pkce = True
        client = AppClient(
            client_id="trd-cds", name="trd-cds", redirect_uris=(f"{BASE}/app/snapshot-signed-in",), secret=SECRET
        )
        self.grants = AppGrants(issuer=LOGIN, token_url=f"{LOGIN}/token", clients={"trd-cds": client}, clock=clock)
        self.grants.claims_of = self._claims  # type: ignore[method-assign]
        self._oauth = Server(self.grants)
        self.asked: list[dict[str, str]] = []
        self.app = Starlette(
            routes=[
                Route("/staff/.well-known/openid-configuration", self._configuration),
                Route("/staff/authorize", self._authorize),
                Route("/staff/token", self._token, methods=["POST"]),
                Route("/staff/jwks", self._keys),
            ]
        )

    def _claims(self, grant: Any) -> dict[str, Any]:
        now = int(self.grants.now())
        return {"iss": self.named, "sub": "s", "iat": now, "exp": now + 300, self.claim: grant.context.user}

    async def _configuration(self, request: Request) -> Response:
        told: dict[str, Any] = {
            "issuer": self.named,
            "jwks_uri": f"{LOGIN}/jwks",
            "authorization_endpoint": f"{LOGIN}/authorize",
            "token_endpoint": f"{LOGIN}/token",
        }
        return JSONResponse(told | ({"code_challenge_methods_supported": ["S256"]} if self.says_pkce else {}))

    async def _keys(self, request: Request) -> Response:
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.grants.key.public_key()))
        return JSONResponse({"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "ES384"}]})

    async def _authorize(self, request: Request) -> Response:
        self.asked.append(dict(request.query_params))
        context = LaunchContext(patient="", user=self.user)
        headers, _, status = self._oauth.create_authorization_response(
            str(request.url), "GET", "", {}, scopes=["openid"], credentials={"launch_context": context}
        )
        return RedirectResponse(headers["Location"], status)

    async def _token(self, request: Request) -> Response:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        headers |= {"Authorization": request.headers.get("authorization", "")}
        told, content, status = self._oauth.create_token_response(
            str(request.url), "POST", (await request.body()).decode(), headers
        )
        return Response(content, status_code=status, headers=dict(told))


@dataclass
class Browser:
    """Goes where it is told, with its cookies; remembers every answer, and follows no redirect by itself. It comes from
    `place`.
    """

    hosts: dict[str, Any]
    place: str = "192.0.2.1"
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    seen: list[httpx.Response] = field(default_factory=list)

    async def going(self, address: str, *, method: str = "GET", **more: Any) -> httpx.Response:
        app = self.hosts[urlsplit(address).netloc]
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True, client=(self.place, 50_000))
        async with httpx.AsyncClient(transport=transport, cookies=self.cookies, trust_env=False) as client:
            answer = await client.request(method, address, **more)
            self.cookies = client.cookies
            self.seen.append(answer)
            return answer

    def go(self, address: str, *, method: str = "GET", **more: Any) -> httpx.Response:
        return asyncio.run(self.going(address, method=method, **more))

    def follow(self, answer: httpx.Response, **more: Any) -> httpx.Response:
        """One redirect further."""
        assert answer.is_redirect, (answer.status_code, answer.text)
        return self.go(answer.headers["location"], **more)

    def to_answer(self, link: str) -> httpx.Response:
        """As far as the provider's answer, which is not yet opened."""
        return self.follow(self.go(link))

    def open(self, link: str) -> httpx.Response:
        """The whole way: link, sign-in, page."""
        return self.follow(self.to_answer(link))


@dataclass
class Site:
    """All of it, for a test to walk through."""

    app: Any
    provider: Provider
    records: Any
    clock: MovableClock
    written: io.StringIO
    key: Any
    hosts: dict[str, Any]

    def browser(self) -> Browser:
        return Browser(self.hosts)

    def fire(self, user: str = DOCTOR, hook: str = "order-sign") -> httpx.Response:
        """The call of a hook about an order of a drug to which the patient is allergic."""
        service, now = f"{BASE}/cds-services/trd-{hook}", int(self.clock.now().timestamp())
        claims = {"iss": "https://ehr.example", "aud": service, "iat": now, "exp": now + 300, "jti": str(uuid4())}
        token = jwt.encode(claims, self.key, algorithm="ES384", headers={"kid": "k"})
        return self.browser().go(service, method="POST", json=call(user), headers={"Authorization": f"Bearer {token}"})

    def links(self, **told: Any) -> list[str]:
        """The addresses of the snapshots that the cards of a call link to."""
        answer = self.fire(**told)
        assert answer.status_code == 200, answer.text
        cards = answer.json()["cards"]
        assert cards
        return [link["url"] for card in cards for link in card["links"] if "/app/snapshot/" in link["url"]]

    def link(self) -> str:
        return self.links()[0]

    def rows(self) -> list[Any]:
        return list(asyncio.run(self.records.database.read(lambda one: one.execute(select(snapshots)).all())))

    @property
    def lines(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.written.getvalue().splitlines()]
        return [line for line in lines if line["event"] == "call"]

    @property
    def outcome(self) -> str:
        return str(self.lines[-1].get("outcome", ""))

    def events(self) -> list[dict[str, Any]]:
        """The audit events about snapshots."""
        events = [json.loads(record) for _, record in asyncio.run(self.records.audit.events())]
        return [one for one in events if one["subtype"][0]["code"] == "app"]


def call(user: str) -> dict[str, Any]:
    """The body of a call."""
    subject = {"reference": f"Patient/{PATIENT}", "display": FAMILY_NAME}
    medication = {"coding": [{"system": RXNORM, "code": "312941"}]}
    order = {"resourceType": "MedicationRequest", "id": "new", "status": "draft", "intent": "order"}
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "patient": subject}
    allergy["code"] = {"coding": [{"system": RXNORM, "code": "36437"}]}
    empty = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    return {
        "hook": "order-sign",
        "hookInstance": "0b0f9d7e-6a35-4f6c-9d28-58a3f8f2f1aa",
        "context": {
            "userId": user,
            "patientId": PATIENT,
            "draftOrders": {
                "resourceType": "Bundle",
                "entry": [{"resource": {**order, "subject": subject, "medicationCodeableConcept": medication}}],
            },
        },
        "prefetch": {
            "patient": planted_person({"resourceType": "Patient", "id": PATIENT, "birthDate": "1970-01-01"}),
            **dict.fromkeys(READ, empty),
            "allergies": {"resourceType": "Bundle", "entry": [{"resource": allergy}]},
        },
    }


def written_sign_in(**changed: Any) -> dict[str, Any]:
    """The `sign_in` of an entry; None removes a key."""
    written = {
        "issuer": LOGIN,
        "client_id": "trd-cds",
        "authentication": "client_secret_basic",
        "secret_file": "snapshot-secret",
        **changed,
    }
    return {name: value for name, value in written.items() if value is not None}


def registry_file(folder: Path, key: Any, **changed: Any) -> Path:
    """A registry of one live client; None removes a key of its entry."""
    entry = {
        "id": "general",
        "name": "General Hospital",
        "issuer": "https://ehr.example",
        "jwks_file": "keys.json",
        "mode": "live",
        "snapshots": {"sign_in": written_sign_in()},
        **changed,
    }
    entry = {name: value for name, value in entry.items() if value is not None}
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    (folder / "keys.json").write_text(json.dumps({"keys": [{**public, "kid": "k"}]}), encoding="utf-8")
    secret = folder / "snapshot-secret"
    secret.write_text(SECRET, encoding="ascii")
    secret.chmod(0o600)
    file = folder / "clients.yaml"
    file.write_text(json.dumps({"clients": [entry]}), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def client_key() -> Any:
    return ec.generate_private_key(ec.SECP384R1())


@pytest.fixture(scope="session")
def accepted(knowledge: Knowledge) -> Knowledge:
    """The knowledge at a site that has accepted it for live use."""
    from dataclasses import replace
    from types import MappingProxyType

    day = NOW.date()
    site = KnowledgeSite(id="general", name="General", accepted_by="Dr A", accepted_on=day)
    acceptance = Acceptance(version=knowledge.version, hash=knowledge.content_hash, who="Dr A", when=day)
    return replace(knowledge, site=SiteOverlay(site, (), MappingProxyType({}), acceptance))


def maker(accepted: Knowledge, client_key: Any, folder: Path) -> Callable[..., Site]:
    """Makes sites that share the database in `folder`; `changed` is about the registry entry."""

    def make(base: str = BASE, **changed: Any) -> Site:
        clock, written = MovableClock(), io.StringIO()
        provider, records = Provider(clock), new_records(folder)
        app = create_app(
            settings=Settings(base_url=base),
            knowledge=accepted,
            clock=clock,
            http=httpx.AsyncClient(transport=httpx.ASGITransport(app=provider.app), trust_env=False),
            registry=load_registry(registry_file(folder, client_key, **changed)),
            records=records,
            log=RequestLog(written),
        )
        hosts = {"cds.example": PathPrefix(app, "/trd"), "login.example": provider.app}
        return Site(app, provider, records, clock, written, client_key, hosts)

    return make


@pytest.fixture
def site(accepted: Knowledge, client_key: Any, tmp_path: Path) -> Callable[..., Site]:
    """Makes sites that share one database."""
    return maker(accepted, client_key, tmp_path)


@pytest.fixture(scope="module")
def standing(accepted: Knowledge, client_key: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, str]:
    """One site and one link, for many sign-ins that open nothing."""
    here = maker(accepted, client_key, tmp_path_factory.mktemp("snapshots"))()
    return here, here.link()


@pytest.fixture(scope="session")
def sign_in() -> Callable[..., dict[str, Any]]:
    """Writes the `sign_in` of an entry."""
    return written_sign_in
