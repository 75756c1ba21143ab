"""What the page needs to be a client: tokens and their keys, the form of cards, and the FHIR calls a service made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from cds_hooks.clock import Clock
from cds_hooks.errors import BadRequest, UnknownService
from cds_hooks.simulator.client_keys import ClientKeys
from cds_hooks.simulator.fhir_calls import FhirCalls
from cds_hooks.simulator.own_page import require_own_page
from cds_hooks.simulator.shown_cards import shown
from cds_hooks.trust.entries import GENERIC
from cds_hooks.trust.profiles import client_profiles

Profile = Annotated[str, Field(max_length=20)]
ACCESS_SECONDS = 300
_SCOPE = "patient/*.read"
_STRICT = ConfigDict(strict=True, extra="forbid")


class Cards(BaseModel):
    """The cards of one answer as a service sent them, and the client profile they are shown for."""

    model_config = _STRICT

    cards: Annotated[list[Any], Field(max_length=100)]
    client: Profile = GENERIC


class TokenWish(BaseModel):
    """For which endpoint, and as which client, a token is wanted."""

    model_config = _STRICT

    audience: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2_000)]
    client: Profile = GENERIC


def client_routes(*, told: Mapping[str, Any], clock: Clock, calls: FhirCalls, keys: ClientKeys) -> APIRouter:
    """The routes; the clients that tokens are signed for are those of `told`, the page's `setup`."""
    router = APIRouter(include_in_schema=False)
    own = [Depends(require_own_page)]

    @router.post("/demo/cards", dependencies=own)
    async def cards_html(sent: Cards) -> JSONResponse:
        profile = client_profiles().get(sent.client)
        if profile is None:
            raise BadRequest("There is no such client profile.", "Choose one of the page.", where="client")
        return JSONResponse({"html": shown(sent.cards, profile)})

    @router.get("/demo/jwks.json")
    async def jwks() -> JSONResponse:
        return JSONResponse(keys.public_set(), headers={"Access-Control-Allow-Origin": "*"})

    @router.post("/demo/token", dependencies=own)
    async def token(wish: TokenWish) -> JSONResponse:
        client = next((one for one in told["clients"] if one["id"] == wish.client), None)
        if client is None:
            raise BadRequest("There is no such client.", "Choose one of the page.", where="client")
        signed = keys.token(issuer=client["service"], audience=wish.audience, now=clock.now())
        return JSONResponse({"token": signed}, headers={"Cache-Control": "no-store"})

    @router.post("/demo/access", dependencies=own)
    async def access() -> JSONResponse:
        """What a client passes on as fhirAuthorization, but for the patient, which the page knows."""
        passed_on = {"token_type": "Bearer", "expires_in": ACCESS_SECONDS, "scope": _SCOPE, "subject": "trd-cds"}
        return JSONResponse({"access_token": calls.new_token(), **passed_on}, headers={"Cache-Control": "no-store"})

    @router.get("/demo/calls/{mark}")
    async def calls_made(mark: str) -> JSONResponse:
        made = calls.of(mark)
        if made is None:
            raise UnknownService("The calls of that token are not known, or no longer.", "Fire the hook again.")
        return JSONResponse({"calls": [asdict(call) for call in made]}, headers={"Cache-Control": "no-store"})

    return router
