"""`trd-cds probe`: over a real socket, against servers that can do much, little, and the wrong thing."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import jsonschema
import pytest
import uvicorn
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks.catalogue import queries
from cds_hooks.commands import probing
from cds_hooks.ehr.failures import NOT_LIMITED
from cds_hooks.ehr.searches import require_variants
from cds_hooks.fhir_writer import Resource, transaction
from cds_hooks.probing import findings
from cds_hooks.probing.document import Report
from cds_hooks.probing.strictness import UNKNOWN_TYPE, strictness_of
from mappings.file_schemas import schema_text
from mappings.load import load
from plugin import assess
from plugin.ingest import read_record
from plugin.record import LABORATORY, OTHER_SCALES, OUTCOME_SCALES, Availability, Read
from tests.cli.conftest import AS_OF, RXNORM, Spoken, record
from tests.ehr.limited_server import Asked, LimitedServer, Limits
from tests.ehr.sekmet_server import running_sekmet
from tests.planted import ACCESS_TOKEN

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "docs" / "schema" / "probe.schema.json"
KNOWLEDGE = load()
TEMPLATES = {query.key: query.template() for query in queries(KNOWLEDGE)}
CAPABLE = Limits()
TYPES = ("Patient", "MedicationRequest", "MedicationDispense", "MedicationStatement", "Observation", "Condition")
Probe = Callable[..., Spoken]
Answer = tuple[int, dict[str, Any]]
Twist = Callable[[Asked, dict[str, str]], Answer | None]


class Twisted:
    """A server whose answers `twist` may take over; None leaves one to the server behind. It keeps the headers."""

    def __init__(self, server: LimitedServer, twist: Twist) -> None:
        self.server, self.twist = server, twist
        self.headers: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        path = scope["path"].removeprefix("/fhir/")
        query = httpx.QueryParams(scope["query_string"].decode()).multi_items()
        self.headers.append((path, headers))
        told = self.twist(Asked(scope["method"], path, tuple(query)), headers)
        if told is None:
            await self.server(scope, receive, send)
            return
        status, content = told
        more = [(b"location", content.pop("location").encode())] if "location" in content else []
        start: Message = {"type": "http.response.start", "status": status, "headers": more}
        await send(start)
        await send({"type": "http.response.body", "body": json.dumps(content).encode()})


@contextmanager
def served(make: Callable[[str], ASGIApp]) -> Iterator[str]:
    """The base address of what `make` makes for it, on a port of this machine."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(100)  # whoever comes before the server has started waits
        base = f"http://127.0.0.1:{listening.getsockname()[1]}/fhir"
        config = uvicorn.Config(make(base), lifespan="off", log_level="critical", access_log=False, ws="none")
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield base
        finally:
            server.should_exit = True
            thread.join()


def _nothing(asked: Asked, headers: dict[str, str]) -> None:
    """Take over no answer."""


class Ehr:
    """One server of a test and what it was asked, once it was probed."""

    def __init__(self, trd: Probe) -> None:
        self._trd = trd
        self.asked: list[Asked] = []
        self.headers: list[tuple[str, dict[str, str]]] = []

    def probe(
        self,
        *arguments: object,
        limits: Limits = CAPABLE,
        twist: Twist = _nothing,
        resources: list[Resource] | None = None,
        page_size: int = 200,
        form: str = "json",
        patient: str = "p1",
    ) -> Spoken:
        made: list[Twisted] = []

        def make(base: str) -> ASGIApp:
            held = record() if resources is None else resources
            made.append(Twisted(LimitedServer(held, base=base, limits=limits, page_size=page_size), twist))
            return made[0]

        with served(make) as base:
            spoken = self._trd(
                "probe", base, "--patient", patient, "--as-of", AS_OF, "--format", form, "--timeout", 20, *arguments
            )
        self.asked, self.headers = made[0].server.requests, made[0].headers
        return spoken

    def report(self, **options: Any) -> dict[str, Any]:
        """The JSON document, valid by the committed schema."""
        spoken = self.probe(*options.pop("arguments", ()), **options)
        assert spoken.status == 0, spoken.err
        document = spoken.document()
        jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
        return document


@pytest.fixture
def ehr(trd: Probe) -> Ehr:
    return Ehr(trd)


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{ACCESS_TOKEN}\n", encoding="ascii")
    return file


def ids(listed: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in listed]


def used(document: dict[str, Any], search: str) -> dict[str, Any]:
    (line,) = [one for one in document["searches"] if one["used"] and one["search"] == search]
    return line


def sheet(document: dict[str, Any]) -> dict[str, str]:
    return {row["key"]: row["query"] for row in document["prefetch"]}


def _judged() -> tuple[str, int, int, int]:
    """What the reasoning says of the record when everything was read."""
    on_need = (LABORATORY, OUTCOME_SCALES, OTHER_SCALES)
    kinds = (*TYPES, "QuestionnaireResponse", "Procedure", "AllergyIntolerance", *on_need)
    whole = {kind: Availability(read=Read.COMPLETE) for kind in (*kinds, "MedicationAdministration")}
    read = read_record(record(), knowledge=KNOWLEDGE, patient_id="p1", availability=whole)
    verdict = assess(read, knowledge=KNOWLEDGE, as_of=date.fromisoformat(AS_OF)).verdict
    return verdict.value.value, verdict.counts.lo, verdict.counts.lo_proxy, verdict.counts.hi


def _concluded(document: dict[str, Any]) -> tuple[Any, ...]:
    said = document["conclusion"]
    return said["verdict"], said["failed_at_least"], said["failed_with_proxies"], said["failed_at_most"]


def test_a_capable_server_needs_nothing(ehr: Ehr) -> None:
    document = ehr.report()
    assert (document["ask_vendor"], document["set_here"], document["repairs"]) == ([], [], [])
    assert (document["server"]["statement"], document["server"]["fhir_version"]) == ("read", "R4")
    assert {line["outcome"] for line in document["searches"]} == {"ok"}
    besides = {"laboratory", "outcomeScales", "otherScales", "encounters"}
    assert {line["search"] for line in document["searches"]} >= {*TEMPLATES, *besides}
    assert sheet(document) == TEMPLATES
    assert {row["note"] for row in document["prefetch"]} == {""}
    assert sum(one["checked"] for one in document["strict"]) == len(record())
    assert document["strict_faults"] == []
    assert _concluded(document) == _judged()
    assert document["conclusion"]["not_read"] == []
    assert document["conclusion"]["received"] == len(record())


@pytest.mark.deep
def test_every_variant_is_asked_and_one_of_each_search_is_in_use(ehr: Ehr) -> None:
    document = ehr.report()
    lines = document["searches"]
    of_scales = [line for line in lines if line["search"] == "scales"]
    assert [line["variant"] for line in of_scales if line["purpose"] == "variant"] == [
        "code",
        "code-bare",
        "subject-code",
        "category-code",
        "category",
        "all",
    ]
    assert {line["purpose"] for line in of_scales} == {"variant", "form", "strict"}
    assert [line["search"] for line in lines if line["used"]] == list(dict.fromkeys(line["search"] for line in lines))


def test_the_text_has_every_section_and_no_identifier(ehr: Ehr) -> None:
    spoken = ehr.probe(form="text")
    assert spoken.status == 0, spoken.err
    for heading in (
        "The server",
        "Searches",
        "Strict FHIR R4",
        "Repairs made while reading",
        "What the service would conclude",
        "What it could not see or settle",
        "Paste into the prefetch form",
        "What to ask the vendor for",
        "What to set in this service",
    ):
        assert re.search(rf"^{heading}.*\n-+$", spoken.out, re.MULTILINE), heading
    assert spoken.out.startswith("This output holds health data of one patient")
    for key, template in TEMPLATES.items():
        assert f"\n{key}\t{template}\n" in spoken.out
    for resource in record():
        assert not re.search(rf"(?<![\w-]){resource['id']}(?![\w-])", spoken.out + spoken.err)
    assert spoken.err.splitlines()[0] == "CapabilityStatement: FHIR R4"
    assert "medicationRequests by patient-intent: answered" in spoken.err.splitlines()


@pytest.mark.parametrize("way", ["file", "variable"])
def test_the_token_goes_to_the_server_alone(way: str, ehr: Ehr, token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "variable":
        monkeypatch.setenv("TRD_CDS_PROBE_TOKEN", ACCESS_TOKEN)
    spoken = ehr.probe(*(("--token-file", token) if way == "file" else ()))
    assert spoken.status == 0, spoken.err
    assert ACCESS_TOKEN not in spoken.out + spoken.err
    sent = {(path == "metadata", headers.get("authorization")) for path, headers in ehr.headers}
    assert sent == {(True, None), (False, f"Bearer {ACCESS_TOKEN}")}


LIMITED = {
    "no-metadata": (Limits(no_metadata=True), {"statement"}),
    "needs-an-intent": (Limits(needs_intent=True), set()),
    "no-post": (Limits(no_post=True), set()),
    "no-total": (Limits(no_total=True), set()),
    "typed-ids-only": (Limits(typed_ids_only=True), {"typed-only"}),
}


@pytest.mark.deep
@pytest.mark.parametrize(("limits", "expected"), LIMITED.values(), ids=LIMITED)
def test_what_the_service_gets_along_with_costs_no_conclusion(limits: Limits, expected: set[str], ehr: Ehr) -> None:
    document = ehr.report(limits=limits)
    assert set(ids(document["ask_vendor"])) == expected
    assert _concluded(document) == _judged()
    assert document["conclusion"]["not_read"] == []


@pytest.mark.deep
def test_a_server_that_knows_patients_by_type_changes_the_sheet(ehr: Ehr) -> None:
    document = ehr.report(limits=Limits(typed_ids_only=True))
    assert document["server"]["patient_form"] == "typed"
    assert sheet(document)["dispenses"] == "MedicationDispense?patient=Patient/{{context.patientId}}"
    assert sheet(document)["patient"] == TEMPLATES["patient"]
    assert all(row["note"] for row in document["prefetch"] if row["key"] != "patient")


def test_what_is_refused_is_named_and_asked_for(ehr: Ehr) -> None:
    document = ehr.report(limits=Limits(refuses=("MedicationDispense", "Procedure")))
    asks = [one["text"] for one in document["ask_vendor"] if one["id"] == "scope"]
    assert [kind for kind in ("MedicationDispense", "Procedure") for text in asks if f"patient/{kind}.rs" in text] == [
        "MedicationDispense",
        "Procedure",
    ]
    assert {"MedicationDispense", "Procedure"} == {gap["what"] for gap in document["conclusion"]["not_read"]}
    assert used(document, "dispenses")["status"] == 403
    # Registered all the same, it might come as null, which means "none recorded".
    assert sheet(document)["dispenses"] == ""
    assert next(row["note"] for row in document["prefetch"] if row["key"] == "dispenses")


def test_without_the_orders_a_hook_would_end(ehr: Ehr) -> None:
    document = ehr.report(limits=Limits(refuses=("MedicationRequest",)))
    assert "MedicationRequest" in document["conclusion"]["refused"]
    assert document["conclusion"]["verdict"] is None
    assert "would end with 412" in ehr.probe(limits=Limits(refuses=("MedicationRequest",)), form="text").out


@pytest.mark.deep
def test_a_narrower_search_is_told_as_incomplete(ehr: Ehr) -> None:
    document = ehr.report(limits=Limits(needs_category=True))
    assert used(document, "scales")["variant"] == "category-code"
    assert "narrowed" in ids(document["ask_vendor"])
    open_ = {gap["what"] for gap in document["conclusion"]["not_read"]}
    assert open_ >= {"Observation", LABORATORY, OUTCOME_SCALES, OTHER_SCALES}
    assert sheet(document)["scales"] == ""


@pytest.mark.deep
def test_nothing_found_by_a_narrower_search_is_no_none_recorded(ehr: Ehr) -> None:
    def by_time(asked: Asked, headers: dict[str, str]) -> Answer | None:
        refused = asked.kind == "MedicationAdministration" and not asked.values("effective-time")
        return (400, {}) if refused else None

    document = ehr.report(twist=by_time)
    assert (_judged()[0], document["conclusion"]["verdict"]) == ("NOT_MET", "INDETERMINATE")
    assert "narrowed" in ids(document["ask_vendor"])


@pytest.mark.deep
def test_administrations_that_are_not_offered_are_no_gap(ehr: Ehr) -> None:
    document = ehr.report(limits=Limits(refuses=("MedicationAdministration",)))
    assert _concluded(document) == _judged()
    assert document["conclusion"]["not_read"] == []


@pytest.mark.deep
def test_what_leaves_something_out_is_never_registered(ehr: Ehr) -> None:
    document = ehr.report(limits=Limits(needs_category=True, no_lists=True))
    assert used(document, "scales")["variant"] == "category"
    (row,) = [row for row in document["prefetch"] if row["key"] == "scales"]
    assert row["query"] == ""
    assert "taken for not recorded" in row["note"]


@pytest.mark.deep
def test_pages_without_links_are_told(ehr: Ehr) -> None:
    def two(asked: Asked, headers: dict[str, str]) -> Answer | None:
        assert dict(asked.parameters).get("_count", "200") == "200"
        return None

    many = [*record(), *({**record()[2], "id": f"more-{number}"} for number in range(250))]
    document = ehr.report(limits=Limits(no_next_links=True), resources=many, twist=two)
    line = used(document, "dispenses")
    assert (line["entries"], line["total"], line["pages"]) == (200, 253, 1)
    assert "no way to the rest" in line["why"]
    assert "paging" in ids(document["ask_vendor"])
    assert "MedicationDispense" in {gap["what"] for gap in document["conclusion"]["not_read"]}
    untold = used(ehr.report(limits=Limits(no_next_links=True, no_total=True), resources=many), "dispenses")
    assert "nothing says whether there are more" in untold["why"]
    whole = used(ehr.report(resources=many), "dispenses")
    assert (whole["entries"], whole["pages"], whole["why"]) == (253, 2, "")


@pytest.mark.deep
def test_codes_that_are_found_bare_only_lead_to_a_setting(ehr: Ehr) -> None:
    def whole_text(asked: Asked, headers: dict[str, str]) -> Answer | None:
        if asked.kind == "Observation" and any("|" in value for value in asked.values("code")):
            return 200, {"resourceType": "Bundle", "type": "searchset", "total": 0}
        return None

    document = ehr.report(twist=whole_text)
    (setting,) = document["set_here"]
    stated = yaml.safe_load(setting["text"].split("`")[1])
    assert stated == {"searches": {"scales": "code-bare"}}
    require_variants(stated["searches"])  # as the registry does
    assert ids(document["ask_vendor"]) == ["finds-less"]
    assert used(document, "scales")["entries"] == 0
    # An empty answer to the announced query would be taken for "none recorded".
    assert "|" not in sheet(document)["scales"]
    assert sheet(document)["scales"].startswith("Observation?patient={{context.patientId}}&code=")


@pytest.mark.deep
def test_a_way_that_leaves_nothing_out_is_preferred(ehr: Ehr) -> None:
    document = ehr.report(limits=Limits(no_lists=True))
    assert used(document, "scales")["variant"] == "category"
    assert ids(document["set_here"]) == ["searches"]
    assert "`searches: {scales: all}`" in document["set_here"][0]["text"]
    assert sheet(document)["scales"] == "Observation?patient={{context.patientId}}"
    assert sheet(document)["medicationRequests"] == "MedicationRequest?patient={{context.patientId}}"


@pytest.mark.deep
def test_a_parameter_passed_over_is_told(ehr: Ehr) -> None:
    def strict(asked: Asked, headers: dict[str, str]) -> Answer | None:
        wanted = asked.kind == "MedicationRequest" and headers.get("prefer") == "handling=strict"
        return (400, {"resourceType": "OperationOutcome"}) if wanted else None

    document = ehr.report(twist=strict)
    assert ids(document["ask_vendor"]) == ["ignored"]
    assert _concluded(document) == _judged()


def test_data_of_others_end_it_and_stay_out(ehr: Ehr) -> None:
    stranger = {"resourceType": "QuestionnaireResponse", "id": "s", "subject": {"reference": "Patient/stranger"}}

    def everybodys(asked: Asked, headers: dict[str, str]) -> Answer | None:
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [{"resource": stranger}]}
        return (200, bundle) if asked.kind == "QuestionnaireResponse" else None

    document = ehr.report(twist=everybodys)
    assert "other patients (QuestionnaireResponse)" in document["conclusion"]["refused"]
    assert ids(document["ask_vendor"]) == ["others"]
    assert used(document, "questionnaireResponses")["entries"] == 0
    assert "QuestionnaireResponse" not in {one["resource_type"] for one in document["strict"]}
    assert "stranger" not in json.dumps(document)


@pytest.mark.deep
def test_data_of_everybody_that_are_told_as_such_are_not_read(ehr: Ehr) -> None:
    stranger = {"resourceType": "QuestionnaireResponse", "id": "s", "subject": {"reference": "Patient/stranger"}}
    link = [{"relation": "self", "url": "https://ehr.example/fhir/QuestionnaireResponse?_count=200"}]

    def everybodys(asked: Asked, headers: dict[str, str]) -> Answer | None:
        bundle = {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": [{"resource": stranger}]}
        return (200, bundle) if asked.kind == "QuestionnaireResponse" else None

    document = ehr.report(twist=everybodys)
    assert document["conclusion"]["not_read"] == [{"what": "QuestionnaireResponse", "why": NOT_LIMITED, "count": 1}]
    assert _concluded(document) == _judged()
    assert ids(document["ask_vendor"]) == ["not-limited"]
    assert used(document, "questionnaireResponses")["why"] == NOT_LIMITED
    assert "stranger" not in json.dumps(document)


def test_repairs_and_faults_are_counted_without_their_values(ehr: Ehr) -> None:
    bent = record()
    bent[1] = {**bent[1], "authoredOn": "2025-01-10T09:00:00", "madeUpElement": "secret-value", "secret value": 1}
    document = ehr.report(resources=bent)
    assert {(one["repair"], one["count"]) for one in document["repairs"]} == {("naive-time", 1)}
    faults = {(one["element"], one["fault"]) for one in document["strict_faults"]}
    assert any(element == "madeUpElement" for element, _ in faults)
    assert ids(document["ask_vendor"]) == ["not-valid"]
    assert "secret" not in json.dumps(document)
    assert _concluded(document) == _judged()


@pytest.mark.deep
def test_drugs_that_are_only_referred_to_are_read_in_every_way(ehr: Ehr) -> None:
    def apart(resource: Resource) -> Resource:
        kept = {name: value for name, value in resource.items() if name != "medicationCodeableConcept"}
        return {**kept, "medicationReference": {"reference": "Medication/m1"}}

    concept = {"coding": [{"system": RXNORM, "code": "312938"}]}
    moved = [apart(one) if "medicationCodeableConcept" in one else one for one in record()]
    document = ehr.report(resources=[*moved, {"resourceType": "Medication", "id": "m1", "code": concept}])
    assert [line["variant"] for line in document["searches"] if line["search"] == "medications"] == ["many", "read"]
    assert _concluded(document) == _judged()
    gone = ehr.report(resources=moved)
    assert ids(gone["ask_vendor"]) == ["scope-medication"]
    assert {"MedicationRequest", "MedicationDispense"} <= {gap["what"] for gap in gone["conclusion"]["not_read"]}


@pytest.mark.deep
def test_drugs_sent_along_count_only_where_the_statement_says_so(ehr: Ehr) -> None:
    def no_reads(asked: Asked, headers: dict[str, str]) -> Answer | None:
        return (403, {}) if asked.kind == "Medication" else None

    order = {name: value for name, value in record()[1].items() if name != "medicationCodeableConcept"}
    concept = {"coding": [{"system": RXNORM, "code": "312938"}]}
    apart = [
        *(one for one in record() if one["resourceType"] != "MedicationDispense" and one["id"] != order["id"]),
        {**order, "medicationReference": {"reference": "Medication/m1"}},
        {"resourceType": "Medication", "id": "m1", "code": concept},
    ]
    stated = ehr.report(resources=apart, twist=no_reads)
    assert [trial["drug"] for trial in stated["conclusion"]["trials"]] == ["sertraline"]
    assert "scope-medication" not in ids(stated["ask_vendor"])

    def silent(asked: Asked, headers: dict[str, str]) -> Answer | None:
        statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
        return (200, statement) if asked.kind == "metadata" else no_reads(asked, headers)

    unstated = ehr.report(resources=apart, twist=silent)
    assert unstated["conclusion"]["trials"] == []
    assert "scope-medication" in ids(unstated["ask_vendor"])
    assert {gap["what"] for gap in unstated["conclusion"]["not_read"]} == {"MedicationRequest"}


JUNK: list[Any] = [
    7,
    [],
    {"resourceType": ["Observation"]},
    {"resourceType": "Observation", "id": {"a": 1}, "code": [{}], "subject": [1], "effectiveDateTime": {}},
    {"resourceType": "Observation", "code": {"coding": [{"code": 1}, 2]}, "component": "x"},
    {"resourceType": "MedicationRequest", "medicationReference": "x", "intent": ["order"]},
    {"resourceType": "Patient", "id": "p1", "extension": {"url": None}, "birthDate": 12},
]


def test_junk_is_counted_and_ends_nothing(ehr: Ehr) -> None:
    def junk(asked: Asked, headers: dict[str, str]) -> Answer | None:
        link = [{"relation": "next", "url": 5}, "next", None]
        entries = [{"resource": one} for one in JUNK]
        return 200, {"resourceType": "Bundle", "total": "many", "link": link, "entry": [*entries, None, 1]}

    document = ehr.report(twist=lambda asked, headers: None if asked.path == "Patient/p1" else junk(asked, headers))
    assert document["strict_faults"]
    assert "statement" in ids(document["ask_vendor"])


@pytest.mark.deep
def test_what_is_older_than_asked_for_is_left_out(ehr: Ehr) -> None:
    old = {**record()[-2], "id": "old", "effectiveDateTime": "1999-01-01"}

    def timeless(asked: Asked, headers: dict[str, str]) -> Answer | None:
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [{"resource": old}]}
        return (200, bundle) if asked.values("date") else None

    document = ehr.report(twist=timeless)
    assert ids(document["ask_vendor"]) == ["window"]
    assert used(document, "laboratory")["entries"] == 0
    assert document["conclusion"]["received"] == len(record())


@pytest.mark.deep
def test_pages_that_lead_nowhere_end(ehr: Ehr) -> None:
    links = {"Procedure": "https://elsewhere.example/fhir/Procedure", "Condition": "Condition?page=2"}

    def paged(asked: Asked, headers: dict[str, str]) -> Answer | None:
        if asked.kind not in links:
            return None
        link = [{"relation": "next", "url": links[asked.kind]}]
        return 200, {"resourceType": "Bundle", "type": "searchset", "link": link}

    document = ehr.report(twist=paged)
    assert "outside the FHIR server" in used(document, "procedures")["why"]
    assert "repeat themselves" in used(document, "conditions")["why"]
    assert ids(document["ask_vendor"]) == ["paging", "paging"]
    assert {gap["what"] for gap in document["conclusion"]["not_read"]} == {"Procedure", "Condition"}


@pytest.mark.deep
def test_a_patient_without_anything_proves_nothing(ehr: Ehr) -> None:
    document = ehr.report(resources=record()[:1])
    assert ids(document["ask_vendor"]) == ["nothing"]
    assert "patient={id}" in document["ask_vendor"][0]["text"]


@pytest.mark.deep
def test_a_login_everywhere_is_one_thing_to_ask_for(ehr: Ehr) -> None:
    document = ehr.report(twist=lambda asked, headers: None if asked.kind == "metadata" else (401, {}))
    assert ids(document["ask_vendor"]) == ["login"]
    assert document["conclusion"]["refused"]


@pytest.mark.deep
def test_a_statement_behind_a_login_is_told(ehr: Ehr, token: Path) -> None:
    def closed(asked: Asked, headers: dict[str, str]) -> Answer | None:
        return (401, {}) if asked.kind == "metadata" and "authorization" not in headers else None

    document = ehr.report(arguments=("--token-file", token), twist=closed)
    assert (document["server"]["statement"], ids(document["ask_vendor"])) == ("with-login", ["statement-login"])


@pytest.mark.deep
def test_too_many_requests_and_failures_are_told_apart(ehr: Ehr) -> None:
    def busy(asked: Asked, headers: dict[str, str]) -> Answer | None:
        return {"Procedure": (429, {}), "Condition": (500, {}), "AllergyIntolerance": (404, {})}.get(asked.kind)

    document = ehr.report(twist=busy)
    assert sorted(ids(document["ask_vendor"])) == ["failing", "search", "throttled"]
    assert {"Procedure", "Condition", "AllergyIntolerance"} <= {
        gap["what"] for gap in document["conclusion"]["not_read"]
    }


@pytest.mark.deep
def test_a_server_slower_than_the_limit_leads_to_a_setting(ehr: Ehr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRD_CDS_DEADLINE_SECONDS", "0.0001")
    (setting,) = ehr.report()["set_here"]
    assert setting["id"] == "slow"
    assert "TRD_CDS_DEADLINE_SECONDS=1," in setting["text"]


def _elsewhere(asked: Asked, headers: dict[str, str]) -> Answer:
    return 302, {"location": "https://elsewhere.example/fhir"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"limits": Limits(fhir_version="5.0.0")}, "speaks FHIR R5"),
        ({"limits": Limits(fhir_version="3.0.2")}, "speaks FHIR STU3"),
        ({"patient": "nobody"}, "no such patient"),
        ({"twist": _elsewhere}, "redirected elsewhere"),
    ],
    ids=["R5", "STU3", "nobody", "redirect"],
)
def test_what_cannot_be_surveyed_says_why(options: dict[str, Any], words: str, ehr: Ehr) -> None:
    spoken = ehr.probe(**options)
    assert (spoken.status, spoken.out) == (2, "")
    assert words in spoken.err
    assert "elsewhere.example" not in spoken.err
    assert not any(asked.is_search and asked.kind != "Patient" for asked in ehr.asked)


def test_a_server_that_is_not_there_is_told(trd: Probe) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        spoken = trd("probe", f"http://127.0.0.1:{closed.getsockname()[1]}/fhir", "--patient", "p1")
    assert (spoken.status, spoken.out) == (2, "")
    assert "not reachable; check the address" in spoken.err


def test_a_name_that_leads_inside_needs_a_word(trd: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        refused = trd("probe", f"https://ehr.example:{port}/fhir", "--patient", "p1")
        allowed = trd("probe", f"https://ehr.example:{port}/fhir", "--patient", "p1", "--allow-private")
    assert (refused.status, allowed.status) == (2, 2)
    assert "may not be called" in refused.err
    assert "--allow-private" in refused.err
    assert "not reachable" in allowed.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("http://ehr.example/fhir", "--patient", "p1"), "https"),
        (("https://169.254.169.254/fhir", "--patient", "p1"), "BASE_URL"),
        (("https://user:hidden@ehr.example/fhir", "--patient", "p1"), "user info"),
        (("https://ehr.example/fhir?token=hidden", "--patient", "p1"), "query"),
        (("https://ehr.example/fhir",), "--patient"),
        (("https://ehr.example/fhir", "--patient", "a/hidden"), "--patient"),
        (("https://ehr.example/fhir", "--patient", "../hidden"), "--patient"),
        (("https://ehr.example/fhir", "--patient", "p1", "--token-file", "no-such-file"), "--token-file"),
        (("https://ehr.example/fhir", "--patient", "p1", "--system-client", "no-such-file"), "no-such-file"),
        (("https://ehr.example/fhir", "--patient", "p1", "--token-file", "a", "--system-client", "b"), "leave one out"),
        (("https://ehr.example/fhir", "--patient", "p1", "--as-of", "hidden"), "--as-of"),
        (("https://ehr.example/fhir", "--patient", "p1", "--timeout", "0"), "--timeout"),
    ],
)
def test_arguments_that_cannot_be_used_say_which(arguments: tuple[str, ...], words: str, trd: Probe) -> None:
    spoken = trd("probe", *arguments)
    assert (spoken.status, spoken.out) == (2, "")
    assert words in spoken.err
    assert "hidden" not in spoken.err


def test_a_variable_that_holds_no_token_is_refused(trd: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(probing.TOKEN_VARIABLE, "two words")
    spoken = trd("probe", "https://ehr.example/fhir", "--patient", "p1")
    assert spoken.status == 2
    assert "TRD_CDS_PROBE_TOKEN" in spoken.err
    assert "two words" not in spoken.err


def test_faults_name_places_and_never_values() -> None:
    found = strictness_of(
        [
            {"resourceType": "Patient", "gender": "secret", "contact": [{"name": {"given": 7}}], "an odd name": 1},
            {"resourceType": "Secret thing"},
            {"resourceType": "NoSuchType"},
        ]
    )
    assert UNKNOWN_TYPE in {fault.fault for fault in found.faults}
    assert "ecret" not in repr(found)
    assert "an odd name" not in repr(found)
    assert any(fault.element.startswith("contact[].name.given") for fault in found.faults)


def test_the_committed_schema_is_that_of_the_report() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text("probe", Report), (
        "run `trd-cds knowledge schema --write docs/schema`"
    )


def test_every_sentence_is_said_by_some_finding() -> None:
    source = Path(str(findings.__file__)).read_text(encoding="utf-8")
    said = {name for name in re.findall(r'"([a-z-]+)"', source) if name in findings.asks()}
    assert said == set(findings.asks())


@pytest.mark.services
def test_a_server_of_others_is_probed_with_a_token_of_our_own(trd: Probe, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    public = {**json.loads(ECAlgorithm.to_jwk(key.public_key())), "kid": "k1", "alg": "ES384", "use": "sig"}
    registered = {"client_id": "trd", "jwks": {"keys": [public]}, "scopes": "system/*.rs"}
    access = {"types": ["bearer", "smart"], "tokens": ["for-loading"], "smart_clients": [registered]}
    pem = tmp_path / "key.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    pem.chmod(0o600)
    with running_sekmet(server_auth=access) as server:
        loaded = httpx.post(
            f"{server.base}/",
            json=transaction(record()),
            headers={"Authorization": "Bearer for-loading"},
            trust_env=False,
        )
        assert loaded.status_code == 200
        client = tmp_path / "client.yaml"
        client.write_text(
            f"fhir_server: {server.base}\nclient_id: trd\nkey_file: key.pem\nkey_id: k1\nalgorithm: ES384\n"
        )
        spoken = trd(
            "probe", server.base, "--patient", "p1", "--system-client", client, "--as-of", AS_OF, "--format", "json"
        )
    assert spoken.status == 0, spoken.err
    document = spoken.document()
    assert document["server"]["fhir_version"] == "R4"
    assert _concluded(document) == _judged()
    assert used(document, "dispenses")["entries"] == 3
