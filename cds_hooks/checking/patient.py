"""The invented patient whom all requests are about, and what an EHR would send along for a service's templates.

The record is that of the first synthetic story: depression, two antidepressants without effect, scores, and a drafted
order. The family name is a marker that no answer to a faulty request may repeat.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx
import orjson

from cds_hooks.fhir_writer import Resource
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.stories import load_stories
from mappings.load import load

MARKER = "Zqinvented"
OTHER = "check-somebody-else"
TOKEN = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_INSIDE = "http://invented.invalid"
_USER_TOKENS = {
    "userPractitionerId": "Practitioner",
    "userPractitionerRoleId": "PractitionerRole",
    "userPatientId": "Patient",
    "userRelatedPersonId": "RelatedPerson",
}
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Invented:
    """One invented patient with a record and a drafted order, both FHIR R4."""

    id: str
    resources: tuple[Resource, ...] = field(repr=False)
    order: Resource = field(repr=False)

    def of_type(self, kind: str) -> list[Resource]:
        """Copies of the resources of one type."""
        return [copy.deepcopy(one) for one in self.resources if one["resourceType"] == kind]


def invent(today: date) -> Invented:
    """The patient as of `today`."""
    story = load_stories(today, load(), background=False)[0]
    resources = copy.deepcopy(story.resources)
    for one in resources:
        if one["resourceType"] == "Patient":
            one["name"] = [{"family": MARKER, "given": ["Ada"]}]
    return Invented(id=story.patient_id, resources=resources, order=copy.deepcopy(story.suggested_order))


def about_another(resource: Any, patient_id: str) -> Any:
    """`resource` with another patient in place of `patient_id`, everywhere."""
    return orjson.loads(orjson.dumps(resource).replace(patient_id.encode(), OTHER.encode()))


def resolved(template: str, context: Mapping[str, Any]) -> str | None:
    """`template` with its tokens replaced, as a client of 2.0.1 would; None where one cannot be."""
    values = {f"context.{name}": value for name, value in context.items() if isinstance(value, str)}
    kind, _, identifier = str(context.get("userId", "")).partition("/")
    values |= {token: identifier for token, wanted in _USER_TOKENS.items() if wanted == kind}
    tokens = TOKEN.findall(template)
    if any(token not in values for token in tokens):
        return None
    return TOKEN.sub(lambda found: values[found[1]], template)


async def sent_along(
    patient: Invented, templates: Mapping[str, str], context: Mapping[str, Any], empty: Any
) -> dict[str, Any]:
    """What an EHR with this patient alone answers to each template, by key; `empty` for a search without matches.

    A template that cannot be resolved gets no key.
    """
    app = create_sandbox(ResourceStore(patient.resources), base_url=_INSIDE, page_size=_PAGE)
    answers: dict[str, Any] = {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=_INSIDE) as ehr:
        for key, template in templates.items():
            query = resolved(template, context)
            if query is None:
                continue
            try:
                answer = await ehr.get("/" + query.lstrip("/"))
            except (httpx.InvalidURL, ValueError):
                continue
            found = answer.json() if answer.is_success else None
            if found is None:
                answers[key] = None if "?" not in query else empty
            elif found.get("resourceType") == "Bundle" and not found.get("entry"):
                answers[key] = empty
            else:
                answers[key] = found
    return answers
