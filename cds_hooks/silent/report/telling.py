"""Counts and shares as the document writes them: a withheld count is null, and so is whatever would tell it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cds_hooks.disclosure.cells import Cells
from cds_hooks.disclosure.following import Key
from cds_hooks.governance.intervals import proportion
from cds_hooks.silent.report.clustering import Clustered
from plugin.resistance.verdict import Value

Tell = Callable[[], dict[str, Any]]
VERDICTS = tuple(value.value for value in Value)
UNSETTLED = (Value.PROBABLE.value, Value.INDETERMINATE.value)
MOMENTS: Key = ("moments",)
ORDERS: Key = ("orders", "judged")
PATIENTS: Key = ("patients",)
JUDGED: Key = ("patients", "judged")
OPEN: Key = ("unsettled",)
_DIGITS = 4
UNIT_PATIENT = "patients, each at the last of its moments"
UNIT_MOMENT = "moments: every past order (one cart of a prescriber and day), or every chosen day"


def share(cells: Cells, part: Key, whole: Key, counted: Clustered | None = None) -> dict[str, Any]:
    """`part` of `whole` with its 95 % interval (Wilson); all of it null where either count is withheld.

    `counted` tells how both are spread over patients, where one patient has many of them.
    """
    some, of = cells.shown(part), cells.shown(whole)
    if some is None or of is None:
        return dict(_UNKNOWN, of=of)
    return known_share(some, of, counted.size if counted is not None else None)


_UNKNOWN: dict[str, Any] = {"count": None, "of": None, "share": None, "low": None, "high": None}


def known_share(part: int, whole: int, size: float | None = None) -> dict[str, Any]:
    """The same for two counts that may be shown; `size` as many independent ones as tell as much."""
    found = proportion(part, whole, size=size)
    if found is None:
        return dict(_UNKNOWN, count=part, of=whole)
    told = {"share": found.value, "low": found.low, "high": found.high}
    return {"count": part, "of": whole, **{name: round(value, _DIGITS) for name, value in told.items()}}


def by_size(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with a `name` and a `count`, largest first; the place of a withheld one says nothing; "other" is last."""
    return [
        dict(row)
        for row in sorted(
            rows,
            key=lambda row: (bool(row.get("folds")), row["count"] is None, -(row["count"] or 0), row["name"]),
        )
    ]
