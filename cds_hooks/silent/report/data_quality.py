"""What the records state: supply, dose, scores, and what was set aside."""

from __future__ import annotations

from typing import Any

from cds_hooks.silent.report.cells import Cells
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import JUDGED, Tell, share

_RECORDS = ("quality", "records")
_SET_ASIDE = ("quality", "aside")
_READ = "FROM patients WHERE failed IS NULL"
_OF_JUDGED = f"{_READ} AND drug_records > 0 AND moments > 0"


def count_quality(run: Run, cells: Cells) -> Tell:
    """Count records of drugs by what they state, patients with a score, and resources set aside by reason."""
    cells.put(_RECORDS, run.number(f"SELECT sum(drug_records) {_READ}"))
    supply = cells.part_of(_RECORDS, (*_RECORDS, "supply"), run.number(f"SELECT sum(supply_records) {_READ}"))
    dose = cells.part_of(_RECORDS, (*_RECORDS, "dose"), run.number(f"SELECT sum(dose_records) {_READ}"))
    scored = cells.part_of(JUDGED, ("quality", "scored"), run.number(f"SELECT count(*) {_OF_JUDGED} AND scores > 0"))
    repeated = run.number(f"SELECT count(*) {_OF_JUDGED} AND scores > 1")
    twice = cells.part_of(scored, ("quality", "scored", "twice"), repeated)
    known = run.number(f"SELECT count(*) {_OF_JUDGED} AND sex IS NOT NULL AND sex NOT IN ('', 'unknown')")
    sex = cells.part_of(JUDGED, ("quality", "sex"), known)
    cells.put(_SET_ASIDE, run.number("SELECT count(*) FROM set_aside"))
    reasons = [
        (reason, cells.put((*_SET_ASIDE, reason), count))
        for reason, count in run.ask("SELECT reason, count(*) FROM set_aside GROUP BY 1 ORDER BY 2 DESC, 1")
    ]
    cells.adds_up(_SET_ASIDE, [key for _, key in reasons])

    def tell() -> dict[str, Any]:
        return {
            "unit": "records of antidepressants and augmenting agents; patients where said",
            "profile": [
                {"what": "drug records that state supply", **share(cells, supply, _RECORDS)},
                {"what": "drug records that state a readable dose", **share(cells, dose, _RECORDS)},
                {"what": "patients with a score", **share(cells, scored, JUDGED)},
                {"what": "of these, with two scores or more", **share(cells, twice, scored)},
                {"what": "patients with a recorded sex", **share(cells, sex, JUDGED)},
            ],
            "setAside": cells.shown(_SET_ASIDE),
            "setAsideReasons": [{"reason": reason, **share(cells, key, _SET_ASIDE)} for reason, key in reasons],
        }

    return tell
