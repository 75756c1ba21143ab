"""`trd-cds feedback …`: the report of the governance page, and the feedback item by item."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.clock import SystemClock
from cds_hooks.commands.knowing import load_knowledge
from cds_hooks.commands.operator import operator_name
from cds_hooks.commands.printing import print_text
from cds_hooks.commands.reading import read_day
from cds_hooks.commands.recording import with_records
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.registering import read_registry
from cds_hooks.commands.surroundings import read_settings
from cds_hooks.governance.export import lines_csv, lines_json, read_feedback_lines
from cds_hooks.governance.facts import Selection
from cds_hooks.governance.making import modes_of, report_on
from cds_hooks.governance.page import file_of
from cds_hooks.governance.report import SMALLEST_CELL
from cds_hooks.governance.report_forms import report_csv, report_json
from cds_hooks.ledger import Ledger
from cds_hooks.settings import Settings
from cds_hooks.storage.records import Records

group = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="What clinicians did with the cards: report and export."
)
Since = Annotated[str | None, typer.Option(metavar="DATE", help="First day, UTC; default 90 days up to the last.")]
Until = Annotated[str | None, typer.Option(metavar="DATE", help="Last day, UTC; default today.")]
Client = Annotated[str, typer.Option(metavar="ID", help="Only this client.")]
Hook = Annotated[str, typer.Option(metavar="NAME", help="Only this hook.")]
Output = Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write it; default standard output.")]


class ReportForm(StrEnum):
    """A page to read and print, lines for a spreadsheet, or one document."""

    HTML = "html"
    CSV = "csv"
    JSON = "json"


class ExportForm(StrEnum):
    """Lines for a spreadsheet, or one document."""

    CSV = "csv"
    JSON = "json"


@group.command("report")
def report(
    *,
    since: Since = None,
    until: Until = None,
    client: Client = "",
    hook: Hook = "",
    smallest_cell: Annotated[
        int, typer.Option(metavar="N", min=3, max=20, help="Counts above zero and below N are withheld.")
    ] = SMALLEST_CELL,
    format_: Annotated[ReportForm, typer.Option("--format", help="html, csv or json.")] = ReportForm.HTML,
    output: Output = None,
) -> None:
    """Cards issued, accepted and overridden, by rule, hook, client, week and version; without any small count."""
    settings, chosen = read_settings(), _selection(since, until, client, hook)
    knowledge = load_knowledge(site=settings.site)
    clients = {one.entry.id: one.entry.mode for one in read_registry(settings)} if settings.registry_file else {}

    async def work(records: Records) -> bytes:
        ledger = Ledger(records, settings, knowledge, SystemClock())
        made = await report_on(ledger, chosen, smallest_cell=smallest_cell)
        modes = await modes_of(ledger, clients)
        await ledger.note("page", user=operator_name(), details=_details(chosen, f"report, {format_.value}"))
        if format_ is ReportForm.CSV:
            return report_csv(made)
        return report_json(made, modes) if format_ is ReportForm.JSON else file_of(made, modes).encode()

    _hand_over(with_records(settings, work), output)


@group.command("export")
def export(
    *,
    since: Since = None,
    until: Until = None,
    client: Client = "",
    hook: Hook = "",
    comments: Annotated[
        bool, typer.Option("--comments", help="With what clinicians wrote, which may speak of a patient.")
    ] = False,
    format_: Annotated[ExportForm, typer.Option("--format", help="csv or json.")] = ExportForm.CSV,
    output: Output = None,
) -> None:
    """One line for each feedback item: intervention, action, user, comment, date and place; the export is audited."""
    settings, chosen = read_settings(), _selection(since, until, client, hook)
    _require_comments(settings, wanted=comments)
    knowledge = load_knowledge(site=settings.site)

    async def work(records: Records) -> bytes:
        lines = await read_feedback_lines(
            records.database,
            chosen,
            open_comment=records.keys.unseal if comments else None,
            attributes=f"{settings.base_url}/source-attributes",
        )
        ledger = Ledger(records, settings, knowledge, SystemClock())
        told = [("items", str(len(lines))), ("comments", "yes" if comments else "no")]
        await ledger.note("export", user=operator_name(), details=[*_details(chosen, "feedback"), *told])
        return lines_csv(lines) if format_ is ExportForm.CSV else lines_json(lines)

    _hand_over(with_records(settings, work), output)


def _selection(since: str | None, until: str | None, client: str, hook: str) -> Selection:
    last = read_day(until, "--until") if until is not None else SystemClock().now().astimezone(UTC).date()
    try:
        first = read_day(since, "--since") if since is not None else Selection.last_days(last).since
        chosen = Selection(since=first, until=last, client=client, hook=hook)
        _ = chosen.ends
    except (ValueError, OverflowError):
        raise Refusal("--since", "is after the last day, or out of reach", "choose an earlier one") from None
    return chosen


def _require_comments(settings: Settings, *, wanted: bool) -> None:
    if wanted and settings.comments != "encrypt":
        raise Refusal("--comments", "asks for what is not kept", "set TRD_CDS_COMMENTS=encrypt, or leave it out")


def _details(chosen: Selection, what: str) -> list[tuple[str, str]]:
    return [("what", what), ("since", str(chosen.since)), ("until", str(chosen.until))]


def _hand_over(content: bytes, output: Path | None) -> None:
    """Print `content`, or write it to a file that only its owner may read and that is never half written."""
    if output is None:
        print_text(content.decode("utf-8"))
        return
    try:
        descriptor, draft = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")  # made with mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(draft).replace(output)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as fault:
        raise Refusal(
            str(output), f"cannot be written ({fault.strerror})", "check the path and its permissions"
        ) from None
    typer.echo(f"wrote {output}", err=True)
