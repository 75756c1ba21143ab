"""The demo's patients, assessed on one day, and a page for each."""

from __future__ import annotations

from datetime import date

import pytest

from cds_hooks.stories import Story, load_stories
from mappings.load import Knowledge, load
from plugin import assess
from plugin.assessment import Assessment
from plugin.ingest import read_orders, read_record
from plugin.record import Availability, Read
from tests.response.random_assessments import READ_KINDS

TODAY = date(2026, 3, 1)
COMPLETE = {kind: Availability(read=Read.COMPLETE) for kind in READ_KINDS}


def assessed(story: Story, knowledge: Knowledge) -> Assessment:
    """A patient of the demo with the drafted order, everything read."""
    record = read_record(story.resources, knowledge=knowledge, patient_id=story.patient_id, availability=COMPLETE)
    return assess(
        record, knowledge=knowledge, as_of=TODAY, orders=read_orders([story.suggested_order], knowledge=knowledge)
    )


@pytest.fixture(scope="session")
def assessments() -> dict[str, Assessment]:
    """Every patient of the demo by the id of the story."""
    knowledge = load()
    return {story.id: assessed(story, knowledge) for story in load_stories(TODAY, knowledge)}
