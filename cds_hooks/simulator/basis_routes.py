"""The basis of a demo patient's assessment, from the record as the demo's FHIR server holds it now; no login.

The SMART app shows the same page to those who launch it; here the demo stands in for the EHR that would let them in.
"""

from __future__ import annotations

from dataclasses import replace

import httpx
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from cds_hooks.basis.page import HEADERS, Surroundings, prepare
from cds_hooks.basis.showing import Chart, Viewing, show
from cds_hooks.clock import Clock
from cds_hooks.errors import BadRequest
from cds_hooks.reported import Entered, read_form, save
from cds_hooks.settings import Settings
from cds_hooks.simulator.charts import Charts
from cds_hooks.simulator.hook_requests import USER
from cds_hooks.simulator.own_page import require_own_page
from cds_hooks.smart.forms import fields_of
from cds_hooks.smart.page_making import called
from cds_hooks.smart.refusals import SmartRefused
from mappings.load import Knowledge

_SAVE = "save"


def basis_routes(
    *, charts: Charts, knowledge: Knowledge, settings: Settings, clock: Clock, ehr: httpx.AsyncClient
) -> APIRouter:
    """The page of each patient of `charts`; what is saved from its form is written through `ehr`."""
    prepare()
    router = APIRouter(include_in_schema=False)

    def seen(patient: str) -> tuple[Chart, Viewing]:
        story, resources = charts.story(patient), charts.now(patient)
        who = next((one for one in resources if one["resourceType"] == "Patient"), {})
        around = Surroundings(
            home="/",
            who=called(who),
            demo=True,
            links=(
                ("Back to the chart", f"/?patient={patient}"),
                ("Assessment (JSON)", f"/demo/assessment/{patient}"),
                ("Explanation (text)", f"/demo/assessment/{patient}?form=text"),
            ),
        )
        viewing = Viewing(
            knowledge=knowledge,
            now=clock.now(),
            time_zone=settings.time_zone,
            jurisdiction=knowledge.jurisdiction_for(settings.jurisdiction),
            definition=settings.definition,
            author=USER,
            can_save=True,
            action=f"/app/demo/{patient}",
            around=around,
        )
        chart = Chart(patient_id=story.patient_id, resources=resources, availability=charts.availability)
        return chart, viewing

    @router.get("/app/demo/{patient}")
    async def basis(patient: str) -> HTMLResponse:
        return HTMLResponse(show(*seen(patient)).html, headers=dict(HEADERS))

    @router.post("/app/demo/{patient}")
    async def enter(request: Request, patient: str) -> HTMLResponse:
        chart, viewing = seen(patient)
        require_own_page(request)
        try:
            fields = await fields_of(request)
        except SmartRefused:
            raise BadRequest("The form cannot be read.", "Open the page again.") from None
        entered = read_form(fields, knowledge=knowledge, today=viewing.today)
        shown = show(chart, viewing, entered)
        if entered.wish == _SAVE and shown.resources_to_save:
            saved = await save(shown.resources_to_save, client=ehr)
            chart, viewing = seen(patient)
            viewing = replace(viewing, around=replace(viewing.around, notices=saved.sentences()))
            # What is in the record now is read from there; what is not stays in the form.
            shown = show(chart, viewing, Entered() if saved.is_whole else entered)
        return HTMLResponse(shown.html, headers=dict(HEADERS))

    return router
