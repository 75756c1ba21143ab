"""The demo's EHR launching the app: what a link of type ``smart`` on a card leads to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from cds_hooks.clock import Clock
from cds_hooks.errors import BadRequest
from cds_hooks.sandbox.app_grants import AppClient
from cds_hooks.sandbox.launching import LaunchServer
from cds_hooks.simulator.hook_requests import USER
from cds_hooks.simulator.own_page import require_own_page
from cds_hooks.smart.launching import callback_address
from cds_hooks.smart.registration import OPEN, Ehr, RegisteredEhrs, registered
from cds_hooks.stories import Story

LAUNCH = "/app/launch"
_AUTHORIZATION = "/ehr"
_CLIENT_ID = "trd-cds"
_EHR = "demo"


class LaunchWish(BaseModel):
    """The link of a card, and the patient whose chart is open."""

    model_config = ConfigDict(strict=True, extra="forbid")

    url: Annotated[str, Field(max_length=2_000)]
    patient: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,64}$")]
    app_context: Annotated[str, Field(max_length=20_000)] = ""


def launch_server(*, base_url: str, fhir_server: str, stories: Iterable[Story], clock: Clock) -> LaunchServer:
    """The authorization server of the demo's EHR, where the app is the only one registered."""
    patients = [(story.patient_id, story.title) for story in stories]
    return LaunchServer(
        issuer=base_url + _AUTHORIZATION,
        fhir_base=fhir_server,
        clients=[AppClient(client_id=_CLIENT_ID, name="trd-cds", redirect_uris=(callback_address(base_url, _EHR),))],
        clock=clock,
        patients=lambda: patients,
        user=USER,
    )


def demo_ehrs(fhir_server: str) -> RegisteredEhrs:
    """The demo's EHR as the app knows it."""
    entry = Ehr(
        id=_EHR,
        name="EHR of the demonstration",
        iss=fhir_server,
        client=OPEN,
        client_id=_CLIENT_ID,
        standalone=True,
        writes=("MedicationStatement", "Observation", "QuestionnaireResponse"),
    )
    return RegisteredEhrs([registered(entry)])


def launch_routes(server: LaunchServer, *, base_url: str) -> APIRouter:
    """Where the simulator asks for the address that an EHR would send the browser to."""
    router = APIRouter(include_in_schema=False)

    @router.post("/demo/launch", dependencies=[Depends(require_own_page)])
    async def launch(wish: LaunchWish) -> JSONResponse:
        if wish.url != base_url + LAUNCH:
            raise BadRequest(
                "The app of this link is not registered at the demo's EHR.",
                "Launch it from an EHR where it is; the demo knows its own app only.",
                where="url",
            )
        address = server.launch_address(wish.url, wish.patient, USER, wish.app_context)
        return JSONResponse({"url": address}, headers={"Cache-Control": "no-store"})

    return router
