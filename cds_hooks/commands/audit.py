"""`trd-cds audit …`: check the trail, or write it out."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from cds_hooks.clock import SystemClock
from cds_hooks.commands.knowing import load_knowledge
from cds_hooks.commands.operator import operator_name
from cds_hooks.commands.recording import with_records
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.surroundings import read_settings
from cds_hooks.ledger import Ledger
from cds_hooks.storage.records import Records

group = typer.Typer(no_args_is_help=True, help="The audit trail: who asked, for whom, and which rules answered.")
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")
BROKEN = 1


@group.command("verify")
def verify(
    head: Annotated[
        str,
        typer.Option(metavar="SEQ:MARK", help="A head noted earlier: the trail must still hold exactly that event."),
    ] = "",
) -> None:
    """Walk the whole trail and say whether it is unbroken; exit status 1 when it is not.

    Note the head it prints in another place: a trail that was replaced as a whole is found by --head alone.
    """
    noted = _HEAD.fullmatch(head)
    if head and noted is None:
        raise Refusal("--head", "is not SEQ:MARK", "copy it from an earlier `trd-cds audit verify`")
    settings = read_settings()
    state = with_records(settings, lambda records: records.audit.verify())
    if state.broken:
        typer.echo(f"BROKEN at event {state.broken_at}: {state.broken}")
        raise typer.Exit(BROKEN)
    if noted is not None and not with_records(settings, lambda records: records.audit.holds(int(noted[1]), noted[2])):
        typer.echo(f"BROKEN: event {noted[1]} is not the one that was noted, or is no longer kept")
        raise typer.Exit(BROKEN)
    typer.echo(f"unbroken: {state.events} events from {state.first_seq} on; head {state.head_seq}:{state.head_mark}")


@group.command("export")
def export() -> None:
    """Print every audit event, one FHIR AuditEvent as JSON a line, oldest first; the export is itself recorded."""
    settings = read_settings()
    knowledge = load_knowledge(site=settings.site)

    async def work(records: Records) -> tuple[tuple[int, str], ...]:
        events = await records.audit.events()
        ledger = Ledger(records, settings, knowledge, SystemClock())
        details = [("what", "audit trail"), ("events", str(len(events)))]
        await ledger.note("export", user=operator_name(), details=details)
        return events

    for _, record in with_records(settings, work):
        typer.echo(record)
