"""The report as one document, from which page and JSON are both made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_hooks.silent.report.cells import SMALLEST_CELL, Cells
from cds_hooks.silent.report.data_quality import count_quality
from cds_hooks.silent.report.firing import count_firing
from cds_hooks.silent.report.flow import count_flow
from cds_hooks.silent.report.limits import DEPENDENCE, LIMITS, PREVALENCE_CAVEATS, SUPPRESSION
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.subgroups import count_subgroups
from cds_hooks.silent.report.telling import VERDICTS
from cds_hooks.silent.report.unsettled import count_unsettled
from cds_hooks.silent.report.verdict_shares import count_published, count_verdicts
from mappings.load import Knowledge

FORM = "trd-cds-cohort-report/1"


def make_report(run: Run, knowledge: Knowledge, *, limit: int = SMALLEST_CELL) -> dict[str, Any]:
    """Everything the report tells, as JSON. No count from 1 to below `limit` is in it, nor follows from it."""
    cells = Cells()
    flow = count_flow(run, cells, knowledge.reconstruction.adult_from_years)
    tell = {
        "flow": flow,
        "firing": count_firing(run, cells, limit),
        "verdicts": count_verdicts(run, cells, knowledge),
        "published": count_published(run, cells, knowledge),
        "unsettled": count_unsettled(run, cells, knowledge),
        "dataQuality": count_quality(run, cells),
        "subgroups": count_subgroups(run, cells),
    }
    _link(run, cells)
    cells.settle(limit)
    parts = {name: make() for name, make in tell.items()}
    parts["published"]["caveats"] = list(PREVALENCE_CAVEATS)
    parts["firing"]["caveat"] = DEPENDENCE
    return {
        "form": FORM,
        "limits": list(LIMITS),
        "suppression": SUPPRESSION.format(last=limit - 1),
        "smallestCell": limit,
        "withheldCounts": cells.withheld,
        "run": about(run),
        **parts,
    }


def about(run: Run) -> dict[str, Any]:
    """What was run: plan, knowledge, software and inputs, from the manifest."""
    inputs = run.manifest.get("inputs")
    return {
        "plan": dict(run.plan),
        "knowledge": dict(run.knowledge),
        "software": _text(run.manifest, "engine"),
        "inputs": len(inputs) if isinstance(inputs, list) else None,
    }


def _link(run: Run, cells: Cells) -> None:
    """Tell the sums that hold between parts of the report, where the same patients stand under two headings."""
    for value in VERDICTS:
        chosen, same = ("definition", run.definition, value), ("all", value)
        if cells.has(chosen) and cells.count(chosen) == cells.count(same):
            cells.adds_up(same, (chosen,))
    open_ = (("all", "PROBABLE"), ("all", "INDETERMINATE"))
    if cells.count(("unsettled",)) == sum(cells.count(key) for key in open_):
        cells.adds_up(("unsettled",), open_)


def _text(manifest: Mapping[str, Any], name: str) -> str:
    value = manifest.get(name)
    return value if isinstance(value, str) else ""
