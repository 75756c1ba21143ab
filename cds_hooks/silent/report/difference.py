"""What changes between two runs over the same input: two definitions, or two states of the knowledge.

Patients are compared at their last moment in both runs, orders at every moment that both judged. Who changes is listed
apart, in a document that names patients by id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cds_hooks.disclosure.cells import SMALLEST_CELL, Cells
from cds_hooks.disclosure.folding import folded, other
from cds_hooks.disclosure.following import Key
from cds_hooks.silent.report.changed_patients import verdicts_of
from cds_hooks.silent.report.faults import UnusableInputError
from cds_hooks.silent.report.knowledge_changes import knowledge_changes
from cds_hooks.silent.report.limits import LIMITS, SUPPRESSION
from cds_hooks.silent.report.making import about
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import UNIT_MOMENT, UNIT_PATIENT, VERDICTS, by_size, share
from cds_hooks.silent.report.trial_changes import KIND, trial_changes, trials_of
from mappings.load import Knowledge

_FIRED = "SELECT patient, moment, coalesce(fired, FALSE) FROM assessments"
_ALL: Key = ("patients", "both")


def make_difference(
    before: Run,
    after: Run,
    knowledge: tuple[Knowledge, Knowledge] | None = None,
    *,
    titles: Mapping[str, str] | None = None,
    limit: int = SMALLEST_CELL,
    different_input: bool = False,
) -> dict[str, Any]:
    """Counts of what changes, and why as far as the manifests tell; `knowledge` of both says what rules changed.

    `titles` are what the ids of rules stand for; without them the ids are told.

    Raises UnusableInputError for runs over different inputs, unless `different_input`, and for knowledge that is not
    that of the runs.
    """
    same = _inputs(before) == _inputs(after) and bool(_inputs(before))
    if not same and not different_input:
        raise UnusableInputError(
            str(after.directory), "was run over another input", "run both over the same, or say --different-input"
        )
    cells = Cells()
    old, new = verdicts_of(before), verdicts_of(after)
    both = sorted(set(old) & set(new))
    matrix = Counter((old[patient][1], new[patient][1]) for patient in both)
    values = [*VERDICTS, *sorted({value for pair in matrix for value in pair} - set(VERDICTS))]
    cells.put(_ALL, len(both), spare=2)
    _put_matrix(cells, matrix, values)
    _put_alone(cells, "before", set(old) - set(new))
    _put_alone(cells, "after", set(new) - set(old))
    fired = _put_fired(cells, before, after)
    changed = [patient for patient in both if old[patient][1] != new[patient][1]]
    reasons = _reasons(cells, before, after, changed, titles or {}, limit)
    cells.settle(limit)
    return {
        "form": "trd-cds-cohort-diff/1",
        "limits": list(LIMITS),
        "suppression": SUPPRESSION.format(last=limit - 1),
        "smallestCell": limit,
        "sameInput": same,
        "before": about(before),
        "after": about(after),
        "plan": list(_plan_changes(before, after)),
        "knowledge": knowledge_changes(before, after, knowledge),
        "patients": {
            "unit": UNIT_PATIENT,
            "inBoth": cells.shown(_ALL),
            "onlyBefore": cells.shown(("alone", "before")),
            "onlyAfter": cells.shown(("alone", "after")),
            "changed": share(cells, ("changed",), _ALL),
            "values": values,
            "matrix": [
                {"before": one, "counts": [cells.shown(("matrix", one, later)) for later in values]} for one in values
            ],
            "totalsBefore": [cells.shown(("matrix", one, "total")) for one in values],
            "totalsAfter": [cells.shown(("matrix", "total", one)) for one in values],
        },
        "moments": {"unit": UNIT_MOMENT, **{name: cells.shown(key) for name, key in fired.items()}},
        "reasons": by_size([{**one, **share(cells, key, ("changed",))} for one, key in reasons]),
    }


def _inputs(run: Run) -> list[tuple[str, ...]]:
    """What identifies each input file, whatever its place: hash and size."""
    listed = run.manifest.get("inputs")
    files = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return sorted(
        (str(one.get("sha256") or one.get("hash")), str(one.get("size") or one.get("bytes"))) for one in files
    )


def _put_matrix(cells: Cells, matrix: Mapping[tuple[str, str], int], values: Sequence[str]) -> None:
    for one in values:
        for later in values:
            cells.put(("matrix", one, later), matrix.get((one, later), 0))
    rows, columns = [], []
    for one in values:
        row = [("matrix", one, later) for later in values]
        column = [("matrix", later, one) for later in values]
        rows.append(cells.put(("matrix", one, "total"), sum(cells.count(key) for key in row), spare=1))
        columns.append(cells.put(("matrix", "total", one), sum(cells.count(key) for key in column), spare=1))
        cells.adds_up(rows[-1], row)
        cells.adds_up(columns[-1], column)
    cells.adds_up(_ALL, rows)
    cells.adds_up(_ALL, columns)
    kept = cells.put(("kept",), sum(matrix.get((one, one), 0) for one in values), spare=1)
    changed = cells.put(("changed",), cells.count(_ALL) - cells.count(kept), spare=1)
    cells.adds_up(_ALL, (kept, changed))
    cells.adds_up(kept, [("matrix", one, one) for one in values])
    cells.adds_up(changed, [("matrix", one, later) for one in values for later in values if one != later])


def _put_alone(cells: Cells, name: str, patients: set[str]) -> None:
    cells.put(("alone", name), len(patients))


def _put_fired(cells: Cells, before: Run, after: Run) -> dict[str, Key]:
    old = {(patient, moment): fired for patient, moment, fired in before.ask(_FIRED)}
    new = {(patient, moment): fired for patient, moment, fired in after.ask(_FIRED)}
    counts = Counter((fired, new[place]) for place, fired in old.items() if place in new)
    names = {
        (True, True): "firedInBoth",
        (True, False): "firedOnlyBefore",
        (False, True): "firedOnlyAfter",
        (False, False): "firedInNeither",
    }
    keys = {name: cells.put(("moments", name), counts[pair]) for pair, name in names.items()}
    whole = cells.put(("moments", "inBoth"), counts.total(), spare=1)
    cells.adds_up(whole, keys.values())
    return {"inBoth": whole, **keys}


def _reasons(
    cells: Cells, before: Run, after: Run, changed: Sequence[str], titles: Mapping[str, str], limit: int
) -> list[tuple[dict[str, Any], Key]]:
    """What differs beside the verdict, for those that change: how many patients for each kind of difference."""
    trials = trials_of(before), trials_of(after)
    old, new = verdicts_of(before), verdicts_of(after)
    who: dict[str, set[str]] = {}
    for patient in changed:
        found = {
            KIND[what]
            for one in trial_changes(trials[0].get(patient, ()), trials[1].get(patient, ()))
            for what in one["what"]
        }
        rules = set(old[patient][2]), set(new[patient][2])
        found |= {f"no longer decides: {titles.get(rule, rule)}" for rule in rules[0] - rules[1]}
        found |= {f"now decides: {titles.get(rule, rule)}" for rule in rules[1] - rules[0]}
        for name in found or {"nothing but the verdict"}:
            who.setdefault(name, set()).add(patient)
    rare = folded({name: len(patients) for name, patients in who.items()}, limit, adds_up=False)
    groups: list[tuple[dict[str, Any], set[str]]] = [
        ({"name": name}, who[name]) for name in sorted(who) if name not in rare
    ]
    if rare:
        about = {"name": other(len(rare), "kinds of difference"), "folds": len(rare)}
        groups.append((about, set().union(*(who[name] for name in rare))))
    return [
        (about, cells.part_of(("changed",), ("reason", str(about["name"])), len(patients)))
        for about, patients in groups
    ]


def _plan_changes(before: Run, after: Run) -> Iterator[dict[str, Any]]:
    for name in sorted({*before.plan, *after.plan}):
        was, is_ = before.plan.get(name), after.plan.get(name)
        if was != is_:
            yield {"setting": name, "before": was, "after": is_}
