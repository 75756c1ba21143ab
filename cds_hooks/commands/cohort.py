"""`trd-cds cohort`: a synthetic cohort, and how often each verdict occurs in one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cds_hooks.app import engine_version
from cds_hooks.clock import SystemClock
from cds_hooks.cohort.directory import TRUTH, directory_in_use, files_of, write_cohort
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.reading import Cohort, UnreadableCohortError, read_cohort, read_truth
from cds_hooks.cohort.shares import Shares
from cds_hooks.cohort.shares_text import text_of
from cds_hooks.commands import cohort_report, cohort_run
from cds_hooks.commands.knowledge_loading import load_knowledge
from cds_hooks.commands.printing import print_json, print_text
from cds_hooks.commands.progress import progress
from cds_hooks.commands.reading import read_day
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.surroundings import read_settings
from plugin import assess
from plugin.baselines import baselines
from plugin.ingest import read_record

group = typer.Typer(
    help="Synthetic cohorts, and how often each verdict occurs.", no_args_is_help=True, rich_markup_mode=None
)
group.command("run")(cohort_run.run_command)
cohort_report.register(group)


class Form(StrEnum):
    """Columns to read, or one JSON document."""

    TEXT = "text"
    JSON = "json"


@group.command("synth")
def synth(
    *,
    patients: Annotated[int, typer.Option(metavar="N", min=1, help="How many patients.")],
    seed: Annotated[int, typer.Option(metavar="S", min=0, help="The same seed gives the same bytes.")] = 1,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the NDJSON files go.")] = Path("cohort"),
    missingness: Annotated[str, typer.Option(metavar="PROFILE", help="What the records lack.")] = "complete",
    force: Annotated[bool, typer.Option("--force", help="Write over a cohort in DIR.")] = False,
) -> None:
    """Invent a cohort: NDJSON as of a Bulk Data export, the simulated truth apart in DIR/truth."""
    plan = Plan(load_knowledge())
    profiles = plan.file.profiles
    if missingness not in profiles:
        raise Refusal("--missingness", "is not a profile of the knowledge", f"choose one of {', '.join(profiles)}")
    _require_room(out, force=force)
    try:
        out.mkdir(parents=True, exist_ok=True)
        steps = write_cohort(out, plan, patients=patients, seed=seed, profile=missingness, engine=engine_version())
        with progress("patients written", patients) as step:
            for _ in steps:
                step()
    except OSError as fault:
        raise Refusal(str(out), f"cannot be written ({fault.strerror})", "check the path and its permissions") from None
    print_text(f"{patients} synthetic patients in {out}; the simulated truth in {out / TRUTH}")


@group.command("shares")
def shares(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A directory of NDJSON files.")],
    *,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", metavar="DATE", help="Day of judgement, default the end of a synthetic cohort, or today."
        ),
    ] = None,
    definition: Annotated[str | None, typer.Option(metavar="ID", help="Definition to decide by.")] = None,
    truth: Annotated[Path | None, typer.Option(metavar="FILE", help="The simulated truth to compare with.")] = None,
    format_: Annotated[Form, typer.Option("--format", help="Columns or JSON.")] = Form.TEXT,
) -> None:
    """Judge every patient of a cohort: the share of each verdict, published rules beside them, what would settle."""
    knowledge = load_knowledge()
    chosen = definition or knowledge.default_definition
    if chosen not in knowledge.definitions:
        listed = ", ".join(knowledge.definitions)
        raise Refusal("--definition", "is not a definition of the knowledge", f"choose one of {listed}")
    try:
        cohort = read_cohort(directory)
        told = read_truth(truth) if truth is not None else None
    except UnreadableCohortError as fault:
        raise Refusal(fault.place, fault.fault, fault.remedy) from None
    day = read_day(as_of or _end_of(cohort), "--as-of")
    counted = Shares(knowledge, chosen)
    with progress("patients judged", len(cohort.lines)) as step:
        for patient_id in sorted(cohort.lines):
            record = read_record(
                cohort.resources(patient_id),
                knowledge=knowledge,
                patient_id=patient_id,
                availability=cohort.availability,
            )
            assessment = assess(record, knowledge=knowledge, as_of=day, definition=chosen)
            counted.add(assessment, baselines(record, knowledge=knowledge, as_of=day, exposures=assessment.exposures))
            if told is not None:
                counted.compare(assessment, told.get(patient_id))
            step()
    report = counted.report()
    if format_ is Form.JSON:
        print_json(report)
    else:
        print_text(text_of(report))


def _end_of(cohort: Cohort) -> str:
    stated: Any = cohort.manifest.get("endOfRecords")
    return stated if isinstance(stated, str) else SystemClock().today(read_settings().time_zone).isoformat()


def _require_room(out: Path, *, force: bool) -> None:
    """Refuse a file, a directory in use without `--force`, and one that holds anything but a cohort even with it."""
    if out.exists() and not out.is_dir():
        raise Refusal(str(out), "is a file", "name a directory")
    held = list(directory_in_use(out))
    if held and not force:
        raise Refusal(str(out), "is not empty", "name another directory, or write over the cohort in it with --force")
    ours = {*files_of(out), out / TRUTH.parent}
    if strange := [path for path in held if path not in ours]:
        raise Refusal(str(strange[0]), "is no file of a cohort", "name another directory; nothing was written")
