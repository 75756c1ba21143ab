"""`trd-cds mode …`: who is live, in shadow or off, and how to change it while the service runs."""

from __future__ import annotations

from typing import Annotated

import typer

from cds_hooks.clock import SystemClock
from cds_hooks.commands.knowing import load_knowledge
from cds_hooks.commands.recording import with_records
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.registering import read_registry
from cds_hooks.commands.surroundings import read_settings
from cds_hooks.ledger import Ledger
from cds_hooks.modes import SwitchRefusedError, check_switch, standing_of, switchable
from cds_hooks.storage.records import Records
from cds_hooks.storage.switchboard import EVERY, Switch

group = typer.Typer(no_args_is_help=True, help="Live, shadow or off: by client and by rule, without a restart.")


@group.command("set")
def throw(
    mode: Annotated[
        str, typer.Argument(metavar="live|shadow|off|default", help="default takes earlier switches back.")
    ],
    who: Annotated[str, typer.Option(metavar="NAME", help="Who decided it.")],
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why; never write patient data here.")],
    client: Annotated[str, typer.Option(metavar="ID", help="A client of the registry; without it all.")] = EVERY,
    rule: Annotated[str, typer.Option(metavar="ID", help="A rule (see `mode rules`); without it all.")] = EVERY,
) -> None:
    """Throw a switch. It acts from the next call on, in every worker and replica, and is written to the audit trail."""
    settings = read_settings()
    knowledge = load_knowledge(site=settings.site)
    clients = {one.entry.id for one in read_registry(settings)}
    switch = Switch(client=client, rule=rule, mode=mode, who=who.strip(), why=why.strip(), at=SystemClock().now())
    try:
        check_switch(switch, clients=clients, knowledge=knowledge)
    except SwitchRefusedError as refused:
        problem, _, remedy = str(refused).partition(". ")
        raise Refusal("switch", problem.rstrip("."), remedy.rstrip(".") or "see `trd-cds mode set --help`") from None

    async def work(records: Records) -> None:
        await Ledger(records, settings, knowledge, SystemClock()).throw(switch)

    with_records(settings, work)
    typer.echo(f"{_named(client, 'client')}, {_named(rule, 'rule')}: {mode}")


@group.command("show")
def show(history: Annotated[bool, typer.Option("--history", help="Every switch ever thrown.")] = False) -> None:
    """Print how each client stands, and the switches in force."""
    settings = read_settings()
    knowledge = load_knowledge(site=settings.site)
    board = with_records(
        settings, lambda records: records.switchboard.history() if history else records.switchboard.standing()
    )
    accepted = knowledge.accepted
    if accepted is None:
        typer.echo(f"knowledge {knowledge.version}: accepted by nobody, so everything is in shadow at most")
    else:
        typer.echo(f"knowledge {knowledge.version}: accepted by {accepted.who} on {accepted.when}")
    if not history:
        for one in read_registry(settings):
            standing = standing_of(
                one.entry.id,
                baseline=one.entry.mode,
                switches=board,
                knowledge=knowledge,
                accepted=accepted is not None,
            )
            typer.echo(f"client {one.entry.id}: {standing.mode} (registry: {one.entry.mode})")
    for switch in board:
        typer.echo(
            f"{switch.at:%Y-%m-%d %H:%M} {_named(switch.client, 'client')}, {_named(switch.rule, 'rule')}: "
            f"{switch.mode}, by {switch.who}: {switch.why}"
        )


@group.command("rules")
def rules() -> None:
    """Print every rule that can be switched, and the hard stops that cannot."""
    for rule, fixed in sorted(switchable(load_knowledge(site=read_settings().site)).items()):
        typer.echo(f"{rule}\thard stop: stays on" if fixed else rule)


def _named(who: str, what: str) -> str:
    return f"every {what}" if who == EVERY else f"{what} {who}"
