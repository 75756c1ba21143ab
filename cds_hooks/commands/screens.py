"""`trd-cds screens`: pictures of the running demo for README and docs."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import typer

from cds_hooks.commands.printing import print_text
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.surroundings import address_of
from cds_hooks.gallery.pictures import CHROMIUM, NoPicturesError
from cds_hooks.gallery.screens import index_of, screens, taken

HOST = "127.0.0.1"
INDEX = "README.md"
_START_SECONDS = 30.0
_PAUSE_SECONDS = 0.2

Write = Annotated[Path, typer.Option("--write", metavar="DIR", help="Write the pictures into this directory.")]
Base = Annotated[
    str, typer.Option("--base", metavar="URL", help="A demo that runs already; without it one is started.")
]
Only = Annotated[list[str] | None, typer.Option("--only", metavar="NAME", help="Take this picture only; repeatable.")]
Browser = Annotated[str, typer.Option("--browser", metavar="PATH", envvar="CHROMIUM", help="Chromium to use.")]


def take_screens(write: Write, base: Base = "", only: Only = None, browser: Browser = CHROMIUM) -> None:
    """Take the pictures that README and docs show, from the running demo."""
    listed = screens()
    names = [screen.name for screen in listed]
    for name in only or ():
        if name not in names:
            raise Refusal("--only", "names no picture of the list", f"choose of {', '.join(names)}")
    wanted = tuple(screen for screen in listed if not only or screen.name in only)
    try:
        write.mkdir(parents=True, exist_ok=True)
        with (
            _running(base) as address,
            typer.progressbar(
                length=len(wanted), label="pictures", file=sys.stderr, hidden=not sys.stderr.isatty()
            ) as bar,
        ):
            for name, picture in taken(address, wanted, chromium=browser):
                (write / f"{name}.png").write_bytes(picture)
                bar.update(1)
        (write / INDEX).write_text(index_of(listed), encoding="utf-8")
    except NoPicturesError as fault:
        raise Refusal("screens", fault.what, fault.remedy) from None
    except OSError as fault:
        raise Refusal(str(write), f"cannot be written ({fault.strerror})", "name another directory") from None
    print_text(f"{len(wanted)} pictures written to {write}")


@contextmanager
def _running(base: str) -> Iterator[str]:
    """The demo at `base`, or one of our own on a free port, stopped at the end."""
    if base:
        yield base.rstrip("/")
        return
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    address = address_of(HOST, port)
    server = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "cds_hooks", "demo", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + _START_SECONDS
        while not _answers(address):
            if time.monotonic() > until or server.poll() is not None:
                raise Refusal("the demo", "does not start", "run `trd-cds demo` and read what it says")
            time.sleep(_PAUSE_SECONDS)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=10)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", trust_env=False).is_success
    except httpx.TransportError:
        return False
