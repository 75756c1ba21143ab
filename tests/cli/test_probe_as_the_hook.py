"""On a server that ignores whose data are asked for, the probe concludes what a hook answers: same status, same gaps.

Both read the same server, in the same process, on the same day. What tells them how it understood a search is the
link of its answer to itself; a server may say so there, say something else, or say nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

import httpx
import pytest
from httpx import QueryParams

import cds_hooks.answering
from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock
from cds_hooks.ehr.failures import NOT_LIMITED
from cds_hooks.ehr.searches import searches
from cds_hooks.fhir_writer import Resource
from cds_hooks.outbound import FhirBase
from cds_hooks.probing.asking import Asker, Bounds
from cds_hooks.probing.conclusion import Conclusion, conclude
from cds_hooks.probing.document import Report
from cds_hooks.probing.findings import findings_of
from cds_hooks.probing.lines import Survey
from cds_hooks.probing.printed import printed
from cds_hooks.probing.report import report
from cds_hooks.probing.sheet import sheet
from cds_hooks.probing.strictness import strictness_of
from cds_hooks.probing.survey import survey
from cds_hooks.probing.wanted import wanted_on
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.settings import Settings
from cds_hooks.simulator.hook_requests import hook_request
from cds_hooks.stories import drafted
from cds_hooks.stories.notation import write_story
from mappings.load import Knowledge, load
from plugin import Assessment, assess
from plugin.record import LABORATORY, OTHER_SCALES, OUTCOME_SCALES
from tests.planted import ACCESS_TOKEN

PATIENT, STRANGER = "p1", "stranger"
BASE = "https://ehr.example/fhir"
DAY_0 = date(2023, 1, 2)
AS_OF = DAY_0 + timedelta(days=230)
PATIENCE = 60.0  # seconds: nothing here ends for lack of time
LATER_PAGE = f"a later page could not be read: {NOT_LIMITED}"
WHOSE = ("patient", "subject")
# What a hook reads of everything, and what makes it ask for the rest: two trials that failed.
STORY: dict[str, Any] = {
    "patient": {"age": 40, "sex": "female"},
    "as_of": 230,
    "conditions": ["F33.1 active confirmed, onset day 0"],
    "medications": [
        'sertraline 100 mg daily, dispensed 3x30 on day 0, for "depression"',
        'venlafaxine er 150 mg daily, dispensed 4x30 on day 90, for "depression"',
        "quetiapine 50 mg daily, administered from day 215 to day 216",
    ],
    "scores": ["phq9 26 on day 0", "phq9 26 on day 75", "phq9 26 on day 205", "bdi-ii 40 on day 205"],
    "scales": ["gad7 14 on day 205", "audit-c 2 on day 205"],
    "answers": ["phq9 3/3/3/3/3/3/3/3/0 on day 206 as questionnaire"],
    "labs": ["hs-CRP 0.7 mg/L on day 190"],
    "procedures": ["rtms on day 20"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignoring:
    """A server that does not limit searches for `kinds` to the patient who is named by one of `parameters`.

    Its self links say so, claim the contrary, or are missing (`says`). `others`: it holds data of another patient.
    `at_once`: how many of such entries it gives on a page, whatever it is asked for.
    """

    kinds: tuple[str, ...] = ()
    parameters: tuple[str, ...] = WHOSE
    says: Literal["so", "otherwise", "nothing"] = "so"
    others: bool = True
    at_once: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """What a hook answered and judged, and what the probe found and concluded."""

    status: int
    body: dict[str, Any]
    judged: Assessment | None
    survey: Survey
    conclusion: Conclusion
    document: Report


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return load()


def chart(knowledge: Knowledge, *, others: bool) -> list[Resource]:
    """The patient's resources and, after them, a stranger's of every kind."""
    own = list(write_story(STORY, day_zero=DAY_0, patient_id=PATIENT, knowledge=knowledge))
    encounter = {"resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "AMB"}}
    own.append(encounter | {"subject": {"reference": f"Patient/{PATIENT}"}})
    return own + [_strangers(one) for one in own if others]


def _strangers(resource: Resource) -> Resource:
    moved = json.loads(json.dumps(resource).replace(f'"Patient/{PATIENT}"', f'"Patient/{STRANGER}"'))
    return {**moved, "id": STRANGER if moved["resourceType"] == "Patient" else f"other-{moved['id']}"}


@contextmanager
def _kept_judgements() -> Iterator[list[Assessment]]:
    judged: list[Assessment] = []

    def watched(*facts: Any, **manner: Any) -> Assessment:
        judged.append(assess(*facts, **manner))
        return judged[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cds_hooks.answering, "assess", watched)
        yield judged


def both(server: Ignoring, knowledge: Knowledge) -> Both:
    """Call the hook with nothing sent along, and probe the same server."""
    return asyncio.run(_both(server, knowledge))


async def _both(server: Ignoring, knowledge: Knowledge) -> Both:
    store = ResourceStore(chart(knowledge, others=server.others))
    sandbox = create_sandbox(store, base_url=BASE)
    settings = Settings(
        open_mode=True,
        our_codes=False,  # as with any EHR
        fhir_servers=(BASE,),
        base_url="https://cds.example",
        deadline_seconds=PATIENCE,
        soft_budget_seconds=PATIENCE,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox), base_url="http://sandbox") as inner:

        async def answer(request: httpx.Request) -> httpx.Response:
            return await _answered(request, server, inner)

        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            with _kept_judgements() as judged:
                response = await _hook(http, settings, knowledge)
            base = FhirBase.parse(BASE)
            assert base is not None
            asker = Asker(
                http,
                base,
                authority=_token,
                bounds=Bounds(seconds=PATIENCE, pages=settings.max_pages, response_bytes=settings.max_response_bytes),
            )
            found = await survey(
                asker, PATIENT, searches=searches(), wanted=wanted_on(AS_OF, knowledge), tell=lambda _: None
            )
    conclusion = conclude(
        found,
        PATIENT,
        knowledge=knowledge,
        as_of=AS_OF,
        time_zone=settings.time_zone,
        jurisdiction=knowledge.jurisdiction_for(settings.jurisdiction),
    )
    strictness = strictness_of(found.resources)
    document = report(
        found,
        base=base,
        as_of=AS_OF.isoformat(),
        strictness=strictness,
        conclusion=conclusion,
        findings=findings_of(found, strictness, deadline_seconds=PATIENCE, scope=None),
        rows=sheet(found, knowledge),
        repairs={},
        knowledge=knowledge,
    )
    return Both(
        status=response.status_code,
        body=response.json(),
        judged=judged[-1] if judged else None,
        survey=found,
        conclusion=conclusion,
        document=document,
    )


async def _hook(http: httpx.AsyncClient, settings: Settings, knowledge: Knowledge) -> httpx.Response:
    draft = drafted("lumateperone 42 mg daily", patient_id=PATIENT, day=AS_OF, knowledge=knowledge)
    request = hook_request(hook="order-select", patient_id=PATIENT, draft=draft, prefetch={}, fhir_server=BASE)
    clock = FixedClock(datetime.combine(AS_OF, time(12), tzinfo=UTC))
    app = create_app(settings=settings, knowledge=knowledge, clock=clock, http=http, registry=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://cds.example") as client:
        return await client.post("/cds-services/trd-order-select", json=request)


async def _token() -> str:
    return ACCESS_TOKEN


async def _answered(request: httpx.Request, server: Ignoring, inner: httpx.AsyncClient) -> httpx.Response:
    """The sandbox's answer to what `server` makes of `request`."""
    path = request.url.path.removeprefix("/fhir/")
    kind = path.partition("/")[0]
    asked = QueryParams(request.url.query.decode() or request.content.decode())
    left = asked
    if kind in server.kinds and path in (kind, f"{kind}/_search"):
        for name in server.parameters:
            left = left.remove(name)
        left = left.set("_count", server.at_once)
        path = kind
    answer = (await inner.get(path, params=left)).json()
    if left != asked:
        _speak(answer, f"{BASE}/{kind}?{asked}", server.says)
    return httpx.Response(200 if answer["resourceType"] != "OperationOutcome" else 404, json=answer)


def _speak(answer: dict[str, Any], asked: str, says: str) -> None:
    """Let the self link of `answer` say what the server says of itself; the sandbox's own says what was searched."""
    if says == "nothing":
        answer["link"] = [one for one in answer["link"] if one["relation"] != "self"]
    elif says == "otherwise":
        for one in answer["link"]:
            if one["relation"] == "self":
                one["url"] = asked


QUESTIONNAIRES = ("QuestionnaireResponse",)
OF_OBSERVATIONS = ("Observation", LABORATORY, OUTCOME_SCALES, OTHER_SCALES)
# By name: the server, the status of the hook, and the gaps with their reasons.
SERVERS: dict[str, tuple[Ignoring, int, dict[str, str]]] = {
    "none ignored": (Ignoring(), 200, {}),
    "questionnaires": (Ignoring(kinds=QUESTIONNAIRES), 200, {"QuestionnaireResponse": NOT_LIMITED}),
    "dispenses": (Ignoring(kinds=("MedicationDispense",)), 200, {"MedicationDispense": NOT_LIMITED}),
    "administrations": (Ignoring(kinds=("MedicationAdministration",)), 200, {"MedicationAdministration": NOT_LIMITED}),
    "observations": (Ignoring(kinds=("Observation",)), 200, dict.fromkeys(OF_OBSERVATIONS, NOT_LIMITED)),
    "several": (
        Ignoring(kinds=("QuestionnaireResponse", "Condition", "Procedure", "AllergyIntolerance")),
        200,
        dict.fromkeys(("QuestionnaireResponse", "Condition", "Procedure"), NOT_LIMITED),
    ),
    "orders": (Ignoring(kinds=("MedicationRequest",)), 412, {}),
    "one parameter only": (Ignoring(kinds=QUESTIONNAIRES, parameters=("patient",)), 200, {}),
    "from a later page on": (
        Ignoring(kinds=("MedicationDispense",), at_once=4),
        200,
        {"MedicationDispense": LATER_PAGE},
    ),
    "without anybody else's": (Ignoring(kinds=QUESTIONNAIRES, others=False), 200, {}),
    "claims the contrary": (Ignoring(kinds=QUESTIONNAIRES, says="otherwise"), 412, {}),
    "tells nothing": (Ignoring(kinds=QUESTIONNAIRES, says="nothing"), 412, {}),
    "what no hook asks for": (Ignoring(kinds=("Encounter",), says="nothing"), 200, {}),
}


@pytest.mark.parametrize(("server", "status", "gaps"), SERVERS.values(), ids=SERVERS)
def test_the_probe_concludes_what_the_hook_answers(
    server: Ignoring, status: int, gaps: dict[str, str], knowledge: Knowledge
) -> None:
    came = both(server, knowledge)
    assert came.status == status, came.body
    assert bool(came.conclusion.refused) == (status == 412), came.conclusion.refused
    if status == 412:
        assert came.judged is None
        assert came.conclusion.assessment is None
        return
    hook, probe = came.judged, came.conclusion.assessment
    assert hook is not None
    assert probe is not None
    assert {gap.what: gap.why for gap in hook.gaps} == gaps
    assert {gap.what: gap.why for gap in probe.gaps} == gaps
    assert {one.what: one.why for one in came.document.conclusion.not_read} == gaps
    assert set(probe.record.received) == set(hook.record.received)
    assert (probe.verdict.value, probe.verdict.counts) == (hook.verdict.value, hook.verdict.counts)


def test_the_reason_of_a_refusal_is_the_hooks(knowledge: Knowledge) -> None:
    orders = both(Ignoring(kinds=("MedicationRequest",)), knowledge)
    assert f"MedicationRequest: {NOT_LIMITED}" in json.dumps(orders.body)
    assert f"MedicationRequest: {NOT_LIMITED}" in orders.document.conclusion.refused
    others = both(Ignoring(kinds=QUESTIONNAIRES, says="nothing"), knowledge)
    assert "not those of the patient in context" in json.dumps(others.body)
    assert "data of other patients (QuestionnaireResponse)" in others.document.conclusion.refused


def test_it_says_which_search_why_and_what_to_ask_for(knowledge: Knowledge) -> None:
    document = both(Ignoring(kinds=QUESTIONNAIRES), knowledge).document
    lines = [line for line in document.searches if line.resource_type == "QuestionnaireResponse"]
    assert {(line.variant, line.outcome, line.entries, line.others, line.why) for line in lines} == {
        (variant, "unusable", 0, 0, NOT_LIMITED) for variant in WHOSE
    }
    (ask,) = document.ask_vendor
    assert ask.id == "not-limited"
    assert ask.text.startswith("QuestionnaireResponse (questionnaireResponses) by patient, subject is answered without")
    (row,) = [row for row in document.prefetch if row.key == "questionnaireResponses"]
    assert (row.query, "with data of other patients" in row.note) == ("", True)
    text = printed(document)
    assert f"Not read: QuestionnaireResponse: {NOT_LIMITED}" in text
    assert f"1. {ask.text}" in text
    for written in (text, document.model_dump_json()):
        assert STRANGER not in written
        assert "other-" not in written


def test_a_way_that_is_limited_is_used_and_the_other_one_told(knowledge: Knowledge) -> None:
    document = both(Ignoring(kinds=QUESTIONNAIRES, parameters=("patient",)), knowledge).document
    (used,) = [line for line in document.searches if line.used and line.search == "questionnaireResponses"]
    assert (used.variant, used.outcome, used.why) == ("subject", "ok", "")
    (ask,) = document.ask_vendor
    assert (ask.id, "by patient is answered" in ask.text) == ("not-limited", True)
    (row,) = [row for row in document.prefetch if row.key == "questionnaireResponses"]
    assert row.query == "QuestionnaireResponse?subject=Patient/{{context.patientId}}"
