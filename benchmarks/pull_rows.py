"""Reading from the client's FHIR server: six searches at once, and a whole hook with nothing sent along."""

from __future__ import annotations

import statistics

import uvloop

from benchmarks.bench_server import bench_server
from benchmarks.canned_fhir import canned_fhir
from benchmarks.corpora import knowledge, nothing_sent
from benchmarks.load_generator import load
from benchmarks.order_rows import SERVICE, Pace, alternating, check_answer
from benchmarks.pulling import BOUND_MS, SEARCH_SECONDS, pulls
from benchmarks.rows import Rounds, Row, percentile, verdict
from benchmarks.serving_process import free_port
from cds_hooks.clock import SystemClock

_ORDERS = 12


def pull_rows(pace: Pace) -> list[Row]:
    """What a pull adds to the slowest of its searches, and how long a whole hook takes that must pull all."""
    rounds = 20 if pace.quick else 200
    with canned_fhir(SEARCH_SECONDS, _ORDERS) as base:
        taken = uvloop.run(pulls(base, knowledge(), rounds))
        port, corpus = free_port(), nothing_sent(base)
        with bench_server(port, SystemClock().now(), fhir=base):  # the canned record ends today
            check_answer(port, corpus)
            address = f"http://127.0.0.1:{port}{SERVICE}"
            whole = alternating(pace, {"hook": lambda seconds: load(address, corpus.body, seconds=seconds)})["hook"]
    added = statistics.median(taken.added)
    search = f"{SEARCH_SECONDS * 1000:.0f} ms"
    hook: Rounds = whole.rounds("p50")
    slowest = statistics.median(taken.slowest)
    return [
        Row(
            id="pull",
            work=f"pull route, 6 searches at {search} each, {len(taken.pull)} rounds",
            against="slowest single search",
            target=f"at most +{BOUND_MS:.0f} ms",
            measured=f"+{added:.1f} ms (p90 +{percentile(taken.added, 0.9):.1f}); "
            f"{statistics.median(taken.pull):.1f} ms",
            met=verdict(added, BOUND_MS),
            figures={
                "added_p50": added,
                "added_p90": percentile(taken.added, 0.9),
                "pull_p50": statistics.median(taken.pull),
                "slowest_p50": slowest,
                "plain_client_p50": statistics.median(taken.floor),
                "own_cpu_p50": statistics.median(taken.cpu),
            },
            note=f"a plain client takes {statistics.median(taken.floor):.1f} ms for the six at once; "
            f"our own CPU {statistics.median(taken.cpu):.1f} ms",
        ),
        Row(
            id="pull-hook",
            work=f"order-select, nothing sent, all read from a server of {search} (one caller)",
            against="slowest single search",
            target="told for comparison",
            measured=f"{hook.told('.0f')} ms, {hook.median - slowest:+.0f} ms",
            met="told",
            figures=whole.figures(),
        ),
    ]
