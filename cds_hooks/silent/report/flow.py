"""From all patients of the input to each verdict: how many are left, and how many fall out, at each filter.

Every patient falls out once or reaches one verdict, and everything adds up. The filters stand in the order in which
the reasoning applies them; the age is that of the last moment, and of those without one that of the run's last day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cds_hooks.disclosure.cells import KEPT, Cells
from cds_hooks.disclosure.following import Key
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import JUDGED, OPEN, PATIENTS, UNSETTLED, VERDICTS, Tell
from plugin.resistance.verdict import Value

DECIDED = tuple(value for value in VERDICTS if value not in (Value.EXCLUDED.value, Value.OUT_OF_SCOPE.value))
# What becomes of a patient: the first that holds. X5 is the rule on age, the only one that puts the young out of scope.
_END = """
CREATE OR REPLACE TEMP VIEW ends AS
SELECT patient, last.age_years AS age_years, age_at_end_years, capped, CASE
    WHEN failed IS NOT NULL THEN 'fault'
    WHEN coalesce(drug_records, 0) = 0 THEN 'no drug'
    WHEN verdict IS NULL AND patient NOT IN (SELECT patient FROM orders) THEN 'no order'
    WHEN verdict IS NULL THEN 'no moment'
    WHEN verdict = 'OUT_OF_SCOPE' AND list_contains(decided_by, 'X5') THEN 'young'
    WHEN verdict = 'EXCLUDED' THEN 'excluded'
    WHEN verdict = 'OUT_OF_SCOPE' THEN 'no depression'
    ELSE verdict END AS stop FROM patients LEFT JOIN last USING (patient)
"""
_AGE_UNKNOWN = """
SELECT count(*) FROM ends
WHERE age_years IS NULL AND stop NOT IN ('fault', 'no drug', 'no order', 'no moment', 'young')
"""
# Who fell out for want of a moment has an age on the last day of the run only.
_UNJUDGED = "SELECT count(*) FROM ends WHERE stop IN ('no order', 'no moment') AND age_at_end_years"


@dataclass(frozen=True, slots=True)
class _Filter:
    """A filter: what is said of those it keeps, and of those it stops, by the names of `_END`."""

    name: str
    kept: str
    stops: dict[str, str]
    spare: int = 2
    parts: list[tuple[str, Key]] = field(default_factory=list)


def _filters(adult_from: int) -> Sequence[_Filter]:
    none_judged = "orders, but none to judge: cancelled, without a day, or outside the days of the run"
    return (
        _Filter("readable", "could be read and judged", {"fault": "stopped by a fault of ours or of the data"}),
        _Filter("drug", "a record of an antidepressant or augmenting drug", {"no drug": "no such record"}),
        _Filter(
            "moment",
            "a moment to judge: an order, or a chosen day",
            {"no order": "records, but no order", "no moment": none_judged},
            KEPT,
        ),
        _Filter("adult", f"not known to be younger than {adult_from}", {"young": f"younger than {adult_from} then"}),
        _Filter(
            "eligible",
            "no confirmed diagnosis that excludes",
            {"excluded": "excluded: bipolar disorder or a primary psychotic disorder"},
        ),
        _Filter(
            "depression",
            "a depressive disorder on record, or the problem list not fully read",
            {"no depression": "no depressive disorder on record"},
        ),
    )


def count_flow(run: Run, cells: Cells, adult_from: int) -> Tell:
    """Count the filters; `adult_from` is the age in years from which the knowledge calls a patient an adult."""
    run.database.execute(_END)
    ends = dict(run.ask("SELECT stop, count(*) FROM ends GROUP BY 1"))
    before = cells.put(PATIENTS, sum(ends.values()), spare=2)
    filters = _filters(adult_from)
    kept: dict[str, Key] = {}
    for one in filters:
        key = JUDGED if one.name == "moment" else ("flow", one.name)
        stopped = [(why, cells.put(("flow", end), ends.get(end, 0), spare=1)) for end, why in one.stops.items()]
        cells.put(key, cells.count(before) - sum(cells.count(part) for _, part in stopped), spare=one.spare)
        cells.adds_up(before, (key, *(part for _, part in stopped)))
        one.parts.extend(stopped)
        kept[one.name] = before = key
    unjudged = _unjudged(run, cells, adult_from)
    verdicts = _verdicts(cells, ends, before)
    unknown_age = cells.part_of(
        kept["adult"],
        ("flow", "age"),
        run.number(_AGE_UNKNOWN),
    )
    capped = cells.part_of(
        verdicts[Value.INDETERMINATE.value],
        ("flow", "capped"),
        run.number("SELECT count(*) FROM ends WHERE stop = 'INDETERMINATE' AND capped IS NOT NULL"),
    )

    def tell() -> dict[str, Any]:
        return {
            "unit": "patients",
            "all": cells.shown(PATIENTS),
            "judged": cells.shown(JUDGED),
            "steps": [
                {
                    "name": one.name,
                    "kept": one.kept,
                    "count": cells.shown(kept[one.name]),
                    "fellOut": [{"why": why, "count": cells.shown(key)} for why, key in one.parts],
                }
                for one in filters
            ],
            "verdicts": {value: cells.shown(key) for value, key in verdicts.items()},
            "notSettled": cells.shown(OPEN),
            "withoutMoment": [{"who": who, "count": cells.shown(key)} for who, key in unjudged],
            "adultFrom": adult_from,
            "ageUnknown": cells.shown(unknown_age),
            "heldBack": cells.shown(capped),
        }

    return tell


def _unjudged(run: Run, cells: Cells, adult_from: int) -> list[tuple[str, Key]]:
    """Those without a moment by their age on the last day of the run."""
    reasons = [("flow", "no order"), ("flow", "no moment")]
    whole = cells.put(("flow", "without moment"), sum(map(cells.count, reasons)))
    cells.adds_up(whole, reasons)
    parts = [
        (f"younger than {adult_from}", f"< {adult_from:d}"),
        (f"{adult_from} or older", f">= {adult_from:d}"),
        ("of unknown age", "IS NULL"),
    ]
    found = [(who, cells.put((*whole, who), run.number(f"{_UNJUDGED} {holds}"))) for who, holds in parts]
    cells.adds_up(whole, [key for _, key in found])
    return found


def _verdicts(cells: Cells, ends: dict[str, int], before: Key) -> dict[str, Key]:
    """The verdicts of those who pass all filters, and the two that the filters gave, as counts of those judged."""
    # Who is not settled is told elsewhere: of all verdicts, the two of them keep each other company at the least cost.
    keys = {
        value: cells.put(("all", value), ends.get(value, 0), spare=1 + int(value not in UNSETTLED)) for value in DECIDED
    }
    rest = cells.put(("all", "none"), cells.count(before) - sum(cells.count(key) for key in keys.values()))
    cells.adds_up(before, (*keys.values(), rest))
    excluded, outside = ("all", Value.EXCLUDED.value), ("all", Value.OUT_OF_SCOPE.value)
    cells.put(excluded, ends.get("excluded", 0), spare=1)
    cells.put(outside, ends.get("young", 0) + ends.get("no depression", 0), spare=1)
    cells.adds_up(excluded, (("flow", "excluded"),))
    cells.adds_up(outside, (("flow", "young"), ("flow", "no depression")))
    cells.adds_up(JUDGED, (*keys.values(), rest, excluded, outside))
    return keys | {excluded[1]: excluded, outside[1]: outside}
