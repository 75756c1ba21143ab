"""A report from the records of a running installation, and what is live there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from cds_hooks.governance.counting import make_report
from cds_hooks.governance.facts import Selection
from cds_hooks.governance.names import names_of
from cds_hooks.governance.reading import read_facts
from cds_hooks.governance.report import SMALLEST_CELL, Acceptance, ClientMode, Modes, Report
from cds_hooks.ledger import Ledger
from cds_hooks.modes import standing_of
from cds_hooks.storage.switchboard import Mode


async def report_on(ledger: Ledger, chosen: Selection, *, smallest_cell: int = SMALLEST_CELL) -> Report:
    """The report on `chosen`. RecordsUnavailable when the records do not answer.

    Counting runs in a thread of its own, so that calls are answered meanwhile.
    """
    facts = await read_facts(ledger.records.database, chosen)
    return await asyncio.to_thread(
        make_report,
        facts,
        chosen,
        names=names_of(ledger.knowledge),
        made_at=ledger.clock.now(),
        smallest_cell=smallest_cell,
    )


async def modes_of(ledger: Ledger, clients: Mapping[str, Mode]) -> Modes:
    """How each of `clients` (with the mode of its registry entry) stands now, and the switches in force."""
    board, knowledge = await ledger.records.switchboard.standing(), ledger.knowledge
    accepted = knowledge.accepted
    return Modes(
        Acceptance(knowledge.version, accepted.who, str(accepted.when))
        if accepted is not None
        else Acceptance(knowledge.version, open_mode=ledger.settings.open_mode),
        [
            ClientMode(
                client,
                standing_of(
                    client,
                    baseline=baseline,
                    switches=board,
                    knowledge=knowledge,
                    accepted=accepted is not None or ledger.settings.open_mode,
                ).mode,
                baseline,
            )
            for client, baseline in clients.items()
        ],
        board,
    )
