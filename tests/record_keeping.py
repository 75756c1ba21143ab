"""Records for tests: an embedded database in a folder of the test's own, made once and copied."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cds_hooks.storage.database import Database
from cds_hooks.storage.keys import InstallationKeys
from cds_hooks.storage.records import Records
from cds_hooks.storage.retention import Retention

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = InstallationKeys.from_keys((b"k" * 32,))


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="trd-cds-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "records.sqlite3"

    async def prepare() -> None:
        records = Records.of(Database(f"sqlite:///{file}"), KEYS, _retention(), keep_comments=False)
        await records.prepare(BEGUN)
        await records.database.close()

    asyncio.run(prepare())
    return file


def _retention(**days: int) -> Retention:
    return Retention(**{"cards_days": 730, "feedback_days": 730, "audit_days": 2192, **days})


def new_records(folder: Path, *, keep_comments: bool = False, name: str = "records", **days: Any) -> Records:
    """Empty records in `folder`; the same folder and name give the same database again."""
    file = folder / f"{name}.sqlite3"
    if not file.exists():
        shutil.copy(_template(), file)
    return Records.of(Database(f"sqlite:///{file}"), KEYS, _retention(**days), keep_comments=keep_comments)
