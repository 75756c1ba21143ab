"""Everything at once, from real threads on real sockets: hooks, feedback, replays, switches, rotated keys, and a
replica that is replaced by one with another site overlay.

Whatever the order: an answer is that of the same call alone, by one version of the knowledge; feedback acknowledged is
stored once; of a token presented everywhere at once one call is answered; log, metrics, records and trail add up.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cds_hooks.storage import answered_findings, replays, switchboard
from cds_hooks.storage import records as books
from cds_hooks.storage.records import Records
from cds_hooks.storage.switchboard import EVERY, Switch
from cds_hooks.storage.tables import cards, feedback
from cds_hooks.trust import key_sets
from mappings.load import Knowledge, load
from mappings.site_schema import Acceptance
from tests.chaos.conftest import Body
from tests.chaos.replicas import SIGN, SWITCHED, Client, MovableClock, Replica, application, registry_of
from tests.edge.conftest import ISSUER, NOW, accepted
from tests.record_keeping import new_records
from tests.services.postgres import postgres_server
from tests.storage.places import postgresql_place, prepared

CALLS, ROTATIONS, SWITCHES, REPLAYS, CALLERS, THREADS = 30, 4, 9, 4, 5, 6
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HASH = re.compile("sha256:[0-9a-f]{64}")
_RULES = "- {rule: tried-too-low-or-short, who: Board, when: 2026-11-01, why: shown elsewhere}\n"
_VALUE = (
    "- {path: definitions/TRD-6W-50/min_days_at_dose, value: 49, unit: d, who: B, when: 2026-11-01, why: pathway}\n"
)


@pytest.fixture(scope="module")
def overlaid(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """The knowledge as a site changed it, accepted by that site."""
    site = tmp_path_factory.mktemp("site")
    (site / "site.yaml").write_text("{id: s, name: S, accepted_by: Dr A, accepted_on: 2026-11-02}", encoding="utf-8")
    (site / "rules.yaml").write_text(_RULES, encoding="utf-8")
    (site / "overrides.yaml").write_text(_VALUE, encoding="utf-8")
    changed = load(site=site)
    assert changed.site is not None
    taken = Acceptance(version=changed.version, hash=changed.content_hash, who="Dr A", when=NOW.date())
    return replace(changed, site=replace(changed.site, accepted=taken))


@dataclass(frozen=True)
class Told:
    """One answer as the client got it."""

    call: str
    body: int
    status: int
    content: bytes

    @property
    def cards(self) -> list[Any]:
        """Its cards; none where the call was refused."""
        return list(json.loads(self.content)["cards"]) if self.status == 200 else []

    @property
    def shown(self) -> str:
        """All of it but what is drawn anew for each call."""
        return _UUID.sub("uuid", self.content.decode())

    @property
    def knowledge(self) -> set[str]:
        """The hashes of the knowledge that it names, wherever it does."""
        return set(_HASH.findall(self.content.decode()))


class Ehr:
    """Sends what it is given to one of the replicas that are there; a connection for each call."""

    def __init__(self, client: Client, bodies: list[Body]) -> None:
        self.client, self.bodies, self.doors = client, bodies, list[Replica]()

    def post(self, path: str, content: Body, token: str, door: int) -> tuple[int, str, bytes]:
        """Status, correlation id and body. A replica that takes no connection, or whose port closed before it took this
        one, is passed over: had the call begun there, its token would be refused elsewhere.
        """
        for replica in (*self.doors[door % 2 :], *self.doors):
            connection = HTTPConnection("127.0.0.1", int(replica.base.rpartition(":")[2]), timeout=300)
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Connection": "close"}
            try:
                connection.request("POST", f"/cds-services/{path}", json.dumps(content), headers)
                answer = connection.getresponse()
                return answer.status, answer.headers["X-Correlation-Id"], answer.read()
            except (ConnectionRefusedError, ConnectionResetError):
                continue
            finally:
                connection.close()
        raise AssertionError("no replica takes connections")

    def sign(self, number: int, *, issuer: str = ISSUER, token: str = "") -> Told:
        """Fire order-sign as a clinician of its own."""
        which = number % len(self.bodies)
        body = {**self.bodies[which], "context": {**self.bodies[which]["context"], "userId": f"Practitioner/u{number}"}}
        status, call, content = self.post(SIGN, body, token or self.client.token(issuer=issuer), number)
        return Told(call, which, status, content)

    def report(self, card: str, door: int) -> int:
        """Say that a card was set aside."""
        item = {"card": card, "outcome": "overridden", "outcomeTimestamp": NOW.isoformat()}
        return self.post(f"{SIGN}/feedback", {"feedback": [item]}, self.client.token(), door)[0]

    def alone(self, folder: Path, knowledge: Knowledge) -> list[str]:
        """The answer to each body where nothing else goes on."""
        folder.mkdir()
        registry, records = registry_of(folder), new_records(folder)
        with Replica(lambda log: application(knowledge, self.client, registry, records, log)) as replica:
            self.doors = [replica]
            return [self.sign(number).shown for number in range(len(self.bodies))]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Opens the one database that all share."""
    if request.param == "sqlite":
        yield lambda: new_records(tmp_path)
        return
    with postgres_server() as server:
        yield prepared(postgresql_place(server)).records


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is given up for taking long: what is shown here is no matter of time, and this machine may be busy."""
    monkeypatch.setattr(key_sets, "FETCH_SECONDS", 60.0)
    for module in (answered_findings, books, replays, switchboard):
        monkeypatch.setattr(module, "HOOK_SECONDS", 60.0)


def throw(records: Records, client: str, mode: str) -> None:
    """Throw a switch from a process of its own, as far as the replicas can tell."""

    async def thrown() -> None:
        switch = Switch(client=client, rule=EVERY, mode=mode, who="Dr A", why="pilot", at=NOW)
        await records.throw(switch, {"resourceType": "AuditEvent"})
        await records.database.close()

    asyncio.run(thrown())


def everywhere_at_once(ehr: Ehr) -> Counter[int]:
    """Present one token from several threads at the same moment."""
    token, together = ehr.client.token(), threading.Barrier(CALLERS)

    def one(number: int) -> int:
        together.wait(120)
        return ehr.sign(number, token=token).status

    with ThreadPoolExecutor(CALLERS) as pool:
        return Counter(pool.map(one, range(1_000, 1_000 + CALLERS)))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the client was told, and what the replicas say of it themselves."""

    signed: list[Told]
    switched: list[Told]
    replayed: list[Counter[int]]
    acknowledged: dict[str, list[int]]
    lines: dict[str, dict[str, Any]]
    answered: dict[str, float]
    matched: float


def all_at_once(ehr: Ehr, known: tuple[Knowledge, Knowledge], database: Any, folder: Path) -> Seen:
    """Clinicians sign and report on two replicas. Meanwhile modes are switched, keys rotated, tokens presented again
    and again, and one replica gives way to one with the second knowledge.
    """
    registry = registry_of(folder)

    def replica(knowledge: Knowledge) -> Replica:
        return Replica(lambda log: application(knowledge, ehr.client, registry, database(), log))

    reported: dict[str, list[Future[int]]] = {}
    signed, switched = list[Future[Told]](), list[Future[Told]]()
    with ExitStack() as serving, ThreadPoolExecutor(THREADS) as pool:
        old, steady = (serving.enter_context(replica(known[0])) for _ in range(2))
        ehr.doors = [old, steady]

        def sign_and_report(number: int) -> Told:
            told = ehr.sign(number)
            for card in told.cards:
                reported[card["uuid"]] = [pool.submit(ehr.report, card["uuid"], door) for door in (0, 1)]
            return told

        def sign_all(numbers: range) -> None:
            for number in numbers:
                signed.append(pool.submit(sign_and_report, number))
                switched.append(pool.submit(ehr.sign, number + CALLS, issuer=f"{ISSUER}/switched"))

        sign_all(range(CALLS // 2))
        presented = [pool.submit(everywhere_at_once, ehr) for _ in range(REPLAYS)]
        new = old
        for step in range(SWITCHES):
            throw(database(), SWITCHED, ("shadow", "off", "live")[step % 3])
            if step < ROTATIONS:
                ehr.client.rotate()
            if step == SWITCHES // 3:
                old.stop()
                new = serving.enter_context(replica(known[1]))
                ehr.doors = [new, steady]
                sign_all(range(CALLS // 2, CALLS))
        ended = [one.result(300) for one in signed]  # all reports are under way now
        modes, replays = [one.result(300) for one in switched], [one.result(300) for one in presented]
        acknowledged = {card: [one.result(300) for one in twice] for card, twice in reported.items()}
        lines = [line for one in (old, steady, new) for line in one.log if line["call"] in ("hook", "feedback")]
        gone, serve_on = [line for line in old.log if line["call"] == "hook"], (steady, new)
        return Seen(
            signed=ended,
            switched=modes,
            replayed=replays,
            acknowledged=acknowledged,
            lines={line["correlation_id"]: line for line in lines},
            answered={
                status: sum(one.counted("trd_cds_calls_total", call="hook", status=status) for one in serve_on)
                + sum(str(line["status"]) == status for line in gone)
                for status in ("200", "401")
            },
            matched=sum(one.counted("trd_cds_feedback_items_total", match="matched") for one in serve_on)
            + sum(line.get("matched_feedback", 0) for line in old.log),
        )


@pytest.mark.deep
@pytest.mark.usefixtures("_patient")
def test_everything_at_once(
    bodies: list[Body], knowledge: Knowledge, overlaid: Knowledge, database: Any, tmp_path: Path
) -> None:
    ehr, known = Ehr(Client(MovableClock()), bodies), (accepted(knowledge), overlaid)
    ehr.client.rotate()
    expected = {one.content_hash: ehr.alone(tmp_path / one.content_hash[-9:], one) for one in known}
    assert all(map(str.__ne__, *expected.values())), "the overlay must change every answer, or no mixture could show"

    seen = all_at_once(ehr, known, database, tmp_path)

    assert [line for line in seen.lines.values() if "fault" in line] == []
    # Each answer is whole, and by one version of the knowledge.
    assert {one.status for one in (*seen.signed, *seen.switched)} == {200}
    for one in seen.signed:
        [named] = one.knowledge
        assert one.shown == expected[named][one.body]
        assert named.removeprefix("sha256:").startswith(seen.lines[one.call]["knowledge"])
    assert {named for one in seen.signed for named in one.knowledge} == set(expected), "both were asked"
    # A switch acts on whole answers.
    for one in seen.switched:
        live = seen.lines[one.call]["mode"] == "live"
        assert one.shown in {shown[one.body] for shown in expected.values()} if live else one.cards == []
    # Of a token presented everywhere at once one call is answered.
    assert seen.replayed == [Counter({401: CALLERS - 1, 200: 1})] * REPLAYS
    # What was acknowledged is kept, once.
    assert {status for twice in seen.acknowledged.values() for status in twice} == {200}
    kept, issued, trail = asyncio.run(on_record(database()))
    assert Counter(kept) == Counter(dict.fromkeys(seen.acknowledged, 1))
    assert all(issued[one.call] == one.knowledge for one in seen.signed)
    # Log, metrics and trail agree.
    assert len(seen.lines) == 2 * CALLS + REPLAYS * CALLERS + 2 * len(seen.acknowledged)
    assert seen.answered == {"200": 2 * CALLS + REPLAYS, "401": REPLAYS * (CALLERS - 1)}
    assert seen.matched == len(seen.acknowledged)
    numbers = [line["audit"] for line in seen.lines.values() if "audit" in line]
    assert len(numbers) == len(set(numbers)) > CALLS
    assert trail.broken == "" and trail.events >= len(numbers) + SWITCHES


async def on_record(records: Records) -> tuple[list[str], dict[str, set[str]], Any]:
    """The cards that feedback is kept on, the knowledge of the cards of each call, and the state of the trail."""
    try:
        kept = await records.database.read(lambda one: list(one.scalars(select(feedback.c.card))))
        rows = await records.database.read(lambda one: one.execute(select(cards.c.call, cards.c.knowledge_hash)).all())
        issued: dict[str, set[str]] = {}
        for row in rows:
            issued.setdefault(row.call, set()).add(row.knowledge_hash)
        return kept, issued, await records.audit.verify()
    finally:
        await records.database.close()
