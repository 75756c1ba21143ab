"""`trd-cds cohort run`: judge the past of an export, patient by patient, into tables."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from cds_hooks.app import engine_version
from cds_hooks.clock import SystemClock
from cds_hooks.commands.knowledge_loading import load_knowledge
from cds_hooks.commands.printing import print_text
from cds_hooks.commands.progress import Progress
from cds_hooks.commands.reading import read_day
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.surroundings import read_settings
from cds_hooks.silent.engine import Engine
from cds_hooks.silent.faults import RunInterruptedError, UnusableRunError
from cds_hooks.silent.inputs import end_of_records
from cds_hooks.silent.local import LocalEngine, cores
from cds_hooks.silent.plan import RunPlan
from cds_hooks.silent.remote import is_url
from cds_hooks.silent.running import read_manifest, run_cohort
from cds_hooks.silent.spark.engine import SparkEngine
from mappings.load import load

_INTERRUPTED = 130
_LEAST = 512 * 2**20
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(MB|GB|MiB|GiB)", re.IGNORECASE)
_UNITS = {"mb": 10**6, "gb": 10**9, "mib": 2**20, "gib": 2**30}


class EngineName(StrEnum):
    """What does the work."""

    LOCAL = "local"
    SPARK = "spark"


class At(StrEnum):
    """The moments judged."""

    ORDERS = "orders"
    DATE = "date"
    MONTHS = "months"


class Group(StrEnum):
    """Sensitive groups of patients that a site may keep for comparison."""

    RACE = "race"
    ETHNICITY = "ethnicity"
    LANGUAGE = "language"


def run_command(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH...", help="NDJSON files, Bundles, or directories; with Spark also URLs."),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The directory of the run.")] = Path("run"),
    engine: Annotated[EngineName, typer.Option("--engine", help="What does the work.")] = EngineName.LOCAL,
    spark_master: Annotated[
        str | None, typer.Option("--spark-master", metavar="URL", help="Where Spark runs; default as it is configured.")
    ] = None,
    at: Annotated[At, typer.Option("--at", help="Each past order, one day, or each end of a month.")] = At.ORDERS,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", metavar="DATE", help="Last day judged; default the end of a synthetic cohort, or today."
        ),
    ] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="DATE", help="First day judged; default all.")] = None,
    definition: Annotated[str | None, typer.Option(metavar="ID", help="Definition to decide by.")] = None,
    jurisdiction: Annotated[str | None, typer.Option(metavar="us|eu", help="Whose labels apply.")] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", min=1, help="Processes; default all cores.")] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Memory of all processes together, 1GB; not with Spark.")
    ] = None,
    keep: Annotated[list[Group] | None, typer.Option("--keep", help="A sensitive group to keep; repeat.")] = None,
    knowledge_dir: Annotated[
        Path | None, typer.Option("--knowledge", metavar="KNOWLEDGE", help="Other knowledge than the packaged one.")
    ] = None,
    site: Annotated[Path | None, typer.Option("--site", metavar="SITE", help="The overlay of a site.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Start anew over a run in DIR.")] = False,
) -> None:
    """Judge the past of an export without showing anything to anybody; run again to resume what was interrupted."""
    knowledge = load_knowledge(knowledge_dir, site=site)
    settings = read_settings()
    chosen = definition or knowledge.default_definition
    if chosen not in knowledge.definitions:
        listed = ", ".join(knowledge.definitions)
        raise Refusal("--definition", "is not a definition of the knowledge", f"choose one of {listed}")
    if jurisdiction not in (None, "us", "eu"):
        raise Refusal("--jurisdiction", "is none that the knowledge has", "choose us or eu")
    try:
        plan = RunPlan(
            occasion=at.value,
            until=read_day(as_of or _last_day(paths, out, force=force), "--as-of"),
            since=read_day(since, "--since") if since is not None else None,
            definition=chosen,
            jurisdiction=knowledge.jurisdiction_for(jurisdiction),
            zone=settings.time_zone,
            keep=tuple(sorted({group.value for group in keep or ()})),
        )
        if plan.since is not None and plan.since > plan.until:
            raise Refusal("--since", "is after the last day judged", "give an earlier day, or a later --as-of")
        with _watching() as watch:
            manifest = run_cohort(
                paths,
                out,
                engine=_engine(engine, spark_master, paths, out, memory),
                plan=plan,
                knowledge=knowledge,
                load=partial(load, knowledge_dir, site),
                workers=workers or (cores() if engine is EngineName.LOCAL else 0),
                memory=_bytes_of(memory or "1GB"),
                release=engine_version(),
                clock=SystemClock(),
                watch=watch,
                force=force,
            )
    except UnusableRunError as fault:
        raise Refusal(fault.place, fault.fault, fault.remedy) from None
    except OSError as fault:
        raise Refusal(str(out), f"cannot be written ({fault.strerror})", "free some space, then run again") from None
    except RunInterruptedError:
        typer.echo(f"trd-cds: {out}: interrupted; run the same command again to go on from here", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    print_text(_summary(manifest, out))


def _engine(name: EngineName, master: str | None, paths: list[str], out: Path, memory: str | None) -> Engine:
    if is_url(out):
        raise Refusal("--out", "is a URL", "name a directory here; copy it when the run has ended")
    if name is EngineName.SPARK:
        if memory is not None:
            raise Refusal("--memory", "is not for Spark", "set spark.driver.memory and spark.executor.memory instead")
        return SparkEngine(master)
    if master is not None:
        raise Refusal("--spark-master", "is only for Spark", "add --engine spark")
    if any(map(is_url, paths)):
        raise Refusal("PATH", "is a URL", "add --engine spark, or copy the export here")
    return LocalEngine()


def _summary(manifest: Any, out: Path) -> str:
    counts = manifest["counts"]
    broken = sum(counts["rejects"].values())
    lines = [
        f"{counts['patients']} patients of {counts['resources']} resources, {counts['rows']['assessments']} moments "
        f"judged, {counts['rows']['cards']} cards, in {out}"
    ]
    if counts["failed"]:
        lines.append(f"{counts['failed']} patients could not be judged: see the column failed of the table patients")
    if broken:
        kinds = ", ".join(f"{many} {kind}" for kind, many in counts["rejects"].items())
        lines.append(f"{broken} broken lines ({kinds}): see rejects.ndjson")
    return "\n".join(lines)


def _last_day(paths: list[str], out: Path, *, force: bool) -> str:
    """As the run in `out` had it, so that the same command resumes on another day; else the end of the records."""
    earlier = None if force else read_manifest(out)
    if earlier is not None and isinstance(earlier["plan"].get("until"), str):
        return str(earlier["plan"]["until"])
    return (
        end_of_records([Path(path) for path in paths if not is_url(path)])
        or SystemClock().today(read_settings().time_zone).isoformat()
    )


def _bytes_of(written: str) -> int:
    found = _SIZE.fullmatch(written.strip())
    if found is None:
        raise Refusal("--memory", "is not a size", "write it as 1GB or 800MB")
    size = int(float(found.group(1)) * _UNITS[found.group(2).lower()])
    if size < _LEAST:
        raise Refusal("--memory", "is less than a run needs", "give at least 540MB")
    return size


class _Watch(Progress):
    """Shows how far the run is, and knows whether Ctrl-C was pressed."""

    def __init__(self) -> None:
        super().__init__()
        self._stop = False

    def stop_asked(self) -> bool:
        return self._stop

    def interrupt(self, _number: int, _frame: FrameType | None) -> None:
        """The first time the run ends at the next place it can be resumed from; the second time at once."""
        if self._stop:
            raise KeyboardInterrupt
        self._stop = True
        typer.echo("\ntrd-cds: stopping; what is in hand is finished first", err=True)


@contextmanager
def _watching() -> Iterator[_Watch]:
    watch = _Watch()
    before = signal.signal(signal.SIGINT, watch.interrupt)
    try:
        yield watch
    finally:
        signal.signal(signal.SIGINT, before)
        watch.end()
