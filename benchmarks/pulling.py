"""What reading from the client's FHIR server costs: one call's searches at once, and a crowd of calls.

The server is a canned one in a process of its own (`benchmarks.canned_fhir`), so that what remains is waiting and our
own work.

1. Six searches that take 20 ms each, through `gather` as the service reads, in turn with the same six one by one and
   all at once through a plain httpx client, which is the floor. What the pull adds over the slowest of the six alone
   must stay below 12 ms.
2. 200 order-select hooks at once with nothing sent along, against a server that takes 50 ms, through the service as a
   site runs it, with the usual budget, with one of 20 s, and with more connections. None may end without patient and
   medication requests, or with an error.

    python -m benchmarks.pulling [--rounds 200] [--hooks 200] [--orders 12] [--only searches|crowd] [--json FILE]

Exit status 1 when a bound is not met.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
import orjson
import uvloop

from benchmarks.canned_fhir import canned_fhir, patient_id
from benchmarks.crowd_of_hooks import Crowd, crowd
from benchmarks.rows import percentile
from cds_hooks.catalogue import Query, queries
from cds_hooks.clock import SystemClock
from cds_hooks.ehr.access import EhrAccess
from cds_hooks.ehr.budget import Budget
from cds_hooks.ehr.connecting import outbound_client
from cds_hooks.ehr.searches import Wanted, searches
from cds_hooks.envelope import HookRequest
from cds_hooks.gather import OnNeed, gather
from cds_hooks.memory import settle_memory
from cds_hooks.observing.call_line import CallLine
from cds_hooks.outbound import FhirBase
from cds_hooks.settings import Settings
from mappings.load import Knowledge, load

SEARCH_SECONDS, HOOK_SECONDS = 0.020, 0.050
SIX = ("medicationRequests", "dispenses", "statements", "scales", "conditions", "procedures")
BOUND_MS = 12.0
_WARMING = 20
# Label, connections to the server (None: as set by default) and the settings of the service.
CROWDS: tuple[tuple[str, int | None, dict[str, str]], ...] = (
    ("default budget", None, {}),
    ("budget of 20 s", None, {"TRD_CDS_SOFT_BUDGET_SECONDS": "20", "TRD_CDS_DEADLINE_SECONDS": "20"}),
    ("default budget, 100 connections", 100, {}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulls:
    """Milliseconds of each round, in the order measured: the pull, the slowest of the same six alone, the median of
    the six alone, and the six at once through a plain client. `cpu` is our own process's work for one pull.
    """

    pull: tuple[float, ...]
    slowest: tuple[float, ...]
    usual: tuple[float, ...]
    floor: tuple[float, ...]
    cpu: tuple[float, ...]

    @property
    def added(self) -> list[float]:
        """What each pull took longer than the slowest search alone in its round."""
        return [pull - slowest for pull, slowest in zip(self.pull, self.slowest, strict=True)]


def main() -> None:
    """Measure, report, and end with 1 when a bound is not met."""
    parser = argparse.ArgumentParser(description="The cost of reading from the client's FHIR server.")
    parser.add_argument("--rounds", type=int, default=200, choices=range(20, 2001), metavar="N")
    parser.add_argument("--hooks", type=int, default=200, choices=range(1, 1001), metavar="N")
    parser.add_argument("--orders", type=int, default=12, choices=range(1, 101), metavar="N", help="in each record")
    parser.add_argument("--only", choices=("searches", "crowd"), help="one of the two measurements")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    given = parser.parse_args()
    knowledge = load()
    pulled: Pulls | None = None
    crowds: list[Crowd] = []
    if given.only != "crowd":
        with canned_fhir(SEARCH_SECONDS, given.orders) as base:
            pulled = uvloop.run(pulls(base, knowledge, given.rounds))
    if given.only != "searches":
        usual = Settings().ehr_connections
        for label, connections, environment in CROWDS:
            with canned_fhir(HOOK_SECONDS, given.orders) as base:
                crowds.append(
                    crowd(
                        base, knowledge, label=label, hooks=given.hooks, latency=HOOK_SECONDS,
                        connections=connections or usual, environment=environment, say=_say,
                    )
                )  # fmt: skip
    if given.json is not None:
        figures = {
            "searches": dataclasses.asdict(pulled) if pulled is not None else None,
            "crowds": [dataclasses.asdict(one) for one in crowds],
        }
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    good = [_report_pulls(pulled)] if pulled is not None else []
    if crowds:
        good.append(_report_crowds(crowds))
    sys.exit(0 if all(good) else 1)


async def pulls(base: str, knowledge: Knowledge, rounds: int) -> Pulls:
    """Rounds of six searches at the server at `base`: alone, at once, and as the service reads."""
    asked = [query for query in queries(knowledge) if query.key in SIX]
    addresses = [_address(base, query) for query in asked]
    settings = Settings(open_mode=True, fhir_servers=(base,))
    request = HookRequest(hook="order-select", hook_instance="bench", fhir_server=base, patient_id=patient_id(0))
    at = FhirBase.parse(base)
    if at is None:
        raise SystemExit("the canned server has no FHIR base")
    taken: list[tuple[float, float, float, float, float]] = []
    async with (
        outbound_client(
            rule=settings.address_rule, connections=settings.ehr_connections, http2=settings.ehr_http2,
            timeout_seconds=settings.deadline_seconds,
        ) as http,
        httpx.AsyncClient(trust_env=False) as plain,
    ):  # fmt: skip
        ehr = EhrAccess(http, settings, SystemClock())
        none = OnNeed((), SystemClock().today("UTC"))

        async def fetch(address: str) -> float:
            began = time.perf_counter()
            orjson.loads((await plain.get(address)).raise_for_status().content)
            return (time.perf_counter() - began) * 1000

        async def pull() -> tuple[float, float]:
            began, worked = time.perf_counter(), time.process_time()
            budget = Budget.starting(
                asyncio.get_running_loop().time(), soft_seconds=settings.soft_budget_seconds,
                hard_seconds=settings.deadline_seconds, token_seconds=None,
            )  # fmt: skip
            fhir = ehr.client(at, None, budget=budget, stated={}, line=CallLine())
            gathered = await gather(request, queries=tuple(asked), besides=none, fhir=fhir, budget=budget)
            taken_ms = (time.perf_counter() - began) * 1000
            if gathered.gaps:
                raise SystemExit(f"not read completely: {gathered.gaps}")
            return taken_ms, (time.process_time() - worked) * 1000

        settle_memory()
        for number in range(_WARMING + rounds):
            alone = [await fetch(address) for address in addresses]
            pulled, worked = await pull()
            began = time.perf_counter()
            await asyncio.gather(*map(fetch, addresses))
            floor = (time.perf_counter() - began) * 1000
            if number >= _WARMING:
                taken.append((pulled, max(alone), percentile(alone, 0.5), floor, worked))
            if number % 50 == 0:
                _say(f"six searches: round {number} of {_WARMING + rounds}")
        await ehr.aclose()
    pulled_ms, slowest, usual, floors, cpu = zip(*taken, strict=True)
    return Pulls(pull=pulled_ms, slowest=slowest, usual=usual, floor=floors, cpu=cpu)


def _address(base: str, query: Query) -> str:
    """The same request as the service makes."""
    [request] = searches()[query.key].variants[0].requests(patient_id(0), "bare", Wanted(codes=query.codes))
    return f"{base}/{request.resource_type}?{urlencode(request.parameters, safe='', quote_via=quote)}"


def _report_pulls(taken: Pulls) -> bool:
    """Print the table; whether the bound is met at the median and at the 90th percentile."""
    print(f"\nSix searches of {SEARCH_SECONDS * 1000:.0f} ms each, {len(taken.pull)} rounds, milliseconds")
    print(f"{'':44}{'p50':>8}{'p90':>8}{'p99':>8}")
    rows: Sequence[tuple[str, Sequence[float]]] = (
        ("one search alone, plain httpx", taken.usual),
        ("the slowest of the six alone", taken.slowest),
        ("floor: the six at once, plain httpx", taken.floor),
        ("the pull: the six through gather", taken.pull),
        ("  of which our own CPU", taken.cpu),
        ("added over the slowest alone, round by round", taken.added),
    )
    for name, times in rows:
        print(f"{name:44}" + "".join(f"{percentile(list(times), share):>8.1f}" for share in (0.5, 0.9, 0.99)))
    median, high = (percentile(taken.added, share) for share in (0.5, 0.9))
    met = high < BOUND_MS
    print(f"bound +{BOUND_MS:.0f} ms: {'met' if met else 'NOT met'} (median +{median:.1f}, p90 +{high:.1f})")
    return met


def _report_crowds(crowds: Sequence[Crowd]) -> bool:
    """Print the table; whether nothing failed and no hook starved."""
    print(
        f"\n{crowds[0].hooks} hooks at once, nothing sent along, FHIR server of {HOOK_SECONDS * 1000:.0f} ms; seconds"
    )
    print(
        f"{'':34}{'complete':>9}{'incompl.':>9}{'starved':>8}{'p50':>7}{'p95':>7}{'max':>7}{'alone':>7}{'requests':>9}{'floor':>7}{'CPU':>6}"
    )
    for one in crowds:
        p50, p95, alone = (
            percentile(list(one.times), 0.5),
            percentile(list(one.times), 0.95),
            percentile(list(one.alone), 0.5),
        )
        print(
            f"{one.label:34}{one.complete:>9}{one.incomplete:>9}{one.starved:>8}{p50:>7.2f}{p95:>7.2f}"
            f"{one.times[-1]:>7.2f}{alone:>7.2f}{one.requests:>9}{one.floor_seconds:>7.2f}{one.server_cpu_seconds:>6.2f}"
        )
        print(f"  statuses {one.statuses}; not read completely, by hooks: {one.gaps or 'nothing'}")
    print("floor: what the requests must wait for over the connections; CPU: of the one worker; alone: one hook, p50")
    good = all(not one.starved and set(one.statuses) == {200} for one in crowds)
    print(f"no hook starves or fails: {'met' if good else 'NOT met'}")
    return good


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
