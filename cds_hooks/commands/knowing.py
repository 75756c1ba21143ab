"""`trd-cds knowledge`: the clinical knowledge the product ships with."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.commands import (
    knowledge_accept,
    knowledge_diff,
    knowledge_pages,
    knowledge_refresh,
    knowledge_sensitivity,
    knowledge_show,
)
from cds_hooks.commands.knowledge_loading import day_or_today, load_knowledge
from cds_hooks.commands.printing import print_text
from mappings.entries import entries
from mappings.load import Knowledge
from mappings.review import low_confidence, overdue, tally

__all__ = ["group", "load_knowledge"]

group = typer.Typer(help="The clinical knowledge files.", no_args_is_help=True, rich_markup_mode=None)


@group.command("check")
def check(
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIRECTORY]", help="A knowledge directory, default the installed one.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Day for overdue reviews, default today.")
    ] = None,
) -> None:
    """Validate every knowledge file; print version, hash, what there is and how much of it has been reviewed."""
    knowledge = load_knowledge(directory)
    day = day_or_today(as_of)
    print_text("\n".join(_report(knowledge)))
    for line in _warnings(knowledge, day):
        typer.echo(f"warning: {line}", err=True)


def _report(knowledge: Knowledge) -> list[str]:
    counted = tally(knowledge)
    kinds: dict[str, int] = {}
    for entry in entries(knowledge):
        kinds[entry.kind] = kinds.get(entry.kind, 0) + 1
    kinds["product code"] = len(knowledge.products.rxnorm)
    return [
        f"knowledge {knowledge.version}",
        f"hash      {knowledge.content_hash}",
        f"default   {knowledge.default_definition}",
        *(f"{number:>7}   {_plural(what, number)}" for what, number in sorted(kinds.items())),
        f"{counted.facts:>7}   cited or graded facts in {counted.files} reviewable files",
        f"{counted.unsigned:>7}   of them in files that no clinician has signed (reviewed_by: none)",
        f"{len(low_confidence(knowledge)):>7}   facts of low confidence, to be verified",
    ]


def _warnings(knowledge: Knowledge, day: date) -> list[str]:
    return [
        f"{file}: was to be looked at again by {by} ({(day - by).days} days ago); "
        "look at it and set last_reviewed and review_by"
        for file, by in overdue(knowledge, day)
    ]


def _plural(what: str, number: int) -> str:
    if number == 1:
        return what
    return f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"


group.command("accept")(knowledge_accept.accept)
group.command("show")(knowledge_show.show)
group.command("diff")(knowledge_diff.diff)
group.command("refresh-rxnorm")(knowledge_refresh.refresh_rxnorm)
group.command("sensitivity")(knowledge_sensitivity.sensitivity)
group.command("reference")(knowledge_pages.reference)
group.command("schema")(knowledge_pages.schema)
