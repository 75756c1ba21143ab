"""From all patients of the input to each verdict: how many are left, and how many fall out, at each filter."""

from __future__ import annotations

from typing import Any

from cds_hooks.silent.report.cells import KEPT, Cells, Key
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import JUDGED, PATIENTS, VERDICTS, Tell
from plugin.resistance.verdict import Value

_OUTSIDE = "SELECT count(*)"
# Each filter keeps some of those before it: (name, kept, fell out, which are kept).
_FILTERS = (
    ("readable", "could be judged without a fault", "stopped by a fault of ours or of the data", "failed IS NULL"),
    ("drug", "have a record of an antidepressant or augmenting agent", "have none", "drug_records > 0"),
    ("moment", "have a moment to judge", "have none in the days of the run", "moments > 0"),
)


def count_flow(run: Run, cells: Cells, adult_from: int) -> Tell:
    """Count the filters; `adult_from` is the age in years from which the knowledge calls a patient an adult.

    The age is known at a moment only: patients who were younger are told as a part of those out of scope. A patient
    without any drug record falls out there, even where the run judged it at a chosen day.
    """
    before = cells.put(PATIENTS, run.number("SELECT count(*) FROM patients"), spare=2)
    steps: list[tuple[str, str, Key, Key]] = []
    held = "TRUE"
    for name, kept_words, out_words, condition in _FILTERS:
        held = f"{held} AND coalesce({condition}, FALSE)"
        count = run.number(f"SELECT count(*) FROM patients WHERE {held}")  # noqa: S608 - our own conditions
        kept = JUDGED if name == "moment" else ("flow", name)
        before = _step(cells, before, kept, count)
        steps.append((kept_words, out_words, kept, (*kept, "out")))
    chosen = f"FROM last JOIN patients USING (patient) WHERE {held}"
    verdicts = dict(run.ask(f"SELECT verdict, count(*) {chosen} GROUP BY 1"))
    keys = {value: cells.put(("all", value), verdicts.get(value, 0), spare=1) for value in VERDICTS}
    unknown = cells.put(("all", "none"), sum(verdicts.values()) - sum(cells.count(key) for key in keys.values()))
    cells.adds_up(JUDGED, (*keys.values(), unknown))
    outside = keys[Value.OUT_OF_SCOPE.value]
    young = run.number(f"{_OUTSIDE} {chosen} AND verdict = ? AND age_years < ?", Value.OUT_OF_SCOPE.value, adult_from)
    minors = cells.part_of(outside, ("flow", "minors"), young)

    def tell() -> dict[str, Any]:
        return {
            "unit": "patients",
            "all": cells.shown(PATIENTS),
            "steps": [
                {"kept": kept, "count": cells.shown(key), "fellOut": fell, "fellOutCount": cells.shown(out)}
                for kept, fell, key, out in steps
            ],
            "verdicts": {value: cells.shown(key) for value, key in keys.items()},
            "adultFrom": adult_from,
            "outOfScopeForAge": cells.shown(minors),
        }

    return tell


def _step(cells: Cells, before: Key, kept: Key, count: int) -> Key:
    cells.put(kept, count, spare=KEPT if kept == JUDGED else 2)
    out = cells.put((*kept, "out"), cells.count(before) - count)
    cells.adds_up(before, (kept, out))
    return kept
