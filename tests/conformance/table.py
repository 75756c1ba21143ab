"""The requirements as data: every row of the specification that concerns a service, and every trap seen in practice.

`requirements.csv` is the one place where a requirement is worded. `reason` is written where a row does not apply to
this service, and says why; every other row is proved by tests, which name it (see `proofs`). What the checker of
`trd-cds check` needs of the table ships with the package as a copy, made by ``make conformance``.
"""

from __future__ import annotations

import csv
import io
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

import cds_hooks.checking

TABLE = Path(__file__).parent / "requirements.csv"
PACKAGE = Path(cds_hooks.checking.__file__).parent
JUDGED = PACKAGE / "judged.csv"
SHIPPED = PACKAGE / "requirements.csv"
SHIPPED_COLUMNS = ("id", "level", "actor", "text")
DUTIES = ("SHALL", "SHALL NOT")
VERSIONS = ("1.0", "2.0.1", "3.0")
Level = Literal["SHALL", "SHALL NOT", "CONDITIONAL", "SHOULD", "SHOULD NOT", "MAY", "NOTE"]
Text = Annotated[str, Field(min_length=1, pattern=r"^\S.*\S$")]


class Row(BaseModel):
    """One requirement: `version` names the versions of CDS Hooks that have it, separated by blanks, none for what no
    version says; `source` the section that says it, or where it was seen; `actor` whose duty it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[A-Z]{2,3}-\d\d[a-z]?$")]
    level: Level
    version: Annotated[str, Field(pattern=r"^((1\.0|2\.0\.1|3\.0)( (2\.0\.1|3\.0))*)?$")]
    actor: Literal["service", "client", "both"]
    text: Text
    source: Text
    reason: str

    @property
    def family(self) -> str:
        """The letters before the number."""
        return self.id.partition("-")[0]


@cache
def rows() -> tuple[Row, ...]:
    """All rows in their order. Raises pydantic's ValidationError for a spoilt file."""
    return TypeAdapter(tuple[Row, ...]).validate_python(list(csv.DictReader(io.StringIO(TABLE.read_text("utf-8")))))


def judged() -> tuple[str, ...]:
    """The ids that the checker judges from outside."""
    return tuple(row["id"] for row in csv.DictReader(io.StringIO(JUDGED.read_text("utf-8"))))


def shipped() -> str:
    """The copy of the table that the checker reads: the rows that it judges, in its order. Raises KeyError for a row
    that the table does not have.
    """
    known = {row.id: row for row in rows()}
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(SHIPPED_COLUMNS)
    writer.writerows([getattr(known[name], column) for column in SHIPPED_COLUMNS] for name in judged())
    return written.getvalue()
