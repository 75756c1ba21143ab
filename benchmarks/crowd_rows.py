"""Many callers at once: throughput and tail at 64, and what becomes of more than can be served."""

from __future__ import annotations

import asyncio
from collections import Counter

import uvloop

from benchmarks.bare import FLOOR
from benchmarks.bench_server import bench_server
from benchmarks.callers import Told, keep_calling, post
from benchmarks.corpora import history, moment
from benchmarks.load_generator import await_rest, load
from benchmarks.order_rows import SERVICE, Pace, alternating, check_answer, say
from benchmarks.rows import Row, percentile, verdict
from benchmarks.serving_process import free_port

CALLERS, CROWD = 64, 512
_TAIL = 10.0
_PATIENCE_SECONDS = 5.0  # what a patient client waits
_EARLY_MS = 500.0  # what CDS Hooks asks of any answer


def crowd_rows(pace: Pace) -> list[Row]:
    """64 callers against one, and 512 callers."""
    port, corpus = free_port(), history()
    with bench_server(port, moment()):
        check_answer(port, corpus)
        address = f"http://127.0.0.1:{port}{SERVICE}"
        taken = alternating(
            Pace(pace.rounds, max(2, pace.seconds), pace.quick),
            {
                "one": lambda seconds: load(address, corpus.body, seconds=seconds),
                "many": lambda seconds: load(address, corpus.body, callers=CALLERS, seconds=seconds),
            },
        )
        say(f"{CROWD} callers")
        seconds = 3 if pace.quick else 15
        await_rest(address)
        answered = uvloop.run(_crowd(port, post(FLOOR, corpus.body), seconds))
        ceiling = sum(one.status == 200 for one in answered) / seconds
        crowd = uvloop.run(_crowd(port, post(SERVICE, corpus.body), seconds))
    over = taken["many"].rounds("per_second").over(taken["one"].rounds("per_second"))
    tail = taken["many"].rounds("p99").over(taken["many"].rounds("p50"))
    figures = {name: one.figures() for name, one in taken.items()}
    return [
        Row(
            id="callers-throughput",
            work=f"{CALLERS} concurrent callers, the 50 + 30 request",
            against="own single-caller throughput",
            target="throughput does not fall",
            measured=f"{taken['many'].rounds('per_second').told('.0f')} requests/s, {over.told('.2f')}x of one caller",
            met=verdict(over.median, 1.0, at_least=True),
            figures=figures | {"over_one": over.figures()},
        ),
        Row(
            id="callers-tail",
            work=f"{CALLERS} concurrent callers, the 50 + 30 request",
            against="own p50",
            target=f"p99 under {_TAIL:.0f}x p50",
            measured=f"p99 {tail.told('.1f')}x; {taken['many'].rounds('p50').median:.0f} / "
            f"{taken['many'].rounds('p99').median:.0f} ms",
            met=verdict(tail.median, _TAIL),
            figures={"p99_over_p50": tail.figures()},
        ),
        _overload(crowd, seconds, ceiling),
    ]


async def _crowd(port: int, request: bytes, seconds: int) -> list[Told]:
    until = asyncio.get_running_loop().time() + seconds
    return await keep_calling(port, request, callers=CROWD, until=until, patience=_PATIENCE_SECONDS)


def _overload(told: list[Told], seconds: int, ceiling: float) -> Row:
    counts = Counter(one.status for one in told)
    served = [one.milliseconds for one in told if one.status == 200]
    shed = [one for one in told if one.status == 503]
    late, others = counts[0], len(told) - counts[200] - counts[503] - counts[0]
    early = percentile([one.milliseconds for one in shed], 0.99) if shed else 0.0
    kept = not late and not others and all(one.retry_after for one in shed) and early <= _EARLY_MS
    kept = kept and bool(served) and (bool(shed) or percentile(served, 0.99) <= _EARLY_MS)
    slow = f"{percentile(served, 0.5):.0f} / {percentile(served, 0.99):.0f} ms" if served else "-"
    refused = f"{len(shed)} refused with 503 (p99 {early:.0f} ms)" if shed else "none refused"
    return Row(
        id="overload",
        work=f"{CROWD} concurrent callers that wait {_PATIENCE_SECONDS:.0f} s at most",
        against="-",
        target=f"overload is shed within {_EARLY_MS:.0f} ms with 503 and Retry-After, never by time-out",
        measured=f"{counts[200]} served ({slow}), {refused}, {late} timed out, {others} failed otherwise",
        met="met" if kept else "missed",
        figures={
            "seconds": seconds,
            "statuses": {str(status): many for status, many in sorted(counts.items())},
            "without_retry_after": sum(not one.retry_after for one in shed),
            "shed_p99_ms": early,
            "served_p50_ms": percentile(served, 0.5) if served else None,
            "served_p99_ms": percentile(served, 0.99) if served else None,
            "generator_floor_per_second": ceiling,
        },
        note=f"these callers are Python: against the floor they reach {ceiling:.0f} requests/s",
    )
