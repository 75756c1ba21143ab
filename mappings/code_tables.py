"""The manifest of the code tables: where each CSV file under ``codes/`` comes from, and what it must hold.

``codes/codes.yaml`` gives source, date, licence, columns and number of rows of every table. A table that is missing,
unlisted, cut short or has other columns is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

from mappings.strict_yaml import KnowledgeError, read_model
from mappings.values import CitationIds, Knowable, Reviewed

MANIFEST = "codes/codes.yaml"


class CodeTable(Knowable):
    """One CSV file: what it holds, its date (day, month or year of the source), licence, columns and rows."""

    holds: Annotated[str, Field(min_length=1)]
    published: Annotated[str, Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]
    licence: Annotated[str, Field(min_length=1)]
    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    rows: Annotated[int, Field(ge=0)]
    cites: CitationIds


class CodeTables(Reviewed):
    """The manifest: each table under its file name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, CodeTable]


def read_manifest(root: Path) -> CodeTables:
    """The manifest below `root`, checked against the files beside it; raises KnowledgeError where they differ."""
    manifest = read_model(root / MANIFEST, MANIFEST, CodeTables)
    tables: Mapping[str, CodeTable] = manifest.__pydantic_extra__
    for path in sorted((root / "codes").glob("*.csv")):
        if path.name not in tables:
            raise KnowledgeError(f"codes/{path.name}", "file", "is not in the manifest", f"describe it in {MANIFEST}")
    for name, table in tables.items():
        columns, rows = measure(root / "codes" / name)
        if columns != table.columns:
            raise KnowledgeError(
                f"codes/{name}", "line 1", "the columns differ from the manifest", f"write {','.join(table.columns)}"
            )
        if rows != table.rows:
            raise KnowledgeError(
                f"codes/{name}",
                "file",
                f"holds {rows} rows, the manifest says {table.rows}",
                f"restore the table, or review it and set rows in {MANIFEST}",
            )
    return manifest


def measure(path: Path) -> tuple[tuple[str, ...], int]:
    """The columns of a code table and its number of rows, blank lines aside; raises KnowledgeError if unreadable."""
    try:
        header, *rows = path.read_text(encoding="utf-8").splitlines() or [""]
    except (OSError, UnicodeDecodeError) as failure:
        raise KnowledgeError(
            f"codes/{path.name}", "file", "cannot be read", "restore the file from the release"
        ) from failure
    return tuple(header.split(",")), sum(1 for row in rows if row)
