"""Judging a service in this process: the run over `httpx.ASGITransport`, the checker's own server on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cds_hooks.checking.document import Report
from cds_hooks.checking.run import Plan, judge
from cds_hooks.checking.tokens import Keys
from cds_hooks.clock import SystemClock

BASE = "https://service.test"
Judge = Callable[..., Report]


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys.made()


@pytest.fixture
def judged(keys: Keys) -> Judge:
    """Judge an application, with few calls and little waiting unless told otherwise."""

    def run(app: Any, **changed: Any) -> Report:
        base = changed.pop("base", BASE)
        plan = Plan(**{"calls": 2, "oversize": 1_100_000, "slow_seconds": 0.05, "seconds": 8, **changed})

        async def all_of_it() -> Report:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport) as http:
                return await judge(http, base, plan, keys=keys, clock=SystemClock())

        return asyncio.run(all_of_it())

    return run
