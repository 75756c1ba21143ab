"""`trd-cds knowledge accept`: record in a site overlay that a person took this version of the knowledge into use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml

from cds_hooks.commands.knowledge_loading import day_or_today, load_knowledge
from cds_hooks.commands.refusal import Refusal
from mappings.overlay import ACCEPTANCES

_HEADING = "# Who accepted which version of the knowledge for live use. Entries are added, never changed.\n"


def accept(
    site: Annotated[Path, typer.Argument(metavar="SITE", help="The directory of the site overlay.")],
    who: Annotated[str, typer.Option(metavar="NAME", help="Who accepts it, with their role.")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Day of the decision, default today.")
    ] = None,
) -> None:
    """Accept the installed version for live use; until then every client stays in shadow.

    Running services see it after a restart, as every change of an overlay.
    """
    if not who.strip() or not who.isprintable():
        raise Refusal("--who", "is empty or not printable", "name the person who decided, with their role")
    knowledge = load_knowledge(site=site)
    if knowledge.accepted is not None:
        known = knowledge.accepted
        typer.echo(f"knowledge {knowledge.version} was already accepted by {known.who} on {known.when}")
        return
    packaged = load_knowledge()
    day = day_or_today(as_of)
    entry = {"version": packaged.version, "hash": packaged.content_hash, "who": who.strip(), "when": day}
    file = site / ACCEPTANCES
    try:
        written = file.read_text(encoding="utf-8") if file.exists() else _HEADING
        added = yaml.safe_dump([entry], allow_unicode=True, sort_keys=False, width=10_000)
        draft = file.with_name(f".{ACCEPTANCES}.new")
        draft.write_text(written.rstrip("\n") + "\n" + added, encoding="utf-8")
        draft.replace(file)
    except OSError as fault:
        raise Refusal(
            str(file), f"cannot be written ({fault.strerror})", "run this where the overlay may be changed"
        ) from None
    typer.echo(f"knowledge {packaged.version} accepted by {who.strip()} on {day}: commit {file.name} with the overlay")
