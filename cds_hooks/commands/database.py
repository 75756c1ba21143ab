"""`trd-cds database …`: the key, the tables and the age of what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.clock import SystemClock
from cds_hooks.commands.knowing import load_knowledge
from cds_hooks.commands.recording import database_is_gone, tell_of_loss, with_records
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.surroundings import read_settings
from cds_hooks.ledger import Ledger
from cds_hooks.storage.keys import KeyFileError, read_keys
from cds_hooks.storage.records import Records
from cds_hooks.storage.retention import Forgotten
from cds_hooks.storage.schema_version import newest, revision_of

group = typer.Typer(no_args_is_help=True, help="The records: key, tables, retention.")


@group.command("key")
def key(file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")]) -> None:
    """Make an installation key, readable by its owner only; never overwrites one."""
    if file.exists():
        raise Refusal(str(file), "is there already", "name another file; a key that was used must not be lost")
    try:
        read_keys(file, make=True)
    except (KeyFileError, OSError):
        raise Refusal(str(file), "cannot be written", "name a file in a folder that this user may write") from None
    typer.echo(f"made {file}: keep a copy in a safe place, and give the same file to every replica", err=True)


@group.command("upgrade")
def upgrade() -> None:
    """Bring the tables to the form this version needs; `serve` does the same when it starts."""
    settings = read_settings()
    gone = database_is_gone(settings)
    with_records(settings, _tell, make=True)
    if gone:
        tell_of_loss()


async def _tell(records: Records) -> None:
    typer.echo(f"tables at revision {await revision_of(records.database)}, newest {newest()}")


@group.command("forget")
def forget() -> None:
    """Remove what is past its time now; a running service does it every hour."""
    settings = read_settings()
    knowledge = load_knowledge(site=settings.site)

    async def work(records: Records) -> Forgotten:
        return await Ledger(records, settings, knowledge, SystemClock()).forget_old()

    gone = with_records(settings, work)
    typer.echo(
        f"removed {gone.calls} calls, {gone.cards} cards, {gone.feedback} feedback items, "
        f"{gone.audit_events} audit events, {gone.tokens} used tokens"
    )
