"""What the records state: supply, dose, scores, and what was set aside."""

from __future__ import annotations

from typing import Any

from cds_hooks.disclosure.cells import Cells
from cds_hooks.disclosure.folding import folded, other
from cds_hooks.disclosure.following import Key
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import JUDGED, ORDERS, Tell, by_size, share

_RECORDS: Key = ("quality", "records")
_ORDERS: Key = ("quality", "orders")
_TRIALS: Key = ("quality", "trials")
_SET_ASIDE: Key = ("quality", "aside")
_READ = "FROM patients WHERE failed IS NULL"
_OF_JUDGED = f"{_READ} AND drug_records > 0 AND moments > 0"
_OF_TRIALS = "SELECT count(*), count(DISTINCT patient) FROM trials JOIN last USING (patient, moment)"
# A reason may name the other record ("duplicate of MedicationDispense/..."): no id goes into a report.
_REASONS = r"""
CREATE OR REPLACE TEMP VIEW reasons AS
SELECT patient, regexp_replace(reason, '[A-Z][A-Za-z]+/[^\s,;]+', 'another record', 'g') AS reason FROM set_aside
"""


def count_quality(run: Run, cells: Cells, limit: int) -> Tell:
    """Count records of drugs by what they state, patients with a score, and resources set aside by reason."""
    cells.put(_RECORDS, run.number(f"SELECT sum(drug_records) {_READ}"))
    records = [
        ("drug records that state a supply or an end", _stated(run, cells, "supply_records")),
        ("drug records that state a readable dose", _stated(run, cells, "dose_records")),
    ]
    [(orders, people)] = run.ask("SELECT count(*), count(DISTINCT patient) FROM orders")
    cells.put(_ORDERS, orders, people=people)
    not_judged = _reasons(run, cells, _ORDERS, "orders WHERE why_not IS NOT NULL", "why_not", limit)
    if cells.has(ORDERS) and cells.count(ORDERS) == cells.count((*_ORDERS, "left")):
        cells.adds_up((*_ORDERS, "left"), (ORDERS,))
    scored = cells.part_of(JUDGED, ("quality", "scored"), run.number(f"SELECT count(*) {_OF_JUDGED} AND scores > 0"))
    repeated = run.number(f"SELECT count(*) {_OF_JUDGED} AND scores > 1")
    twice = cells.part_of(scored, ("quality", "scored", "twice"), repeated)
    known = run.number(f"SELECT count(*) {_OF_JUDGED} AND sex IS NOT NULL AND sex NOT IN ('', 'unknown')")
    sex = cells.part_of(JUDGED, ("quality", "sex"), known)
    [(trials, people)] = run.ask(_OF_TRIALS)
    cells.put(_TRIALS, trials, people=people)
    of_trials = [
        (what, _of_trials(run, cells, name, condition))
        for what, name, condition in (
            ("trials on dispenses, administrations or the patient's word (grade A)", "A", "grade = 'A'"),
            ("trials with an outcome measured on a scale", "score", "basis = 'score'"),
        )
    ]
    run.database.execute(_REASONS)
    cells.put(_SET_ASIDE, run.number("SELECT count(*) FROM reasons"))
    aside = _reasons(run, cells, _SET_ASIDE, "reasons", "reason", limit)

    def tell() -> dict[str, Any]:
        return {
            "unit": "records of antidepressants and augmenting drugs, patients judged, trials at the last moment",
            "profile": [
                *({"what": what, **share(cells, key, _RECORDS)} for what, key in records),
                {"what": "patients with a score", **share(cells, scored, JUDGED)},
                {"what": "of these, with two scores or more", **share(cells, twice, scored)},
                *({"what": what, **share(cells, key, _TRIALS)} for what, key in of_trials),
                {"what": "patients with a recorded sex", **share(cells, sex, JUDGED)},
            ],
            "orders": cells.shown(_ORDERS),
            "ordersNotJudged": by_size([{**about, **share(cells, key, _ORDERS)} for about, key in not_judged]),
            "setAside": cells.shown(_SET_ASIDE),
            "setAsideReasons": by_size([{**about, **share(cells, key, _SET_ASIDE)} for about, key in aside]),
        }

    return tell


def _stated(run: Run, cells: Cells, column: str) -> Key:
    [(count, people)] = run.ask(f"SELECT sum({column}), count(*) FILTER (WHERE {column} > 0) {_READ}")
    return cells.part_of(_RECORDS, (*_RECORDS, column), int(count or 0), people=people)


def _of_trials(run: Run, cells: Cells, name: str, condition: str) -> Key:
    [(count, people)] = run.ask(f"{_OF_TRIALS} WHERE {condition}")
    return cells.part_of(_TRIALS, (*_TRIALS, name), count, people=people)


def _reasons(
    run: Run, cells: Cells, whole: Key, rows: str, column: str, limit: int
) -> list[tuple[dict[str, Any], Key]]:
    """The rows by reason, those of few patients together; a reader can subtract what is left over."""
    found = run.ask(f"SELECT {column}, count(*), count(DISTINCT patient) FROM {rows} GROUP BY 1 ORDER BY 1")  # noqa: S608
    rare = folded({name: people for name, _, people in found}, limit, adds_up=False)
    keys: list[tuple[dict[str, Any], Key]] = [
        ({"name": name}, cells.put((*whole, name), count, people=people))
        for name, count, people in found
        if name not in rare
    ]
    if rare:
        among = f"{rows} {'AND' if 'WHERE' in rows else 'WHERE'} list_contains(?, {column})"
        [(count, people)] = run.ask(f"SELECT count(*), count(DISTINCT patient) FROM {among}", list(rare))  # noqa: S608
        about = {"name": other(len(rare), "reasons"), "folds": len(rare)}
        keys.append((about, cells.put((*whole, "other"), count, people=people)))
    left = cells.count(whole) - sum(cells.count(key) for _, key in keys)
    cells.adds_up(whole, (*(key for _, key in keys), cells.put((*whole, "left"), left)))
    return keys
