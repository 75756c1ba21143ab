"""Why it could not be told, ranked by what one datum would resolve, and which rules leave it open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_hooks.disclosure.cells import KEPT, Cells
from cds_hooks.disclosure.folding import folded, other
from cds_hooks.disclosure.following import Key
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import JUDGED, OPEN, UNIT_PATIENT, Tell, by_size, share
from cds_hooks.silent.report.words import DATUM, PART
from mappings.load import Knowledge

_OPEN = """
CREATE OR REPLACE TEMP VIEW unsettled AS SELECT last.* FROM last JOIN patients USING (patient)
WHERE verdict IN ('PROBABLE', 'INDETERMINATE') AND failed IS NULL AND drug_records > 0
"""
_LISTED = "SELECT name, count(DISTINCT patient) FROM (SELECT patient, unnest({0}) AS name FROM unsettled) GROUP BY 1"
_ANY = "SELECT count(*) FROM unsettled WHERE list_has_any({0}, ?)"
_ALONE = "SELECT count(*) FROM unsettled WHERE len(settled_by) > 0 AND list_has_all(?, settled_by)"
# Which part lacks a fact, without the drug it is about ("outcome of sertraline").
_LACKING = "list_transform(missing, lambda one: split_part(one, ' of ', 1))"
# A verdict that was held back names beside the reason what it would have been: that is no reason.
_MET, _NOT_MET = "V1", "V4"


def count_unsettled(run: Run, cells: Cells, knowledge: Knowledge, limit: int) -> Tell:
    """Count the patients whose verdict is not settled, and for each missing fact those whom it alone would settle."""
    run.database.execute(_OPEN)
    total = cells.put(OPEN, run.number("SELECT count(*) FROM unsettled"), spare=KEPT)
    cells.part_of(JUDGED, OPEN, cells.count(OPEN))
    some = run.number("SELECT count(*) FROM unsettled WHERE len(settled_by) > 0")
    settled = cells.part_of(total, ("unsettled", "one"), some)
    efforts: dict[str, str] = {fact.kind: fact.effort for fact in knowledge.missing_facts}
    data = []
    for about, names, key in _listed(run, cells, "settled_by", DATUM, limit, "data"):
        if len(names) == 1:
            about |= {"datum": names[0]}
        about["effort"] = efforts.get(names[0], "") if len(names) == 1 else ""
        alone = cells.part_of(key, (*key, "alone"), run.number(_ALONE, names))
        data.append((about, key, alone))
    titles = {rule.id: f"{rule.title}: {rule.says}" for rule in knowledge.rules.values()}
    rules = [
        (about | ({"rule": names[0]} if len(names) == 1 else {}), key)
        for about, names, key in _listed(run, cells, "decided_by", titles, limit, "rules")
    ]
    parts = _listed(run, cells, _LACKING, PART, limit, "parts")

    def tell() -> dict[str, Any]:
        return {
            "unit": UNIT_PATIENT,
            "unsettled": share(cells, total, JUDGED),
            "byOneDatum": share(cells, settled, total),
            "data": _by_effect(
                [
                    {**about, "settles": share(cells, key, total), "settlesAlone": share(cells, alone, total)}
                    for about, key, alone in data
                ]
            ),
            "rules": by_size([{**about, **share(cells, key, total)} for about, key in rules]),
            "lacking": by_size([{**about, **share(cells, key, total)} for about, _, key in parts]),
        }

    return tell


def _listed(
    run: Run, cells: Cells, column: str, titles: Mapping[str, str], limit: int, what: str
) -> list[tuple[dict[str, Any], list[str], Key]]:
    """The unsettled patients by each value of a list, a patient with each of its values; the rare ones together."""
    counts = {name: count for name, count in run.ask(_LISTED.format(column)) if name not in (_MET, _NOT_MET)}
    rare = folded(counts, limit, adds_up=False)
    groups: list[tuple[dict[str, Any], list[str]]] = [
        ({"name": titles.get(name, name)}, [name]) for name in sorted(counts) if name not in rare
    ]
    if rare:
        groups.append(({"name": other(len(rare), what), "folds": len(rare)}, list(rare)))
    query = _ANY.format(column)
    return [
        (about, names, cells.part_of(OPEN, ("unsettled", column, *names), run.number(query, names)))
        for about, names in groups
    ]


def _by_effect(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ranked = by_size([{**row, "count": row["settles"]["count"]} for row in rows])
    return [{name: value for name, value in row.items() if name != "count"} for row in ranked]
