"""`trd-cds knowledge diff`: what differs between two knowledge directories, in clinical words."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer

from cds_hooks.commands.knowledge_loading import load_knowledge
from cds_hooks.commands.printing import print_json, print_text
from mappings.comparison import Change, compare
from mappings.load import Knowledge

INSTALLED = "installed"
_ROWS_SHOWN = 40


class Form(StrEnum):
    """Lines for readers, or one JSON document with every difference."""

    TEXT = "text"
    JSON = "json"


def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A knowledge directory, or the word installed.")],
    after: Annotated[str, typer.Argument(metavar="B", help="What to compare it with, likewise.")] = INSTALLED,
    form: Annotated[Form, typer.Option("--format", help="How to print the differences.")] = Form.TEXT,
) -> None:
    """Say what changes from A to B; the exit status is 0 whether they are equal or not."""
    old, new = _knowledge(before), _knowledge(after)
    changes = compare(old, new)
    if form is Form.JSON:
        document = {"before": _state(old), "after": _state(new), "changes": [_document(change) for change in changes]}
        print_json(document)
    else:
        print_text("\n".join(_lines(changes)))


def _knowledge(name: str) -> Knowledge:
    return load_knowledge(None if name == INSTALLED else Path(name))


def _state(knowledge: Knowledge) -> dict[str, str]:
    return {"version": knowledge.version, "hash": knowledge.content_hash}


def _document(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "id": change.id,
        "file": change.file,
        "what": change.what,
        "before": change.before or None,
        "after": change.after or None,
        "from": change.since.isoformat() if change.since else None,
        "cites": list(change.cites),
        "text": change.text,
    }


def _lines(changes: tuple[Change, ...]) -> Iterator[str]:
    for (kind, file), group in groupby(changes, key=lambda change: (change.kind, _table(change))):
        told = list(group)
        yield f"{kind}{f' ({file})' if file else ''}"
        shown = told[:_ROWS_SHOWN] if file else told
        yield from (f"  {change.text}" for change in shown)
        if len(told) > len(shown):
            yield f"  and {len(told) - len(shown)} more; --format json lists them all"
    yield f"{len(changes) or 'no'} difference{'' if len(changes) == 1 else 's'} in meaning"


def _table(change: Change) -> str:
    return change.file if change.kind == "code" else ""
