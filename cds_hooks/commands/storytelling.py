"""`trd-cds stories`: the synthetic demo patients, on any FHIR R4 server."""

from __future__ import annotations

import sys
import time
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer

from cds_hooks.clock import SystemClock
from cds_hooks.commands.knowing import load_knowledge
from cds_hooks.commands.printing import print_text
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.surroundings import read_settings
from cds_hooks.stories import Story, bundle_of, load_stories

FHIR_JSON = "application/fhir+json"
_PAUSE_SECONDS = 2.0

group = typer.Typer(help="The synthetic demo patients.", no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def _group() -> None:
    pass  # keeps `load` a sub-command while it is the only one


@group.command("load")
def load(
    base_url: Annotated[str, typer.Argument(metavar="BASE_URL", help="FHIR base, e.g. http://127.0.0.1:8080/fhir")],
    wait: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, max=1800, help="How long to wait for a server that is starting."),
    ] = 60.0,
) -> None:
    """Put the demo patients on a FHIR R4 server, one transaction each; repeating it replaces them."""
    base = _base(base_url)
    stories = load_stories(SystemClock().today(read_settings().time_zone), load_knowledge())
    with httpx.Client(timeout=30.0, headers={"Accept": FHIR_JSON}, follow_redirects=True) as http:
        _await_server(http, base, wait)
        resources = sum(_load(http, base, story, place, len(stories)) for place, story in enumerate(stories, start=1))
    print_text(f"{len(stories)} patients, {resources} resources on {base}")


def _base(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise Refusal("BASE_URL", "is not the address of a FHIR server", "write http(s)://host[:port]/path")
    return address.rstrip("/")


def _await_server(http: httpx.Client, base: str, wait: float) -> None:
    """Return once the server answers its capability statement; raise Refusal after `wait` seconds."""
    until = time.monotonic() + wait
    while True:
        try:
            answer = http.get(f"{base}/metadata")
            if answer.is_success:
                return
            state = f"answers {answer.status_code} to /metadata"
        except httpx.TransportError as fault:
            state = f"does not answer ({type(fault).__name__})"
        if time.monotonic() + _PAUSE_SECONDS > until:
            raise Refusal(base, state, "check the address, or wait longer with --wait SECONDS")
        _tell(f"waiting for {base}: {state}")
        time.sleep(_PAUSE_SECONDS)


def _load(http: httpx.Client, base: str, story: Story, place: int, of: int) -> int:
    """Send one patient; the number of resources. A server's answer is told by its status, never by its text."""
    bundle = bundle_of(story)
    try:
        answer = http.post(base, json=bundle, headers={"Content-Type": FHIR_JSON})
    except httpx.TransportError as fault:
        raise Refusal(base, f"went away while loading {story.id} ({type(fault).__name__})", "run it again") from None
    if not answer.is_success:
        raise Refusal(
            base,
            f"refused the transaction of {story.id} with status {answer.status_code}",
            "use a FHIR R4 server that takes transactions with client-assigned ids, without login",
        )
    _tell(f"[{place}/{of}] {story.id}")
    return len(bundle["entry"])


def _tell(line: str) -> None:
    """Progress goes to standard error; on a terminal each line replaces the one before."""
    terminal = sys.stderr.isatty()
    typer.echo(f"\r\033[K{line}" if terminal else line, err=True, nl=not terminal)
