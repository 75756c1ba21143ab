"""The rules of others computed on the same records, and beside them what others published: by whom, of whom, how far.

No published figure is about our definitions, which ask for a measured outcome. A figure stands beside the computed rule
that comes closest, if any does, with the caveat that the knowledge states for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_hooks.disclosure.cells import Cells
from cds_hooks.disclosure.following import Key
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import JUDGED, UNIT_PATIENT, Tell, share
from cds_hooks.silent.report.verdict_shares import WITH_A_RECORD
from mappings.figure_schema import PublishedFigure
from mappings.load import Knowledge

_ANSWERS: Mapping[bool | None, str] = {True: "resistant", False: "notResistant", None: "cannotTell"}


def count_published(run: Run, cells: Cells, knowledge: Knowledge) -> Tell:
    """Count the answers of the published rules at the last moment of each patient judged."""
    counted: dict[str, dict[str, int]] = {}
    for rule, resistant, count in run.ask(
        "SELECT r.rule, r.resistant, count(*) FROM published_rules r JOIN last USING (patient, moment) "  # noqa: S608
        f"{WITH_A_RECORD} GROUP BY 1, 2"
    ):
        counted.setdefault(rule, {})[_ANSWERS[resistant]] = count
    keys: dict[str, dict[str, Key]] = {}
    for rule, answers in sorted(counted.items()):
        keys[rule] = {
            answer: cells.put(("published", rule, answer), answers.get(answer, 0)) for answer in _ANSWERS.values()
        }
        cells.adds_up(cells.put(("published", rule), sum(answers.values())), keys[rule].values())
        if cells.count(("published", rule)) == cells.count(JUDGED):
            cells.adds_up(JUDGED, (("published", rule),))
    comparisons = knowledge.clinical.comparisons
    figures = knowledge.clinical.published_figures.figures

    def tell() -> dict[str, Any]:
        here = {
            rule: {answer: share(cells, key, ("published", rule)) for answer, key in answers.items()}
            for rule, answers in keys.items()
        }
        return {
            "unit": UNIT_PATIENT,
            "rules": [
                {
                    "rule": rule,
                    "label": comparisons[rule].label if rule in comparisons else rule,
                    "summary": comparisons[rule].summary if rule in comparisons else "",
                    "answers": answers,
                    "published": [_figure(one, knowledge, {}) for one in figures if rule in one.compare_with],
                }
                for rule, answers in here.items()
            ],
            "figures": [_figure(one, knowledge, here) for one in figures],
            "notComputed": [
                {"rule": one.id, "label": one.label, "why": one.why_not}
                for one in sorted(comparisons.values(), key=lambda each: each.id)
                if not one.computable
            ],
        }

    return tell


def _figure(one: PublishedFigure, knowledge: Knowledge, here: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A figure, and of the rules closest to it those that the run computed, with their share here."""
    sources = (knowledge.sources[name] for name in one.cites)
    return {
        "figure": one.id,
        "about": one.about,
        "definition": one.definition,
        "population": one.population,
        "found": [{"label": each.label, "share": each.latest, "read": each.sure} for each in one.found],
        "closest": [
            {"rule": rule, "label": knowledge.clinical.comparisons[rule].label, "here": here[rule]["resistant"]}
            for rule in one.compare_with
            if rule in here
        ],
        "caveat": one.caveat,
        "sources": [source.short or source.citation for source in sources],
    }
