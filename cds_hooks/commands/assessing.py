"""`trd-cds assess` and `trd-cds cards`: one patient's file in, the assessment or the cards out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.clock import SystemClock
from cds_hooks.commands.knowing import load_knowledge
from cds_hooks.commands.printing import print_json, print_text
from cds_hooks.commands.reading import read_day, read_resources, the_patient
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.replay import caller_for, replay
from cds_hooks.commands.surroundings import read_settings
from mappings.load import Knowledge
from plugin import assess as assess_record
from plugin.document.assessment_document import to_document
from plugin.document.explain import explain
from plugin.ingest import read_orders, read_record


class Jurisdiction(StrEnum):
    """Whose labels and products hold."""

    US = "us"
    EU = "eu"


class Form(StrEnum):
    """The contract's JSON document, or the explanation tree."""

    JSON = "json"
    TEXT = "text"


class Hook(StrEnum):
    """The hooks the service answers."""

    ORDER_SELECT = "order-select"
    ORDER_SIGN = "order-sign"
    PATIENT_VIEW = "patient-view"


File = Annotated[str, typer.Argument(metavar="FILE", help="Bundle, JSON array or NDJSON; - reads standard input.")]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="Day of judgement, default today.")]
SiteDirectory = Annotated[
    Path | None, typer.Option("--site", metavar="DIR", help="Site overlay, default TRD_CDS_SITE.")
]
OrderFile = Annotated[str | None, typer.Option("--order", metavar="FILE", help="Drafted orders to judge as well.")]


def assess(
    file: File,
    *,
    as_of: AsOf = None,
    definition: Annotated[str | None, typer.Option(metavar="ID", help="Definition to decide by.")] = None,
    jurisdiction: Annotated[Jurisdiction | None, typer.Option(help="Whose labels and products hold.")] = None,
    patient: Annotated[str | None, typer.Option(metavar="ID", help="Whom to assess in a file of several.")] = None,
    order: OrderFile = None,
    site: SiteDirectory = None,
    format_: Annotated[Form, typer.Option("--format", help="Document or explanation tree.")] = Form.JSON,
) -> None:
    """Assess one patient's record and print the assessment document."""
    settings = read_settings()
    knowledge = load_knowledge(site=site or settings.site)
    place = knowledge.jurisdiction_for(jurisdiction.value if jurisdiction else settings.jurisdiction)
    chosen = _known_definition(definition or settings.definition, knowledge)
    day = read_day(as_of, "--as-of") if as_of else SystemClock().today(settings.time_zone)
    resources = read_resources(file)
    record = read_record(
        resources, knowledge=knowledge, patient_id=the_patient(resources, file, patient), jurisdiction=place
    )
    drafts = read_orders(read_resources(order), knowledge=knowledge, jurisdiction=place) if order else ()
    assessment = assess_record(
        record, knowledge=knowledge, as_of=day, definition=chosen, jurisdiction=place, orders=drafts
    )
    if format_ is Form.TEXT:
        print_text(explain(assessment))
    else:
        print_json(to_document(assessment))


def cards(
    file: File,
    *,
    hook: Annotated[Hook, typer.Option(help="The hook to answer.")],
    order: OrderFile = None,
    client: Annotated[
        str | None, typer.Option(metavar="PROFILE", help="Answer as for this client of the registry.")
    ] = None,
    as_of: AsOf = None,
    site: SiteDirectory = None,
) -> None:
    """Print the CDS Hooks response the service would give, without a server."""
    settings = read_settings()
    knowledge = load_knowledge(site=site or settings.site)
    if hook is not Hook.PATIENT_VIEW and order is None:
        raise Refusal("--order", f"is missing, and {hook} is about a drafted order", "name a file that holds the order")
    if hook is Hook.PATIENT_VIEW and order is not None:
        raise Refusal("--order", "has no place on patient-view", "leave it out, or choose --hook order-sign")
    caller = caller_for(client, settings, knowledge)
    day = read_day(as_of, "--as-of") if as_of else SystemClock().today(caller.time_zone)
    answer = replay(
        read_resources(file),
        name=file,
        hook=hook.value,
        orders=read_resources(order) if order else (),
        caller=caller,
        day=day,
        settings=settings,
        knowledge=knowledge,
    )
    print_json(answer)


def _known_definition(wanted: str | None, knowledge: Knowledge) -> str | None:
    if wanted is not None and wanted not in knowledge.definitions:
        listed = ", ".join(knowledge.definitions)
        raise Refusal("--definition", "is not a definition of the knowledge", f"choose one of {listed}")
    return wanted
