"""Verdicts by definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_hooks.disclosure.cells import Cells
from cds_hooks.disclosure.following import Key, is_small
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import JUDGED, UNIT_PATIENT, UNSETTLED, VERDICTS, Tell, share
from mappings.load import Knowledge
from plugin.resistance.verdict import Value

_UNSETTLED = "unsettled"
_APART = "apart from the chosen"
_SAME = (Value.EXCLUDED.value, Value.OUT_OF_SCOPE.value)
WITH_A_RECORD = (
    "JOIN (SELECT patient FROM patients WHERE failed IS NULL AND drug_records > 0 AND moments > 0) USING (patient)"
)


def count_verdicts(run: Run, cells: Cells, knowledge: Knowledge, limit: int) -> Tell:
    """Count the verdict of each definition at the last moment of each patient with a drug record.

    Where a definition differs from the chosen one by fewer than `limit` patients its own count is withheld.
    """
    counted: dict[str, dict[str, int]] = {}
    for definition, value, count in run.ask(
        "SELECT d.definition, d.verdict, count(*) FROM definitions d JOIN last USING (patient, moment) "  # noqa: S608
        f"{WITH_A_RECORD} GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        counted.setdefault(definition, {})[value or "none"] = count
    keys: dict[str, dict[str, Key]] = {}
    for definition, values in counted.items():
        keys[definition] = {
            value: _put(cells, definition, value, values.get(value, 0), run.definition)
            for value in (*VERDICTS, *sorted(set(values) - set(VERDICTS)))
        }
        judged = sum(values.values())
        whole = JUDGED if judged == cells.count(JUDGED) else cells.put(("definition", definition), judged)
        cells.adds_up(whole, keys[definition].values())
        both = [keys[definition][value] for value in UNSETTLED]
        cells.adds_up(cells.put(_open(definition), sum(map(cells.count, both)), spare=2), both)
        keys[definition][_UNSETTLED] = _open(definition)
    for mine in keys.values():
        _hold_apart(cells, mine, keys.get(run.definition, {}))

    def tell() -> dict[str, Any]:
        return {
            "unit": UNIT_PATIENT,
            "chosen": run.definition,
            "definitions": [
                {
                    "definition": name,
                    "label": knowledge.definitions[name].label if name in knowledge.definitions else name,
                    "verdicts": {
                        value: share(cells, key, _whole(cells, name))
                        for value, key in values.items()
                        if value != _UNSETTLED
                    },
                    "notSettled": share(cells, _open(name), _whole(cells, name)),
                    "nearTheChosen": [
                        value
                        for value, key in values.items()
                        if cells.shown(keys[run.definition][value]) is not None and _is_near(cells, key, limit)
                    ]
                    if run.definition in keys
                    else [],
                }
                for name, values in sorted(keys.items(), key=lambda each: (each[0] != run.definition, each[0]))
            ],
        }

    return tell


def _put(cells: Cells, definition: str, value: str, count: int, chosen: str) -> Key:
    """The cell of a verdict; whom no definition is about is the same under all of them, and known to be."""
    same = ("all", value)
    if (value in _SAME or definition == chosen) and cells.has(same) and cells.count(same) == count:
        return same
    return cells.put(
        ("definition", definition, value), count, spare=int(value not in UNSETTLED) + int(definition == chosen)
    )


def _hold_apart(cells: Cells, mine: Mapping[str, Key], chosen: Mapping[str, Key]) -> None:
    """Tell the difference from the chosen definition: one is often contained in the other, and then it is people."""
    for value, key in mine.items():
        other = chosen.get(value, key)
        low, high = sorted((key, other), key=cells.count)
        if cells.count(high) > cells.count(low):
            apart = cells.put((*key, _APART), cells.count(high) - cells.count(low))
            cells.adds_up(high, (low, apart))


def _is_near(cells: Cells, key: Key, limit: int) -> bool:
    """Whether a count is withheld since it is close to that of the chosen definition."""
    apart = (*key, _APART)
    return cells.shown(key) is None and cells.has(apart) and is_small(cells.count(apart), limit)


def _open(definition: str) -> Key:
    return ("definition", definition, _UNSETTLED)


def _whole(cells: Cells, definition: str) -> Key:
    own = ("definition", definition)
    return own if cells.has(own) else JUDGED
