"""`trd-cds knowledge reference` and `schema`: the pages and editor schemas that are made from the knowledge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from cds_hooks.checking.document import Report as CheckReport
from cds_hooks.commands.knowledge_loading import load_knowledge
from cds_hooks.commands.printing import print_text
from cds_hooks.commands.refusal import Refusal
from cds_hooks.ehr.system_client import SystemClient
from cds_hooks.probing.document import Report as ProbeReport
from cds_hooks.smart.registration import EhrList
from cds_hooks.trust.entries import ClientList
from mappings.file_schemas import schema_text, schemas
from mappings.reference import MADE_BY, pages

REGISTRY = "client-registry"
SYSTEM_CLIENT = "system-client"
PROBE = "probe"
CHECK = "check"
SMART = "smart"
_OUR_MODELS: dict[str, type[BaseModel]] = {
    REGISTRY: ClientList,
    SYSTEM_CLIENT: SystemClient,
    PROBE: ProbeReport,
    CHECK: CheckReport,
    SMART: EhrList,
}

Write = Annotated[Path | None, typer.Option("--write", metavar="DIR", help="Write the files into this directory.")]
Check = Annotated[Path | None, typer.Option("--check", metavar="DIR", help="Fail when this directory is stale.")]


def reference(write: Write = None, check: Check = None) -> None:
    """Write or check the reference pages: drugs, definitions, options, rules, bibliography and more, as Markdown."""
    _put(pages(load_knowledge()), write, check, "*.md", "reference")


def schema(write: Write = None, check: Check = None) -> None:
    """Write or check the JSON Schemas of the knowledge files, the operators' files, and what probe and check write."""
    ours = {f"{name}.schema.json": schema_text(name, model) for name, model in _OUR_MODELS.items()}
    _put(schemas(load_knowledge()) | ours, write, check, "*.schema.json", "schema")


def _put(files: dict[str, str], write: Path | None, check: Path | None, pattern: str, command: str) -> None:
    if (write is None) == (check is None):
        raise Refusal("--write or --check", "is needed, one of the two", "name the directory of the files")
    if write is not None:
        try:
            write.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (write / name).write_text(text, encoding="utf-8")
            for left in _unknown(write, files, pattern):
                left.unlink()
        except OSError as fault:
            raise Refusal(str(write), f"cannot be written ({fault.strerror})", "name another directory") from None
        print_text(f"{len(files)} files written to {write}")
    elif check is not None:
        stale = [name for name, text in files.items() if _read(check / name) != text]
        stale += [path.name for path in _unknown(check, files, pattern)]
        if stale:
            again = f"run `trd-cds knowledge {command} --write {check}`"
            raise Refusal(str(check), f"is stale ({', '.join(sorted(stale))})", again)
        print_text(f"{len(files)} files in {check} are current")


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _unknown(directory: Path, files: dict[str, str], pattern: str) -> list[Path]:
    """Files that this command made once and makes no longer; no other file is ever touched."""
    return [
        path
        for path in sorted(directory.glob(pattern))
        if path.name not in files and MADE_BY in path.read_text(encoding="utf-8")
    ]
