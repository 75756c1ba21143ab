"""What the records state: supply, dose, scores, and what was set aside."""

from __future__ import annotations

from typing import Any

from cds_hooks.disclosure.cells import Cells
from cds_hooks.disclosure.folding import folded, other
from cds_hooks.disclosure.following import Key
from cds_hooks.silent.report.clustering import Clustered, clustered
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import JUDGED, ORDERS, Tell, by_size, share

_RECORDS: Key = ("quality", "records")
_ORDERS: Key = ("quality", "orders")
_TRIALS: Key = ("quality", "trials")
_SET_ASIDE: Key = ("quality", "aside")
_READ = "FROM patients WHERE failed IS NULL"
_OF_JUDGED = f"{_READ} AND drug_records > 0 AND moments > 0"
_OF_TRIALS = "SELECT patient, count(*) AS many FROM trials JOIN last USING (patient, moment) {0} GROUP BY 1"
_OF_RECORDS = f"SELECT patient, {{0}} AS many {_READ} AND {{0}} > 0"
_OF_ROWS = "SELECT patient, count(*) AS many FROM {0} GROUP BY 1"
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
    trials = clustered(run, _OF_TRIALS.format(""), _OF_TRIALS.format(""))
    cells.put(_TRIALS, trials.whole, people=trials.patients)
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
                *({"what": what, **share(cells, key, _RECORDS, counted)} for what, (key, counted) in records),
                {"what": "patients with a score", **share(cells, scored, JUDGED)},
                {"what": "of these, with two scores or more", **share(cells, twice, scored)},
                *({"what": what, **share(cells, key, _TRIALS, counted)} for what, (key, counted) in of_trials),
                {"what": "patients with a recorded sex", **share(cells, sex, JUDGED)},
            ],
            "orders": cells.shown(_ORDERS),
            "ordersNotJudged": by_size(
                [{**about, **share(cells, key, _ORDERS, counted)} for about, key, counted in not_judged]
            ),
            "setAside": cells.shown(_SET_ASIDE),
            "setAsideReasons": by_size(
                [{**about, **share(cells, key, _SET_ASIDE, counted)} for about, key, counted in aside]
            ),
        }

    return tell


def _stated(run: Run, cells: Cells, column: str) -> tuple[Key, Clustered]:
    part = _OF_RECORDS.format(column)
    counted = clustered(run, _OF_RECORDS.format("drug_records"), part)
    return cells.part_of(_RECORDS, (*_RECORDS, column), counted.part, people=_people(run, part)), counted


def _of_trials(run: Run, cells: Cells, name: str, condition: str) -> tuple[Key, Clustered]:
    part = _OF_TRIALS.format(f"WHERE {condition}")
    counted = clustered(run, _OF_TRIALS.format(""), part)
    return cells.part_of(_TRIALS, (*_TRIALS, name), counted.part, people=_people(run, part)), counted


def _people(run: Run, query: str, *values: object) -> int:
    return run.number(f"SELECT count(*) FROM ({query})", *values)  # noqa: S608 - our own words


def _reasons(
    run: Run, cells: Cells, whole: Key, rows: str, column: str, limit: int
) -> list[tuple[dict[str, Any], Key, Clustered]]:
    """The rows by reason, those of few patients together; a reader can subtract what is left over."""
    found = run.ask(f"SELECT {column}, count(DISTINCT patient) FROM {rows} GROUP BY 1 ORDER BY 1")  # noqa: S608
    rare = folded(dict(found), limit, adds_up=False)
    groups: list[tuple[dict[str, Any], list[str]]] = [({"name": name}, [name]) for name, _ in found if name not in rare]
    if rare:
        groups.append(({"name": other(len(rare), "reasons"), "folds": len(rare)}, list(rare)))
    among = _OF_ROWS.format(f"{rows} {'AND' if 'WHERE' in rows else 'WHERE'} list_contains(?, {column})")
    every = _OF_ROWS.format(rows.partition(" WHERE")[0])
    keys: list[tuple[dict[str, Any], Key, Clustered]] = []
    for about, names in groups:
        counted, people = clustered(run, every, among, names), _people(run, among, names)
        key = (*whole, "other") if "folds" in about else (*whole, *names)
        keys.append((about, cells.put(key, counted.part, people=people), counted))
    left = cells.count(whole) - sum(cells.count(key) for _, key, _ in keys)
    cells.adds_up(whole, (*(key for _, key, _ in keys), cells.put((*whole, "left"), left)))
    return keys
