"""A FHIR server that misbehaves, injected with respx: a failure is a named gap or a 412, never a quiet empty answer."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import orjson
import pytest
import respx

from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock
from cds_hooks.settings import Settings
from mappings.load import Knowledge
from tests.edge.conftest import BASE, FHIR, NOW, bundle, order, patient

SERVICE = "/cds-services/trd-order-select"


def request() -> dict[str, Any]:
    draft = order()
    return {
        "hook": "order-select",
        "hookInstance": "7e0d4b0c-5e0e-4f0a-8a51-3d5f5a1b2c3d",
        "fhirServer": FHIR,
        "fhirAuthorization": {
            "access_token": "token-canary",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.read",
            "subject": "x",
        },
        "context": {
            "userId": "Practitioner/d",
            "patientId": "p1",
            "selections": [f"MedicationRequest/{draft['id']}"],
            "draftOrders": bundle(draft),
        },
    }


def call(knowledge: Knowledge) -> httpx.Response:
    """One order-select with nothing prefetched, through the real outbound client."""

    async def fire() -> httpx.Response:
        async with httpx.AsyncClient(follow_redirects=False) as outbound:
            app = create_app(
                settings=Settings(
                    open_mode=True, fhir_servers=(FHIR,), base_url=BASE, soft_budget_seconds=5, deadline_seconds=5
                ),
                knowledge=knowledge,
                clock=FixedClock(NOW),
                http=outbound,
                registry=None,
            )
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="https://cds.example") as client:
                return await client.post(SERVICE, json=request())

    return asyncio.run(fire())


def well(router: respx.Router) -> None:
    """Everything answers, with an empty chart."""
    router.get(url__startswith=f"{FHIR}/Patient/p1").respond(json=patient())
    router.route(url__startswith=FHIR).respond(json=bundle())


def test_a_well_server_is_asked_with_the_token_and_answers(knowledge: Knowledge) -> None:
    with respx.mock(assert_all_called=False) as router:
        well(router)
        response = call(knowledge)

        assert response.status_code == 200
        read = [c.request for c in router.calls if not c.request.url.path.endswith("/metadata")]
        assert {one.headers["authorization"] for one in read} == {"Bearer token-canary"}
        [statement] = [c.request for c in router.calls if c.request not in read]
        assert "authorization" not in statement.headers


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(401),
        httpx.Response(403),
        httpx.Response(404),
        httpx.Response(429),
        httpx.Response(500, text="<html>"),
        httpx.Response(200, text="not json"),
        httpx.Response(200, json=[]),
        httpx.Response(302, headers={"location": "https://elsewhere.example/fhir"}),
        httpx.ConnectTimeout("slow"),
        httpx.ReadError("gone"),
    ],
    ids=lambda failure: getattr(failure, "status_code", None) or type(failure).__name__,
)
@pytest.mark.parametrize(
    ("kind", "status"),
    [("MedicationRequest", 412), ("Condition", 200), ("Observation", 200), ("MedicationAdministration", 200)],
)
def test_a_failing_search_is_a_gap_or_412(
    knowledge: Knowledge, failure: httpx.Response | Exception, kind: str, status: int
) -> None:
    with respx.mock(assert_all_called=False) as router:
        route = router.route(url__startswith=f"{FHIR}/{kind}")
        route.mock(**({"side_effect": failure} if isinstance(failure, Exception) else {"return_value": failure}))
        well(router)
        response = call(knowledge)

    assert response.status_code == status
    assert b"token-canary" not in response.content
    if status == 412:
        outcome = orjson.loads(response.content)
        assert outcome["resourceType"] == "OperationOutcome"
    # Nothing was asked of the other origin, whatever the redirect said.
    assert not [c for c in router.calls if not str(c.request.url).startswith(FHIR)]
