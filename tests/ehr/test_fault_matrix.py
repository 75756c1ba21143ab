"""Every kind of data and every fault: the answer is complete, or says what did not come, or is a 412.

Each cell is one call of the whole service with nothing sent along, so that all of it is pulled. Faults of the
connection come from a server on a real socket, those of the content are injected with respx. Time is that of an
`IdleLoop`: the end of the time for reading is reached where a server lets it come to that, and never because the
machine is busy. `make test` takes the cells of every fourth diagonal, `make test-all` all of them.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import respx

import cds_hooks.answering
from cds_hooks.app import create_app
from cds_hooks.catalogue import queries
from cds_hooks.clock import FixedClock
from cds_hooks.ehr.addresses import AddressRule
from cds_hooks.ehr.connecting import outbound_client
from cds_hooks.fhir_writer import Resource
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.on_need import needs
from cds_hooks.settings import Settings
from cds_hooks.simulator.hook_requests import hook_request
from cds_hooks.stories import drafted
from cds_hooks.stories.notation import write_story
from mappings.load import Knowledge, load
from plugin import Assessment, assess
from plugin.document.assessment_document import to_document
from tests.ehr.fault_matrix import (
    FAULTS,
    KINDS,
    LEFT_IN_PEACE,
    NAMELESS,
    ONE_MORE_SCORE,
    SCORES,
    Expected,
    Failing,
    Kind,
    cells,
    expected,
    why,
)
from tests.ehr.faults import OTHER_PATIENT, Fault
from tests.ehr.faulty_server import FaultyServer
from tests.ehr.idle_loop import run
from tests.ehr.planned_answers import PlannedAnswers, Seen
from tests.planted import ACCESS_TOKEN, planted_person

pytestmark = pytest.mark.proves("PF-06", "PF-12", "PF-15", "PF-17", "PF-18", "FA-08", "FA-10", "FA-11")
PATIENT = "p1"
DAY_0 = date(2023, 1, 2)
AS_OF = DAY_0 + timedelta(days=230)
SURVEYS = "surveys"
DRAFT = "lumateperone 42 mg daily"  # makes the hook speak, and is no part of the history
EVERY = 4
SOFT_SECONDS, HARD_SECONDS = 0.35, 1.6  # those of the settings
ENOUGH_SECONDS = 10.0  # where no fault lasts: then time ends nothing
PAGES = 4
EHR = "https://ehr.example/fhir"
TLS = ssl.create_default_context()  # slow to make, and not in question here
NO_HISTORY = re.compile(r"\bno (?:\w+ )*(?:history|trial|antidepressant|drug)s?\b", re.IGNORECASE)
# One history with something of every kind. Without its first drug, or its scores, it is another verdict.
STORY: dict[str, Any] = {
    "patient": {"age": 40, "sex": "female"},
    "as_of": 230,
    "conditions": ["F33.1 active confirmed, onset day 0"],
    "medications": [
        "sertraline 100 mg daily, dispensed 3x30 on day 0",
        'venlafaxine er 150 mg daily, dispensed 4x30 on day 90, for "depression"',
        "trazodone 50 mg at night, reported from day 100 to day 120",
        "quetiapine 50 mg daily, administered from day 215 to day 216",
    ],
    "scores": [
        "phq9 26 on day 0",
        "phq9 26 on day 75",
        "phq9 26 on day 205",
        "bdi-ii 40 on day 205",
    ],
    "answers": ["phq9 3/3/3/3/3/3/3/3/0 on day 206 as questionnaire"],
    "labs": ["hs-CRP 0.7 mg/L on day 190"],
    "scales": ["gad7 14 on day 205", "audit-c 2 on day 205"],
    "procedures": ["rtms on day 20"],
    "allergies": ['rxnorm 36437 "sertraline", recorded day 74'],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of one call: the answer, what was judged (nothing for a 412), its log line and all that was logged.

    `seconds` are those of the loop. `asked` are the requests for the failing kind, `given_up` how many of all requests
    the server saw its client leave; `elsewhere` how often another origin was reached.
    """

    status: int
    body: Mapping[str, Any]
    judged: Assessment | None
    line: Mapping[str, Any]
    logged: str
    seconds: float
    asked: Sequence[Seen]
    given_up: Sequence[Seen]
    elsewhere: int

    @property
    def cards(self) -> list[Any]:
        """The cards without the ids that are new in every answer."""
        return [_without_ids(card) for card in self.body.get("cards", [])]

    @property
    def text(self) -> str:
        """All that a clinician can read on the cards, escapes undone."""
        shown = [f"{card['summary']}\n{card.get('detail', '')}" for card in self.body.get("cards", [])]
        return re.sub(r"\\(\W)", r"\1", "\n".join(shown))


@pytest.fixture(scope="module")
def chart(knowledge: Knowledge) -> tuple[Resource, ...]:
    return told(knowledge)


@pytest.fixture(scope="module")
def undisturbed(knowledge: Knowledge, chart: tuple[Resource, ...]) -> Answered:
    """The answer when nothing fails."""
    return called(None, None, chart, knowledge)


def told(knowledge: Knowledge) -> tuple[Resource, ...]:
    """All of the patient's resources. One order names its drug by a reference and by nothing else."""
    written = write_story(STORY, day_zero=DAY_0, patient_id=PATIENT, knowledge=knowledge)
    resources = [planted_person(one) if one["resourceType"] == "Patient" else one for one in written]
    order = next(one for one in resources if one["resourceType"] == "MedicationRequest")
    drug = {"resourceType": "Medication", "id": "named-apart", "code": order.pop("medicationCodeableConcept")}
    order["medicationReference"] = {"reference": "Medication/named-apart"}
    return (*resources, drug)


def _params() -> list[Any]:
    return [
        pytest.param(
            kind,
            failing,
            id=f"{kind.key}-{failing.label}".replace(" ", "-"),
            marks=[] if diagonal % EVERY == 0 else [pytest.mark.services],
        )
        for diagonal, kind, failing in cells()
    ]


def test_the_slice_of_make_test_holds_every_kind_and_every_fault() -> None:
    sliced = [(kind.key, failing.label) for diagonal, kind, failing in cells() if diagonal % EVERY == 0]
    assert {key for key, _ in sliced} == {kind.key for kind in KINDS}
    assert {label for _, label in sliced} == {failing.label for failing in FAULTS}


def test_undisturbed_all_is_read_and_every_kind_is_asked_for(
    undisturbed: Answered, knowledge: Knowledge, chart: tuple[Resource, ...]
) -> None:
    assert undisturbed.status == 200 and undisturbed.judged is not None
    assert undisturbed.judged.verdict.value == "MET" and undisturbed.judged.gaps == ()
    assert "Not read completely" not in undisturbed.text and NO_HISTORY.search(undisturbed.text) is None
    assert {f"{one['resourceType']}/{one['id']}" for one in chart} == set(undisturbed.judged.record.received)
    assert {kind.key for kind in KINDS} <= {search_of(seen) for seen in undisturbed.asked}
    tokens = {seen.headers.get("authorization") for seen in undisturbed.asked if seen.kind != "metadata"}
    assert tokens == {f"Bearer {ACCESS_TOKEN}"}


def test_the_chart_holds_something_of_every_kind(chart: tuple[Resource, ...]) -> None:
    """Otherwise its cells would show nothing."""
    held = {one["resourceType"] for one in chart}
    assert held == {kind.label.partition(",")[0] for kind in KINDS}
    observed = {_searches_of_codes()[_code(one)] for one in chart if one["resourceType"] == "Observation"}
    assert observed == {"scales", "laboratory", "outcomeScales", "otherScales"}


def _code(resource: Resource) -> str:
    """``system|code`` of the first coding."""
    coding = resource["code"]["coding"][0]
    return f"{coding['system']}|{coding['code']}"


@pytest.mark.parametrize(("kind", "failing"), _params())
def test_cell(
    kind: Kind, failing: Failing, undisturbed: Answered, chart: tuple[Resource, ...], knowledge: Knowledge
) -> None:
    answered = called(kind, failing, chart, knowledge)
    wanted = expected(kind, failing)
    assert faults_of(answered, kind, failing, wanted, undisturbed) == []


def faults_of(answered: Answered, kind: Kind, failing: Failing, wanted: Expected, undisturbed: Answered) -> list[str]:
    """What is not as the cell wants it, in words."""
    found = [
        (ACCESS_TOKEN not in answered.logged, "the token was logged"),
        (OTHER_PATIENT not in str(answered.body) + answered.logged, "somebody else's id was told"),
        (answered.elsewhere == 0, "another origin was asked"),
        (bool(answered.asked), "the failing kind was never asked for: the cell shows nothing"),
        (answered.line["status"] == answered.status, "the log line has another status"),
        (answered.line.get("budget", "") == wanted.ended, "another end of the time cut it off"),
        (answered.seconds <= _allowed(failing), "it took longer than reading may"),
        (not _is_cut(failing) or _targets(answered.asked) == _targets(answered.given_up), "a request was left open"),
        (("redirected" in answered.line.get("refused_addresses", ())) == (failing.label == "redirect"),
         "a redirect is noted where there is one"),
    ]  # fmt: skip
    match wanted.answer:
        case "412":
            found += _of_a_refusal(answered, kind, failing)
        case "complete":
            found += _of_a_whole_answer(answered, undisturbed)
        case "gap":
            found += _of_a_gap(answered, kind, failing, wanted)
        case "not offered":
            found += _of_nothing_offered(answered, kind)
    return [words for holds, words in found if not holds]


Checks = list[tuple[bool, str]]


def _is_cut(failing: Failing) -> bool:
    """Whether every request for the kind ends by our leaving."""
    return failing.lasting or failing.fault.kind == "huge"


def _targets(seen: Sequence[Seen]) -> list[str]:
    return sorted(one.target for one in seen)


def _allowed(failing: Failing) -> float:
    """Seconds of the loop that reading may take; the loop's time stands still while anything is computed."""
    return (HARD_SECONDS if failing.lasting else ENOUGH_SECONDS) + 0.001


def _of_a_refusal(answered: Answered, kind: Kind, failing: Failing) -> Checks:
    body = answered.body
    issue = body.get("issue", [{}])[0]
    said = f"{issue.get('details', {}).get('text', '')} {issue.get('diagnostics', '')}"
    checks = [
        (answered.status == 412, f"status {answered.status}"),
        (body.get("resourceType") == "OperationOutcome", "no OperationOutcome"),
        (issue.get("severity") in ("error", "fatal"), "no error in the OperationOutcome"),
        (answered.judged is None, "something was judged"),
    ]
    if failing.fault.kind == "wrong-patient":
        return [*checks, (answered.line["outcome"] == "PatientMismatch", "it is not told as another patient's data")]
    return [
        *checks,
        (answered.line["outcome"] == "EssentialDataMissing", "it is not told as missing data"),
        (kind.label in said, "the kind is not named"),
    ]


def _of_a_whole_answer(answered: Answered, undisturbed: Answered) -> Checks:
    judged, right = answered.judged, undisturbed.judged
    assert right is not None
    return [
        (answered.status == 200, f"status {answered.status}"),
        (judged is not None and to_document(judged) == to_document(right), "another assessment"),
        (answered.cards == undisturbed.cards, "other cards"),
    ]


def _of_a_gap(answered: Answered, kind: Kind, failing: Failing, wanted: Expected) -> Checks:
    judged = answered.judged
    if answered.status != 200 or judged is None:
        return [(False, f"status {answered.status}")]
    gaps = {gap.what: gap.why for gap in judged.gaps}
    others = {what: reason for what, reason in gaps.items() if what != kind.gap}
    lines = re.findall(r"^- Not read completely: (.*)$", answered.text, re.MULTILINE)
    looked_at = " ".join(re.findall(r"^- Looked at: (.*?)\. Not looked at", answered.text, re.MULTILINE))
    reason = why(kind, failing)
    return [
        (gaps.get(kind.gap) == reason, f"the assessment's gap says {gaps.get(kind.gap)!r}"),
        (any(kind.card in line and reason in line for line in lines), "no card names what did not come, and why"),
        (kind.card not in looked_at.split(", "), "a card says that it was looked at"),
        (
            not others or (wanted.others_too and set(others.values()) <= {LEFT_IN_PEACE, NAMELESS}),
            f"other gaps: {others}",
        ),
        *_never_more_than_known(answered),
    ]


def _of_nothing_offered(answered: Answered, kind: Kind) -> Checks:
    judged = answered.judged
    if answered.status != 200 or judged is None:
        return [(False, f"status {answered.status}")]
    return [
        (judged.gaps == (), "gaps are told"),
        (kind.card not in answered.text, "a card says that it was looked at"),
        (kind.label not in {reference.partition("/")[0] for reference in judged.record.received}, "it came"),
        *_never_more_than_known(answered),
    ]


def _never_more_than_known(answered: Answered) -> Checks:
    """The undisturbed verdict is MET, by drugs and scores that are all on record. Less may be said, never the
    opposite; and where scores did not come, nothing that rests on there being none.
    """
    judged = answered.judged
    assert judged is not None
    lacking = bool(SCORES & {gap.what for gap in judged.gaps})
    less = ("MET", "INDETERMINATE") if lacking else ("MET", "PROBABLE", "INDETERMINATE")
    told = f"- {ONE_MORE_SCORE}" in answered.text.splitlines()
    return [
        (judged.verdict.value in less, f"the verdict is {judged.verdict.value}"),
        (told == lacking, "a card says what unread scores mean, where there are some"),
        (bool(answered.cards), "nothing is said"),
        (NO_HISTORY.search(answered.text) is None, "it is said that there is no history"),
    ]


# The call


@cache
def _searches_of_codes() -> Mapping[str, str]:
    """Which search of ``searches.yaml`` asks for an Observation code, as ``system|code``."""
    knowledge = load()
    found = {code: query.key for query in queries(knowledge) for code in query.codes}
    for need in needs(knowledge):
        found |= {code: need.key for part in need.parts for code in part.codes}
    return found


_KEYS = {query.resource_type: query.key for query in queries(load()) if not query.codes} | {
    "MedicationAdministration": "administrations",
    "Medication": "medications",
}


def search_of(seen: Seen) -> str:
    """The key of the search that `seen` belongs to; empty for none, SURVEYS where it may be one of several."""
    if seen.kind != "Observation":
        return _KEYS.get(seen.kind, "")
    parameters = parse_qs(urlsplit(seen.target).query) | parse_qs(seen.body.decode())
    codes = ",".join(parameters.get("code", [])).split(",")
    by_code = {code.partition("|")[2]: key for code, key in _searches_of_codes().items()}
    found = {_searches_of_codes().get(code) or by_code.get(code) for code in codes} - {None}
    if found:
        [key] = found
        return str(key)
    return SURVEYS if "survey" in parameters.get("category", ["survey"]) else "laboratory"


def named_for(key: str) -> Callable[[Seen], str]:
    """`search_of`, where `key` fails. Three searches ask for surveys without codes, in the end: the one that fails."""
    surveys = ("scales", "outcomeScales", "otherScales")
    return lambda seen: key if search_of(seen) == SURVEYS and key in surveys else search_of(seen)


def called(kind: Kind | None, failing: Failing | None, chart: Sequence[Resource], knowledge: Knowledge) -> Answered:
    """One order-select with nothing sent along, from a server that fails `failing` when it is asked for `kind`."""
    return run(_called(kind, failing, chart, knowledge))


@dataclass(slots=True)
class Ehr:
    """A FHIR server that is running, the client that reaches it, and what was seen."""

    base: str
    http: httpx.AsyncClient
    requests: list[Seen]
    given_up: list[Seen]
    elsewhere: Callable[[], int]
    settled: Callable[[], Any]


async def _called(
    kind: Kind | None, failing: Failing | None, chart: Sequence[Resource], knowledge: Knowledge
) -> Answered:
    judged: list[Assessment] = []

    def watched(*facts: Any, **manner: Any) -> Assessment:
        judged.append(assess(*facts, **manner))
        return judged[-1]

    key = kind.key if kind is not None else ""
    fault = failing.fault if failing is not None else None
    running = on_a_socket if failing is not None and failing.socket else injected
    hard = HARD_SECONDS if failing is not None and failing.lasting else ENOUGH_SECONDS
    written = io.StringIO()
    loop = asyncio.get_running_loop()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cds_hooks.answering, "assess", watched)
        async with running(chart, key, fault) as ehr:
            app = create_app(
                settings=Settings(
                    open_mode=True,
                    our_codes=False,  # as with any EHR
                    fhir_servers=(ehr.base,),
                    base_url="https://cds.example",
                    soft_budget_seconds=SOFT_SECONDS,
                    deadline_seconds=hard,
                    max_pages=PAGES,
                    max_response_bytes=1_000_000,
                ),
                knowledge=knowledge,
                clock=FixedClock(datetime.combine(AS_OF, time(12), tzinfo=UTC)),
                http=ehr.http,
                registry=None,
                log=RequestLog(written),
            )
            began = loop.time()
            service = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=service, base_url="https://cds.example", timeout=None) as client:  # noqa: S113
                response = await client.post("/cds-services/trd-order-select", json=_request(ehr.base, knowledge))
            seconds = loop.time() - began
            await asyncio.wait_for(ehr.settled(), ENOUGH_SECONDS)
            [line] = [one for one in map(json.loads, written.getvalue().splitlines()) if one["event"] == "call"]
            return Answered(
                status=response.status_code,
                body=response.json(),
                judged=judged[-1] if judged else None,
                line=line,
                logged=written.getvalue(),
                seconds=seconds,
                asked=[seen for seen in ehr.requests if kind is None or named_for(key)(seen) == key],
                given_up=list(ehr.given_up),
                elsewhere=ehr.elsewhere(),
            )


def _request(base: str, knowledge: Knowledge) -> dict[str, Any]:
    draft = drafted(DRAFT, patient_id=PATIENT, day=AS_OF, knowledge=knowledge)
    return {
        **hook_request(hook="order-select", patient_id=PATIENT, draft=draft, prefetch={}, fhir_server=base),
        "fhirAuthorization": {
            "access_token": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": "patient/*.read",
            "subject": "trd-cds",
        },
    }


@asynccontextmanager
async def on_a_socket(chart: Sequence[Resource], key: str, fault: Fault | None) -> AsyncIterator[Ehr]:
    """A server of the test's own on loopback, beside another one that nobody may ask; our real way out leads there."""
    async with FaultyServer(()) as other, FaultyServer(chart, named=named_for(key)) as server:
        if fault is not None:
            server.plan[key] = replace(fault, location=f"{other.base}/Patient")
        rule = AddressRule((ip_network("127.0.0.0/8"),))
        http = outbound_client(rule=rule, connections=32, http2=False, timeout_seconds=60, verify=TLS, resolve=_itself)
        async with http:
            yield Ehr(server.base, http, server.requests, server.given_up, lambda: other.accepted, server.settled)


@asynccontextmanager
async def injected(chart: Sequence[Resource], key: str, fault: Fault | None) -> AsyncIterator[Ehr]:
    """The same answers without a connection."""
    answers = PlannedAnswers(chart, {} if fault is None else {key: fault}, base=lambda: EHR, named=named_for(key))
    requests: list[Seen] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        requests.append(Seen(request.method, request.url.raw_path.decode(), headers, request.content))
        status, more, body = await answers.content(requests[-1], answers.due(requests[-1]))
        return httpx.Response(status, headers={"Content-Type": "application/fhir+json", **more}, content=body)

    router = respx.Router(assert_all_called=False)
    router.route(url__startswith=f"{EHR}/").mock(side_effect=answer)
    other = router.route().respond(200)
    async with httpx.AsyncClient(transport=httpx.MockTransport(router.async_handler), trust_env=False) as http:
        yield Ehr(EHR, http, requests, [], lambda: other.call_count, _nothing)
    await answers.aclose()


async def _itself(host: str, port: int) -> Sequence[str]:
    return [host]


async def _nothing() -> None:
    pass


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_ids(one) for name, one in value.items() if name not in ("uuid", "id")}
    return [_without_ids(one) for one in value] if isinstance(value, list) else value
