"""Why it could not be told, ranked by what one datum would resolve."""

from __future__ import annotations

from typing import Any

from cds_hooks.silent.report.cells import Cells
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import JUDGED, UNIT_PATIENT, Tell, share
from mappings.load import Knowledge

_OPEN = """
CREATE OR REPLACE TEMP VIEW unsettled AS SELECT last.* FROM last JOIN patients USING (patient)
WHERE verdict IN ('PROBABLE', 'INDETERMINATE') AND failed IS NULL AND drug_records > 0
"""
_KINDS = """
SELECT kind, count(*), count(*) FILTER (WHERE alone) FROM
    (SELECT DISTINCT patient, unnest(settled_by) AS kind, len(list_distinct(settled_by)) = 1 AS alone FROM unsettled)
GROUP BY kind ORDER BY 2 DESC, 1
"""
_PARTS = """
SELECT part, count(*) FROM (SELECT DISTINCT patient, unnest(missing) AS part FROM unsettled)
GROUP BY part ORDER BY 2 DESC, 1
"""


def count_unsettled(run: Run, cells: Cells, knowledge: Knowledge) -> Tell:
    """Count the patients whose verdict is not settled, and for each missing fact those whom it alone would settle."""
    run.database.execute(_OPEN)
    total = cells.part_of(JUDGED, ("unsettled",), run.number("SELECT count(*) FROM unsettled"))
    some = run.number("SELECT count(*) FROM unsettled WHERE len(settled_by) > 0")
    settled = cells.part_of(total, ("unsettled", "one"), some)
    kinds = []
    for kind, count, alone in run.ask(_KINDS):
        key = cells.part_of(total, ("unsettled", "kind", kind), count)
        kinds.append((kind, key, cells.part_of(key, ("unsettled", "alone", kind), alone)))
    parts = [(part, cells.part_of(total, ("unsettled", "part", part), count)) for part, count in run.ask(_PARTS)]
    efforts = {fact.kind: fact.effort for fact in knowledge.missing_facts}

    def tell() -> dict[str, Any]:
        return {
            "unit": UNIT_PATIENT,
            "unsettled": share(cells, total, JUDGED),
            "byOneDatum": share(cells, settled, total),
            "data": [
                {
                    "datum": kind,
                    "effort": efforts.get(kind, ""),
                    "settles": share(cells, key, total),
                    "settlesAlone": share(cells, alone, total),
                }
                for kind, key, alone in kinds
            ],
            "lacking": [{"part": part, **share(cells, key, total)} for part, key in parts],
        }

    return tell
