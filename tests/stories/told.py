"""What the product concludes of a story: by the reasoning alone, and in a call that carries the whole chart."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import uuid4

import httpx
import pytest

import cds_hooks.answering
from cds_hooks.app import create_app
from cds_hooks.catalogue import queries
from cds_hooks.clock import FixedClock
from cds_hooks.ehr.searches import searches
from cds_hooks.fhir_writer import collection
from cds_hooks.on_need import needs
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.settings import Settings
from cds_hooks.stories import Story
from mappings.load import Knowledge
from plugin import Assessment, assess
from plugin.advice.policy import advise
from plugin.ingest import read_orders, read_record
from plugin.record import Availability, Read

HOOK = "order-sign"
SERVICE = "/cds-services/trd-order-sign"
BASE = "http://127.0.0.1:8000"
FHIR = BASE + "/fhir"
ALL = 1000
PATIENCE = 60.0  # seconds: what is compared is what was concluded, never how fast on a busy machine


@dataclass(frozen=True)
class Concluded:
    """The assessment of a story, and the kinds and summaries of its cards at signing, in order."""

    assessment: Assessment
    kinds: tuple[str, ...]
    summaries: tuple[str, ...]


def judged(story: Story, knowledge: Knowledge, today: date) -> Concluded:
    """The reasoning without any service: everything was asked for, nothing withheld."""
    asked = [*(query.resource_type for query in queries(knowledge)), *(need.read_as for need in needs(knowledge))]
    record = read_record(
        story.resources,
        knowledge=knowledge,
        patient_id=story.patient_id,
        availability={name: Availability(read=Read.COMPLETE) for name in asked},
    )
    orders = read_orders([story.suggested_order], knowledge=knowledge)
    assessment = assess(record, knowledge=knowledge, as_of=today, orders=orders)
    cards = advise(assessment, hook=HOOK, knowledge=knowledge)
    return Concluded(assessment, tuple(card.kind for card in cards), tuple(card.summary for card in cards))


def called(
    stories: Sequence[Story], knowledge: Knowledge, today: date, monkeypatch: pytest.MonkeyPatch
) -> dict[str, tuple[Assessment, dict[str, Any]]]:
    """For every story what the application itself judged, and its answer to a call with everything sent along."""
    seen: list[Assessment] = []

    def watched(*facts: Any, **manner: Any) -> Assessment:
        seen.append(assess(*facts, **manner))
        return seen[-1]

    monkeypatch.setattr(cds_hooks.answering, "assess", watched)
    return asyncio.run(_called(stories, knowledge, today, seen))


async def _called(
    stories: Sequence[Story], knowledge: Knowledge, today: date, seen: list[Assessment]
) -> dict[str, tuple[Assessment, dict[str, Any]]]:
    sandbox = create_sandbox(ResourceStore(one for story in stories for one in story.resources), base_url=FHIR)
    settings = Settings(
        open_mode=True,
        fhir_servers=(FHIR,),
        base_url=BASE,
        deadline_seconds=PATIENCE,
        soft_budget_seconds=PATIENCE,
    )
    answers = {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox), base_url="http://sandbox") as ehr:
        service = create_app(
            settings=settings,
            knowledge=knowledge,
            clock=FixedClock(datetime.combine(today, time(12), tzinfo=UTC)),
            http=ehr,
            registry=None,
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=service), base_url=BASE) as client:
            for story in stories:
                seen.clear()
                answer = await client.post(SERVICE, json=await _request(story, knowledge, today, ehr))
                assert answer.status_code == 200, answer.text
                [inside] = seen
                answers[story.id] = (inside, answer.json())
    return answers


async def _request(story: Story, knowledge: Knowledge, today: date, ehr: httpx.AsyncClient) -> dict[str, Any]:
    """A call of an EHR that sends all it has."""
    prefetch: dict[str, Any] = {}
    for query in queries(knowledge):
        address = query.address(story.patient_id)
        prefetch[query.key] = await _read(ehr, address if query.is_read else f"{address}&_count={ALL}")
    for need in needs(knowledge, ours=True):
        first, found = searches()[need.key].variants[0], []
        for wanted in need.wanted(today):
            for one in first.requests(story.patient_id, "bare", wanted):
                address = str(httpx.URL(one.resource_type, params={**one.parameters, "_count": str(ALL)}))
                found += [each["resource"] for each in (await _read(ehr, address)).get("entry", [])]
        prefetch[need.key] = collection(found, kind="searchset")
    return {
        "hook": HOOK,
        "hookInstance": str(uuid4()),
        "context": {
            "userId": "Practitioner/caller",
            "patientId": story.patient_id,
            "draftOrders": collection([story.suggested_order]),
        },
        "prefetch": prefetch,
    }


async def _read(ehr: httpx.AsyncClient, address: str) -> dict[str, Any]:
    found: dict[str, Any] = (await ehr.get(address)).raise_for_status().json()
    return found
