"""`trd-cds stories load`: the synthetic demo patients, on any FHIR R4 server."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from graphlib import TopologicalSorter
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
import typer

from cds_hooks.clock import SystemClock
from cds_hooks.commands.knowing import load_knowledge
from cds_hooks.commands.printing import print_text
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.surroundings import read_settings
from cds_hooks.fhir_writer import Resource
from cds_hooks.settings import is_loopback
from cds_hooks.stories import Story, bundle_of, load_stories

FHIR_JSON = "application/fhir+json"
_PAUSE_SECONDS = 2.0
_REDIRECTS_AT_MOST = 3


def load(
    base_url: Annotated[str, typer.Argument(metavar="BASE_URL", help="FHIR base, e.g. http://127.0.0.1:8080/fhir")],
    wait: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, max=1800, help="How long to wait for a server that is starting."),
    ] = 60.0,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Bearer token for the server; sent over https, or on this machine, only."),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="One resource after another, for servers that take no transactions.")
    ] = False,
) -> None:
    """Put the demo patients on a FHIR R4 server, one transaction each; repeating it replaces them."""
    base = _base(base_url)
    headers = {"Accept": FHIR_JSON} | (_authorization(token_file, base) if token_file is not None else {})
    stories = load_stories(SystemClock().today(read_settings().time_zone), load_knowledge())
    with httpx.Client(timeout=30.0, headers=headers, follow_redirects=False) as http:
        _await_server(http, base, wait)
        for place, story in enumerate(stories, start=1):
            if each:
                _load_each(http, base, story)
            else:
                _load(http, base, story)
            _tell(f"[{place}/{len(stories)}] {story.id}")
    print_text(f"{len(stories)} patients, {sum(len(story.resources) for story in stories)} resources on {base}")


def _base(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise Refusal("BASE_URL", "is not the address of a FHIR server", "write http(s)://host[:port]/path")
    if "@" in parts.netloc:
        raise Refusal("BASE_URL", "holds a user name or password", "take it out; a token comes with --token-file")
    return address.rstrip("/")


def _authorization(file: Path, base: str) -> dict[str, str]:
    """The header with the token in `file`; Refusal when it is unusable or would cross a network in the clear."""
    parts = urlsplit(base)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise Refusal("--token-file", "a token is not sent over plain http to another machine", "write https://")
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise Refusal("--token-file", f"cannot be read ({type(fault).__name__})", "name a text file") from None
    if not token or not token.isprintable() or " " in token:
        raise Refusal("--token-file", "does not hold one token", "write the token, and nothing else, into it")
    return {"Authorization": f"Bearer {token}"}


def _await_server(http: httpx.Client, base: str, wait: float) -> None:
    """Return once the server answers its capability statement; raise Refusal after `wait` seconds."""
    until = time.monotonic() + wait
    while True:
        try:
            answer = _send(http, base, "GET", f"{base}/metadata")
            if answer.is_success:
                return
            if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                raise Refusal(base, f"refuses access with status {answer.status_code}", "give it --token-file FILE")
            state = f"answers {answer.status_code} to /metadata"
        except httpx.TransportError as fault:
            state = f"does not answer ({type(fault).__name__})"
        if time.monotonic() + _PAUSE_SECONDS > until:
            raise Refusal(base, state, "check the address, or wait longer with --wait SECONDS")
        _tell(f"waiting for {base}: {state}")
        time.sleep(_PAUSE_SECONDS)


def _load(http: httpx.Client, base: str, story: Story) -> None:
    """Send one patient as a transaction. A server's answer is told by its status, never by its text."""
    answer = _write(http, base, story, "POST", base, bundle_of(story))
    if not answer.is_success:
        raise Refusal(
            base,
            f"refused the transaction of {story.id} with status {answer.status_code}",
            "use a FHIR R4 server that takes client-assigned ids; try --each, and --token-file FILE if it has a login",
        )


def _load_each(http: httpx.Client, base: str, story: Story) -> None:
    """Send one patient resource by resource, each after those it refers to."""
    for resource in _in_order(story.resources):
        kind = resource["resourceType"]
        answer = _write(http, base, story, "PUT", f"{base}/{kind}/{resource['id']}", resource)
        if not answer.is_success:
            raise Refusal(
                base,
                f"refused a {kind} of {story.id} with status {answer.status_code}",
                "use a FHIR R4 server that takes client-assigned ids; it may need --token-file FILE",
            )


def _in_order(resources: tuple[Resource, ...]) -> Iterator[Resource]:
    """`resources` so that each comes after those it refers to: many servers check that a reference leads somewhere."""
    held = {f"{resource['resourceType']}/{resource['id']}": resource for resource in resources}
    graph = {name: sorted(set(_references(resource)) & held.keys() - {name}) for name, resource in held.items()}
    return (held[name] for name in TopologicalSorter(graph).static_order())


def _references(value: Any) -> Iterator[str]:
    """Every literal reference inside `value`."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _references(item)


def _write(
    http: httpx.Client, base: str, story: Story, method: str, address: str, document: dict[str, Any]
) -> httpx.Response:
    try:
        return _send(http, base, method, address, json=document, headers={"Content-Type": FHIR_JSON})
    except httpx.TransportError as fault:
        raise Refusal(base, f"went away while loading {story.id} ({type(fault).__name__})", "run it again") from None


def _send(http: httpx.Client, base: str, method: str, address: str, **more: Any) -> httpx.Response:
    """One request. A redirect is followed inside the server's own origin, and only if the request stays the same."""
    answer = http.request(method, address, **more)
    for _ in range(_REDIRECTS_AT_MOST):
        following = answer.next_request
        if following is None:
            return answer
        if following.method != method or _origin(following.url) != _origin(httpx.URL(base)):
            break
        answer = http.send(following)
    if answer.next_request is None:
        return answer
    raise Refusal(base, f"redirects elsewhere ({answer.status_code})", "give the address of the FHIR server itself")


def _origin(address: httpx.URL) -> tuple[str, str, int | None]:
    # httpx leaves the usual port of a scheme out, written or not.
    return address.scheme, address.host, address.port


def _tell(line: str) -> None:
    """Progress goes to standard error; on a terminal each line replaces the one before."""
    terminal = sys.stderr.isatty()
    typer.echo(f"\r\033[K{line}" if terminal else line, err=True, nl=not terminal)
