"""A told vignette's patient at an EHR, and the service that is called from there.

By default the EHR's FHIR server is the embedded sandbox; `FhirServer` puts another one in its place. The assessment
made inside the running application is caught on its way, so that it can be compared with that of the reasoning alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from starlette.applications import Starlette
from starlette.routing import Mount

import cds_hooks.answering
from cds_hooks.app import create_app
from cds_hooks.catalogue import Query
from cds_hooks.clock import FixedClock
from cds_hooks.ehr.searches import searches
from cds_hooks.fhir_writer import Resource, collection
from cds_hooks.on_need import Need
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.settings import Settings
from cds_hooks.simulator.hook_requests import hook_request
from cds_hooks.stories import drafted
from cds_hooks.stories.notation import SECTIONS, write_story
from mappings.load import Knowledge
from plugin import Assessment, assess
from plugin.ingest import read_orders, read_record
from plugin.record import Availability, Read
from tests.planted import planted_person

CONVENTIONS = yaml.safe_load((Path(__file__).parent / "conventions.yaml").read_text())
PATIENT = "vignette"
# In none of the stories, and in no drug group: it makes the hook speak, is no history and meets no rule of an option.
DRAFT = "lumateperone 42 mg daily"
BASE = "http://127.0.0.1:8000"
FHIR = BASE + "/fhir"
PAGE = 2  # so small that every history takes several pages
ALL = 1000
PATIENCE = 60.0  # seconds: what is compared is what was read, never how fast on a busy machine
PREFETCHED = ("none", "half", "all")  # what came with one call cannot have served an earlier one
NO_PART_OF_THE_STORY = ("definitions_agree", "rules")
Asked = tuple[tuple[Query, ...], tuple[Need, ...]]


@dataclass(frozen=True)
class Vignette:
    """One told case: its resources on a calendar, the day of judgement, and what the rules say."""

    resources: list[Resource]
    as_of: date
    expect: dict[str, Any]
    jurisdiction: str = "us"
    patient_id: str = PATIENT


@dataclass(frozen=True)
class FhirServer:
    """The FHIR server that the service pulls from: its base address, and a new way to reach it for each client."""

    base: str
    transport: Callable[[], httpx.AsyncBaseTransport]


def tell(usual: dict[str, Any], case: dict[str, Any], knowledge: Knowledge, patient_id: str = PATIENT) -> Vignette:
    """The case with what its file and the conventions leave unsaid; lists of the file come before its own."""
    story = {key: case[key] for key in ("as_of", *SECTIONS) if key in case}
    for key, said in usual.items():
        if key not in NO_PART_OF_THE_STORY:
            story[key] = [*said, *case.get(key, [])] if isinstance(said, list) else case.get(key, said)
    story["patient"] = {**CONVENTIONS["patient"], **case.get("patient", {})}
    story.setdefault("conditions", CONVENTIONS["conditions"])
    day_0 = CONVENTIONS["day_0"]
    expect = dict(case["expect"])
    if usual.get("definitions_agree"):
        expect["definitions"] = dict.fromkeys(usual["definitions_agree"], expect["verdict"]) | expect.get(
            "definitions", {}
        )
    return Vignette(
        [
            planted_person(resource) if resource["resourceType"] == "Patient" else resource
            for resource in write_story(story, day_zero=day_0, patient_id=patient_id, knowledge=knowledge)
        ],
        day_0 + timedelta(days=story["as_of"]),
        expect,
        case.get("jurisdiction", "us"),
        patient_id,
    )


class Clinic:
    """One vignette's patient at an EHR with a FHIR server, and the service that is called from there.

    `server` is what the service pulls from. What the EHR sends along always comes from the embedded sandbox.
    """

    def __init__(
        self,
        vignette: Vignette,
        knowledge: Knowledge,
        asked: Asked,
        monkeypatch: pytest.MonkeyPatch,
        *,
        server: FhirServer | None = None,
    ) -> None:
        self.vignette, self.knowledge = vignette, knowledge
        self.kinds, self.needs = asked
        self.draft = drafted(DRAFT, patient_id=vignette.patient_id, day=vignette.as_of, knowledge=knowledge)
        sandbox = create_sandbox(ResourceStore(vignette.resources), base_url=FHIR, page_size=PAGE)
        own = Starlette(routes=[Mount("/fhir", app=sandbox)])
        self.own = FhirServer(FHIR, lambda: httpx.ASGITransport(app=own))
        self.server = server or self.own
        self.judged: list[Assessment] = []
        self.answered: dict[str, tuple[dict[str, Any], Assessment]] = {}
        monkeypatch.setattr(cds_hooks.answering, "assess", self._watched)

    def _watched(self, *facts: Any, **manner: Any) -> Assessment:
        """The real `assess`, with its result kept: what the application itself judged."""
        self.judged.append(assess(*facts, **manner))
        return self.judged[-1]

    def judge(self) -> Assessment:
        """The reasoning without any service: everything was asked for, nothing withheld."""
        asked = [*(kind.resource_type for kind in self.kinds), *(need.read_as for need in self.needs)]
        availability = {name: Availability(read=Read.COMPLETE) for name in asked}
        place = self.vignette.jurisdiction
        record = read_record(
            self.vignette.resources,
            knowledge=self.knowledge,
            patient_id=self.vignette.patient_id,
            availability=availability,
            jurisdiction=place,
        )
        orders = read_orders(
            [self.draft],
            knowledge=self.knowledge,
            selections=[f"MedicationRequest/{self.draft['id']}"],
            jurisdiction=place,
        )
        return assess(record, knowledge=self.knowledge, as_of=self.vignette.as_of, orders=orders, jurisdiction=place)

    async def answer(self, routes: Sequence[str] = PREFETCHED) -> None:
        """Call the service over HTTP: with all prefetched, none, or half, every other kind of data by its first page.

        What comes of it is kept in `answered` and not returned: the runner of the loop would print it into a message.
        """
        noon = datetime.combine(self.vignette.as_of, time(12), tzinfo=UTC)
        async with (
            httpx.AsyncClient(transport=self.own.transport(), follow_redirects=False) as ehr,
            httpx.AsyncClient(transport=self.server.transport(), timeout=PATIENCE, follow_redirects=False) as pulled,
        ):
            service = create_app(
                settings=_settings(self.vignette.jurisdiction, self.server.base),
                knowledge=self.knowledge,
                clock=FixedClock(noon),
                http=pulled,
                registry=None,
            )
            by_prefetch = await self._prefetches(ehr, routes)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=service), base_url=BASE) as client:
                for prefetch in routes:
                    self.answered[prefetch] = await self._call(client, by_prefetch[prefetch])

    async def _call(self, client: httpx.AsyncClient, sent: dict[str, Any]) -> tuple[dict[str, Any], Assessment]:
        self.judged.clear()
        request = hook_request(
            hook="order-select",
            patient_id=self.vignette.patient_id,
            draft=self.draft,
            prefetch=sent,
            fhir_server=self.server.base,
        )
        answer = await client.post("/cds-services/trd-order-select", json=request)
        assert answer.status_code == 200, answer.text
        [inside] = self.judged
        return answer.json(), inside

    async def _prefetches(self, ehr: httpx.AsyncClient, routes: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What the EHR sends along with each call of `routes`. What no query asks for comes under a key of its own.

        What is asked for on need is sent with everything else, under its own name, and read by the service otherwise.
        """
        whole: dict[str, Any] = {}
        half: dict[str, Any] = {}
        asked_for: set[tuple[str, str]] = set()
        for position, kind in enumerate(self.kinds):
            address = f"{FHIR}/{kind.address(self.vignette.patient_id)}"
            larger = address if kind.is_read else f"{address}&_count={ALL}"
            everything = (await ehr.get(larger)).raise_for_status().json()
            found = [everything] if kind.is_read else [each["resource"] for each in everything.get("entry", [])]
            asked_for.update((each["resourceType"], each["id"]) for each in found)
            whole[kind.key] = everything
            if position % 2 == 0 and "half" in routes:
                half[kind.key] = (await ehr.get(address)).raise_for_status().json()
        for need in self.needs:
            found = []
            first = searches()[need.key].variants[0]
            for wanted in need.wanted(self.vignette.as_of):
                for one in first.requests(self.vignette.patient_id, "bare", wanted):
                    address = httpx.URL(f"{FHIR}/{one.resource_type}", params={**one.parameters, "_count": str(ALL)})
                    answer = (await ehr.get(address)).raise_for_status().json()
                    found += [each["resource"] for each in answer.get("entry", [])]
            asked_for.update((each["resourceType"], each["id"]) for each in found)
            whole[need.key] = collection(found, kind="searchset")
        besides = [each for each in self.vignette.resources if (each["resourceType"], each["id"]) not in asked_for]
        always = {"besides": collection(besides, kind="searchset")} if besides else {}
        return {"none": always, "half": half | always, "all": whole | always}


@cache
def _settings(jurisdiction: str, fhir_server: str) -> Settings:
    return Settings(
        open_mode=True,
        fhir_servers=(fhir_server,),
        base_url=BASE,
        jurisdiction=jurisdiction,
        deadline_seconds=PATIENCE,
        soft_budget_seconds=PATIENCE,
    )
