"""The command line, `trd-cds`: thin commands around the service and the reasoning.

Exit status: 0 success; 2 unusable input or arguments, with one line on standard error; 1 an internal fault,
told in one line that holds no input, or, of `check`, faults of the service that was judged. Standard output carries the
result and nothing else.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, NoReturn

import typer

from cds_hooks.commands.refusal import Refusal
from cds_hooks.memory import building

# Module and function of each command, or the group of commands: only what is asked for is loaded, for a server that
# starts has no use for the rest.
_COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "serve": ("serving", "serve"),
        "demo": ("serving", "demo"),
        "assess": ("assessing", "assess"),
        "cards": ("assessing", "cards"),
        "gallery": ("gallery", "gallery"),
        "screens": ("screens", "take_screens"),
        "probe": ("probing", "probe"),
        "check": ("check", "check"),
        "stories": ("storytelling", "group"),
        "cohort": ("cohort", "group"),
        "knowledge": ("knowing", "group"),
        "mode": ("mode", "group"),
        "feedback": ("feedback", "group"),
        "governance": ("governing", "group"),
        "audit": ("audit", "group"),
        "database": ("database", "group"),
    }
)


def command_line(names: Collection[str] = tuple(_COMMANDS)) -> typer.Typer:
    """The command line with the commands of these names."""
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
    app.callback()(_root)
    for name in names:
        module, member = _COMMANDS[name]
        found = getattr(import_module(f"cds_hooks.commands.{module}"), member)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        from cds_hooks.app import engine_version  # noqa: PLC0415

        typer.echo(f"trd-cds {engine_version()}")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass  # the options of the root act through their callbacks


def _asked(arguments: Sequence[str]) -> Collection[str]:
    """The one command that is asked for; all, where it is help or something unknown."""
    return arguments[:1] if arguments and arguments[0] in _COMMANDS else tuple(_COMMANDS)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (`sys.argv` by default) and return its exit status; never raises."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app = command_line(_asked(given))
        outcome = app(
            args=given,
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
    with building(for_good=True):
        command_line(_asked(sys.argv[1:]))  # loads what will run
    sys.exit(run())


if __name__ == "__main__":
    main()
