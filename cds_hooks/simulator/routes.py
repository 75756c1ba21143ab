"""The simulator page at `/`, and what it is told of patients and orders below `/demo`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

import httpx
from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from cds_hooks.catalogue import queries
from cds_hooks.errors import BadRequest
from cds_hooks.fhir_writer import Resource
from cds_hooks.simulator.charts import Charts
from cds_hooks.simulator.drafting import LONGEST_WORDS, MOST_UNITS, ONCE_DAILY, draft, draft_in_words
from cds_hooks.simulator.hook_requests import Route, hook_request, prefetched
from cds_hooks.simulator.own_page import require_own_page
from cds_hooks.web.layout import HEADERS, page
from mappings.load import Knowledge
from plugin import assess
from plugin.document.assessment_document import to_document
from plugin.document.explain import explain
from plugin.ingest import read_record

HookName = Literal["order-select", "order-sign", "patient-view"]
# The page calls the CDS service and the FHIR server that its visitor names; no other page of ours calls anybody.
_POLICY = "Content-Security-Policy"
PAGE_POLICY = HEADERS[_POLICY].replace("connect-src 'self'", "connect-src 'self' http: https:")


def simulator(
    *,
    charts: Charts,
    knowledge: Knowledge,
    today: date,
    fhir_server: str,
    ehr: httpx.AsyncClient,
    told: Mapping[str, Any],
) -> APIRouter:
    """The routes of the simulator for the patients of `charts`, whose records `ehr` serves as `fhir_server`.

    `told` is the `setup` that the page works with.
    """
    router = APIRouter(include_in_schema=False)
    stories = tuple(charts.stories.values())
    front = page("simulator.html", title="EHR simulator", home="/", told=told)
    kinds = queries(knowledge)

    @router.get("/")
    async def show() -> HTMLResponse:
        response = front()
        response.headers[_POLICY] = PAGE_POLICY
        return response

    @router.get("/demo/setup.json")
    async def setup_json() -> JSONResponse:
        return JSONResponse(told)

    @router.get("/demo/order.json")
    async def order_json(
        product: Annotated[str, Query(max_length=20)] = "",
        words: Annotated[str, Query(max_length=LONGEST_WORDS)] = "",
        units: Annotated[int, Query(ge=1, le=MOST_UNITS)] = 1,
        rhythm: Annotated[str, Query(max_length=20)] = ONCE_DAILY,
    ) -> JSONResponse:
        """A draft for nobody yet: the page writes in the patient and lets the FHIR server choose the id."""
        return JSONResponse(_ordered(product, words, units, rhythm, patient_id="of-the-page"))

    @router.get("/demo/request.json")
    async def request_json(
        patient: Annotated[str, Query(max_length=64)] = stories[0].id,
        hook: HookName = "order-sign",
        route: Route = Route.PREFETCHED,
        product: Annotated[str, Query(max_length=20)] = "",
        units: Annotated[int, Query(ge=1, le=MOST_UNITS)] = 1,
        rhythm: Annotated[str, Query(max_length=20)] = ONCE_DAILY,
    ) -> JSONResponse:
        story = charts.story(patient)
        order: Resource | None = None
        if hook != "patient-view":
            order = story.suggested_order
            if product:
                order = _ordered(product, "", units, rhythm, patient_id=story.patient_id)
        sent = await prefetched(ehr, kinds, story.patient_id, route)
        return JSONResponse(
            hook_request(hook=hook, patient_id=story.patient_id, draft=order, prefetch=sent, fhir_server=fhir_server)
        )

    @router.get("/demo/assessment/{patient}")
    async def assessment(patient: str, form: Literal["json", "text"] = "json") -> Response:
        story = charts.story(patient)
        record = read_record(
            charts.now(patient), knowledge=knowledge, patient_id=story.patient_id, availability=charts.availability
        )
        found = assess(record, knowledge=knowledge, as_of=today)
        if form == "text":
            return PlainTextResponse(explain(found), headers=HEADERS)
        return JSONResponse(to_document(found), headers=HEADERS)

    @router.post("/demo/start-over/{patient}", dependencies=[Depends(require_own_page)])
    async def start_over(patient: str) -> Response:
        charts.start_over(patient)
        return Response(status_code=204)

    def _ordered(product: str, words: str, units: int, rhythm: str, *, patient_id: str) -> Resource:
        """A draft of the product, or of the words where none is named; BadRequest when it cannot be made."""
        if product:
            order = draft(product, units, patient_id=patient_id, day=today, knowledge=knowledge, rhythm=rhythm)
        else:
            order = draft_in_words(words, units, patient_id=patient_id, day=today, rhythm=rhythm)
        if order is None:
            raise BadRequest(
                "The product or its rhythm is not offered here.", "Choose one of the page.", where="product"
            )
        return order

    return router
