"""The report as one document, from which page and JSON are both made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_hooks.disclosure.cells import SMALLEST_CELL, Cells
from cds_hooks.silent.report.data_quality import count_quality
from cds_hooks.silent.report.firing import count_firing
from cds_hooks.silent.report.flow import count_flow
from cds_hooks.silent.report.limits import DEPENDENCE, LIMITS, PREVALENCE_CAVEATS, SUPPRESSION
from cds_hooks.silent.report.published import count_published
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.subgroups import count_subgroups
from cds_hooks.silent.report.telling import OPEN, UNSETTLED
from cds_hooks.silent.report.unsettled import count_unsettled
from cds_hooks.silent.report.verdict_shares import count_verdicts
from mappings.load import Knowledge

FORM = "trd-cds-cohort-report/1"


def make_report(run: Run, knowledge: Knowledge, *, limit: int = SMALLEST_CELL) -> dict[str, Any]:
    """Everything the report tells, as JSON. No count from 1 to below `limit` is in it, nor follows from it."""
    cells = Cells()
    flow = count_flow(run, cells, knowledge.reconstruction.adult_from_years)
    tell = {
        "flow": flow,
        "firing": count_firing(run, cells, knowledge, limit),
        "verdicts": count_verdicts(run, cells, knowledge, limit),
        "published": count_published(run, cells, knowledge),
        "unsettled": count_unsettled(run, cells, knowledge, limit),
        "dataQuality": count_quality(run, cells, limit),
        "subgroups": count_subgroups(run, cells, knowledge, limit),
    }
    _link(cells)
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


def _link(cells: Cells) -> None:
    """Tell the sum that holds between parts of the report, where the same patients stand under two headings."""
    parts = [("all", value) for value in UNSETTLED]
    if cells.count(OPEN) == sum(cells.count(key) for key in parts):
        cells.adds_up(OPEN, parts)


def _text(manifest: Mapping[str, Any], name: str) -> str:
    value = manifest.get(name)
    return value if isinstance(value, str) else ""
