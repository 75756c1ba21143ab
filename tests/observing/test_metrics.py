"""The numbers that Prometheus reads, against calls counted by hand; and that no label can be written by a client."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from cds_hooks.ehr.connecting import AddressRefused
from cds_hooks.fhir_client import FhirClient, FhirFailure, SearchAnswer
from cds_hooks.observing.call_line import FHIR_OUTCOMES, STAGES, CallLine
from cds_hooks.observing.metrics import SECONDS, Metrics
from cds_hooks.outbound import AllowList
from mappings.load import Knowledge
from plugin.record import LABORATORY
from tests.observing.conftest import Samples, sample, samples

BASE = "https://ehr.example/fhir"


@pytest.fixture
def metrics(knowledge: Knowledge) -> Metrics:
    return Metrics(version="1.2.3", knowledge=knowledge)


def seen(metrics: Metrics, *lines: CallLine) -> Samples:
    for line in lines:
        metrics.observe(line)
    return samples(metrics.exposition()[0])


def hook(**changed: Any) -> CallLine:
    given = {"call": "hook", "service": "trd-order-sign", "client": "general", "mode": "live", "status": 200, **changed}
    return CallLine(**given)


def test_calls_by_service_client_status_and_mode(metrics: Metrics) -> None:
    told = seen(
        metrics,
        *(hook(), hook(), hook(mode="shadow"), hook(status=412), hook(client="", mode="", status=401)),
        *(hook(status=429), hook(status=500, fault="KeyError"), CallLine(call="discovery", status=200)),
    )
    labels = {"call": "hook", "service": "trd-order-sign", "client": "general"}
    assert told[sample("calls_total", **labels, status="200", mode="live")] == 2
    assert told[sample("calls_total", **labels, status="200", mode="shadow")] == 1
    assert told[sample("calls_total", **labels, status="412", mode="live")] == 1
    unknown = {**labels, "client": "none"}
    assert told[sample("calls_total", **unknown, status="401", mode="none")] == 1
    other = {"call": "discovery", "service": "none", "client": "none"}
    assert told[sample("calls_total", **other, status="200", mode="none")] == 1
    assert told[sample("authentication_refusals_total", call="hook", service="trd-order-sign")] == 1
    assert told[sample("rate_limit_refusals_total", call="hook", client="general")] == 1
    assert told[sample("faults_total", call="hook", service="trd-order-sign")] == 1


def test_latency_by_service_and_by_stage(metrics: Metrics) -> None:
    told = seen(metrics, hook(milliseconds=3.0, stages={"gather": 2.0}), hook(milliseconds=450.0))
    call = {"call": "hook", "service": "trd-order-sign"}
    assert told[sample("call_seconds_count", **call)] == 2
    assert told[sample("call_seconds_sum", **call)] == pytest.approx(0.453)
    assert sample("call_seconds_bucket", **call, le="0.002") not in told
    assert told[sample("call_seconds_bucket", **call, le="0.004")] == 1
    assert told[sample("call_seconds_bucket", **call, le="0.5")] == 2
    stage = {"service": "trd-order-sign", "stage": "gather"}
    assert told[sample("stage_seconds_bucket", **stage, le="0.002")] == 1
    assert told[sample("stage_seconds_count", **stage)] == 1


def test_the_borders_run_from_a_millisecond_to_ten_seconds() -> None:
    assert SECONDS[0] == 0.001
    assert SECONDS[-1] == 10
    assert list(SECONDS) == sorted(set(SECONDS))


def test_cards_shown_and_shadowed_by_kind_and_by_rule(metrics: Metrics) -> None:
    line = hook()
    line.note_card("trd-status", shown=True, rules=("reached",))
    line.note_card("trd-status", shown=True, rules=("reached", "missing"))
    line.note_card("trd-safety", shown=False, rules=("stop",))
    told = seen(metrics, line)
    where = {"hook": "order-sign", "client": "general"}
    assert told[sample("cards_total", kind="trd-status", **where, mode="shown")] == 2
    assert told[sample("cards_total", kind="trd-safety", **where, mode="shadowed")] == 1
    assert told[sample("card_rules_total", rule="reached", hook="order-sign", mode="shown")] == 2
    assert told[sample("card_rules_total", rule="missing", hook="order-sign", mode="shown")] == 1
    assert told[sample("card_rules_total", rule="stop", hook="order-sign", mode="shadowed")] == 1


def test_gaps_are_counted_by_kinds_of_data_that_we_ask_for(metrics: Metrics) -> None:
    told = seen(metrics, hook(gaps=("Condition", LABORATORY, "canary-kind")))
    assert {
        kind: told[sample("gaps_total", kind=kind, hook="order-sign")] for kind in ("Condition", LABORATORY, "other")
    } == {"Condition": 1, LABORATORY: 1, "other": 1}
    assert "canary" not in metrics.exposition()[0].decode()


def test_feedback_and_what_could_not_be_written(metrics: Metrics) -> None:
    line = CallLine(call="feedback", status=503)
    line.note_feedback("accepted", "matched", 2)
    line.note_feedback("overridden", "unmatched")
    line.note_write_failure("feedback")
    told = seen(metrics, line)
    assert told[sample("feedback_items_total", outcome="accepted", match="matched")] == 2
    assert told[sample("feedback_items_total", outcome="overridden", match="unmatched")] == 1
    assert told[sample("write_failures_total", book="feedback")] == 1


def test_what_must_never_happen_is_counted_from_zero(metrics: Metrics) -> None:
    told = metrics.exposition()[0].decode()
    assert 'trd_cds_write_failures_total{book="audit"} 0.0' in told
    assert 'trd_cds_faults_total{call="hook",service="trd-order-sign"} 0.0' in told


def test_what_answers_is_said_and_creation_times_are_not(metrics: Metrics, knowledge: Knowledge) -> None:
    told = seen(metrics, hook())
    start = knowledge.content_hash.removeprefix("sha256:")[:12]
    about = {"version": "1.2.3", "knowledge_version": knowledge.version, "knowledge_hash": start}
    assert told[sample("info", **about)] == 1
    assert not any(name.endswith("_created") for name, _ in told)


def test_two_applications_count_apart(knowledge: Knowledge) -> None:
    one, two = (Metrics(version="1", knowledge=knowledge) for _ in range(2))
    one.observe(hook())
    assert any(name == "trd_cds_calls_total" for name, _ in samples(one.exposition()[0]))
    assert not any(name == "trd_cds_calls_total" for name, _ in samples(two.exposition()[0]))


def raises(error: type[httpx.HTTPError]) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error("canary-server", request=request)  # type: ignore[call-arg]

    return httpx.MockTransport(answer)


def says(status: int = 200, content: bytes = b"{}") -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(status, content=content))


def refused_address() -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request) from AddressRefused()

    return httpx.MockTransport(answer)


SERVERS = {
    "ok": says(content=b'{"resourceType": "Patient", "id": "canary-patient"}'),
    "refused": says(403),
    "not-found": says(404),
    "client-error": says(422),
    "server-error": says(503),
    "throttled": says(429),
    "too-large": httpx.MockTransport(lambda _: httpx.Response(200, headers={"Content-Length": "30000000"})),
    "refused-address": refused_address(),
    "redirected": says(302),
    "timeout": raises(httpx.ReadTimeout),
    "unreachable": raises(httpx.ConnectError),
    "unusable": says(content=b'{"resourceType": "OperationOutcome"}'),
}


def asked(transport: httpx.AsyncBaseTransport, line: CallLine, *, allowed: float | None = None) -> None:
    async def ask() -> None:
        base = AllowList((BASE,)).admit(BASE)
        assert base is not None
        async with httpx.AsyncClient(transport=transport) as http:
            fhir = FhirClient(http, base, "opaque-token-1", max_pages=2, max_resources=9, note=line.note_fhir)
            async with asyncio.timeout(allowed):
                await fhir.read("Patient", "canary-patient")

    asyncio.run(ask())


@pytest.mark.parametrize("outcome", SERVERS)
def test_each_way_a_fhir_call_ends_is_counted(metrics: Metrics, outcome: str) -> None:
    line = hook()
    if outcome == "ok":
        asked(SERVERS[outcome], line)
    else:
        with pytest.raises(FhirFailure):
            asked(SERVERS[outcome], line)
    told = seen(metrics, line)
    assert told[sample("fhir_calls_total", resource_type="Patient", outcome=outcome)] == 1
    assert told[sample("fhir_call_seconds_count", resource_type="Patient")] == 1
    assert line.fhir[0].milliseconds > 0


@pytest.mark.parametrize("content", [b"<html>", b"[]"])
def test_what_is_no_resource_is_unusable(content: bytes) -> None:
    line = hook()
    with pytest.raises(FhirFailure):
        asked(says(content=content), line)
    assert line.fhir[0].outcome == "unusable"


def test_a_read_cut_off_by_the_deadline_is_counted() -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    line = hook()
    with pytest.raises(TimeoutError):
        asked(httpx.MockTransport(never), line, allowed=0.0)
    assert [(call.resource_type, call.outcome) for call in line.fhir] == [("Patient", "cut-off")]
    assert set(FHIR_OUTCOMES) == {*SERVERS, "cut-off", "not-asked"}


def test_what_was_not_asked_has_no_time(metrics: Metrics) -> None:
    line = hook()
    line.note_fhir("Patient", "not-asked", 0.0)
    told = seen(metrics, line)
    assert told[sample("fhir_calls_total", resource_type="Patient", outcome="not-asked")] == 1
    assert sample("fhir_call_seconds_count", resource_type="Patient") not in told


def test_retries_refused_addresses_repairs_and_ended_budgets(knowledge: Knowledge) -> None:
    open_now = [2]
    metrics = Metrics(version="1", knowledge=knowledge, breakers_open=lambda: open_now[0])
    line = hook(budget="hard")
    line.note_retry("Patient")
    line.note_retry("Patient")
    line.note_refused("redirected")
    line.note_refused("redirected")
    line.note_repairs({"naive-time": 3, "canary-repair": 1})
    told = seen(metrics, line)
    assert told[sample("fhir_retries_total", resource_type="Patient")] == 2
    assert told[sample("addresses_refused_total", reason="redirected")] == 1
    assert 'addresses_refused_total{reason="not-listed"} 0.0' in metrics.exposition()[0].decode()
    assert told[sample("repairs_total", repair="naive-time")] == 3
    assert told[sample("repairs_total", repair="other")] == 1
    assert told[sample("budget_ended_total", budget="hard", hook="order-sign")] == 1
    assert told[sample("fhir_breakers_open")] == 2
    open_now[0] = 0
    assert "trd_cds_fhir_breakers_open 0.0" in metrics.exposition()[0].decode()


def test_every_page_of_a_search_is_a_call() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        more = [] if "page" in str(request.url) else [{"relation": "next", "url": f"{BASE}/Condition?page=2"}]
        return httpx.Response(200, json={"resourceType": "Bundle", "type": "searchset", "link": more})

    line = hook()

    async def search() -> None:
        base = AllowList((BASE,)).admit(BASE)
        assert base is not None
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            fhir = FhirClient(http, base, None, max_pages=2, max_resources=9, note=line.note_fhir)
            await fhir.search("Condition", {"patient": "canary-patient"}, SearchAnswer())

    asyncio.run(search())
    assert [(call.resource_type, call.outcome) for call in line.fhir] == [("Condition", "ok")] * 2


def test_every_stage_has_a_place() -> None:
    line = hook(stages=dict.fromkeys(STAGES, 1.0))
    assert list(line.said()["stages"]) == list(STAGES)
