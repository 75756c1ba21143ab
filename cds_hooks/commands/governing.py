"""`trd-cds governance …`: passwords of those who read the governance page."""

from __future__ import annotations

import typer

from cds_hooks.commands.refusal import Refusal
from cds_hooks.governance.readers import HASHER, Readers, ReadersError, load_readers
from cds_hooks.settings import Settings

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The governance page and its readers.")
_SHORTEST, _LONGEST = 12, 500


@group.command("password")
def password() -> None:
    """Ask for a password twice, unseen, and print the line for the readers file; the password is kept nowhere."""
    chosen = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if not _SHORTEST <= len(chosen) <= _LONGEST:
        raise Refusal("password", f"has not {_SHORTEST} to {_LONGEST} characters", "take a longer one")
    typer.echo(f'password_hash: "{HASHER.hash(chosen)}"')


def read_readers(settings: Settings) -> Readers | None:
    """The readers that `settings` name, None when they name no file; raises Refusal when it is unusable."""
    if settings.governance_file is None:
        return None
    try:
        return load_readers(settings.governance_file)
    except ReadersError as fault:
        raise Refusal(f"{fault.file}, {fault.place}", fault.problem, fault.remedy) from None
