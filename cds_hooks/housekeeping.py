"""What a running worker does by itself: removes records past their time, at start and every hour."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from cds_hooks.errors import RecordsUnavailable
from cds_hooks.ledger import Ledger

EVERY_SECONDS = 3600.0


async def keep_house(ledger: Ledger) -> None:
    """Run until cancelled. A database that does not answer is asked again an hour later."""
    while True:
        with suppress(RecordsUnavailable):
            await ledger.forget_old()
        await asyncio.sleep(EVERY_SECONDS)
