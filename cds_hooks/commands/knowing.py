"""`trd-cds knowledge`: the clinical knowledge the product ships with."""

from __future__ import annotations

import typer

from cds_hooks.commands.printing import print_text
from cds_hooks.commands.refusal import Refusal
from mappings.load import Knowledge, KnowledgeError, load

group = typer.Typer(help="The clinical knowledge files.", no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def _group() -> None:
    pass  # keeps `check` a sub-command while it is the only one


@group.command("check")
def check() -> None:
    """Load and validate every knowledge file; print version, hash and what there is."""
    knowledge = load_knowledge()
    counts = {
        "drugs": len(knowledge.drugs),
        "product codes": len(knowledge.products.rxnorm),
        "definitions": len(knowledge.definitions),
        "instruments": len(knowledge.instruments),
        "condition categories": len(knowledge.conditions.categories),
        "procedure kinds": len(knowledge.procedures.kinds),
        "sentences": len(knowledge.sentences),
        "sources": len(knowledge.sources),
    }
    print_text(
        "\n".join(
            [
                f"knowledge {knowledge.version}",
                f"hash      {knowledge.content_hash}",
                f"default   {knowledge.default_definition}",
                *(f"{number:>7}   {what}" for what, number in counts.items()),
            ]
        )
    )


def load_knowledge() -> Knowledge:
    """The packaged knowledge; raises Refusal with file, place and remedy when it is unusable."""
    try:
        return load()
    except KnowledgeError as fault:
        raise Refusal(f"knowledge {fault.file}, {fault.place}", fault.problem, fault.remedy) from fault
