"""The demo's EHR simulator: the page at `/` and what its script asks for below `/demo`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import httpx
from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from cds_hooks.catalogue import queries
from cds_hooks.errors import BadRequest, UnknownService
from cds_hooks.fhir_writer import Resource
from cds_hooks.on_need import needs
from cds_hooks.stories import Story
from cds_hooks.web.drafting import MOST_UNITS, choices, draft
from cds_hooks.web.hook_requests import Route, hook_request, prefetched
from cds_hooks.web.layout import HEADERS, page
from cds_hooks.web.markdown import to_html
from mappings.load import Knowledge
from plugin import assess
from plugin.document.assessment_document import to_document
from plugin.document.explain import explain
from plugin.ingest import read_record
from plugin.record import Availability, Read

HookName = Literal["order-select", "order-sign", "patient-view"]


class Texts(BaseModel):
    """Markdown texts to render, as a card's `detail` holds them."""

    model_config = ConfigDict(strict=True)

    texts: Annotated[list[str], Field(max_length=20)]


def simulator(
    *, stories: tuple[Story, ...], knowledge: Knowledge, today: date, fhir_server: str, ehr: httpx.AsyncClient
) -> APIRouter:
    """The routes of the simulator for these patients, whose records `ehr` serves as `fhir_server`."""
    router = APIRouter(include_in_schema=False)
    by_id = {story.id: story for story in stories}
    front = page("simulator.html", title="EHR simulator", home="/", stories=_shown(stories), drugs=choices(knowledge))
    kinds = queries(knowledge)
    asked = [*(kind.resource_type for kind in kinds), *(need.read_as for need in needs(knowledge))]

    @router.get("/")
    async def show() -> HTMLResponse:
        return front()

    @router.get("/demo/request.json")
    async def request_json(
        patient: Annotated[str, Query(max_length=64)] = stories[0].id,
        hook: HookName = "order-sign",
        route: Route = Route.PREFETCHED,
        product: Annotated[str, Query(max_length=20)] = "",
        units: Annotated[int, Query(ge=1, le=MOST_UNITS)] = 1,
    ) -> JSONResponse:
        story = _story(by_id, patient)
        order: Resource | None = None
        if hook != "patient-view":
            order = story.suggested_order
            if product:
                order = draft(product, units, patient_id=story.patient_id, day=today, knowledge=knowledge)
            if order is None:
                raise BadRequest("The product is not offered here.", "Choose one of the page.", where="product")
        sent = await prefetched(ehr, kinds, story.patient_id, route)
        return JSONResponse(
            hook_request(hook=hook, patient_id=story.patient_id, draft=order, prefetch=sent, fhir_server=fhir_server)
        )

    @router.get("/demo/assessment/{patient}")
    async def assessment(patient: str, form: Literal["json", "text"] = "json") -> Response:
        story = _story(by_id, patient)
        known = {name: Availability(read=Read.COMPLETE) for name in asked}
        record = read_record(story.resources, knowledge=knowledge, patient_id=story.patient_id, availability=known)
        found = assess(record, knowledge=knowledge, as_of=today)
        if form == "text":
            return PlainTextResponse(explain(found), headers=HEADERS)
        return JSONResponse(to_document(found), headers=HEADERS)

    @router.post("/demo/markdown")
    async def markdown(texts: Texts) -> JSONResponse:
        return JSONResponse({"html": [to_html(text) for text in texts.texts]})

    return router


def _story(by_id: dict[str, Story], wanted: str) -> Story:
    story = by_id.get(wanted)
    if story is None:
        raise UnknownService("There is no such demo patient.", "Choose one of the page.")
    return story


def _shown(stories: tuple[Story, ...]) -> list[dict[str, Any]]:
    return [
        {
            "id": story.id,
            "title": story.title,
            "teaching": story.teaching,
            "order": _described(story.suggested_order),
        }
        for story in stories
    ]


def _described(order: Resource) -> str:
    """What the page calls a drafted order: our own fixture, so its text is there."""
    what = order.get("medicationCodeableConcept") or order.get("code") or {}
    how = [line.get("text", "") for line in order.get("dosageInstruction", [])]
    return ", ".join(part for part in (what.get("text", ""), *how) if part)
