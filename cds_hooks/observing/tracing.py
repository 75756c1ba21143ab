"""Spans for OpenTelemetry, made from the `CallLine` of each call that ends: off unless an operator names a collector.

One span a call, below it one for each stage and each request to a FHIR server. A span says what the log line says and
nothing else: no address, no header, no message of an exception. It goes below the caller's own span where the call's
`traceparent` could be logged (see `correlation`). Spans are sent by a thread of the exporter; a collector that is
away costs spans, never an answer.

The wire format is OTLP over HTTP with Protobuf (https://opentelemetry.io/docs/specs/otlp/); headers for the collector
come from the usual ``OTEL_EXPORTER_OTLP_HEADERS``.
"""

from __future__ import annotations

from datetime import datetime

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from cds_hooks.clock import Clock, stopwatch
from cds_hooks.observing.call_line import CallLine
from cds_hooks.observing.correlation import CallerSpan

_NANOSECONDS = 1_000_000_000
_SEND_SECONDS = 5.0
# Spans of their own, or already the span's own trace.
_NOT_ATTRIBUTES = frozenset({"stages", "caller_trace"})


class Tracing:
    """Sends the spans of one application to a collector. Close it to send what is waiting."""

    def __init__(
        self,
        endpoint: str,
        *,
        share: float,
        version: str,
        clock: Clock,
        exporter: SpanExporter | None = None,
    ) -> None:
        """`endpoint` is the collector's whole address for traces; of calls without a sampling caller the `share`
        (0 to 1) is sent; `exporter` takes the place of the one for `endpoint`.
        """
        self._clock = clock
        self._provider = TracerProvider(
            resource=Resource.create({SERVICE_NAME: "trd-cds", SERVICE_VERSION: version}),
            sampler=ParentBased(TraceIdRatioBased(share)),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter or OTLPSpanExporter(endpoint, timeout=_SEND_SECONDS))
        )
        self._tracer = self._provider.get_tracer("trd-cds", version)

    def observe(self, line: CallLine) -> None:
        """Make the spans of a call that has just ended."""
        now = _Now(self._clock.now(), stopwatch())
        ended = now.instant(now.mark)
        span = self._tracer.start_span(
            f"{line.call} {line.service}".rstrip(),
            context=_below(line.caller_span) if line.caller_span is not None else Context(),
            kind=SpanKind.SERVER,
            start_time=ended - int(line.milliseconds / 1000 * _NANOSECONDS),
            attributes=_attributes(line),
        )
        if line.fault or line.write_failures:
            span.set_status(Status(StatusCode.ERROR))
        for timed in line.timed:
            self._inner(span, timed.name, timed.outcome, now.instant(timed.started), now.instant(timed.ended))
        span.end(ended)

    def _inner(self, outer: Span, name: str, outcome: str, started: int, ended: int) -> None:
        span = self._tracer.start_span(
            name,
            context=set_span_in_context(outer, Context()),
            kind=SpanKind.CLIENT if outcome else SpanKind.INTERNAL,
            start_time=started,
            attributes={"trd_cds.outcome": outcome} if outcome else None,
        )
        span.end(ended)

    def close(self) -> None:
        """Send what is waiting and stop; takes as long as the collector may take to answer once."""
        self._provider.shutdown()


class _Now:
    """One instant on both scales: the calendar's, which spans are told in, and the stopwatch's, which they are
    measured on.
    """

    def __init__(self, instant: datetime, mark: float) -> None:
        self.mark = mark
        self._nanoseconds = int(instant.timestamp() * _NANOSECONDS)

    def instant(self, mark: float) -> int:
        """Nanoseconds of the epoch at the stopwatch's `mark`."""
        return self._nanoseconds - int((self.mark - mark) * _NANOSECONDS)


def _below(caller: CallerSpan) -> Context:
    known = SpanContext(
        trace_id=int(caller.trace, 16),
        span_id=int(caller.span, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if caller.sampled else TraceFlags.DEFAULT),
    )
    return set_span_in_context(NonRecordingSpan(known), Context())


def _attributes(line: CallLine) -> dict[str, AttributeValue]:
    """The keys of the log line, which are all that may be said; of counted names the names."""
    said = {name: value for name, value in line.said().items() if name not in _NOT_ATTRIBUTES}
    return {f"trd_cds.{name}": tuple(value) if isinstance(value, dict) else value for name, value in said.items()}
