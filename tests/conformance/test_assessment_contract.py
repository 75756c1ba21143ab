"""The assessment document keeps its published schema, and the service publishes the one in the repository."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime

import httpx
import pytest
from jsonschema import Draft202012Validator

from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock
from cds_hooks.contract import SCHEMA_PATH, assessment_schema
from cds_hooks.settings import Settings
from cds_hooks.stories import load_stories
from mappings.load import Knowledge, load
from plugin import assess
from plugin.document.assessment_document import to_document
from plugin.ingest import read_orders, read_record

TODAY = date(2026, 11, 22)
SCHEMA = json.loads(assessment_schema())
STORIES = load_stories(TODAY, load())


def test_the_schema_itself_is_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.id)
@pytest.mark.parametrize("definition", sorted(load().definitions))
def test_every_story_keeps_the_schema(story, definition: str, knowledge: Knowledge) -> None:
    record = read_record(story.resources, knowledge=knowledge)
    drafts = [r for r in story.resources if r["resourceType"] == "MedicationRequest"][:1]
    orders = read_orders([{**draft, "id": "draft"} for draft in drafts], knowledge=knowledge)
    assessment = assess(record, knowledge=knowledge, as_of=TODAY, definition=definition, orders=orders)

    assert list(Draft202012Validator(SCHEMA).iter_errors(json.loads(json.dumps(to_document(assessment))))) == []


def test_an_empty_record_keeps_the_schema(knowledge: Knowledge) -> None:
    document = to_document(assess(read_record([], knowledge=knowledge), knowledge=knowledge, as_of=TODAY))

    assert list(Draft202012Validator(SCHEMA).iter_errors(document)) == []
    assert document["verdict"]["value"] == "INDETERMINATE"


def test_the_service_publishes_it(knowledge: Knowledge) -> None:
    async def fetch() -> httpx.Response:
        clock = FixedClock(datetime(2026, 11, 22, tzinfo=UTC))
        app = create_app(settings=Settings(open_mode=True), knowledge=knowledge, clock=clock, registry=None)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client,
        ):
            return await client.get(SCHEMA_PATH)

    response = asyncio.run(fetch())
    assert response.status_code == 200
    assert response.json() == SCHEMA
