"""A finished run, opened to be asked: its manifest, and its tables as views of an embedded database.

The views carry the names of the tables. `last` is the last moment of each patient, the unit of every figure about
patients; `assessments` holds every moment, the unit of every figure about orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from cds_hooks.silent.report.faults import UnusableInputError
from cds_hooks.silent.tables import TABLES

if TYPE_CHECKING:
    import duckdb

MANIFEST = "run.json"
_REMEDY = "name a directory that `trd-cds cohort run` has finished"
_LAST = """
CREATE VIEW last AS SELECT * EXCLUDE (place) FROM (
    SELECT *, row_number() OVER (PARTITION BY patient ORDER BY as_of DESC, moment DESC) AS place FROM assessments
) WHERE place = 1
"""


@dataclass(frozen=True)
class Run:
    """One finished run. `directory` is where it lies; `manifest` its run.json."""

    directory: Path
    manifest: Mapping[str, Any]
    database: duckdb.DuckDBPyConnection

    @property
    def plan(self) -> Mapping[str, Any]:
        """The plan as the manifest tells it."""
        return _mapping(self.manifest.get("plan"))

    @property
    def knowledge(self) -> Mapping[str, Any]:
        """`version` and `hash` of the knowledge."""
        return _mapping(self.manifest.get("knowledge"))

    @property
    def definition(self) -> str:
        """The id of the definition that decided."""
        return str(self.plan.get("definition", ""))

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of a query; `values` stand for its question marks."""
        return self.database.execute(query, list(values)).fetchall()

    def number(self, query: str, *values: object) -> int:
        """The one whole number of a query."""
        rows = self.ask(query, *values)
        return int(rows[0][0] or 0)


def open_run(directory: Path) -> Run:
    """The run in `directory`. UnusableInputError where it is none, is not finished, or lacks a table."""
    manifest = _manifest(directory)
    database = _connect()
    for name in TABLES:
        files = sorted((directory / "tables" / name).glob("*.parquet"))
        if not files:
            raise UnusableInputError(str(directory / "tables" / name), "holds no Parquet file", _REMEDY)
        _view(database, name, files)
    database.execute(_LAST)
    return Run(directory=directory, manifest=manifest, database=database)


def _connect() -> duckdb.DuckDBPyConnection:
    try:
        import duckdb  # noqa: PLC0415 - an extra that only cohorts need
    except ImportError:
        raise UnusableInputError(
            "trd-cds cohort report", "needs DuckDB, which is not installed", "install the extra: trd-cds[cohort]"
        ) from None
    return duckdb.connect(
        ":memory:", config={"enable_external_access": "true", "autoinstall_known_extensions": "false"}
    )


def _view(database: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]) -> None:
    listed = ", ".join(_quoted(file) for file in files)
    wanted = ", ".join(f'"{column.name}"' for column in TABLES[name].columns)
    import duckdb  # noqa: PLC0415

    try:
        # Names of tables, columns and files of our own: nothing here comes from a record.
        database.execute(f"CREATE VIEW {name} AS SELECT {wanted} FROM read_parquet([{listed}])")  # noqa: S608
    except duckdb.Error:
        raise UnusableInputError(
            str(files[0].parent),
            "has not the columns that this version reads",
            "run the cohort again with this version",
        ) from None


def _quoted(file: Path) -> str:
    escaped = str(file).replace("'", "''")
    return f"'{escaped}'"


def _manifest(directory: Path) -> Mapping[str, Any]:
    place = directory / MANIFEST
    try:
        read = orjson.loads(place.read_bytes())
    except OSError as fault:
        raise UnusableInputError(str(place), f"cannot be read ({fault.strerror})", _REMEDY) from None
    except orjson.JSONDecodeError:
        raise UnusableInputError(str(place), "is not JSON", _REMEDY) from None
    if not isinstance(read, dict) or not isinstance(read.get("plan"), dict):
        raise UnusableInputError(str(place), "is no manifest of a run", _REMEDY)
    if read.get("state") != "finished":
        raise UnusableInputError(
            str(place), "tells of a run that has not finished", "resume it with `trd-cds cohort run`"
        )
    return read


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
