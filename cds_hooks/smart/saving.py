"""Saving for one page of the app: on record before anything is sent, within a time of its own, and told in any case.

What was written to the EHR cannot be taken back. So that somebody saves, and is shown the page that says what became of
it, is on record before the first request. When the records fail afterwards the page is shown none the less, and the log
line says what the audit trail lacks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cds_hooks.errors import RecordsUnavailable
from cds_hooks.fhir_writer import Resource
from cds_hooks.fhir_writer.audit import Outcome
from cds_hooks.ledger import AppKind, Details
from cds_hooks.observing.call_line import CallLine
from cds_hooks.reported import Saved, Writer, save


class Note(Protocol):
    """Writes an audit event about this page. Raises RecordsUnavailable."""

    async def __call__(self, kind: AppKind, details: Details, outcome: Outcome = "0") -> None:
        """Write one."""


@dataclass(slots=True, kw_only=True)
class Saving:
    """Saves for one page, within `seconds`; `shown` are the details of the event that the page was shown.

    `on_record`: whether that event was written.
    """

    writer: Writer
    seconds: float
    note: Note
    shown: Details
    line: CallLine
    on_record: bool = False

    async def note_shown(self) -> None:
        """Write down, once, that the page is shown. Raises RecordsUnavailable: then it must not be."""
        if not self.on_record:
            await self.note("app", self.shown)
            self.on_record = True

    async def save(self, resources: Sequence[Resource]) -> Saved:
        """Save `resources`. Raises RecordsUnavailable before anything was sent, never afterwards."""
        asked = ("resources", str(len(resources)))
        await self.note_shown()
        await self.note("app-write-attempt", [asked])
        saved = await save(resources, client=self.writer, seconds=self.seconds)
        fates = Counter(one.fate for one in saved.each)
        told = [asked, *((fate, str(number)) for fate, number in sorted(fates.items()))]
        try:
            await self.note("app-write", told, "0" if saved.is_whole else "4")
        except RecordsUnavailable:
            self.line.note_write_failure("audit")
        return saved
