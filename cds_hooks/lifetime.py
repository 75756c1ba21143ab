"""What begins and ends with the application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import httpx
from anyio import lowlevel
from fastapi import FastAPI

from cds_hooks.ehr.access import EhrAccess
from cds_hooks.housekeeping import keep_house
from cds_hooks.ledger import Ledger
from cds_hooks.observing.metrics import Metrics
from cds_hooks.trust.key_sets import KeySets

if TYPE_CHECKING:  # loaded only where a site has them
    from cds_hooks.observing.tracing import Tracing
    from cds_hooks.smart.discovery import Discovery

_LAST_WORDS_SECONDS = 5.0


class Lifetime:
    """The chores of a running application, and what is given back at its end."""

    def __init__(
        self,
        ledger: Ledger | None,
        key_sets: KeySets,
        ehr: EhrAccess,
        own_http: httpx.AsyncClient | None,
        metrics: Metrics,
        chores_failed: Callable[[], None],
        tracing: Tracing | None,
    ) -> None:
        self.ending = False
        self.discoveries: tuple[Discovery, ...] = ()
        self._metrics = metrics
        self._chores_failed = chores_failed
        self._ledger = ledger
        self._key_sets = key_sets
        self._ehr = ehr
        self._own_http = own_http
        self._tracing = tracing

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Keep house while the application runs; afterwards give back what was opened for it."""
        # What calls out loads a part of itself at its first call. That must not be when no file can be opened any more.
        await lowlevel.checkpoint()
        chores = None
        if self._ledger is not None:
            chores = asyncio.create_task(keep_house(self._ledger, self._chores_failed))
        try:
            yield
        finally:
            self.ending = True
            if chores is not None:
                chores.cancel()
                with suppress(asyncio.CancelledError):
                    await chores
            await self._key_sets.aclose()
            for discovery in self.discoveries:
                await discovery.aclose()
            await self._ehr.aclose()
            if self._own_http is not None:
                await self._own_http.aclose()
            if self._ledger is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_WORDS_SECONDS):
                        while self._metrics.calls_now:  # those just cut off still write down what they read
                            await asyncio.sleep(0.01)
                await self._ledger.records.database.close()
            if self._tracing is not None:
                await asyncio.to_thread(self._tracing.close)
