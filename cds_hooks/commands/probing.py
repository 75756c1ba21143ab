"""`trd-cds probe`: what a FHIR server gives, before any hook is called."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.clock import SystemClock
from cds_hooks.commands.knowing import load_knowledge
from cds_hooks.commands.printing import print_json, print_text
from cds_hooks.commands.reading import read_day
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.surroundings import read_settings
from cds_hooks.commands.token_file import as_token, read_token
from cds_hooks.ehr.addresses import AddressRule, Network
from cds_hooks.ehr.connecting import outbound_client
from cds_hooks.ehr.failures import FhirFailure
from cds_hooks.ehr.searches import searches
from cds_hooks.ehr.system_client import SystemClient, SystemClientError, read_system_client
from cds_hooks.ehr.system_tokens import SystemTokens
from cds_hooks.outbound import AllowList, FhirBase
from cds_hooks.probing.asking import AT_ONCE, Asker, Authority, Bounds
from cds_hooks.probing.conclusion import conclude
from cds_hooks.probing.document import Report
from cds_hooks.probing.findings import findings_of
from cds_hooks.probing.lines import Survey
from cds_hooks.probing.printed import printed
from cds_hooks.probing.report import report
from cds_hooks.probing.sheet import sheet
from cds_hooks.probing.strictness import strictness_of
from cds_hooks.probing.survey import NotProbed, survey
from cds_hooks.probing.wanted import wanted_on
from cds_hooks.settings import Settings
from mappings.load import Knowledge
from plugin.ingest.repairs import repairs_in

TOKEN_VARIABLE = "TRD_CDS_PROBE_TOKEN"  # noqa: S105 - the name of a variable
# The private ranges of RFC 1918, shared address space (RFC 6598), unique local addresses (RFC 4193) and loopback.
_PRIVATE: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "127.0.0.0/8", "::1/128")
)
_REMEDIES = {
    "address": "check the address and the network, or allow more time with --timeout SECONDS",
    "private": "if the server is in your own network, say --allow-private",
    "version": "give the address of its R4 endpoint; most servers have one address for each version",
    "patient": "check --patient ID: the id of the Patient resource, without the type",
}


class Form(StrEnum):
    """A report for people, or the JSON document."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Who:
    """By which authority is asked: a token as given, or a client that asks for its own."""

    token: str | None = None
    client: SystemClient | None = None


def probe(
    base_url: Annotated[str, typer.Argument(metavar="BASE_URL", help="FHIR base, e.g. https://ehr.example/fhir/r4")],
    *,
    patient: Annotated[str, typer.Option(metavar="ID", help="Id of the Patient to ask about: a test patient.")],
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Bearer token for the server; without it {TOKEN_VARIABLE}, if set."),
    ] = None,
    system_client: Annotated[
        Path | None, typer.Option(metavar="FILE", help="SMART Backend Services client (YAML) that asks for a token.")
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="The server's name may lead into your own network.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DAY", help="Day of judgement, default today.")
    ] = None,
    format_: Annotated[Form, typer.Option("--format", help="Report or JSON document.")] = Form.TEXT,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=1, max=600, help="Time for each request.")] = 30.0,
) -> None:
    """Ask a FHIR server for one patient's data in every way, and say what the service would make of it."""
    settings = read_settings()
    base = _base(base_url)
    identifier = _patient_id(patient, base)
    who = _who(token_file, system_client, base)
    day = read_day(as_of, "--as-of") if as_of else SystemClock().today(settings.time_zone)
    knowledge = load_knowledge(site=settings.site)
    found, scope = asyncio.run(
        _asked(base, identifier, who, allow_private=allow_private, day=day, timeout=timeout, knowledge=knowledge)
    )
    _tell("validating and judging what came")
    document = _document(found, base, identifier, day=day, scope=scope, settings=settings, knowledge=knowledge)
    _wipe()
    if format_ is Form.JSON:
        print_json(document.model_dump(mode="json"))
    else:
        print_text(printed(document))


def _base(address: str) -> FhirBase:
    try:
        AllowList([address])
    except ValueError as refused:
        raise Refusal("BASE_URL", f"cannot be called: {refused}", "correct the address") from None
    base = FhirBase.parse(address)
    if base is None:
        raise Refusal("BASE_URL", "is not the address of a FHIR server", "write https://host/path")
    return base


def _patient_id(written: str, base: FhirBase) -> str:
    identifier = written.removeprefix("Patient/")
    if not identifier or "/" in identifier or base.relative(f"Patient/{identifier}") is None:
        raise Refusal("--patient", "is not the id of a Patient", "give the id alone, without the type")
    return identifier


def _who(token_file: Path | None, system_client: Path | None, base: FhirBase) -> _Who:
    if token_file is not None and system_client is not None:
        raise Refusal("--system-client", "and --token-file exclude each other", "leave one out")
    if system_client is None:
        if token_file is not None:
            return _Who(token=read_token(token_file))
        written = os.environ.get(TOKEN_VARIABLE)
        return _Who(token=as_token(written, TOKEN_VARIABLE) if written else None)
    try:
        client = read_system_client(system_client)
    except SystemClientError as error:
        raise Refusal(f"{error.file}: {error.place}", error.problem, error.remedy) from None
    if FhirBase.parse(client.fhir_server) != base:
        raise Refusal(
            "--system-client", "is registered for another fhir_server than BASE_URL", "give the same address in both"
        )
    return _Who(client=client)


async def _asked(
    base: FhirBase, patient_id: str, who: _Who, *, allow_private: bool, day: date, timeout: float, knowledge: Knowledge
) -> tuple[Survey, str | None]:
    """The survey, and the scope of the token where it is known. Raises Refusal when nothing can be asked."""
    settings = read_settings()
    rule = AddressRule(private=(*settings.address_rule.private, *(_PRIVATE if allow_private else ())))
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            outbound_client(rule=rule, connections=AT_ONCE, http2=True, timeout_seconds=timeout)
        )
        authority, scope = _constant(who.token), None
        if who.client is not None:
            try:
                tokens = SystemTokens(who.client, http, SystemClock())
            except SystemClientError as error:
                raise Refusal(f"{error.file}: {error.place}", error.problem, error.remedy) from None
            stack.push_async_callback(tokens.aclose)
            try:
                scope = (await tokens.token()).scope
            except FhirFailure as failure:
                raise Refusal("--system-client", failure.why, "then run the probe again") from None
            authority = _renewed(tokens)
        bounds = Bounds(seconds=timeout, pages=settings.max_pages, response_bytes=settings.max_response_bytes)
        asker = Asker(http, base, authority=authority, bounds=bounds)
        try:
            found = await survey(asker, patient_id, searches=searches(), wanted=wanted_on(day, knowledge), tell=_tell)
        except NotProbed as reason:
            raise Refusal(str(base), reason.why, _REMEDIES[reason.kind]) from None
        return found, scope


def _constant(token: str | None) -> Authority:
    async def given() -> str | None:
        return token

    return given


def _renewed(tokens: SystemTokens) -> Authority:
    async def asked_for() -> str | None:
        return (await tokens.token()).value

    return asked_for


def _document(
    found: Survey,
    base: FhirBase,
    patient_id: str,
    *,
    day: date,
    scope: str | None,
    settings: Settings,
    knowledge: Knowledge,
) -> Report:
    place = knowledge.jurisdiction_for(settings.jurisdiction)
    strictness = strictness_of(found.resources)
    return report(
        found,
        base=base,
        as_of=day.isoformat(),
        strictness=strictness,
        conclusion=conclude(
            found, patient_id, knowledge=knowledge, as_of=day, time_zone=settings.time_zone, jurisdiction=place
        ),
        findings=findings_of(found, strictness, deadline_seconds=settings.deadline_seconds, scope=scope),
        rows=sheet(found, knowledge),
        repairs=dict(repairs_in(found.resources, knowledge)),
        knowledge=knowledge,
    )


def _tell(line: str) -> None:
    """Progress goes to standard error; on a terminal each line replaces the one before."""
    terminal = sys.stderr.isatty()
    typer.echo(f"\r\033[K{line}" if terminal else line, err=True, nl=not terminal)


def _wipe() -> None:
    """Clear the progress line of a terminal before the result."""
    if sys.stderr.isatty():
        typer.echo("\r\033[K", err=True, nl=False)
