"""`trd-cds check`: judge any CDS Hooks service from outside."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from cds_hooks.checking.document import Report
from cds_hooks.checking.junit import junit
from cds_hooks.checking.page import check_page
from cds_hooks.checking.printed import listed, printed
from cds_hooks.checking.requirements import profiles, requirements
from cds_hooks.checking.run import NotJudged, Plan, judge
from cds_hooks.checking.target import UnusableAddress, base_address
from cds_hooks.checking.tokens import ISSUER, Keys, UnusableKeys
from cds_hooks.clock import SystemClock
from cds_hooks.commands.printing import print_text
from cds_hooks.commands.refusal import Refusal

_LARGEST_EXAMPLE = 20_000_000


def check(
    base_url: Annotated[
        str, typer.Argument(metavar="[BASE_URL]", help="Base of the service, without /cds-services.")
    ] = "",
    *,
    profile: Annotated[str, typer.Option(metavar="NAME", help="2.0.1, 1.0, epic or inferno.")] = "2.0.1",
    only: Annotated[list[str] | None, typer.Option(metavar="ID", help="This requirement; may be repeated.")] = None,
    service: Annotated[list[str] | None, typer.Option(metavar="ID", help="This service; may be repeated.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as faults.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List the requirements and leave.")] = False,
    example: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A call (JSON, invented patient) that brings cards; used for its hook."),
    ] = None,
    json_: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the document as JSON.")] = None,
    junit_: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one HTML page.")] = None,
    keys: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Key pairs of this checker as a client; made on first use.")
    ] = None,
    issuer: Annotated[str, typer.Option(metavar="URI", help="Issuer of the checker's tokens.")] = ISSUER,
    tenant: Annotated[str, typer.Option(metavar="TEXT", help="Tenant in the checker's tokens.")] = "",
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the checker's own FHIR server listens; port 0: any.")
    ] = "127.0.0.1:0",
    fhir_url: Annotated[str, typer.Option(metavar="URL", help="How the service reaches that FHIR server.")] = "",
    jwks_url: Annotated[str, typer.Option(metavar="URL", help="How the service reaches the checker's keys.")] = "",
    origin: Annotated[str, typer.Option(metavar="ORIGIN", help="An origin that the service lists for browsers.")] = "",
    calls: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="Calls by which latency is told.")] = 20,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=1, max=100, help="Time for each request.")] = 10.0,
) -> None:
    """Call every service of a CDS Hooks base in many ways and say, by requirement, what is wrong."""
    if profile not in profiles():
        raise Refusal("--profile", "is none of the profiles", f"choose one of {', '.join(profiles())}")
    if unknown := [name for name in only or () if name not in requirements()]:
        raise Refusal("--only", f"names {len(unknown)} requirement(s) that do not exist", "see `trd-cds check --list`")
    if list_:
        print_text(listed(profiles()[profile]))
        return
    base = _base(base_url)
    host, port = _listen(listen)
    plan = Plan(
        profile=profile,
        only=tuple(only or ()),
        services=tuple(service or ()),
        strict=strict,
        examples=_examples(example or []),
        seconds=timeout,
        calls=calls,
        host=host,
        port=port,
        fhir_url=_reached(fhir_url, "--fhir-url"),
        jwks_url=_reached(jwks_url, "--jwks-url"),
        issuer=issuer,
        tenant=tenant,
        origin=origin.rstrip("/"),
    )
    try:
        signing = Keys.kept(keys) if keys is not None else Keys.made()
    except UnusableKeys as fault:
        raise Refusal("--keys", str(fault), "name a folder of your own, or an empty one") from None
    document = asyncio.run(_judged(base, plan, signing))
    if sys.stderr.isatty():
        typer.echo("\r\033[K", err=True, nl=False)
    _write(json_, "--json", (document.model_dump_json(indent=2) + "\n").encode() if json_ else b"")
    _write(junit_, "--junit", junit(document) if junit_ else b"")
    _write(html, "--html", check_page(document).encode() if html else b"")
    print_text(printed(document))
    if not document.clean:
        raise typer.Exit(1)


async def _judged(base: str, plan: Plan, keys: Keys) -> Report:
    try:
        async with httpx.AsyncClient(timeout=plan.seconds, trust_env=False, http2=True) as http:
            return await judge(http, base, plan, keys=keys, clock=SystemClock(), tell=_tell)
    except NotJudged as reason:
        raise Refusal("BASE_URL", reason.why, "check the address, the network and --timeout") from None
    except OSError as fault:
        raise Refusal("--listen", f"cannot be used ({type(fault).__name__})", "choose another port") from None


def _base(written: str) -> str:
    try:
        return base_address(written)
    except UnusableAddress as fault:
        raise Refusal("BASE_URL", str(fault), "write https://host/path, without /cds-services") from None


def _listen(written: str) -> tuple[str, int]:
    host, _, port = written.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise Refusal("--listen", "is not HOST:PORT", "write 127.0.0.1:8123")
    return host.strip("[]"), int(port)


def _reached(written: str, option: str) -> str:
    if not written:
        return ""
    try:
        return base_address(written)
    except UnusableAddress as fault:
        raise Refusal(option, str(fault), "write the address by which the service reaches this machine") from None


def _examples(files: list[Path]) -> dict[str, dict[str, Any]]:
    found = {}
    for file in files:
        try:
            if file.stat().st_size > _LARGEST_EXAMPLE:
                raise ValueError
            body = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            raise Refusal("--example", "is no JSON file that can be read", "save one hook request") from None
        if (
            not isinstance(body, dict)
            or not isinstance(body.get("hook"), str)
            or not isinstance(body.get("context"), dict)
        ):
            raise Refusal("--example", "is no hook request", "it needs hook and context") from None
        found[body["hook"]] = body
    return found


def _write(file: Path | None, option: str, content: bytes) -> None:
    if file is None:
        return
    try:
        file.write_bytes(content)
    except OSError as fault:
        raise Refusal(
            option, f"cannot be written ({type(fault).__name__})", "name a file in a folder of yours"
        ) from None


def _tell(line: str) -> None:
    """Progress goes to standard error; on a terminal each line replaces the one before."""
    terminal = sys.stderr.isatty()
    typer.echo(f"\r\033[K{line}" if terminal else line, err=True, nl=not terminal)
