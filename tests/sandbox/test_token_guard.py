"""An app's token reaches the record of the patient it was given for, and nobody else's; and what is remembered of apps
has a size.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType, SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.routing import Mount

from cds_hooks.sandbox import ResourceStore, app_grants, create_sandbox
from cds_hooks.sandbox.app_grants import AppClient, Grant, LaunchContext
from cds_hooks.sandbox.launching import LaunchServer

BASE, ISSUER = "http://ehr.test/fhir", "http://ehr.test/auth"
ALL = ("patient/*.rs", "patient/*.c")
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP384R1())


@dataclass
class MovableClock:
    """A clock that a test moves."""

    instant: datetime = NOW

    def now(self) -> datetime:
        return self.instant

    def today(self, zone: str) -> Any:
        return self.instant.date()


def chart(patient: str) -> list[dict[str, Any]]:
    subject, absolute = ({"reference": f"{at}Patient/{patient}"} for at in ("", f"{BASE}/"))
    return [
        {"resourceType": "Patient", "id": patient},
        {"resourceType": "Condition", "id": f"{patient}-c", "subject": subject},
        {"resourceType": "AllergyIntolerance", "id": f"{patient}-a", "patient": absolute},
        {
            "resourceType": "MedicationRequest",
            "id": f"{patient}-m",
            "subject": subject,
            "medicationReference": {"reference": "Medication/shared"},
        },
    ]


STORE = (
    *chart("p1"),
    *chart("p2"),
    {"resourceType": "Medication", "id": "shared"},
    {"resourceType": "Condition", "id": "nobody"},
)


def server_of(clock: MovableClock) -> LaunchServer:
    client = AppClient(client_id="app", name="app", redirect_uris=(), keys=MappingProxyType({"k": KEY.public_key()}))
    return LaunchServer(issuer=ISSUER, fhir_base=BASE, clients=[client], clock=clock, patients=list)


def given(server: LaunchServer, name: str, scopes: tuple[str, ...] = ALL) -> Grant:
    """A grant for p1, whose access token is `name`."""
    grant = Grant(
        client_id="app",
        redirect_uri="",
        scopes=scopes,
        context=LaunchContext(patient="p1", user="Practitioner/d"),
        ends=server.grants.now() + 300,
    )
    server.grants._tokens[name] = grant
    return grant


def asked(method: str, path: str, *, scopes: tuple[str, ...] = ALL, **more: Any) -> httpx.Response:
    """One call with a token for p1."""
    server = server_of(MovableClock())
    given(server, "t", scopes)
    sandbox = create_sandbox(ResourceStore(STORE), base_url=BASE, writable=True)
    app = Starlette(routes=[Mount("/fhir", server.guarded(sandbox, required=True))])

    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.request(method, f"{BASE}/{path}", headers={"Authorization": "Bearer t"}, **more)

    return asyncio.run(call())


OWN = [
    "Patient/p1",
    "Patient?_id=p1",
    "Condition/p1-c",
    "Condition?patient=p1",
    "Condition?patient=Patient/p1&_elements=code",
    f"Condition?subject={BASE}/Patient/p1",
    "Condition?subject:Patient=p1&clinical-status=active",
    "Patient/p1/Condition",
    "Patient/p1/$everything",
    "MedicationRequest?patient=p1&_include=MedicationRequest:medication",
    "Medication/shared",
    "Medication?_id=shared",
    "metadata",
]
OTHERS = [
    "Patient/p2",
    "Patient",
    "Patient?_id=p1,p2",
    "Condition/p2-c",
    "Condition/nobody",
    "AllergyIntolerance/p2-a",
    "Condition",
    "Condition?patient=p2",
    "Condition?patient=p1,p2",
    "Condition?patient=http://other.test/Patient/p1",
    "Condition?_id=p1-c",
    "Condition?_summary=count",
    "Condition?patient.name=x",
    "Patient/p2/Condition",
    "Patient/p2/$everything",
    "Medication?_id=shared&_revinclude=MedicationRequest:medication",
    "Medication?_id=shared&_revinclude=MedicationRequest:medication&_elements=id",
]


@pytest.mark.parametrize("path", OWN)
def test_the_patient_s_own_record_is_read(path: str) -> None:
    answer = asked("GET", path)
    assert answer.status_code == 200, answer.text
    assert "p2" not in answer.text


@pytest.mark.parametrize("path", OTHERS)
def test_nobody_else_s_is(path: str) -> None:
    answer = asked("GET", path)
    assert answer.status_code == 403, answer.text
    assert "p2" not in answer.text and answer.json()["resourceType"] == "OperationOutcome"


FORMS = {
    "own": ({"patient": "p1"}, "", 200),
    "own by the address": ({"clinical-status": "active"}, "?patient=p1", 200),
    "of another": ({"patient": "p2"}, "", 403),
    "of everybody": ({}, "", 403),
}


@pytest.mark.parametrize(("form", "query", "status"), FORMS.values(), ids=FORMS)
def test_searches_by_post(form: dict[str, str], query: str, status: int) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": "Bearer t"}
    server = server_of(MovableClock())
    given(server, "t")
    app = server.guarded(create_sandbox(ResourceStore(STORE), base_url=BASE), required=True)

    async def call() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
            address = f"http://ehr.test/Condition/_search{query}"
            return await client.post(address, content=urlencode(form), headers=headers)

    assert asyncio.run(call()).status_code == status


BODIES = {
    "own": ({"resourceType": "Condition", "subject": {"reference": "Patient/p1"}}, 201),
    "own, absolute": ({"resourceType": "Condition", "subject": {"reference": f"{BASE}/Patient/p1"}}, 201),
    "of another": ({"resourceType": "Condition", "subject": {"reference": "Patient/p2"}}, 403),
    "of another server's": ({"resourceType": "Condition", "subject": {"reference": "http://x.test/Patient/p1"}}, 403),
    "of two": (
        {
            "resourceType": "Condition",
            "subject": {"reference": "Patient/p1"},
            "patient": {"reference": "Patient/p2"},
        },
        403,
    ),
    "of nobody": ({"resourceType": "Condition"}, 403),
    "no object": ([], 403),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
def test_what_is_created_is_the_patient_s(body: Any, status: int) -> None:
    assert asked("POST", "Condition", json=body).status_code == status


def test_nothing_is_created_under_the_name_of_another_kind_or_as_a_batch() -> None:
    batch = {"resourceType": "Bundle", "type": "batch", "entry": []}
    assert asked("POST", "", json=batch).status_code == 403
    assert asked("POST", "Patient", json={"resourceType": "Patient"}).status_code == 403


@pytest.mark.parametrize("path", ["Patient/p1/Condition", "Patient/p1/$everything"])
def test_the_scope_of_the_patient_alone_opens_no_compartment(path: str) -> None:
    assert asked("GET", "Patient/p1", scopes=("patient/Patient.rs",)).status_code == 200
    assert asked("GET", path, scopes=("patient/Patient.rs",)).status_code == 403
    assert asked("GET", "Patient/p1/Condition", scopes=("patient/Condition.rs",)).status_code == 200


# What is remembered of apps.


def save_token(server: LaunchServer, name: str, scope: str = "launch online_access") -> None:
    grant = Grant(client_id="app", redirect_uri="", scopes=(), context=LaunchContext(patient="p1", user="d"))
    told = {"access_token": name, "refresh_token": f"r-{name}", "expires_in": 300, "scope": scope}
    server.grants.save_bearer_token(told, SimpleNamespace(grant=grant, decoded_body=[]))


def save_code(server: LaunchServer, name: str) -> None:
    asked_for = SimpleNamespace(
        redirect_uri="", scopes=[], launch_context=LaunchContext(patient="p1", user="d"), code_challenge="", nonce=None
    )
    server.grants.save_authorization_code("app", {"code": name}, asked_for)


@pytest.mark.parametrize("kind", ["_tokens", "_refreshes", "_codes"])
def test_codes_and_tokens_are_bounded_and_the_oldest_goes(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_grants, "MOST_HELD", 3)
    server = server_of(MovableClock())
    for number in range(5):
        (save_code if kind == "_codes" else save_token)(server, f"t{number}")
    held = list(getattr(server.grants, kind))
    assert held == [f"{'r-' if kind == '_refreshes' else ''}t{number}" for number in (2, 3, 4)]


def test_what_is_over_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_grants, "MOST_HELD", 3)
    server = server_of(MovableClock())
    given(server, "first")
    server.grants._tokens["over"] = replace(given(server, "over"), ends=0.0)
    save_token(server, "second")
    save_token(server, "third")
    assert set(server.grants._tokens) == {"first", "second", "third"}


def assertion(**changed: Any) -> str:
    now = int(NOW.timestamp())
    claims = {"iss": "app", "sub": "app", "aud": f"{ISSUER}/token", "exp": now + 200, "jti": "1", **changed}
    told = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(told, KEY, algorithm="ES384", headers={"kid": "k"})


def proved(server: LaunchServer, **changed: Any) -> bool:
    body = [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion(**changed)),
    ]
    request = SimpleNamespace(headers={}, decoded_body=body)
    return bool(server.grants.authenticate_client(request))


@pytest.mark.parametrize("changed", [{"jti": None}, {"jti": ""}, {"jti": ["1"]}, {"exp": None}, {"exp": "soon"}])
def test_an_assertion_that_lacks_something_proves_nothing(changed: dict[str, Any]) -> None:
    assert not proved(server_of(MovableClock()), **changed)


def test_an_assertion_is_good_for_once_however_many_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that still lives is never forgotten to make room: a new one is refused then."""
    monkeypatch.setattr(app_grants, "MOST_HELD", 2)
    clock = MovableClock()
    server = server_of(clock)
    now = int(NOW.timestamp())
    assert proved(server, jti="1") and proved(server, jti="2", exp=now + 100)
    assert not proved(server, jti="1")
    assert not proved(server, jti="3")
    clock.instant += timedelta(seconds=150)
    assert proved(server, jti="3", exp=now + 300)
    assert not proved(server, jti="1")
