"""A clinic to call the service from: the application with a fixed clock, a scripted FHIR server and signed tokens."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import cds_hooks.answering
from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.settings import Settings
from cds_hooks.storage.records import Records
from cds_hooks.trust.registry import ClientRegistry, load_registry
from mappings.load import Knowledge, load
from mappings.site_schema import Acceptance, Site, SiteOverlay
from tests.planted import ACCESS_TOKEN, BIRTH_DATE, FAMILY_NAME, MEDICATION_NOTE, planted_person
from tests.record_keeping import new_records

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
FHIR = "https://ehr.example/fhir"
BASE = "https://cds.example/trd"
ISSUER = "https://ehr.example/oauth"
KEYS = (
    "patient", "medicationRequests", "dispenses", "statements", "scales", "questionnaireResponses",
    "conditions", "allergies", "procedures",
)  # fmt: skip
NEEDED = ("laboratory", "outcomeScales", "otherScales", "administrations")
Answer = Callable[[httpx.Request], httpx.Response]


def bundle(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A searchset of `resources`."""
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(resources), "entry": entries, **more}


def patient(identifier: str = "p1") -> dict[str, Any]:
    return planted_person({"resourceType": "Patient", "id": identifier, "gender": "female", "birthDate": BIRTH_DATE})


def order(identifier: str = "new", code: str = "312941", **more: Any) -> dict[str, Any]:
    """A medication request, by default sertraline."""
    return {
        "resourceType": "MedicationRequest",
        "id": identifier,
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1", "display": FAMILY_NAME},
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": code}]
        },
        "note": [{"text": MEDICATION_NOTE}],
        **more,
    }


def full_prefetch(**changed: Any) -> dict[str, Any]:
    """Every registered key: the patient, and nothing else on record."""
    return {"patient": patient(), **{key: bundle() for key in KEYS[1:]}, **changed}


def call(hook: str = "order-select", **changed: Any) -> dict[str, Any]:
    """A complete call about sertraline for patient p1; `changed` replaces top-level fields, None removes them."""
    context: dict[str, Any] = {"userId": "Practitioner/d1", "patientId": "p1"}
    if hook != "patient-view":
        context["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": order()}]}
    if hook == "order-select":
        context["selections"] = ["MedicationRequest/new"]
    body = {
        "hook": hook,
        "hookInstance": "0b0f9d7e-6a35-4f6c-9d28-58a3f8f2f1aa",
        "context": context,
        "prefetch": full_prefetch(),
        **changed,
    }
    return {name: value for name, value in body.items() if value is not None}


def with_token(body: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """`body` with a FHIR server and an access token for it."""
    authorization = {
        "access_token": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.read",
        "subject": "trd-cds",
    }
    return {**body, "fhirServer": FHIR, "fhirAuthorization": {**authorization, **changed}}


def nothing_needed() -> dict[str, Any]:
    """What is asked for only on need, sent along: none on record."""
    return {key: bundle() for key in NEEDED}


def accepted(knowledge: Knowledge) -> Knowledge:
    """`knowledge` at a site that changes nothing and has accepted it for live use."""
    day = NOW.date()
    site = Site(id="general", name="General", accepted_by="Dr A", accepted_on=day)
    acceptance = Acceptance(version=knowledge.version, hash=knowledge.content_hash, who="Dr A", when=day)
    return replace(knowledge, site=SiteOverlay(site, (), MappingProxyType({}), acceptance))


class Chart:
    """A scripted FHIR server: an empty chart for any patient, unless a path is given its own answer."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/fhir/")
        if path == "metadata" and path not in self.answers:  # asked for in the background, of any server
            return httpx.Response(404, json={"resourceType": "OperationOutcome"})
        self.requests.append(request)
        scripted = path if path in self.answers else path.removesuffix("/_search")
        if scripted in self.answers:
            return self.answers[scripted](request)
        kind, _, identifier = path.partition("/")
        if kind == "Patient" and identifier:
            return httpx.Response(200, json=patient(identifier))
        if identifier not in ("", "_search"):
            return httpx.Response(404, json={"resourceType": "OperationOutcome"})
        return httpx.Response(200, json={"resourceType": "Bundle", "type": "searchset", "total": 0})

    @property
    def paths(self) -> list[str]:
        return [request.url.path.removeprefix("/fhir/") for request in self.requests]

    def says(self, path: str, content: Any = None, status: int = 200, **more: Any) -> None:
        """Answer `path` with `content` as JSON."""
        self.answers[path] = lambda _: httpx.Response(status, json=content, **more)

    def fails(self, path: str, error: Exception) -> None:
        """Fail every request for `path`."""

        def answer(_: httpx.Request) -> httpx.Response:
            raise error

        self.answers[path] = answer


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route", request=request)


@dataclass
class Clinic:
    """One application to call. `runner` runs a call; `seconds` of its loop's time passed in the last."""

    app: Any
    written: io.StringIO
    headers: dict[str, str] = field(default_factory=dict)
    runner: Callable[[Coroutine[Any, Any, httpx.Response]], httpx.Response] = asyncio.run
    seconds: float = 0.0

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def sent() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as client:
                began = asyncio.get_running_loop().time()
                said = {**self.headers, **more.pop("headers", {})}
                response = await client.request(method, path, headers=said, **more)
                self.seconds = asyncio.get_running_loop().time() - began
                return response

        return self.runner(sent())

    def fire(self, body: Any, service: str | None = None, **more: Any) -> httpx.Response:
        """Call the service for the hook in `body`, or the one named."""
        name = service or f"trd-{body['hook']}"
        return self.send("POST", f"/cds-services/{name}", content=json.dumps(body), **more)

    @property
    def log(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.written.getvalue().splitlines()]
        return [line for line in lines if line["event"] == "call"]


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return load()


@pytest.fixture
def chart() -> Chart:
    return Chart()


@pytest.fixture
def clinic(knowledge: Knowledge, chart: Chart, tmp_path: Path) -> Callable[..., Clinic]:
    """Makes applications: in open mode with the chart reachable, unless told otherwise; with a registry, at a site
    that has accepted the knowledge. Those of one test share a database.
    """

    def make(
        server: Answer | None = None,
        registry: ClientRegistry | None = None,
        clock: FixedClock | None = None,
        records: Records | None = None,
        knowing: Knowledge | None = None,
        **changed: Any,
    ) -> Clinic:
        written = io.StringIO()
        options = {
            "base_url": BASE,
            "open_mode": registry is None,
            "fhir_servers": (FHIR,),
            "deadline_seconds": 2.0,
            "soft_budget_seconds": 2.0,
            "ehr_attempts": 1,  # so that requests can be counted; test_finding_data has more
            **changed,
        }
        app = create_app(
            settings=Settings(**options),
            knowledge=knowing or (accepted(knowledge) if registry is not None else knowledge),
            clock=clock or FixedClock(NOW),
            http=httpx.AsyncClient(transport=httpx.MockTransport(server or chart)),
            registry=registry,
            records=records or new_records(tmp_path),
            log=RequestLog(written),
        )
        return Clinic(app, written)

    return make


def segment(content: bytes) -> str:
    """One part of a compact token."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass
class KeyRing:
    """A registered client's keys: signs tokens, writes the registry. The entry is live; None removes a key of it."""

    folder: Path
    elliptic: Any
    rsa: Any

    def claims(self, **changed: Any) -> dict[str, Any]:
        """The claims of a good token for order-select; None removes one."""
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": f"{BASE}/cds-services/trd-order-select",
            "exp": int(NOW.timestamp()) + 300,
            "iat": int(NOW.timestamp()),
            "jti": "nonce-1",
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key: Any = None, algorithm: str = "ES384", kid: str = "ec/1+=", **changed: Any) -> str:
        return jwt.encode(self.claims(**changed), key or self.elliptic, algorithm=algorithm, headers={"kid": kid})

    def forge(
        self,
        claims: Any = None,
        header: Any = None,
        *,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> str:
        """A token of any content, which the library would refuse to write: signed ES384 unless `sign` says else.

        `header` adds to a good one, None removes a member; text instead of an object is taken as it is.
        """
        head = {"alg": "ES384", "kid": "ec/1+=", "typ": "JWT"}
        if not isinstance(header, str):
            head = {name: value for name, value in {**head, **(header or {})}.items() if value is not None}
            header = json.dumps(head)
        payload = claims if isinstance(claims, str) else json.dumps(self.claims() if claims is None else claims)
        signed = f"{segment(header.encode())}.{segment(payload.encode())}"
        return f"{signed}.{segment((sign or self.es384)(signed.encode()))}"

    def es384(self, content: bytes) -> bytes:
        return jwt.get_algorithm_by_name("ES384").sign(content, self.elliptic)

    def registry(self, **changed: Any) -> ClientRegistry:
        return load_registry(self.write(**changed))

    def write(self, **changed: Any) -> Path:
        entry = {
            "id": "general",
            "name": "General Hospital",
            "issuer": ISSUER,
            "jwks_file": "general.jwks.json",
            "fhir_servers": [FHIR],
            "mode": "live",
            **changed,
        }
        entry = {name: value for name, value in entry.items() if value is not None}
        path = self.folder / "clients.yaml"
        path.write_text(json.dumps({"clients": [entry]}), encoding="utf-8")
        (self.folder / "general.jwks.json").write_text(json.dumps({"keys": self.jwks()}), encoding="utf-8")
        return path

    def jwks(self) -> list[dict[str, Any]]:
        elliptic = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.elliptic.public_key()))
        modulus = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.rsa.public_key()))
        modulus.pop("key_ops", None)
        return [{**elliptic, "kid": "ec/1+="}, {**modulus, "kid": "rsa-1"}]


@pytest.fixture(scope="session")
def private_keys() -> tuple[Any, Any]:
    return ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)


@pytest.fixture
def keyring(tmp_path: Path, private_keys: tuple[Any, Any]) -> KeyRing:
    return KeyRing(tmp_path, *private_keys)


@pytest.fixture(scope="session")
def making() -> SimpleNamespace:
    """The builders and constants above, for tests to reach without importing this file."""
    return SimpleNamespace(
        bundle=bundle,
        patient=patient,
        order=order,
        prefetch=full_prefetch,
        nothing_needed=nothing_needed,
        call=call,
        with_token=with_token,
        unreachable=unreachable,
        keys=KEYS,
        now=NOW,
        fhir=FHIR,
        base=BASE,
        issuer=ISSUER,
        accepted=accepted,
    )


class Told:
    """What the reasoning was told, and what it found."""

    def __init__(self) -> None:
        self.availability: dict[str, Any]
        self.resources: list[dict[str, Any]]
        self.assessment: Any
        self.availability, self.resources, self.assessment = {}, [], None

    def read(self, name: str) -> Any:
        return self.availability[name].read if name in self.availability else None

    @property
    def considered(self) -> dict[str, str]:
        return {one.id: one.kind for one in self.assessment.pseudo_resistance}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    module: Any = cds_hooks.answering
    read_record, assess = module.read_record, module.assess

    def spy_record(resources: Any, **more: Any) -> Any:
        if more["availability"]:  # not the first look on patient-view
            told.availability = dict(more["availability"])
            told.resources = list(resources)
        return read_record(resources, **more)

    def spy_assess(*facts: Any, **more: Any) -> Any:
        told.assessment = assess(*facts, **more)
        return told.assessment

    monkeypatch.setattr(module, "read_record", spy_record)
    monkeypatch.setattr(module, "assess", spy_assess)
    return told


@pytest.fixture
def card_drafts(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets a test decide what the advice is, where the wire and not the reasoning is in question."""
    from plugin.advice.policy import CardDraft

    def say(count: int = 1, **changed: Any) -> None:
        fields: dict[str, Any] = {
            "kind": "trd-status",
            "summary": "Two adequate antidepressant trials without response are recorded",
            "detail": ("- first line", "- second line"),
            "indicator": "info",
            "source_label": "TRD-CDS",
            "cites": (),
            "override_reasons": ("history-incomplete",),
            **changed,
        }
        drafts = tuple(CardDraft(**fields) for _ in range(count))
        monkeypatch.setattr("cds_hooks.answering.advise", lambda *_, **__: drafts)

    return say
