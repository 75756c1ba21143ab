"""`trd-cds gallery`: every kind of card for every kind of client, written as documents and pictures, or checked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.commands.knowledge_loading import load_knowledge
from cds_hooks.commands.printing import print_text
from cds_hooks.commands.refusal import Refusal
from cds_hooks.gallery.cases import gallery_cases
from cds_hooks.gallery.files import GalleryFiles, files_of, stale_files, stale_pictures, write_files
from cds_hooks.gallery.pictures import CHROMIUM, NoPicturesError, pictures
from cds_hooks.gallery.shown import shown
from cds_hooks.gallery.told import NoSuchCardError
from cds_hooks.trust.profiles import client_profiles

STALE = 1
_NAMED = 8

Write = Annotated[Path | None, typer.Option("--write", metavar="DIR", help="Write the gallery into this directory.")]
Check = Annotated[Path | None, typer.Option("--check", metavar="DIR", help="Exit with 1 when this directory is stale.")]
Pictures = Annotated[bool, typer.Option("--pictures", help="With --write: take the missing and stale pictures, too.")]
Browser = Annotated[str, typer.Option("--browser", metavar="PATH", envvar="CHROMIUM", help="Chromium to use.")]


def gallery(
    write: Write = None, check: Check = None, *, with_pictures: Pictures = False, browser: Browser = CHROMIUM
) -> None:
    """Write or check the gallery of cards: each kind as JSON and as a picture, for each client profile."""
    if (write is None) == (check is None):
        raise Refusal("--write or --check", "is needed, one of the two", "name the directory of the gallery")
    if check is not None and with_pictures:
        raise Refusal("--pictures", "has no place beside --check", "leave it out: checking needs no browser")
    try:
        wanted = files_of(shown(gallery_cases(), load_knowledge(), client_profiles()))
    except NoSuchCardError as fault:
        raise Refusal("gallery/cases.yaml", str(fault), "change the case so that its card arises again") from None
    if write is not None:
        _write(write, wanted, browser if with_pictures else "")
    elif check is not None:
        _check(check, wanted)


def _write(directory: Path, wanted: GalleryFiles, browser: str) -> None:
    try:
        due = {name: wanted.pages[name] for name in stale_pictures(directory, wanted)} if browser else {}
        taken: dict[str, bytes] = {}
        with typer.progressbar(
            length=len(due), label="pictures", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            for name, picture in pictures(due, chromium=browser) if due else ():
                taken[name] = picture
                bar.update(1)
        write_files(directory, wanted, taken)
        left = stale_pictures(directory, wanted)
    except NoPicturesError as fault:
        raise Refusal("--pictures", fault.what, fault.remedy) from None
    except OSError as fault:
        raise Refusal(str(directory), f"cannot be written ({fault.strerror})", "name another directory") from None
    print_text(f"{len(wanted.texts)} texts and {len(taken)} of {len(wanted.pages)} pictures written to {directory}")
    if left:
        typer.echo(f"{len(left)} pictures are missing or stale: add --pictures", err=True)


def _check(directory: Path, wanted: GalleryFiles) -> None:
    try:
        stale = stale_files(directory, wanted)
    except OSError as fault:
        raise Refusal(str(directory), f"cannot be read ({fault.strerror})", "check the path") from None
    if not stale:
        print_text(f"{len(wanted.texts)} texts and {len(wanted.pages)} pictures in {directory} are current")
        return
    names = [*stale.texts, *stale.pictures]
    listed = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    command = f"trd-cds gallery --write {directory}" + (" --pictures" if stale.pictures else "")
    typer.echo(f"trd-cds: {directory} is stale ({listed}); run `{command}` and look at what changed", err=True)
    raise typer.Exit(STALE)
