"""Documents of real shape that mutation starts from: requests, resources and directions, secrets planted in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cds_hooks.stories import load_stories
from mappings.load import Knowledge, load
from tests.edge.conftest import FHIR, KEYS, bundle, call, order
from tests.edge.test_hostile_chart import record
from tests.fuzz.planting import SECRET, TOKEN, planted
from tests.ingest.every_element import EVERY
from tests.ingest.test_junk import FULL

FIXTURES = Path(__file__).parents[1] / "fixtures"
DIRECTIONS = Path(__file__).parents[1] / "ingest" / "directions"
TODAY = date(2026, 11, 22)
HOOKS = ("order-select", "order-sign", "patient-view")
_KEY_OF = {
    "Patient": "patient", "MedicationRequest": "medicationRequests", "MedicationDispense": "dispenses",
    "MedicationStatement": "statements", "Observation": "scales", "QuestionnaireResponse": "questionnaireResponses",
    "Condition": "conditions", "AllergyIntolerance": "allergies", "Procedure": "procedures",
}  # fmt: skip
_MOST_OF_A_CHART = 30
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Corpus:
    """`requests` are (service id, body); `feedback` bodies; `charts` lists of resources of one patient; `resources` all
    of them one by one; `directions` written sigs; `words` what they are made of.
    """

    requests: tuple[tuple[str, Json], ...]
    feedback: tuple[Json, ...]
    charts: tuple[tuple[Json, ...], ...]
    resources: tuple[Json, ...]
    directions: tuple[str, ...]
    words: tuple[str, ...]


def bodies_of(hook: str, resources: tuple[Json, ...], draft: Json, patient_id: str) -> Json:
    """A request that sends a chart along under the keys of discovery."""
    sent: dict[str, Any] = {key: bundle() for key in KEYS[1:]}
    found: dict[str, list[Json]] = {}
    for resource in resources:
        found.setdefault(_KEY_OF.get(resource["resourceType"], "others"), []).append(resource)
    for key, listed in found.items():
        sent[key] = listed[0] if key == "patient" else bundle(*listed)
    context: Json = {"userId": f"Practitioner/{SECRET}", "patientId": patient_id, "encounterId": f"e-{SECRET}"}
    if hook != "patient-view":
        context["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": draft}]}
    if hook == "order-select":
        context["selections"] = [f"{draft['resourceType']}/{draft['id']}"]
    return {"hook": hook, "hookInstance": f"i-{SECRET}", "context": context, "prefetch": sent}


def with_token(body: Json) -> Json:
    """The request with a FHIR server and a token for it."""
    authorization = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.read"}
    return {**body, "fhirServer": FHIR, "fhirAuthorization": {**authorization, "subject": "trd-cds"}}


def _all_in(document: Any) -> Iterator[Json]:
    """Every resource of nested Bundles."""
    for entry in document.get("entry", []):
        resource = entry.get("resource", {})
        if resource.get("resourceType") == "Bundle":
            yield from _all_in(resource)
        elif resource:
            yield resource


def _charts(knowledge: Knowledge) -> Iterator[tuple[str, tuple[Json, ...], Json]]:
    """(patient id, chart, drafted order) from the stories, the hostile chart's own record, vendors and generators."""
    for story in load_stories(TODAY, knowledge, background=False):
        yield story.patient_id, story.resources[:_MOST_OF_A_CHART], dict(story.suggested_order)
    two_failed = tuple(one for listed in record().values() for one in listed)
    person = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1980-02-03"}
    yield "p1", (person, *two_failed), order()
    yield "p1", tuple(one for one in FULL if one["resourceType"] != "Bundle"), order()
    yield "p1", tuple(dict(one) for one in EVERY), order()
    paths = (*sorted((FIXTURES / "vendor_shapes").glob("*.json")), *sorted((FIXTURES / "synthea").glob("*.json")))
    for path in paths:
        found = list(_all_in(json.loads(path.read_text(encoding="utf-8"))))
        people = [one for one in found if one["resourceType"] == "Patient"]
        others = [one for one in found if one["resourceType"] in _KEY_OF and one not in people]
        if people:
            drafted = order(subject={"reference": f"Patient/{people[0]['id']}"})
            yield people[0]["id"], (people[0], *others[:_MOST_OF_A_CHART]), drafted


@cache
def corpus() -> Corpus:
    """Everything; the same on every machine."""
    knowledge = load()
    requests: list[tuple[str, Json]] = []
    feedback: list[Json] = []
    for path in sorted((FIXTURES / "requests").glob("*.json")):
        body = json.loads(path.read_text(encoding="utf-8"))
        if "feedback" in body:
            feedback.append(body)
        else:
            requests.append((f"trd-{body.get('hook', HOOKS[0])}", body))
    requests += [(f"trd-{hook}", call(hook)) for hook in HOOKS]
    charts: list[tuple[Json, ...]] = []
    for number, (patient_id, chart, draft) in enumerate(_charts(knowledge)):
        sent = tuple(planted(one) for one in chart)
        charts.append(sent)
        hook = HOOKS[number % len(HOOKS)]
        requests.append((f"trd-{hook}", bodies_of(hook, sent, planted(draft), patient_id)))
    rows = [row for path in sorted(DIRECTIONS.glob("*.yaml")) for row in yaml.safe_load(path.read_text("utf-8"))]
    texts = tuple(dict.fromkeys(row["text"] for row in rows))
    return Corpus(
        requests=tuple(requests),
        feedback=tuple(feedback),
        charts=tuple(charts),
        resources=tuple(one for chart in charts for one in chart),
        directions=texts,
        words=tuple(dict.fromkeys(word for text in texts for word in text.split())),
    )
