"""Kill test: servers are killed with SIGKILL under load, again and again, and nothing acknowledged may be lost.

Clients fire signed hooks and report feedback on the cards they get, in batches and twice at the same time, while the
whole process group of a server (parent and workers) is killed at a random moment, now and then already while it starts.
It is started again on the same data. The clients write down what was acknowledged (2xx); after each restart the
database is read and compared:

- every acknowledged item of feedback is there, and none is there twice, also when it was sent again after a kill;
- every card that arrived is on record as shown, and every answered call is;
- tokens used before the kill are refused after it;
- the audit trail is unbroken, still holds the head seen before the kill, and has an event for every call;
- the server is ready in time and prints no error.

    python -m benchmarks.kill_test [--times 50] [--database sqlite|postgresql|both] [--seed 1] [--output FILE]

On PostgreSQL two replicas serve, and either or both are killed. The PostgreSQL server itself is not. Exit status 1 on
any violation.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import Connection, Row, select

from benchmarks.serving_process import (
    FEEDBACK,
    ORDER_SIGN,
    Installation,
    ServerProcess,
    free_port,
    order_sign,
)
from cds_hooks.clock import SystemClock
from cds_hooks.storage.records import Records
from cds_hooks.storage.tables import calls, cards, feedback
from cds_hooks.stories import load_stories
from mappings.load import load
from tests.services.postgres import running_postgres

CLIENTS = 6
WORKERS = 2
READY_SECONDS = 60.0
_LIFE = (0.2, 1.6)  # how long a server serves before it is killed, seconds
_STARTING = (0.1, 3.0)  # the same for one that is killed while it starts
_STARTING_SHARE = 0.12
_TOKENS_TRIED = 10
Item = tuple[str, str, datetime]  # card, outcome, instant: what makes a report of ours one of a kind


@dataclass
class Ledger:
    """What the clients know: what they sent, and what was acknowledged."""

    sent: set[Item] = field(default_factory=set)
    acknowledged: set[Item] = field(default_factory=set)
    unanswered: set[Item] = field(default_factory=set)
    arrived: set[str] = field(default_factory=set)
    answered_calls: set[str] = field(default_factory=set)
    used_tokens: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def violated(self, what: str) -> None:
        """Note a violation, and show it at once."""
        self.violations.append(what)
        print(f"  VIOLATION: {what}", flush=True)


class Clients:
    """Concurrent EHRs that call whichever server they are given."""

    def __init__(self, installation: Installation, bodies: list[bytes], ledger: Ledger, chance: random.Random) -> None:
        self._installation = installation
        self._bodies = bodies
        self._ledger = ledger
        self._chance = chance
        self._moment = SystemClock().now().astimezone(UTC)
        self.over = False

    async def run(self, bases: list[str]) -> None:
        """Call until `over`; what the kill of a server leaves unanswered is remembered."""
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(trust_env=False, timeout=30, limits=limits) as http:
            again = sorted(self._ledger.unanswered) + self._chance.sample(
                sorted(self._ledger.acknowledged), min(5, len(self._ledger.acknowledged))
            )
            for item in again:  # as a client does that heard no answer, or lost the one it heard
                self._ledger.counted["feedback sent again"] += 1
                await self._report(http, self._chance.choice(bases), [item])
            await asyncio.gather(*(self._one(http, bases) for _ in range(CLIENTS)))

    async def _one(self, http: httpx.AsyncClient, bases: list[str]) -> None:
        while not self.over:
            shown = await self._sign(http, self._chance.choice(bases))
            if not shown:
                continue
            items = [self._item(card) for card in shown]
            if self._chance.random() < 0.5:
                await self._report(http, self._chance.choice(bases), items)
            else:  # the same batch twice at once, where there are two at two replicas
                await asyncio.gather(
                    *(self._report(http, base, items) for base in self._chance.choices(bases, k=2)),
                )

    def _item(self, card: str) -> Item:
        self._moment += timedelta(milliseconds=1)
        at = self._moment.replace(microsecond=self._moment.microsecond // 1000 * 1000)
        return card, self._chance.choice(("accepted", "overridden")), at

    async def _sign(self, http: httpx.AsyncClient, base: str) -> list[str]:
        token = self._installation.token()
        body = self._chance.choice(self._bodies).replace(b"HOOK-INSTANCE", str(uuid4()).encode())
        answer = await self._post(http, base + ORDER_SIGN, body, token)
        if answer is None:
            return []
        self._ledger.used_tokens.append(token)
        shown = [card["uuid"] for card in answer.json()["cards"]]
        self._ledger.counted["calls answered"] += 1
        self._ledger.answered_calls.add(answer.headers["x-correlation-id"])
        self._ledger.arrived.update(shown)
        return shown

    async def _report(self, http: httpx.AsyncClient, base: str, items: list[Item]) -> None:
        token = self._installation.token()
        sent = [
            {"card": card, "outcome": outcome, "outcomeTimestamp": at.isoformat().replace("+00:00", "Z")}
            | ({"acceptedSuggestions": []} if outcome == "accepted" else {})
            for card, outcome, at in items
        ]
        self._ledger.sent.update(items)
        self._ledger.unanswered.update(set(items) - self._ledger.acknowledged)
        answer = await self._post(http, base + FEEDBACK, json.dumps({"feedback": sent}).encode(), token)
        if answer is None:
            return
        self._ledger.used_tokens.append(token)
        self._ledger.counted["batches acknowledged"] += 1
        self._ledger.acknowledged.update(items)
        self._ledger.unanswered.difference_update(items)

    async def _post(self, http: httpx.AsyncClient, address: str, body: bytes, token: str) -> httpx.Response | None:
        """The answer; None when the server died over it. Any answer but 200 is a violation."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            answer = await http.post(address, content=body, headers=headers)
        except httpx.TransportError:
            self._ledger.counted["requests cut off"] += 1
            await asyncio.sleep(0.01)
            return None
        if answer.status_code != 200:
            self._ledger.violated(f"status {answer.status_code} from a server under load")
            return None
        return answer


async def compare(records: Records, ledger: Ledger, head: tuple[int, str]) -> tuple[int, str]:
    """Hold the database against what the clients know; the head of the audit trail, for the next time."""

    def read(connection: Connection) -> tuple[Any, ...]:
        reports = connection.execute(select(feedback.c.card, feedback.c.outcome, feedback.c.happened_at)).all()
        shown = set(connection.scalars(select(cards.c.id).where(cards.c.shown)))
        called = set(connection.scalars(select(calls.c.id)))
        return reports, shown, called

    reports, shown, called = await records.database.read(read)
    on_record = Counter(_items(reports))
    _note(ledger, "acknowledged feedback not on record", ledger.acknowledged - set(on_record))
    _note(ledger, "feedback on record more than once", [item for item, times in on_record.items() if times != 1])
    _note(ledger, "feedback on record that nobody sent", set(on_record) - ledger.sent)
    _note(ledger, "cards that arrived and are not on record", ledger.arrived - shown)
    _note(ledger, "answered calls not on record", ledger.answered_calls - called)
    events = [json.loads(record) for _, record in await records.audit.events()]
    audited = {value for event in events for value in _details(event, "call")}
    _note(ledger, "calls on record without an audit event", called - audited)
    state = await records.audit.verify()
    if state.broken:
        ledger.violated(f"the audit trail is broken at event {state.broken_at}: {state.broken}")
    if head[0] and not await records.audit.holds(*head):
        ledger.violated(f"the audit trail no longer holds event {head[0]} as it was before the kill")
    ledger.counted["audit events"] = state.events
    ledger.counted["feedback items on record"] = len(on_record)
    return state.head_seq, state.head_mark


def _items(rows: Iterable[Row[Any]]) -> list[Item]:
    return [(row.card, row.outcome, row.happened_at) for row in rows]


def _details(event: dict[str, Any], name: str) -> list[str]:
    entities = event.get("entity", [])
    return [one["valueString"] for entity in entities for one in entity.get("detail", []) if one["type"] == name]


def _note(ledger: Ledger, what: str, found: Iterable[object]) -> None:
    if number := len(list(found)):
        ledger.violated(f"{number} {what}")


async def refused_again(installation: Installation, ledger: Ledger, bases: list[str], body: bytes) -> None:
    """Present tokens that were used before the kill, to every server."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        for token in ledger.used_tokens[-_TOKENS_TRIED:]:
            for base in bases:
                headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                answer = await http.post(base + ORDER_SIGN, content=body, headers=headers)
                ledger.counted["used tokens refused"] += 1
                if answer.status_code != 401:
                    ledger.violated(f"a token used before the kill was answered {answer.status_code}")
    ledger.used_tokens.clear()


class Trial:
    """One database, killed under `times` times."""

    def __init__(self, name: str, installation: Installation, replicas: int, chance: random.Random) -> None:
        self.name = name
        self.ledger = Ledger()
        self.ready_seconds: list[float] = []
        self.kills = 0
        self._installation = installation
        self._chance = chance
        self._ports = [free_port() for _ in range(replicas)]
        self._servers: dict[int, ServerProcess] = {}
        self._head = (0, "")

    async def run(self, times: int, bodies: list[bytes]) -> None:
        """Start, load, kill, start again, compare; at the end a last comparison and a proper stop."""
        clients = Clients(self._installation, bodies, self.ledger, self._chance)
        try:
            while self.kills < times:
                await self._start()
                await self._checked(bodies[0])
                await self._load_and_kill(clients, times)
            await self._start()
            clients.over = True
            await clients.run(self._bases)  # what was still unanswered
            await self._checked(bodies[0])
            for server in self._servers.values():
                status = await asyncio.to_thread(server.stop)
                if status != 0:
                    self.ledger.violated(f"exit status {status} after SIGTERM")
                self._listen(server)
            self._servers.clear()
            if self.ledger.unanswered:
                self.ledger.violated(f"{len(self.ledger.unanswered)} items of feedback never got through")
            verified = await asyncio.to_thread(self._installation.command, "audit", "verify")
            print(f"  trd-cds audit verify: {verified.stdout.strip()}", flush=True)
            if verified.returncode != 0:
                self.ledger.violated(f"audit verify ended with status {verified.returncode}")
        finally:
            for server in self._servers.values():
                if server.process.poll() is None:
                    server.kill()

    @property
    def _bases(self) -> list[str]:
        return [server.base for server in self._servers.values()]

    async def _start(self) -> None:
        """Start what does not run; sometimes kill one of it before it is up."""
        for port in self._ports:
            if port in self._servers:
                continue
            if self.kills and self._chance.random() < _STARTING_SHARE:
                early = ServerProcess(self._installation, workers=WORKERS, port=port)
                await asyncio.sleep(self._chance.uniform(*_STARTING))
                early.kill()
                self._listen(early)
                self.kills += 1
                self.ledger.counted["kills while starting"] += 1
            self._servers[port] = ServerProcess(self._installation, workers=WORKERS, port=port)
        for server in self._servers.values():
            try:
                self.ready_seconds.append(await asyncio.to_thread(server.await_ready, READY_SECONDS))
            except TimeoutError as late:
                self.ledger.violated(str(late))
                raise

    async def _load_and_kill(self, clients: Clients, times: int) -> None:
        clients.over = False
        load_on = asyncio.create_task(clients.run(self._bases))
        await asyncio.sleep(self._chance.uniform(*_LIFE))
        doomed = self._chance.sample(self._ports, self._chance.randint(1, len(self._ports)))
        for port in doomed:
            server = self._servers.pop(port)
            await asyncio.to_thread(server.kill)
            self._listen(server)
            self.kills += 1
        if self._servers:
            await asyncio.sleep(0.2)  # those that remain go on serving
        clients.over = True
        await load_on
        counted = self.ledger.counted
        print(
            f"  {self.name}: kill {self.kills} of {times}; {counted['calls answered']} calls, "
            f"{len(self.ledger.acknowledged)} items acknowledged, {len(self.ledger.violations)} violations",
            flush=True,
        )

    async def _checked(self, body: bytes) -> None:
        await refused_again(self._installation, self.ledger, self._bases, body)
        records = self._installation.records()
        try:
            self._head = await compare(records, self.ledger, self._head)
        finally:
            await records.database.close()

    def _listen(self, server: ServerProcess) -> None:
        for line in server.complaints():
            self.ledger.violated(f"the server said: {line}")

    def result(self) -> dict[str, Any]:
        """The numbers, for the table and the file."""
        known = self.ledger
        return {
            "database": self.name,
            "replicas": len(self._ports),
            "workers_each": WORKERS,
            "kills": self.kills,
            "kills_while_starting": known.counted["kills while starting"],
            "calls_answered": known.counted["calls answered"],
            "cards_arrived": len(known.arrived),
            "feedback_acknowledged": len(known.acknowledged),
            "feedback_on_record": known.counted["feedback items on record"],
            "feedback_sent_again": known.counted["feedback sent again"],
            "requests_cut_off": known.counted["requests cut off"],
            "used_tokens_refused": known.counted["used tokens refused"],
            "audit_events": known.counted["audit events"],
            "longest_start_seconds": round(max(self.ready_seconds, default=0.0), 1),
            "violations": known.violations,
        }


def report(results: list[dict[str, Any]]) -> str:
    """The results side by side."""
    lines = []
    for name in results[0]:
        values = [len(one[name]) if name == "violations" else one[name] for one in results]
        lines.append(f"{name.replace('_', ' '):24}" + "".join(f"{value!s:>14}" for value in values))
    return "\n".join(lines)


async def bodies_of_calls() -> list[bytes]:
    """Calls for some of the demo's patients, most of which are answered with cards."""
    knowledge = load()
    stories = load_stories(SystemClock().today("UTC"), knowledge)[:6]
    requests = [await order_sign(story, knowledge) for story in stories]
    for request in requests:
        request["hookInstance"] = "HOOK-INSTANCE"
        request["context"]["encounterId"] = "ENCOUNTER-ID"
    return [json.dumps(request).encode() for request in requests]


def run_trial(name: str, times: int, seed: int, bodies: list[bytes]) -> dict[str, Any]:
    """The kill test on one kind of database."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trd-cds-kill-")))
        url = stack.enter_context(running_postgres()) if name == "postgresql" else ""
        installation = Installation.make(folder, database_url=url)
        trial = Trial(name, installation, 2 if url else 1, random.Random(f"{seed} {name}"))  # noqa: S311 - chance, not secrets
        asyncio.run(trial.run(times, bodies))
        return trial.result()


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; 0 when nothing was violated."""
    parser = argparse.ArgumentParser(description="Kill servers under load; nothing acknowledged may be lost.")
    parser.add_argument("--times", type=int, default=50, metavar="N")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, metavar="FILE", help="the result as JSON")
    given = parser.parse_args(arguments)
    names = ("sqlite", "postgresql") if given.database == "both" else (given.database,)
    bodies = asyncio.run(bodies_of_calls())
    started = time.monotonic()
    results = [run_trial(name, given.times, given.seed, bodies) for name in names]
    print(report(results))
    print(f"{time.monotonic() - started:.0f} seconds, seed {given.seed}")
    if given.output is not None:
        given.output.write_text(json.dumps({"seed": given.seed, "results": results}, indent=2) + "\n", encoding="utf-8")
    violated = any(one["violations"] for one in results)
    print("VIOLATED" if violated else "nothing acknowledged was lost, doubled or unaudited")
    return 1 if violated else 0


if __name__ == "__main__":
    sys.exit(main())
