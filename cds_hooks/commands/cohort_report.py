"""`trd-cds cohort report` and `trd-cds cohort diff`: what a silent run found, and what changes between two."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cds_hooks.commands.knowledge_loading import load_knowledge
from cds_hooks.commands.printing import print_text
from cds_hooks.commands.progress import Progress
from cds_hooks.commands.refusal import Refusal
from cds_hooks.disclosure.cells import SMALLEST_CELL
from cds_hooks.fhir_writer.measure_report import measure_report
from cds_hooks.fhir_writer.validity import check
from cds_hooks.silent.report.changed_patients import changed_patients
from cds_hooks.silent.report.chart_review import read_chart_review
from cds_hooks.silent.report.difference import make_difference
from cds_hooks.silent.report.faults import UnusableInputError
from cds_hooks.silent.report.making import make_report
from cds_hooks.silent.report.page import changed_page, difference_page, report_page, review_page, truth_page
from cds_hooks.silent.report.review_agreement import review_agreement
from cds_hooks.silent.report.run_reading import Run, open_run
from cds_hooks.silent.report.simulated_truth import Agreement, hold_against_truth
from mappings.load import Knowledge

Smallest = Annotated[
    int,
    typer.Option("--smallest-cell", metavar="N", min=3, max=100, help="Counts above zero and below N are withheld."),
]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where the files go; default the run itself.")]


def register(group: typer.Typer) -> None:
    """Add both commands to the group `trd-cds cohort`."""
    group.command("report")(report)
    group.command("diff")(diff)


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A directory of `trd-cds cohort run`.")],
    *,
    chart_review: Annotated[
        Path | None,
        typer.Option("--chart-review", metavar="FILE", help="CSV: patient, label, optional order, date, reviewer."),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option("--truth", metavar="FILE", help="The simulated truth of a synthetic cohort.")
    ] = None,
    smallest_cell: Smallest = SMALLEST_CELL,
    out: Out = None,
) -> None:
    """Write report.html, report.json and measure-report.json; agreement goes to files of its own that name patients."""
    place = out or directory
    try:
        run = open_run(directory)
        knowledge = load_knowledge()
        made = make_report(run, knowledge, limit=smallest_cell)
        measured = measure_report(made)
        check(measured)
        files: dict[str, bytes] = {
            "report.html": report_page(made).encode(),
            "report.json": _json(made),
            "measure-report.json": _json(measured),
        }
        if chart_review is not None:
            review = review_agreement(run, read_chart_review(chart_review), _titles(knowledge))
            files |= {"chart-review.html": review_page(review).encode(), "chart-review.json": _json(review)}
        if truth is not None:
            held = _held(run, truth, knowledge)
            files |= {
                "simulated-truth.html": truth_page(held.told).encode(),
                "simulated-truth.json": _json(held.told),
                "simulated-truth-cases.json": _json(held.cases),
            }
    except UnusableInputError as fault:
        raise Refusal(fault.place, fault.fault, fault.remedy) from None
    _write(place, files)


def _held(run: Run, truth: Path, knowledge: Knowledge) -> Agreement:
    """The run against the simulated truth; records are judged again, which takes minutes."""
    watch = Progress()
    try:
        return hold_against_truth(run, truth, knowledge, watch)
    finally:
        watch.end()


def diff(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="A directory of `trd-cds cohort run`.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="Another, over the same input.")],
    *,
    different_input: Annotated[
        bool, typer.Option("--different-input", help="Compare although the inputs differ.")
    ] = False,
    knowledge_before: Annotated[
        Path | None, typer.Option("--knowledge-before", metavar="DIR", help="The knowledge of BEFORE, to say why.")
    ] = None,
    knowledge_after: Annotated[
        Path | None, typer.Option("--knowledge-after", metavar="DIR", help="The knowledge of AFTER, to say why.")
    ] = None,
    site_before: Annotated[
        Path | None, typer.Option("--site-before", metavar="DIR", help="The site overlay of BEFORE, to say why.")
    ] = None,
    site_after: Annotated[
        Path | None, typer.Option("--site-after", metavar="DIR", help="The site overlay of AFTER, to say why.")
    ] = None,
    smallest_cell: Smallest = SMALLEST_CELL,
    out: Out = None,
) -> None:
    """Write diff.html and diff.json, and changed-patients.html and .json, which name patients; default in AFTER."""
    place = out or after
    try:
        old, new = open_run(before), open_run(after)
        named = (knowledge_before, site_before, knowledge_after, site_after)
        known = (
            (load_knowledge(knowledge_before, site=site_before), load_knowledge(knowledge_after, site=site_after))
            if any(place is not None for place in named)
            else None
        )
        titles = _titles(known[1] if known is not None else load_knowledge())
        made = make_difference(
            old,
            new,
            known,
            titles=titles,
            limit=smallest_cell,
            different_input=different_input,
        )
        changed = changed_patients(old, new, titles)
    except UnusableInputError as fault:
        raise Refusal(fault.place, fault.fault, fault.remedy) from None
    _write(
        place,
        {
            "diff.html": difference_page(made).encode(),
            "diff.json": _json(made),
            "changed-patients.html": changed_page(changed).encode(),
            "changed-patients.json": _json(changed),
        },
    )


def _titles(knowledge: Knowledge) -> dict[str, str]:
    """What the ids of rules stand for."""
    return {rule.id: rule.title for rule in knowledge.rules.values()}


def _json(document: Mapping[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def _write(place: Path, files: Mapping[str, bytes]) -> None:
    """Write `files`, each readable by its owner only and never half written."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in files.items():
            draft = place / f".{name}.draft"
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            draft.replace(place / name)
    except OSError as fault:
        raise Refusal(
            str(place), f"cannot be written ({fault.strerror})", "check the path and its permissions"
        ) from None
    print_text("\n".join(str(place / name) for name in files))
