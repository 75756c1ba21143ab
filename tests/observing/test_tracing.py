"""Spans say what the log line says and nothing else, in a collector's own format, and cost no answer."""

from __future__ import annotations

import asyncio
import gzip
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import ValidationError
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from cds_hooks.app import create_app
from cds_hooks.boundary import CallBoundary, call_line
from cds_hooks.clock import FixedClock, SystemClock
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.tracing import open_tracing
from cds_hooks.observing.call_line import LOG_KEYS, STAGES, CallLine
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.observing.tracing import Tracing
from cds_hooks.settings import Settings
from mappings.load import Knowledge
from tests.planted import FAMILY_NAME

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
_NANOSECONDS = 1_000_000_000


class _Kept(InMemorySpanExporter):
    """Spans as an exporter gets them, by name."""

    @property
    def named(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.get_finished_spans()}


@pytest.fixture
def kept() -> _Kept:
    return _Kept()


def tracing(kept: _Kept, clock: Any = None, share: float = 1.0) -> Tracing:
    return Tracing(
        "http://collector.test/v1/traces", share=share, version="1.2.3", clock=clock or SystemClock(), exporter=kept
    )


def order_select(patient: str = "p-1") -> dict[str, Any]:
    draft = {
        "resourceType": "MedicationRequest",
        "id": "draft-1",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": f"Patient/{patient}"},
        "medicationCodeableConcept": {"text": "sertraline 50 mg oral tablet"},
    }
    entries = [{"resource": draft}]
    return {
        "hook": "order-select",
        "hookInstance": "0d4e9a5e-4d1a-4f43-9a43-3a3d9f5c7d10",
        "context": {
            "userId": "Practitioner/example",
            "patientId": patient,
            "selections": ["MedicationRequest/draft-1"],
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": entries},
        },
        "prefetch": {
            "patient": {
                "resourceType": "Patient",
                "id": patient,
                "name": [{"family": FAMILY_NAME}],
                "birthDate": "1980-02-03",
            }
        },
    }


def fired(knowledge: Knowledge, traced: Tracing, *headers: str, patient: str = "p-1") -> list[httpx.Response]:
    """The service is called once with each `traceparent` and then closed; a call that reads from no FHIR server."""
    app = create_app(
        settings=Settings(open_mode=True),
        knowledge=knowledge,
        clock=SystemClock(),
        registry=None,
        tracing=traced,
    )

    async def sent() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://service.test") as http,
        ):
            return [
                await http.post(
                    "/cds-services/trd-order-select", json=order_select(patient), headers={"traceparent": parent}
                )
                for parent in headers or ("",)
            ]

    return asyncio.run(sent())


def test_a_call_is_a_span_and_so_is_each_of_its_stages(knowledge: Knowledge, kept: _Kept) -> None:
    [answer] = fired(knowledge, tracing(kept))
    assert answer.status_code in (200, 412)
    call = kept.named["hook trd-order-select"]
    inner = [span for span in kept.get_finished_spans() if span is not call]
    assert {span.name for span in inner} <= {*STAGES}
    assert inner
    for span in inner:
        assert span.parent is not None
        assert span.parent.span_id == call.context.span_id
        assert call.start_time - 1_000 <= span.start_time <= span.end_time <= call.end_time
    assert call.resource.attributes["service.name"] == "trd-cds"
    assert call.resource.attributes["service.version"] == "1.2.3"


def test_a_span_says_nothing_that_the_log_line_may_not(knowledge: Knowledge, kept: _Kept) -> None:
    fired(knowledge, tracing(kept), PARENT)
    allowed = {f"trd_cds.{key}" for key in LOG_KEYS} - {"trd_cds.stages", "trd_cds.caller_trace"}
    for span in kept.get_finished_spans():
        assert set(span.attributes) <= allowed
        assert not span.events
        assert FAMILY_NAME not in span.to_json()
        assert "p-1" not in str(dict(span.attributes))
    assert kept.named["hook trd-order-select"].attributes["trd_cds.client"] == "open"


def test_the_spans_go_below_the_one_of_the_caller(knowledge: Knowledge, kept: _Kept) -> None:
    fired(knowledge, tracing(kept), PARENT)
    call = kept.named["hook trd-order-select"]
    assert call.parent is not None
    assert f"{call.context.trace_id:032x}" == TRACE
    assert f"{call.parent.span_id:016x}" == SPAN


@pytest.mark.parametrize("patient", [TRACE, f"{SPAN}", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"])
def test_an_id_of_the_patient_is_no_parent(knowledge: Knowledge, kept: _Kept, patient: str) -> None:
    fired(knowledge, tracing(kept), PARENT, patient=patient)
    call = kept.named["hook trd-order-select"]
    assert call.parent is None
    assert f"{call.context.trace_id:032x}" != TRACE


@pytest.mark.parametrize("client", ["", "general"])
def test_a_caller_who_is_not_admitted_is_no_parent(station: Callable[..., Any], kept: _Kept, client: str) -> None:
    at, traced = station(), tracing(kept)

    async def hook(scope: Scope, receive: Receive, send: Send) -> None:
        line = call_line(scope)
        line.call, line.client = "hook", client
        await PlainTextResponse("")(scope, receive, send)

    boundary = CallBoundary(
        hook, log=RequestLog(at.written), new_line=CallLine, metrics=at.metrics, traced=traced.observe
    )

    async def sent() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=boundary)) as http:
            await http.get("http://service.test/", headers={"traceparent": PARENT})

    asyncio.run(sent())
    traced.close()
    assert (kept.named["hook"].parent is not None) is bool(client)


def test_a_caller_that_does_not_keep_its_span_gets_none_of_ours(knowledge: Knowledge, kept: _Kept) -> None:
    fired(knowledge, tracing(kept), PARENT.removesuffix("01") + "00", "")
    assert [span.parent for span in kept.get_finished_spans() if span.name.startswith("hook")] == [None]


def test_with_no_share_only_callers_decide(knowledge: Knowledge, kept: _Kept) -> None:
    fired(knowledge, tracing(kept, share=0), PARENT, "")
    calls = [span for span in kept.get_finished_spans() if span.name.startswith("hook")]
    assert [f"{call.context.trace_id:032x}" for call in calls] == [TRACE]


def test_requests_to_the_ehr_and_faults_are_told(kept: _Kept, clock: Any) -> None:
    traced = tracing(kept, FixedClock(clock.instant))
    line = CallLine(call="hook", service="trd-patient-view", client="general", fault="LookupError", milliseconds=250)
    line.note_fhir("Observation", "timeout", 200)
    line.note_fhir("Basic", "ok", 20)
    traced.observe(line)
    traced.close()
    call, asked = kept.named["hook trd-patient-view"], kept.named["read Observation"]
    assert call.status.status_code.name == "ERROR"
    assert call.status.description is None
    assert call.end_time == int(clock.instant.timestamp()) * _NANOSECONDS
    assert call.end_time - call.start_time == _NANOSECONDS // 4
    assert asked.attributes == {"trd_cds.outcome": "timeout"}
    assert asked.end_time - asked.start_time == pytest.approx(_NANOSECONDS // 5, abs=1_000)
    assert "read other" in kept.named


@contextmanager
def collector(answers: int = 200) -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """A server that takes OTLP over HTTP, at an address of its own; what it took is listed."""
    taken: list[ExportTraceServiceRequest] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = {"gzip": gzip.decompress, "deflate": zlib.decompress}.get(self.headers["Content-Encoding"])
            taken.append(ExportTraceServiceRequest.FromString(packed(body) if packed else body))
            self.send_response(answers)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Taking)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", taken
    finally:
        server.shutdown()
        server.server_close()


def test_a_collector_gets_the_spans_over_otlp(knowledge: Knowledge) -> None:
    with collector() as (address, taken):
        traced = open_tracing(Settings(trace_endpoint=address), SystemClock())
        assert traced is not None
        fired(knowledge, traced, PARENT)
    spans = [span for one in taken for told in one.resource_spans for scope in told.scope_spans for span in scope.spans]
    call = next(span for span in spans if span.name == "hook trd-order-select")
    assert call.trace_id.hex() == TRACE
    assert {span.parent_span_id for span in spans if span is not call} == {call.span_id}
    assert FAMILY_NAME.encode() not in b"".join(one.SerializeToString() for one in taken)


def test_a_collector_that_refuses_costs_no_answer(knowledge: Knowledge) -> None:
    with collector(answers=400) as (address, taken):
        traced = open_tracing(Settings(trace_endpoint=address), SystemClock())
        assert traced is not None
        [answer] = fired(knowledge, traced)
    assert taken
    assert answer.status_code in (200, 412)


def test_there_are_no_spans_unless_asked_for() -> None:
    assert open_tracing(Settings(), SystemClock()) is None


@pytest.mark.parametrize("address", ["collector:4318", "ftp://collector.test", "http://", "http:///v1/traces"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="whole address"):
        Settings(trace_endpoint=address)


def test_the_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cds_hooks.observing.tracing", None)
    with pytest.raises(Refusal, match=r"trd-cds-hooks\[tracing\]"):
        open_tracing(Settings(trace_endpoint="http://127.0.0.1:4318/v1/traces"), SystemClock())
