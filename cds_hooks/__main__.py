"""The command line, `trd-cds`: thin commands around the service and the reasoning.

Exit status: 0 success; 2 unusable input or arguments, with one line on standard error; 1 an internal fault,
told in one line that holds no input, or, of `check`, faults of the service that was judged. Standard output carries the
result and nothing else.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cds_hooks.app import engine_version
from cds_hooks.commands import (
    assessing,
    audit,
    check,
    cohort,
    database,
    feedback,
    gallery,
    governing,
    knowing,
    mode,
    probing,
    screens,
    serving,
    storytelling,
)
from cds_hooks.commands.refusal import Refusal

app = typer.Typer(
    name="trd-cds",
    help="A patient's antidepressant trials and treatment-resistant depression status, at order entry.",
    epilog="Synthetic data only until your site has validated it. Not a diagnosis.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
)
app.command("serve")(serving.serve)
app.command("demo")(serving.demo)
app.command("assess")(assessing.assess)
app.command("cards")(assessing.cards)
app.command("gallery")(gallery.gallery)
app.command("screens")(screens.take_screens)
app.command("probe")(probing.probe)
app.command("check")(check.check)
app.add_typer(storytelling.group, name="stories")
app.add_typer(cohort.group, name="cohort")
app.add_typer(knowing.group, name="knowledge")
app.add_typer(mode.group, name="mode")
app.add_typer(feedback.group, name="feedback")
app.add_typer(governing.group, name="governance")
app.add_typer(audit.group, name="audit")
app.add_typer(database.group, name="database")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trd-cds {engine_version()}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass  # the options of the root act through their callbacks


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (`sys.argv` by default) and return its exit status; never raises."""
    try:
        outcome = app(
            args=list(arguments) if arguments is not None else None,
            prog_name="trd-cds",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except Refusal as refusal:
        return _say(str(refusal), 2)
    except typer.TyperException as misuse:
        told = misuse.format_message()
        if told.lstrip().startswith("Usage:"):
            # A group without a command: its help page is the remedy.
            typer.echo(told, err=True)
            return 2
        return _say(" ".join(told.split()) + " Run `trd-cds --help`.", 2)
    except typer.Exit as leave:
        return leave.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        # The reader (`head`) has left: close stdout quietly, or the interpreter complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as fault:  # the last resort: a fault is told by type and place, never by its input
        last = traceback.extract_tb(fault.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        return _say(f"internal fault: {type(fault).__name__} at {place}; please report it with these words", 1)
    return outcome if isinstance(outcome, int) else 0


def _say(line: str, status: int) -> int:
    typer.echo(f"trd-cds: {line}", err=True)
    return status


def main() -> NoReturn:
    """Entry point of the console script."""
    sys.exit(run())


if __name__ == "__main__":
    main()
