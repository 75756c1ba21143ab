"""Records of 50, 500 and 5,000 resources: what a byte costs, how long the largest takes, and who waits meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import uvloop

from benchmarks.bare import FLOOR
from benchmarks.bench_server import bench_server
from benchmarks.callers import Told, in_turn, keep_calling, post
from benchmarks.corpora import SIZES, history, moment, sized
from benchmarks.load_generator import Load, await_rest, load
from benchmarks.order_rows import SERVICE, Measured, Pace, alternating, check_answer, say
from benchmarks.rows import Rounds, Row, percentile, verdict
from benchmarks.serving_process import free_port

_FLAT = 1.05  # flat, as far as times can tell
_P95_MS = 100.0
_MEANWHILE_MS = 20.0


def size_rows(pace: Pace, sizes: Sequence[int] = SIZES) -> list[Row]:
    """Cost by size; the largest; and a usual request beside the largest ones."""
    port, largest = free_port(), max(sizes)
    # A large request takes long: a round must hold some.
    slow = Pace(pace.rounds, pace.seconds * (1 if pace.quick else 2), pace.quick)
    with bench_server(port, moment()):
        for size in sizes:
            check_answer(port, sized(size))
        works: dict[str, Callable[[int], Load]] = {}
        for size in sizes:
            works[f"floor of {size}"] = _to(port, FLOOR, sized(size).body)
            works[f"{size}"] = _to(port, SERVICE, sized(size).body)
        taken = alternating(slow, works)
        say("a usual request alone and beside the largest")
        await_rest(f"http://127.0.0.1:{port}")
        alone, beside, big = uvloop.run(_meanwhile(port, sized(largest).body, pace.rounds * pace.seconds))
    each = {size: _per_kilobyte(taken[f"{size}"], size) for size in sizes}
    floors = {size: _per_kilobyte(taken[f"floor of {size}"], size) for size in sizes}
    rows = []
    for size in sizes:
        over = each[size].over(each[min(sizes)])
        rows.append(
            Row(
                id=f"size-{size}",
                work=f"{size:,} prefetched resources, {len(sized(size).body) // 1000:,} kB",
                against=f"the {min(sizes)}-resource case, per byte" if size != min(sizes) else "-",
                target="the cost of a byte falls or stays flat" if size != min(sizes) else "the base of those below",
                measured=f"{each[size].told('.3f')} ms a kB ({over.median:.2f}x), "
                f"{taken[f'{size}'].rounds('p50').median:.1f} ms",
                met=verdict(over.median, _FLAT) if size != min(sizes) else "told",
                figures={
                    "ms_per_kb": each[size].figures(),
                    "floor_ms_per_kb": floors[size].figures(),
                    "kilobytes": len(sized(size).body) / 1000,
                    "service": taken[f"{size}"].figures(),
                    "floor": taken[f"floor of {size}"].figures(),
                },
                note=f"floor: {floors[size].median:.3f} ms a kB",
            )
        )
    p95 = taken[f"{largest}"].rounds("p95")
    rows.append(
        Row(
            id="largest",
            work=f"{largest:,} prefetched resources, one caller",
            against="-",
            target=f"p95 under {_P95_MS:.0f} ms",
            measured=f"p95 {p95.told('.0f')} ms",
            met=verdict(p95.median, _P95_MS),
            figures={"p95": p95.figures()},
            note=f"floor: p95 {taken[f'floor of {largest}'].rounds('p95').median:.0f} ms",
        )
    )
    rows.append(_beside(alone, beside, big, largest))
    return rows


def _per_kilobyte(taken: Measured, size: int) -> Rounds:
    kilobytes = len(sized(size).body) / 1000
    return Rounds(tuple(value / kilobytes for value in taken.rounds("p50").values))


def _beside(alone: list[Told], beside: list[Told], big: list[Told], largest: int) -> Row:
    times, quiet = ([one.milliseconds for one in told] for told in (beside, alone))
    added = percentile(times, 0.95) - percentile(quiet, 0.95)
    failed = sum(one.status != 200 for one in (*alone, *beside, *big))
    return Row(
        id="beside-largest",
        work=f"the 50 + 30 request while another caller sends {largest:,} resources again and again",
        against="the same alone",
        target=f"other requests are not blocked: p95 at most +{_MEANWHILE_MS:.0f} ms",
        measured=f"p95 {percentile(quiet, 0.95):.1f} ms alone, {percentile(times, 0.95):.1f} ms beside ({added:+.1f}), "
        f"longest {max(times):.0f} ms",
        met="missed" if failed else verdict(added, _MEANWHILE_MS),
        figures={
            "alone_p50": percentile(quiet, 0.5),
            "alone_p95": percentile(quiet, 0.95),
            "beside_p50": percentile(times, 0.5),
            "beside_p95": percentile(times, 0.95),
            "beside_longest": max(times),
            "large_requests_meanwhile": len(big),
        },
        note=f"{failed} failed" if failed else "",
    )


async def _meanwhile(port: int, large: bytes, seconds: int) -> tuple[list[Told], list[Told], list[Told]]:
    usual, loop = post(SERVICE, history().body), asyncio.get_running_loop()
    await in_turn(port, [usual], times=5)
    alone = await keep_calling(port, usual, callers=1, until=loop.time() + seconds)
    until = loop.time() + seconds
    beside, big = await asyncio.gather(
        keep_calling(port, usual, callers=1, until=until),
        keep_calling(port, post(SERVICE, large), callers=1, until=until),
    )
    return alone, beside, big


def _to(port: int, path: str, body: bytes) -> Callable[[int], Load]:
    return lambda seconds: load(f"http://127.0.0.1:{port}{path}", body, seconds=seconds)
