"""A process of its own: prepares the database named first on the command line, and appends as many events as named.

It begins when a line comes in, so that several can begin together. Run by path; it needs the installed package only.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

from cds_hooks.storage.database import Database
from cds_hooks.storage.keys import InstallationKeys
from cds_hooks.storage.records import Records
from cds_hooks.storage.retention import Retention

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


async def main(url: str, events: int) -> None:
    keys = InstallationKeys.from_keys((b"k" * 32,))
    days = Retention(cards_days=10, feedback_days=20, audit_days=30)
    records = Records.of(Database(url), keys, days, keep_comments=True)
    await records.prepare(NOW)
    for number in range(events):
        await records.note({"event": number}, NOW)
    await records.database.close()


if __name__ == "__main__":
    sys.stdin.readline()
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
