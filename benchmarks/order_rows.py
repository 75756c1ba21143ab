"""Order-select with everything prefetched: against the floor of the same server, and against the peer."""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson

from benchmarks import peer_server
from benchmarks.bare import FLOOR, FRAMEWORK
from benchmarks.bench_server import bench_server
from benchmarks.corpora import Corpus, all_drugs, history, moment, no_concern
from benchmarks.load_generator import Load, load
from benchmarks.rows import Rounds, Row, verdict
from benchmarks.serving_process import Installation, free_port

SERVICE = "/cds-services/trd-order-select"
_AUDIENCE = "https://cds.example" + SERVICE
_CALLERS = 16
_TOKENS_A_SECOND = 1_000  # more than the service answers
_P50, _P50_STRETCH, _P99, _NO_CONCERN = 4.0, 3.0, 6.0, 1.3


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to measure: `rounds` of each kind in turn, each of whole `seconds`. `quick` is a smoke test."""

    rounds: int
    seconds: int
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """What the rounds of one kind of load came to."""

    loads: tuple[Load, ...]

    def rounds(self, name: str) -> Rounds:
        """One figure of every round."""
        return Rounds(tuple(getattr(one, name) for one in self.loads))

    def figures(self) -> dict[str, object]:
        """For the JSON, in milliseconds and requests a second."""
        told = {name: self.rounds(name).figures() for name in ("p50", "p95", "p99", "per_second", "busy", "cpu")}
        return told | {"requests": sum(one.requests for one in self.loads)}


def alternating(pace: Pace, works: dict[str, Callable[[int], Load]]) -> dict[str, Measured]:
    """Each of `works` in turn, round after round, after a second of warming; a work is told how many seconds it has."""
    for work in works.values():
        work(1)
    loads: dict[str, list[Load]] = defaultdict(list)
    for number in range(pace.rounds):
        say(f"round {number + 1} of {pace.rounds}: {', '.join(works)}")
        for name, work in works.items():
            loads[name].append(work(pace.seconds))
    return {name: Measured(tuple(taken)) for name, taken in loads.items()}


def order_rows(pace: Pace, *, with_peer: bool) -> list[Row]:
    """The rows of one caller against the floor, and of many callers against the peer."""
    corpora = {"history": history(), "no-concern": no_concern(), "all-drugs": all_drugs()}
    port = free_port()
    with ExitStack() as running:
        server = running.enter_context(bench_server(port, moment())).pid
        peer = running.enter_context(peer_server.peer_server()) if with_peer else None
        for corpus in corpora.values():
            check_answer(port, corpus)
        works: dict[str, Callable[[int], Load]] = {}
        for name, corpus in corpora.items():
            works[f"floor of {name}"] = _to(port, FLOOR, corpus.body, server=server)
            works[name] = _to(port, SERVICE, corpus.body, server=server)
        works["framework"] = _to(port, FRAMEWORK, corpora["history"].body, server=server)
        one = alternating(pace, works)
        many = {
            "service": _to(port, SERVICE, corpora["history"].body, _CALLERS),
            "floor": _to(port, FLOOR, corpora["history"].body, _CALLERS),
        }
        if peer is not None:
            many["peer"] = _to(peer, peer_server.PATH, corpora["history"].body, _CALLERS)
        crowd = alternating(pace, many)
    return [
        *_against_floor(one, corpora),
        _against_peer(crowd),
        _ceiling(crowd),
    ]


def kept_row(pace: Pace) -> Row:
    """The same request to the application of `trd-cds serve`: signed token, store and audit."""
    corpus, port = history(), free_port()
    with tempfile.TemporaryDirectory(prefix="trd-cds-bench-") as folder:
        installation = Installation.make(Path(folder), algorithm="RS384")
        said = Path(folder) / "server.log"
        tokens = iter(lambda: installation.token(_AUDIENCE, at=moment()), None)

        def kept(seconds: int) -> Load:
            mine = [next(tokens) for _ in range(_TOKENS_A_SECOND * seconds)]
            address = f"http://127.0.0.1:{port}{SERVICE}"
            return load(address, corpus.body, server=process.pid, seconds=seconds, tokens=mine)

        with bench_server(port, moment(), "kept", environment=installation.environment, said=said) as process:
            check_answer(port, corpus, token=next(tokens))
            taken = alternating(pace, {"floor": _to(port, FLOOR, corpus.body, server=process.pid), "kept": kept})
        stages = _stages(said)
    over = taken["kept"].rounds("p50").over(taken["floor"].rounds("p50"))
    tail = taken["kept"].rounds("p99").over(taken["floor"].rounds("p99"))
    spent = ", ".join(f"{name} {mean:.2f}" for name, mean in stages.items())
    return Row(
        id="order-kept",
        work="the same, with RS384 token, audit and store (one caller)",
        against="floor",
        target="measured and explained",
        measured=f"p50 {over.told('.1f')}x, p99 {tail.told('.1f')}x; {_ms(taken['kept'])}; "
        f"CPU {_cpu(taken['kept'], taken['floor'])}",
        met="told",
        figures={name: one.figures() for name, one in taken.items()} | {"stages_ms": stages},
        note=f"mean milliseconds by stage of the log: {spent}",
    )


def check_answer(port: int, corpus: Corpus, *, token: str = "") -> list[str]:
    """The summaries of the cards that come; SystemExit unless the answer is as it must be."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    answer = httpx.post(
        f"http://127.0.0.1:{port}{SERVICE}", content=corpus.body, headers=headers, trust_env=False, timeout=60
    )
    cards = answer.json().get("cards") if answer.status_code == 200 else None
    if cards is None or (corpus.cards is not None and len(cards) != corpus.cards):
        raise SystemExit(f"{corpus.name}: status {answer.status_code}, {len(cards or ())} cards, not {corpus.cards}")
    return [card["summary"] for card in cards]


def _to(port: int, path: str, body: bytes, callers: int = 1, *, server: int | None = None) -> Callable[[int], Load]:
    address = f"http://127.0.0.1:{port}{path}"
    return lambda seconds: load(address, body, server=server, callers=callers, seconds=seconds)


def _against_floor(taken: dict[str, Measured], corpora: dict[str, Corpus]) -> list[Row]:
    rows = []
    targets = {
        "history": (_P50, _P99, f"p50 at most {_P50:.0f}x (stretch {_P50_STRETCH:.0f}x), p99 at most {_P99:.0f}x"),
        "no-concern": (_NO_CONCERN, None, f"p50 at most {_NO_CONCERN}x"),
        "all-drugs": (None, None, "told apart: the worst case"),
    }
    for name, (p50, p99, target) in targets.items():
        over = taken[name].rounds("p50").over(taken[f"floor of {name}"].rounds("p50"))
        tail = taken[name].rounds("p99").over(taken[f"floor of {name}"].rounds("p99"))
        kept = (p50 is None or over.median <= p50) and (p99 is None or tail.median <= p99)
        rows.append(
            Row(
                id=f"order-{name}",
                work=f"order-select, {corpora[name].meaning}, {len(corpora[name].body) // 1000} kB "
                "(open mode, one caller)",
                against="floor",
                target=target,
                measured=f"p50 {over.told('.1f')}x, p99 {tail.told('.1f')}x; {_ms(taken[name])}; "
                f"CPU {_cpu(taken[name], taken[f'floor of {name}'])}",
                met="told" if p50 is None else "met" if kept else "missed",
                figures={
                    "service": taken[name].figures(),
                    "floor": taken[f"floor of {name}"].figures(),
                    "p50_over_floor": over.figures(),
                    "p99_over_floor": tail.figures(),
                },
                note=f"floor: {_ms(taken[f'floor of {name}'])}",
            )
        )
    framework = taken["framework"].rounds("p50").over(taken["floor of history"].rounds("p50"))
    rows.append(
        Row(
            id="framework",
            work="a route of the framework alone with the floor's work",
            against="floor",
            target="told for comparison",
            measured=f"p50 {framework.told('.2f')}x; {_ms(taken['framework'])}",
            met="told",
            figures=taken["framework"].figures(),
        )
    )
    return rows


def _against_peer(taken: dict[str, Measured]) -> Row:
    work = f"order-select, {history().meaning}, {_CALLERS} callers"
    target = "at least as many requests a second"
    mine = taken["service"].rounds("per_second")
    figures = {name: one.figures() for name, one in taken.items()}
    if "peer" not in taken:
        return Row(
            id="peer", work=work, against="HealthChain", target=target, measured=f"{mine.told('.0f')} requests/s",
            met="not shown", figures=figures, note="the peer was left out (--without-peer)",
        )  # fmt: skip
    theirs = taken["peer"].rounds("per_second")
    over = mine.over(theirs)
    return Row(
        id="peer",
        work=work,
        against=f"{peer_server.peer_version()}, empty handler, same server",
        target=target,
        measured=f"{mine.told('.0f')} against {theirs.told('.0f')} requests/s: {over.median:.2f}x",
        met=verdict(over.median, 1.0, at_least=True),
        figures=figures | {"over_peer": over.figures()},
    )


def _ceiling(taken: dict[str, Measured]) -> Row:
    floor = taken["floor"].rounds("per_second")
    busy = taken["floor"].rounds("busy")
    return Row(
        id="generator",
        work=f"the load generator against the floor, {_CALLERS} callers",
        against="-",
        target="the generator is not what limits",
        measured=f"{floor.told('.0f')} requests/s with {busy.median:.0%} of a core",
        met=verdict(busy.median, 0.5),
        figures=taken["floor"].figures(),
    )


def _cpu(taken: Measured, floor: Measured) -> str:
    """What the server worked for a request, and how many times what the floor takes it."""
    over = taken.rounds("cpu").over(floor.rounds("cpu"))
    return f"{taken.rounds('cpu').median:.2f} ms, {over.median:.1f}x"


def _ms(taken: Measured) -> str:
    return f"{taken.rounds('p50').median:.2f} / {taken.rounds('p99').median:.2f} ms"


def _stages(said: Path) -> dict[str, float]:
    """The mean milliseconds of each stage over the calls in a log, and of the whole call."""
    sums: dict[str, float] = defaultdict(float)
    lines = [orjson.loads(line) for line in said.read_bytes().splitlines() if line.startswith(b"{")]
    calls = [line for line in lines if line.get("event") == "call" and line.get("status") == 200]
    calls = [line for line in calls if line.get("call") == "hook"]
    for line in calls:
        sums["whole"] += line["milliseconds"]
        for name, taken in line.get("stages", {}).items():
            sums[name] += taken
    return {name: total / len(calls) for name, total in sums.items()} if calls else {}


def say(text: str) -> None:
    """Progress, beside the report."""
    print(text, file=sys.stderr, flush=True)
