"""What a running worker does by itself: removes records past their time, at start and every hour."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cds_hooks.ledger import Ledger

EVERY_SECONDS = 3600.0


async def keep_house(ledger: Ledger, failed: Callable[[], None]) -> None:
    """Run until cancelled. A database that does not answer is told by `failed`, and asked again an hour later."""
    while True:
        try:
            await ledger.forget_old()
        except Exception:  # whatever it is: the next hour is another chance, and the server must end in order
            failed()
        await asyncio.sleep(EVERY_SECONDS)
