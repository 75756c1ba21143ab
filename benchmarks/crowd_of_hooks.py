"""A crowd of hooks at once, with nothing sent along, against the whole service as a site runs it.

`trd-cds serve` with one worker, login, records and knowledge accepted. Each hook is an order-select for a patient of
its own; how far it could read is taken from its line in the log.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmarks.canned_fhir import patient_id
from benchmarks.serving_process import Installation, ServerProcess, serving
from cds_hooks.clock import SystemClock
from cds_hooks.simulator.drafting import choices, draft
from cds_hooks.simulator.hook_requests import hook_request
from mappings.load import Knowledge

SERVICE_ID = "trd-order-select"
AUDIENCE = f"https://cds.example/cds-services/{SERVICE_ID}"
_ESSENTIAL = frozenset({"Patient", "MedicationRequest"})
_WARMING = 10  # hooks one after the other before the crowd: connections, code paths, the server's statement
_LONGEST_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Told:
    """One hook's answer as the client saw it: status, seconds since the crowd began, whether it held a card."""

    status: int
    seconds: float
    cards: int
    correlation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What became of a crowd. `starved` hooks ended without patient or medication requests; `requests` are those to
    the FHIR server, `floor_seconds` what their waiting alone takes over `connections`. `gaps` counts hooks by kind of
    data not read completely; `times` are seconds of each hook, sorted; `alone` those of hooks one at a time.
    """

    label: str
    hooks: int
    complete: int
    incomplete: int
    starved: int
    statuses: dict[int, int]
    gaps: dict[str, int]
    requests: int
    connections: int
    floor_seconds: float
    server_cpu_seconds: float
    times: tuple[float, ...]
    alone: tuple[float, ...]


def crowd(
    base: str,
    knowledge: Knowledge,
    *,
    label: str,
    hooks: int,
    latency: float,
    connections: int,
    environment: dict[str, str],
    say: Callable[[str], None],
) -> Crowd:
    """Send `hooks` at once to a service of its own that reads from `base`. SystemExit when it complains or fails."""
    with tempfile.TemporaryDirectory(prefix="trd-cds-crowd-") as folder:
        installation = Installation.make(Path(folder), fhir_server=base)
        upgraded = installation.command("database", "upgrade")
        if upgraded.returncode:
            raise SystemExit(f"the database could not be made: {upgraded.stderr}")
        more = {**environment, "TRD_CDS_EHR_CONNECTIONS": str(connections)}
        with serving(installation, **more) as server:
            say(f"{label}: {_WARMING} hooks one by one, then {hooks} at once")
            payloads = [_request(installation, base, knowledge, number) for number in range(_WARMING + hooks)]
            alone, together, cpu = asyncio.run(_run(server, payloads))
            server.stop()
        lines = _lines(server.said)
    mine = [lines[told.correlation_id] for told in together if told.correlation_id in lines]
    if len(mine) < len(together):
        raise SystemExit(f"{len(together) - len(mine)} hooks left no line in the log")
    unread = [frozenset(line.get("gaps", ())) for line in mine]
    answered = [told.status == 200 for told in together]
    requests = sum(line.get("fhir_calls", 0) for line in mine)
    return Crowd(
        label=label,
        hooks=hooks,
        complete=sum(ok and not gaps for ok, gaps in zip(answered, unread, strict=True)),
        incomplete=sum(ok and bool(gaps) for ok, gaps in zip(answered, unread, strict=True)),
        starved=sum(not ok or bool(gaps & _ESSENTIAL) for ok, gaps in zip(answered, unread, strict=True)),
        statuses=dict(sorted(Counter(told.status for told in together).items())),
        gaps=dict(Counter(gap for gaps in unread for gap in gaps).most_common()),
        requests=requests,
        connections=connections,
        floor_seconds=-(-requests // connections) * latency,
        server_cpu_seconds=cpu,
        times=tuple(sorted(told.seconds for told in together)),
        alone=tuple(sorted(told.seconds for told in alone)),
    )


def _request(installation: Installation, base: str, knowledge: Knowledge, number: int) -> bytes:
    """A whole HTTP request, so that sending it costs the client nothing."""
    who = patient_id(number)
    [product, *_] = [product for drug in choices(knowledge) for product in drug.products]
    today = SystemClock().today("UTC")
    order = draft(product.code, 1, patient_id=who, day=today, knowledge=knowledge)
    asked = hook_request(hook="order-select", patient_id=who, draft=order, prefetch={}, fhir_server=base)
    asked["fhirAuthorization"] = {
        "access_token": uuid.uuid4().hex, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.rs",
        "subject": "measuring-client", "patient": who,
    }  # fmt: skip
    body = orjson.dumps(asked)
    head = (
        f"POST /cds-services/{SERVICE_ID} HTTP/1.1\r\nHost: cds.example\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {installation.token(AUDIENCE)}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body


async def _run(server: ServerProcess, payloads: Sequence[bytes]) -> tuple[list[Told], list[Told], float]:
    """The hooks sent one by one, those sent at once, and the CPU seconds the server spent on the latter."""
    alone = [await _told(server.port, payload, time.monotonic()) for payload in payloads[:_WARMING]]
    before, began = _cpu_seconds(server), time.monotonic()
    async with asyncio.timeout(_LONGEST_SECONDS):
        together = await asyncio.gather(*(_told(server.port, payload, began) for payload in payloads[_WARMING:]))
    return alone, list(together), _cpu_seconds(server) - before


async def _told(port: int, payload: bytes, began: float) -> Told:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(payload)
    answer = await reader.read()
    seconds = time.monotonic() - began
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    headers = dict(field.lower().split(": ", 1) for field in fields)
    code = int(status.split()[1])
    cards = len(json.loads(body)["cards"]) if code == 200 else 0
    return Told(code, seconds, cards, headers["x-correlation-id"])


def _cpu_seconds(server: ServerProcess) -> float:
    """User and system time of the process, in clock ticks of a hundredth of a second."""
    [pid] = server.workers()
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _lines(said: Path) -> dict[str, dict[str, Any]]:
    """The lines of calls in the log, by correlation id."""
    found = {}
    for text in said.read_text(encoding="utf-8").splitlines():
        if text.startswith("{") and (line := json.loads(text)).get("event") == "call":
            found[line["correlation_id"]] = line
    return found
