"""CDS Hooks requests as an EHR would send them: the record sent along, not at all, or half of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import uuid4

import httpx

from cds_hooks.catalogue import Query
from cds_hooks.fhir_writer import Resource, collection

USER = "Practitioner/demo-clinician"


class Route(StrEnum):
    """How the service gets the record: all in the request, all by search, or every other kind each way."""

    PREFETCHED = "prefetched"
    PULLED = "pulled"
    HALF = "half"


def hook_request(
    *, hook: str, patient_id: str, draft: Resource | None, prefetch: dict[str, Any], fhir_server: str
) -> dict[str, Any]:
    """One request for `hook`; `draft` is the only drafted and selected order, None on patient-view."""
    context: dict[str, Any] = {"userId": USER, "patientId": patient_id}
    if draft is not None:
        context["draftOrders"] = collection([draft])
        if hook == "order-select":
            context["selections"] = [f"{draft['resourceType']}/{draft['id']}"]
    request: dict[str, Any] = {
        "hook": hook,
        "hookInstance": str(uuid4()),
        "fhirServer": fhir_server,
        "context": context,
    }
    if prefetch:
        request["prefetch"] = prefetch
    return request


async def prefetched(
    ehr: httpx.AsyncClient, queries: tuple[Query, ...], patient_id: str, route: Route
) -> dict[str, Any]:
    """What the EHR behind `ehr` answers to the prefetch templates that `route` sends along, by key.

    Raises httpx.HTTPStatusError when the sandbox refuses one of our own templates: that is a fault of ours.
    """
    sent = {Route.PREFETCHED: queries, Route.PULLED: (), Route.HALF: queries[::2]}[route]
    found: dict[str, Any] = {}
    for query in sent:
        answer = await ehr.get(query.address(patient_id))
        found[query.key] = answer.raise_for_status().json()
    return found
