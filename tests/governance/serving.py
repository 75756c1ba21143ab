"""An installation with one client, a few cards and the page, reached without a socket."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI

from cds_hooks.clock import Clock
from cds_hooks.errors import HookFault
from cds_hooks.fault_answers import answer_fault
from cds_hooks.governance.readers import Reader, Readers
from cds_hooks.governance.routes import governance_routes
from cds_hooks.ledger import Ledger
from cds_hooks.settings import Settings
from cds_hooks.storage.call_book import CallEntry, CardEntry
from cds_hooks.storage.feedback_book import FeedbackItem
from cds_hooks.storage.records import Records
from mappings.load import load
from tests.record_keeping import new_records

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BASE = "https://cds.example"
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
READERS = Readers(
    (
        Reader(name="chair", password_hash=QUICK.hash("chair's password"), may_switch=True),
        Reader(name="member", password_hash=QUICK.hash("pässword: of member")),
    )
)
CHAIR, MEMBER = ("chair", "chair's password"), ("member", "pässword: of member")
T = TypeVar("T")


class Moving:
    """A clock that the test sets forward."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def today(self, zone: str) -> Any:
        return self.at.date()


def installation(folder: Path, clock: Clock, *, keep_comments: bool = True, base_url: str = BASE) -> Ledger:
    records = new_records(folder, keep_comments=keep_comments)
    return Ledger(records, Settings(base_url=base_url), load(), clock)


def page(ledger: Ledger, **options: Any) -> FastAPI:
    app = FastAPI()
    options = {"clients": {"ehr": "live", "other": "shadow"}, "readers": READERS, **options}
    app.include_router(governance_routes(ledger, **options))
    app.add_exception_handler(HookFault, answer_fault)
    return app


def ask(app: FastAPI, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
    async def talk() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=BASE) as http:
            return [await http.request(method, path, **given) for method, path, given in requests]

    return asyncio.run(talk())


def get(app: FastAPI, path: str = "/governance", **given: Any) -> httpx.Response:
    return ask(app, ("GET", path, given))[0]


def run(work: Callable[[], Awaitable[T]]) -> T:
    async def begin() -> T:
        return await work()

    return asyncio.run(begin())


def issue(records: Records, count: int, *, shown: bool = True, at: datetime = NOW, **changes: Any) -> list[str]:
    """Cards as the service writes them; their ids."""

    async def work() -> list[str]:
        ids = []
        for _ in range(count):
            call, one = uuid.uuid4().hex, str(uuid.uuid4())
            usual = {"client": "ehr", "service": "trd-order-sign", "hook": "order-sign"}
            entry = CallEntry(
                id=call, at=at, mode="live", status=200, orders=1, shown=int(shown), shadowed=int(not shown),
                knowledge="1", **usual,
            )  # fmt: skip
            card = CardEntry(
                **{
                    "id": one, "call": call, "at": at, "kind": "trd-status", "indicator": "info", "shown": shown,
                    "rules": ["V1"], "offers": {"s1": "option:KET"}, "definition": "TRD-6W-50", "knowledge": "1",
                    "knowledge_hash": "sha256:0", "patient": "0" * 64, "user": "Practitioner/1", "encounter": "",
                    **usual, **changes,
                }
            )  # fmt: skip
            await records.keep_call(entry, [card], {})
            ids.append(one)
        return ids

    return run(work)


def say(records: Records, *items: FeedbackItem, client: str = "ehr", at: datetime = NOW + timedelta(minutes=5)) -> None:
    async def work() -> None:
        await records.keep_feedback(items, {}, client=client, service="trd-order-sign", at=at)

    run(work)
