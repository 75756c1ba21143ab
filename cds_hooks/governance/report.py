"""The report as it may be shown: every number in it has passed the disclosure control.

Page, CSV and JSON are made from a `Report` alone, so that none of them can say more than the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cds_hooks.governance.facts import Selection
from cds_hooks.governance.intervals import Proportion, proportion
from cds_hooks.storage.switchboard import Switch

WITHHELD = "withheld"
SMALLEST_CELL = 5
REVIEW_FROM = 20


@dataclass(frozen=True, slots=True)
class Cell:
    """A count, or the mark of one that is withheld (then `count` is None)."""

    count: int | None
    mark: str = ""

    @property
    def text(self) -> str:
        """What is printed."""
        return self.mark if self.count is None else str(self.count)


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A line: its id, what that stands for, its counts by column, and whether it is flagged for review."""

    key: str
    name: str
    cells: Mapping[str, Cell]
    for_review: bool = False

    def _share(self, part: str, whole: str) -> Proportion | None:
        counts = [self.cells[name].count for name in (part, whole) if name in self.cells]
        match counts:
            case [int(some), int(of)]:
                return proportion(some, of)
        return None

    @property
    def acceptance(self) -> Proportion | None:
        """Accepted of those answered; None when either is withheld or nothing was answered."""
        return self._share("accepted", "answered")

    @property
    def response(self) -> Proportion | None:
        """Answered of those shown; None when either is withheld or nothing was shown."""
        return self._share("answered", "shown")


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table: its id, caption, what its lines are, and a note (empty when there is nothing to say)."""

    id: str
    caption: str
    about: str
    columns: Sequence[str]
    rows: Sequence[ReportRow]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Whether the site has accepted the knowledge `version` in use, who did and when (empty: nobody).

    In `open_mode` nobody has to: it is the demo, with synthetic patients.
    """

    version: str
    who: str = ""
    when: str = ""
    open_mode: bool = False


@dataclass(frozen=True, slots=True)
class ClientMode:
    """How a client stands now, and how its registry entry says it stands."""

    client: str
    mode: str
    baseline: str


@dataclass(frozen=True, slots=True)
class Modes:
    """What is live now: clients, switches in force, and the acceptance of the knowledge."""

    acceptance: Acceptance
    clients: Sequence[ClientMode] = ()
    switches: Sequence[Switch] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a reader sees. `cards_per_100` is of calls with an order of concern; None when withheld or undefined.

    `silent` are the rules that made no card in the period, shown or in shadow, as (id, title).
    """

    chosen: Selection
    made_at: datetime
    smallest_cell: int
    review_from: int
    total: ReportRow
    calls: Mapping[str, Cell]
    cards_per_100: float | None
    feedback: Mapping[str, Cell]
    tables: Sequence[ReportTable]
    silent: Sequence[tuple[str, str]] = field(default=())

    @property
    def flagged(self) -> Sequence[tuple[ReportTable, ReportRow]]:
        """The lines flagged for review."""
        return [(table, row) for table in self.tables for row in table.rows if row.for_review]
