"""A FHIR server that costs next to nothing: fixed answers after a fixed time, in a process of its own.

What is measured against it is the service and the waiting, not a server's work. Every patient ``bench-NNNN`` has the
same record. A search that asks for a window of time finds nothing, as most laboratory searches do.

    python -m benchmarks.canned_fhir --port P --latency SECONDS --orders N
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import httpx
import orjson

from benchmarks.serving_process import free_port
from cds_hooks.clock import SystemClock
from cds_hooks.fhir_writer import (
    Resource,
    coding,
    collection,
    concept,
    condition,
    dosage,
    medication_dispense,
    medication_request,
    observation,
    patient,
    quantity,
)
from cds_hooks.simulator.drafting import choices
from mappings.load import Knowledge, load

_ORDERS_OF_A_DRUG = 4
_ANYBODY = "bench-0000"
_NAMED = re.compile(rb"bench-\d{4}")
_TARGET = re.compile(rb"^(GET|POST) /fhir/([A-Za-z]+)([^ ]*) ")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)\r\n")


def patient_id(number: int) -> str:
    """The id of one of the 10,000 patients; all are of one length."""
    return f"bench-{number:04}"


def record(knowledge: Knowledge, today: date, orders: int) -> list[Resource]:
    """A month for each of `orders`: an order, a dispense and a score; a diagnosis, and the patient.

    Four orders of a drug follow each other, then comes another drug.
    """
    products = [product for drug in choices(knowledge) for product in drug.products]
    made: list[Resource] = [patient(id_=_ANYBODY, birth=today.replace(year=today.year - 45, day=1), sex="female")]
    for number in range(orders):
        product = products[number // _ORDERS_OF_A_DRUG * 7 % len(products)]
        medication = concept(coding(knowledge.uri_of("rxnorm"), product.code, product.name), text=product.name)
        day = today - timedelta(days=30 * (orders - number))
        taken = dosage(text="1 a day", dose=quantity(1, "tablet", ucum="{tbl}"), frequency=1)
        made.append(
            medication_request(
                id_=f"order-{number}", patient_id=_ANYBODY, medication=medication, status="completed", authored=day,
                dosages=[taken], fill=quantity(30, "tablet"), fill_days=30,
            )
        )  # fmt: skip
        made.append(
            medication_dispense(
                id_=f"dispense-{number}", patient_id=_ANYBODY, medication=medication, status="completed",
                handed_over=day, supply=quantity(30, "tablet"), supply_days=30,
            )
        )  # fmt: skip
    scale = next(iter(knowledge.instruments.values()))
    code = scale.total_codes[0]
    for number in range(orders):
        made.append(
            observation(
                id_=f"score-{number}", patient_id=_ANYBODY,
                code=concept(coding(knowledge.uri_of(code.system), code.code)),
                day=today - timedelta(days=30 * (orders - number)), value=int(scale.maximum * 0.7),
            )
        )  # fmt: skip
    depression = next(category for category in knowledge.conditions.categories if category.id == "depression")
    codes = depression.code_sets[0]
    named = coding(knowledge.uri_of(codes.system), (*codes.exact, *codes.prefixes)[0])
    made.append(
        condition(id_="depression", patient_id=_ANYBODY, code=concept(named), onset=today - timedelta(days=30 * orders))
    )
    return made


def answers(resources: list[Resource]) -> dict[bytes, bytes]:
    """The body for each resource type, ``metadata`` among them; under an empty name that of a search for nothing."""
    kinds = {str(one["resourceType"]) for one in resources} - {"Patient"}
    found = {
        kind: collection([one for one in resources if one["resourceType"] == kind], kind="searchset") for kind in kinds
    }
    [person] = [one for one in resources if one["resourceType"] == "Patient"]
    statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"mode": "server"}]}
    whole = {**found, "Patient": person, "metadata": statement, "": collection([], kind="searchset")}
    return {kind.encode(): orjson.dumps(body) for kind, body in whole.items()}


class Canned(asyncio.Protocol):
    """One connection: requests one after the other, each answered `latency` seconds after it was read."""

    def __init__(self, bodies: dict[bytes, bytes], latency: float) -> None:
        self._bodies, self._latency = bodies, latency
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n") + 4) > 3:
            stated = _LENGTH.search(self._received, 0, end)
            whole = end + (int(stated[1]) if stated else 0)
            if len(self._received) < whole:
                return
            request, self._received = self._received[:whole], self._received[whole:]
            asyncio.get_running_loop().call_later(self._latency, self._answer, request)

    def _answer(self, request: bytes) -> None:
        asked = _TARGET.match(request)
        if self._transport.is_closing():
            return
        if asked is None:
            self._transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        windowed = b"date=ge" in request
        body = self._bodies[b""] if windowed else self._bodies.get(asked[2], self._bodies[b""])
        if who := _NAMED.search(request):
            body = body.replace(_ANYBODY.encode(), who[0])
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


@contextmanager
def canned_fhir(latency: float, orders: int) -> Iterator[str]:
    """The base of a server process that waits `latency` seconds and has records of `orders`; stopped with the block."""
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "benchmarks.canned_fhir", "--port", str(port)),
            *("--latency", str(latency), "--orders", str(orders)),
        ],
        cwd=Path(__file__).parents[1],
    )
    base = f"http://127.0.0.1:{port}/fhir"
    try:
        until = time.monotonic() + 30
        while not _answers(base):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("the canned FHIR server did not start")
            time.sleep(0.05)
        yield base
    finally:
        process.terminate()
        process.wait(timeout=10)


def _answers(base: str) -> bool:
    try:
        return httpx.get(f"{base}/metadata", trust_env=False).is_success
    except httpx.TransportError:
        return False


async def _serve(port: int, latency: float, orders: int) -> None:
    bodies = answers(record(load(), SystemClock().today("UTC"), orders))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Canned(bodies, latency), "127.0.0.1", port, backlog=512)
    await server.serve_forever()


def main() -> None:
    """Serve until it is stopped."""
    parser = argparse.ArgumentParser(description="A FHIR server of fixed answers, on this machine only.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency", type=float, required=True, metavar="SECONDS")
    parser.add_argument("--orders", type=int, required=True, metavar="N")
    given = parser.parse_args()
    asyncio.run(_serve(given.port, given.latency, given.orders))


if __name__ == "__main__":
    main()
