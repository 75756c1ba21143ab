"""The page `/source-attributes`: what the intervention rests on and which data it uses, for people and for machines.

The thirteen source attributes of an evidence-based intervention and the basis for independent review, made from the
knowledge as it is deployed. HTML, or JSON for a client that prefers it and at ``/source-attributes.json``; the schema
of the JSON is at ``/source-attributes.schema.json``.
"""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import date
from functools import lru_cache
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from cds_hooks.catalogue import queries
from cds_hooks.clock import Clock
from cds_hooks.on_need import needs
from cds_hooks.web.layout import HEADERS, page, serve_static
from mappings.attribute_document import SourceAttributes
from mappings.attribute_schema import AttributeStatements
from mappings.load import Knowledge
from mappings.source_attributes import DataKind, source_attributes
from plugin.document.assessment_document import engine_version
from plugin.record import PatientFact

PATH = "/source-attributes"
JSON = "application/json"
_HTML = "text/html"


def attributes_on(
    day: date, knowledge: Knowledge, statements: AttributeStatements, *, definition: str | None = None
) -> SourceAttributes:
    """The source attributes as the rules stand on `day`, with what this software reads of a patient and of a call."""
    return source_attributes(
        statements,
        knowledge,
        day=day,
        engine=engine_version(),
        patient_fields=tuple(field.name for field in fields(PatientFact) if field.name != "reference"),
        inputs=data_kinds(knowledge),
        definition=definition,
    )


def data_kinds(knowledge: Knowledge) -> tuple[DataKind, ...]:
    """Every kind of data that a call reads, in the order announced."""
    announced = (
        DataKind(key=one.key, resource_type=one.resource_type, essential=one.essential, when="every call")
        for one in queries(knowledge)
    )
    later = (
        DataKind(key=one.key, resource_type=one.resource_type, essential=False, when="once the order or history asks")
        for one in needs(knowledge)
    )
    return (*announced, *later)


def add_source_attributes(
    app: FastAPI,
    knowledge: Knowledge,
    statements: AttributeStatements,
    *,
    clock: Clock,
    time_zone: str = "UTC",
    definition: str | None = None,
    home: str = "/intended-use",
) -> None:
    """Add page, JSON and style sheet to `app`; `home` is where the name in the head of the page leads and
    `definition` the one in use (None: the default of the knowledge).

    It asks for no login: it says nothing about any patient. Made on the first call of a day in `time_zone`, whose
    values it shows.
    """

    @lru_cache(maxsize=1)
    def made(day: date) -> tuple[HTMLResponse, bytes]:
        told = attributes_on(day, knowledge, statements, definition=definition)
        plain = told.model_dump(mode="json", by_alias=True)
        titles = {source.key: source.citation for source in told.bibliography}
        html = page("source_attributes.html", title="Source attributes", told=told, titles=titles, home=home)()
        return html, json.dumps(plain, ensure_ascii=False, indent=1).encode()

    # Plain functions: they run beside the event loop, which a page of this size would hold up.
    @app.get(PATH, include_in_schema=False)
    def show(request: Request) -> Response:
        html, plain = made(clock.today(time_zone))
        wanted = _json(plain) if prefers_json(request.headers.get("accept", "")) else _copy(html)
        wanted.headers["Vary"] = "Accept"
        return wanted

    @app.get(f"{PATH}.json", include_in_schema=False)
    def show_json() -> Response:
        return _json(made(clock.today(time_zone))[1])

    @app.get(f"{PATH}.schema.json", include_in_schema=False)
    def show_schema() -> Response:
        return Response(json.dumps(json_schema(), indent=1), media_type="application/schema+json")

    serve_static(app)


def prefers_json(accept: str) -> bool:
    """Whether an Accept header asks for JSON rather than HTML; the page is the answer where it does not tell.

    >>> prefers_json("application/json"), prefers_json("text/html,application/json;q=0.9"), prefers_json("*/*")
    (True, False, False)
    """
    wishes: dict[str, float] = {}
    for part in accept.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        quality = next((one.removeprefix("q=") for one in parameters if one.startswith("q=")), "1")
        wishes[kind] = max(wishes.get(kind, 0.0), _quality(quality))
    return _wish(wishes, JSON) > _wish(wishes, _HTML)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the answer."""
    return SourceAttributes.model_json_schema(by_alias=True, mode="serialization")


def _wish(wishes: dict[str, float], kind: str) -> float:
    return wishes.get(kind, wishes.get(kind.partition("/")[0] + "/*", wishes.get("*/*", 0.0)))


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _json(content: bytes) -> Response:
    return Response(content, media_type=JSON, headers={"X-Content-Type-Options": "nosniff"})


def _copy(made: HTMLResponse) -> HTMLResponse:
    """A response is sent once; its content is kept."""
    return HTMLResponse(made.body, headers=HEADERS)
