"""Counts and shares as the document writes them: a withheld count is null, and so is whatever would tell it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cds_hooks.governance.intervals import proportion
from cds_hooks.silent.report.cells import Cells, Key
from plugin.resistance.verdict import Value

Tell = Callable[[], dict[str, Any]]
VERDICTS = tuple(value.value for value in Value)
MOMENTS: Key = ("moments",)
PATIENTS: Key = ("patients",)
JUDGED: Key = ("patients", "judged")
_DIGITS = 4
UNIT_PATIENT = "patients, each at the last of its moments"
UNIT_MOMENT = "moments: every past order (one cart of a prescriber and day), or every chosen day"


def share(cells: Cells, part: Key, whole: Key) -> dict[str, Any]:
    """`part` of `whole` with its 95 % interval (Wilson); all of it null where either count is withheld."""
    some, of = cells.shown(part), cells.shown(whole)
    return known_share(some, of) if some is not None and of is not None else dict(_UNKNOWN, of=of)


_UNKNOWN: dict[str, Any] = {"count": None, "of": None, "share": None, "low": None, "high": None}


def known_share(part: int, whole: int) -> dict[str, Any]:
    """The same for two counts that may be shown."""
    found = proportion(part, whole)
    if found is None:
        return dict(_UNKNOWN, count=part, of=whole)
    told = {"share": found.value, "low": found.low, "high": found.high}
    return {"count": part, "of": whole, **{name: round(value, _DIGITS) for name, value in told.items()}}
