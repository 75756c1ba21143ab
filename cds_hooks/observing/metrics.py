"""Metrics for Prometheus, made from the `CallLine` of each call that ends.

Every application has a registry of its own. With several workers (see `worker_files`) whichever of them is asked adds
up the numbers of all. A label's value is from a closed set, an id of the client registry or an id of the knowledge;
`none` stands where a call has none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from cds_hooks.bodies import Crowded
from cds_hooks.catalogue import SERVICES, queries
from cds_hooks.ehr.failures import REFUSALS
from cds_hooks.errors import Overloaded, TooBusy
from cds_hooks.observing.call_line import BOOKS, OTHER, CallLine
from cds_hooks.observing.worker_files import dead_workers, shared_directory
from cds_hooks.on_need import needs
from mappings.load import Knowledge

NONE = "none"
_HASH_START = 12
# From 1 ms to 10 s; 500 ms and the usual ends of reading, 350 and 1600 ms, are borders: alerts on them are exact.
_MILLISECONDS = (1, 2, 4, 8, 20, 50, 100, 200, 350, 500, 1000, 1600, 2 * 1000, 4 * 1000, 10 * 1000)
# What there was no room in, by the fault that a call ended in.
OVERLOADS = {Crowded.__name__: "intake", Overloaded.__name__: "queue", TooBusy.__name__: "fhir-turn"}
SECONDS = tuple(border / 1000 for border in _MILLISECONDS)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series of creation times beside every counter, which nothing asks for


class Metrics:
    """The metrics of one application. `observe` counts a call, `exposition` is what Prometheus reads."""

    def __init__(self, *, version: str, knowledge: Knowledge, breakers_open: Callable[[], int] = lambda: 0) -> None:
        """`version` is that of the engine; `knowledge` gives its version and hash, and names of kinds of data and of
        repairs. `breakers_open` counts the FHIR servers that are left in peace now.
        """
        self._breakers_open = breakers_open
        self.calls_now = 0
        self._shared = shared_directory()
        if self._shared is not None:  # a process before us may have had our number and left a gauge
            _forget(os.getpid(), self._shared)
        self._gaps = {*(query.resource_type for query in queries(knowledge)), *(n.read_as for n in needs(knowledge))}
        self._repair_names = {repair.id for repair in knowledge.repairs.repairs}
        self._about = _About(version, knowledge)
        self._registry = registry = CollectorRegistry()
        registry.register(self._about)

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"trd_cds_{name}", meaning, labels, registry=registry)

        def durations(name: str, meaning: str, *labels: str) -> Histogram:
            return Histogram(f"trd_cds_{name}_seconds", meaning, labels, buckets=SECONDS, registry=registry)

        self._calls = counter("calls", "Calls ended", "call", "service", "client", "status", "mode")
        self._call_seconds = durations("call", "From the first byte to the end of the answer", "call", "service")
        self._stage_seconds = durations("stage", "Time in one stage of a call", "service", "stage")
        self._cards = counter("cards", "Cards composed", "kind", "hook", "client", "mode")
        self._card_rules = counter("card_rules", "Cards composed, by each rule behind them", "rule", "hook", "mode")
        self._gap_calls = counter("gaps", "Calls with a kind of data not completely read", "kind", "hook")
        self._fhir = counter("fhir_calls", "Requests to clients' FHIR servers", "resource_type", "outcome")
        self._fhir_seconds = durations("fhir_call", "Time of one request to a FHIR server", "resource_type")
        self._fhir_retries = counter("fhir_retries", "Requests to FHIR servers made once more", "resource_type")
        self._not_called = counter("addresses_refused", "Calls in which an address was not called", "reason")
        self._repairs = counter("repairs", "Places in received data that were mended while they were read", "repair")
        self._budget = counter("budget_ended", "Calls whose reading was ended by time", "budget", "hook")
        self._feedback = counter("feedback_items", "Items of feedback taken", "outcome", "match")
        self._refused = counter("authentication_refusals", "Calls answered with 401", "call", "service")
        self._limited = counter("rate_limit_refusals", "Calls answered with 429", "call", "client")
        self._overloads = counter("overload_refusals", "Calls answered with 503 for want of room", "where")
        self._faults = counter("faults", "Calls that ended in a fault of our own", "call", "service")
        self._unwritten = counter("write_failures", "Records that could not be written", "book")
        self._in_flight = Gauge(
            "trd_cds_calls_in_flight", "Calls being worked on", registry=registry, multiprocess_mode="livesum"
        )
        self._breakers = Gauge(
            "trd_cds_fhir_breakers_open",
            "FHIR servers that failed and have not answered well since",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """What must never happen is counted from 0: the first time is an increase only where there was a 0 before."""
        for book in BOOKS:
            self._unwritten.labels(book)
        for reason in REFUSALS:
            self._not_called.labels(reason)
        for where in OVERLOADS.values():
            self._overloads.labels(where)
        for call in ("hook", "feedback"):
            for service in SERVICES:
                self._faults.labels(call, service)

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a call as being worked on."""
        self._in_flight.inc()
        self.calls_now += 1
        try:
            yield
        finally:
            self._in_flight.dec()
            self.calls_now -= 1

    def observe(self, line: CallLine) -> None:
        """Count a call that has ended; call it once per call."""
        service, client = line.service or NONE, line.client or NONE
        self._calls.labels(line.call, service, client, str(line.status or NONE), line.mode or NONE).inc()
        self._call_seconds.labels(line.call, service).observe(line.milliseconds / 1000)
        for stage, milliseconds in line.stages.items():
            self._stage_seconds.labels(service, stage).observe(milliseconds / 1000)
        for call in line.fhir:
            self._fhir.labels(call.resource_type, call.outcome).inc()
            if call.outcome != "not-asked":
                self._fhir_seconds.labels(call.resource_type).observe(call.milliseconds / 1000)
        for resource_type, times in line.fhir_retries.items():
            self._fhir_retries.labels(resource_type).inc(times)
        for reason in set(line.refused_addresses):
            self._not_called.labels(reason).inc()
        for repair, places in line.repairs.items():
            self._repairs.labels(repair if repair in self._repair_names else OTHER).inc(places)
        for (outcome, match), items in line.feedback.items():
            self._feedback.labels(outcome, match).inc(items)
        if line.status == HTTPStatus.UNAUTHORIZED:
            self._refused.labels(line.call, service).inc()
        if line.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._limited.labels(line.call, client).inc()
        if line.outcome in OVERLOADS:
            self._overloads.labels(OVERLOADS[line.outcome]).inc()
        if line.fault:
            self._faults.labels(line.call, service).inc()
        for book in line.write_failures:
            self._unwritten.labels(book).inc()
        self._breakers.set(self._breakers_open())
        self._observe_cards(line, client)

    def observe_refused(self) -> None:
        """Count a call that was refused before anything of it was looked at."""
        self._calls.labels("hook", NONE, NONE, str(Overloaded.status), NONE).inc()
        self._overloads.labels(OVERLOADS[Overloaded.__name__]).inc()

    def _observe_cards(self, line: CallLine, client: str) -> None:
        known = SERVICES.get(line.service)
        hook = known.hook if known is not None else NONE
        for kinds, mode in ((line.cards, "shown"), (line.shadowed_cards, "shadowed")):
            for kind in kinds:
                self._cards.labels(kind, hook, client, mode).inc()
        for rule, shown in line.card_rules:
            self._card_rules.labels(rule, hook, "shown" if shown else "shadowed").inc()
        if line.budget:
            self._budget.labels(line.budget, hook).inc()
        for gap in line.gaps:
            self._gap_calls.labels(gap if gap in self._gaps else OTHER, hook).inc()

    def exposition(self) -> tuple[bytes, str]:
        """All metrics in the text format of Prometheus, and its content type. With several workers, of all of them."""
        self._breakers.set(self._breakers_open())
        if self._shared is None:
            return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4
        for pid in dead_workers(self._shared):
            _forget(pid, self._shared)
        together = CollectorRegistry()
        together.register(self._about)
        MultiProcessCollector(together, path=str(self._shared))  # type: ignore[no-untyped-call]
        return generate_latest(together), CONTENT_TYPE_PLAIN_0_0_4


class _About(Collector):
    """What answers: versions of engine and knowledge. The same in all workers, so no file holds it."""

    def __init__(self, version: str, knowledge: Knowledge) -> None:
        self._labels = {
            "version": version,
            "knowledge_version": knowledge.version,
            "knowledge_hash": knowledge.content_hash.removeprefix("sha256:")[:_HASH_START],
        }

    def collect(self) -> Iterator[InfoMetricFamily]:
        yield InfoMetricFamily("trd_cds", "Versions of engine and knowledge", value=self._labels)


def _forget(pid: int, directory: Path) -> None:
    """Remove the gauges of a process that is gone; its counters stay."""
    mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]
