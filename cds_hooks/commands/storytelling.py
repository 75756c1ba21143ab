"""`trd-cds stories`: the synthetic demo patients, listed, as files, or on any FHIR R4 server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.clock import SystemClock
from cds_hooks.commands.knowing import load_knowledge
from cds_hooks.commands.printing import print_text
from cds_hooks.commands.reading import read_day
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.story_loading import load
from cds_hooks.commands.surroundings import read_settings
from cds_hooks.stories import Story, load_stories
from cds_hooks.stories.background import read_shares
from cds_hooks.stories.files import files_of

group = typer.Typer(help="The synthetic demo patients.", no_args_is_help=True, rich_markup_mode=None)
group.command("load")(load)


@group.command("list")
def list_stories() -> None:
    """Name every story with what it teaches."""
    stories = load_stories(SystemClock().today(read_settings().time_zone), load_knowledge(), background=False)
    width = max(len(story.id) for story in stories)
    print_text("\n".join(f"{story.id:{width}}  {story.teaching}" for story in stories))


@group.command("write")
def write(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go.")],
    *,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DAY", help="The day on which the stories are told, default today.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Another background of the charts; the same number, the same bytes."),
    ] = None,
    patient: Annotated[
        list[str] | None, typer.Option("--patient", metavar="ID", help="Only this story; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write into a directory that is not empty.")] = False,
) -> None:
    """Write one transaction Bundle for each patient, and an index as Markdown and as JSON."""
    today = SystemClock().today(read_settings().time_zone)
    day = read_day(as_of, "--as-of") if as_of is not None else today
    chosen = read_shares().seed if seed is None else seed
    try:
        stories = _only(patient or [], load_stories(day, load_knowledge(), seed=chosen))
    except OverflowError:
        raise Refusal("--as-of", "leaves no room for a life before it", "name a day of this century") from None
    if directory.exists() and not directory.is_dir():
        raise Refusal(str(directory), "is a file", "name a directory")
    try:
        if directory.is_dir() and next(directory.iterdir(), None) is not None and not force:
            raise Refusal(str(directory), "is not empty", "name another directory, or write into it with --force")
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files_of(stories, told_on=day, seed=chosen):
            (directory / name).write_bytes(content)
    except OSError as fault:
        said = fault.strerror or type(fault).__name__
        raise Refusal(str(directory), f"cannot be written ({said})", "check the path and its permissions") from None
    count = sum(len(story.resources) for story in stories)
    print_text(f"{len(stories)} patients, {count} resources, told on {day.isoformat()}, in {directory}")


def _only(wanted: list[str], stories: tuple[Story, ...]) -> tuple[Story, ...]:
    """The stories named, by their id or that of their patient, in the order of the list; all when none is named."""
    known = {name for story in stories for name in (story.id, story.patient_id)}
    if not known.issuperset(wanted):
        raise Refusal("--patient", "names no story", "choose one that trd-cds stories list names")
    return tuple(story for story in stories if not wanted or {story.id, story.patient_id} & {*wanted})
