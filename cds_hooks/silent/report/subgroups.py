"""Whether groups of patients are treated differently: what is told of them, each with its interval.

One patient counts once, at its last moment, so that the interval's assumption of independent patients holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from cds_hooks.silent.report.cells import Cells, Key
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import JUDGED, UNIT_PATIENT, Tell, share

_NAMED = ("MET", "PROBABLE", "INDETERMINATE")
_OTHER = "OTHER"
UNKNOWN = "not recorded"
# First age of each band, in years, and how many years the last closed one ends above: bands of reports, not clinical.
_BANDS = (18, 25, 35, 45, 55, 65, 75)
_AGE = "age"
_KEPT = ("race", "ethnicity", "language")
_TABLE = """
SELECT {group} AS part, CASE WHEN verdict IN ('MET', 'PROBABLE', 'INDETERMINATE') THEN verdict ELSE 'OTHER' END,
    coalesce(fired, FALSE), count(*)
FROM last JOIN patients USING (patient) WHERE failed IS NULL AND drug_records > 0 GROUP BY ALL ORDER BY 1
"""


def count_subgroups(run: Run, cells: Cells) -> Tell:
    """Count verdicts and firing by age band and sex, and by race, ethnicity and language where the run kept them."""
    kept = [name for name in run.plan.get("keep") or () if name in _KEPT]
    groupings = [(_AGE, _age_bands()), ("sex", _recorded("sex")), *((name, _recorded(name)) for name in kept)]
    found: list[tuple[str, list[str]]] = []
    for name, group in groupings:
        rows = run.ask(_TABLE.format(group=group))
        parts = list(dict.fromkeys(str(part) for part, *_ in rows))
        found.append((name, parts))
        _put(cells, name, parts, [(str(part), value, fired, count) for part, value, fired, count in rows])

    def tell() -> dict[str, Any]:
        return {
            "unit": UNIT_PATIENT,
            "groupings": [
                {"by": name, "groups": [_told(cells, name, part) for part in parts]} for name, parts in found
            ],
            "notKept": [name for name in _KEPT if name not in kept],
        }

    return tell


def _put(cells: Cells, by: str, parts: Sequence[str], rows: Sequence[tuple[str, str, bool, int]]) -> None:
    """All cells of one grouping: groups by verdict and groups by firing, with both margins."""
    sizes: list[Key] = []
    for part in parts:
        mine = [row for row in rows if row[0] == part]
        size = cells.put((by, part), sum(count for *_, count in mine))
        verdicts = [
            cells.put((by, part, value), sum(count for _, told, _, count in mine if told == value))
            for value in (*_NAMED, _OTHER)
        ]
        cells.adds_up(size, verdicts)
        cells.part_of(size, (by, part, "fired"), sum(count for _, _, fired, count in mine if fired))
        sizes.append(size)
    cells.adds_up(JUDGED, sizes)
    for value in (*_NAMED, _OTHER, "fired"):
        column = [(by, part, value) for part in parts]
        cells.adds_up(cells.put(("all", value), sum(cells.count(key) for key in column)), column)
    cells.adds_up(JUDGED, [("all", value) for value in (*_NAMED, _OTHER)])
    rest = [(by, part, "fired", "rest") for part in parts]
    cells.adds_up(cells.put(("all", "fired", "rest"), sum(cells.count(key) for key in rest)), rest)
    cells.adds_up(JUDGED, (("all", "fired"), ("all", "fired", "rest")))


def _told(cells: Cells, by: str, part: str) -> dict[str, Any]:
    size = (by, part)
    return {
        "group": part,
        "patients": cells.shown(size),
        "fired": share(cells, (by, part, "fired"), size),
        "verdicts": {value: share(cells, (by, part, value), size) for value in _NAMED},
    }


def _age_bands() -> str:
    """The band of `age_years` as SQL; a band carries its first and last year."""
    ends = [f"{first}–{after - 1}" for first, after in pairwise(_BANDS)]
    cases = [f"WHEN age_years < {_BANDS[0]} THEN 'below {_BANDS[0]}'"]
    cases += [f"WHEN age_years < {after} THEN '{name}'" for after, name in zip(_BANDS[1:], ends, strict=True)]
    return f"CASE WHEN age_years IS NULL THEN '{UNKNOWN}' {' '.join(cases)} ELSE '{_BANDS[-1]} or older' END"


def _recorded(column: str) -> str:
    return f"CASE WHEN coalesce({column}, '') = '' THEN '{UNKNOWN}' ELSE {column} END"
