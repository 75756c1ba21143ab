"""Every vignette by four routes: the reasoning alone, and the service with everything, nothing or half prefetched.

The expectations are those of the published rules, one file of sentences each. Whatever the route, the service must
judge the same facts in the same way: the assessment made inside the running application is caught on its way and
its document compared, and so are the cards of the answer.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from starlette.applications import Starlette
from starlette.routing import Mount

import cds_hooks.answering
from cds_hooks.app import create_app, engine_version
from cds_hooks.catalogue import queries
from cds_hooks.clock import FixedClock
from cds_hooks.fhir_writer import Resource, collection
from cds_hooks.on_need import needs
from cds_hooks.render import Provenance, render
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.settings import Settings
from cds_hooks.stories import drafted
from cds_hooks.stories.notation import SECTIONS, write_story
from cds_hooks.suggesting import Ordering
from cds_hooks.web.hook_requests import hook_request
from cds_hooks.wire import to_wire
from mappings.load import Knowledge
from plugin import Assessment, assess
from plugin.advice.policy import advise
from plugin.document.assessment_document import to_document
from plugin.ingest import read_orders, read_record
from plugin.record import Availability, Read
from tests.planted import planted_person
from tests.validity import check_twice
from tests.vignettes.next_step import step_differences
from tests.vignettes.table import files, rows

FOLDER = Path(__file__).parent / "vignettes"
CONVENTIONS = yaml.safe_load((FOLDER / "conventions.yaml").read_text())
PATIENT = "vignette"
DRAFT = "vortioxetine 10 mg daily"  # in none of the stories: it makes the hook speak and is no history
BASE = "http://127.0.0.1:8000"
FHIR = BASE + "/fhir"
PAGE = 2  # so small that every history takes several pages
ALL = 1000
NOT_COUNTED = ("EXCLUDED", "INADEQUATE")
NO_PART_OF_THE_STORY = ("definitions_agree", "rules")


@dataclass(frozen=True)
class Vignette:
    """One told case: its resources on a calendar, the day of judgement, and what the rules say."""

    resources: list[Resource]
    as_of: date
    expect: dict[str, Any]
    jurisdiction: str = "us"


def _all() -> Iterator[Any]:
    for name, file in files():
        for case in file["vignettes"]:
            waits = case.get("waits_for")
            marks = [pytest.mark.xfail(strict=True, reason=waits)] if waits else []
            yield pytest.param(file.get("usual", {}), case, id=f"{name}:{case['id']}", marks=marks)


def _tell(usual: dict[str, Any], case: dict[str, Any], knowledge: Knowledge) -> Vignette:
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
            for resource in write_story(story, day_zero=day_0, patient_id=PATIENT, knowledge=knowledge)
        ],
        day_0 + timedelta(days=story["as_of"]),
        expect,
        case.get("jurisdiction", "us"),
    )


@pytest.mark.parametrize(("usual", "case"), list(_all()))
def test_vignette(
    usual: dict[str, Any], case: dict[str, Any], knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    vignette = _tell(usual, case, knowledge)
    for resource in vignette.resources:
        check_twice(resource)
    clinic = _Clinic(vignette, knowledge, monkeypatch)
    judged = clinic.judge()
    document = to_document(judged)
    assert _differences(document, vignette.expect, never_filled=judged.never_filled) == []
    assert step_differences(judged, document, vignette.expect) == []
    drafts = advise(judged, hook="order-select", knowledge=knowledge)
    ordering = Ordering(assessment=judged, patient_id=PATIENT, drafts=(clinic.draft,))
    provenance = Provenance(
        engine=engine_version(),
        knowledge=knowledge.version,
        content_hash=knowledge.content_hash,
        definition=judged.definition.id,
        as_of=vignette.as_of,
    )
    rendered = [
        one.card for one in render(drafts, knowledge=knowledge, base_url=BASE, ordering=ordering, provenance=provenance)
    ]
    cards = [_without_uuids(to_wire(card)) for card in rendered]
    for resource in _proposed(cards):
        check_twice(resource)
    for prefetch in ("all", "none", "half"):
        answer, inside = asyncio.run(clinic.call(prefetch))
        assert to_document(inside) == document, f"prefetched: {prefetch}"
        assert [_without_uuids(card) for card in answer["cards"]] == cards, f"prefetched: {prefetch}"


def test_vignettes_name_rows_that_exist_and_rows_belong_to_rules(knowledge: Knowledge) -> None:
    known = rows()
    assert {row.partition(".")[0] for row in known} <= set(knowledge.rules)
    for name, file in files():
        named = {row for case in (file.get("usual", {}), *file["vignettes"]) for row in case.get("rules", [])}
        assert named <= set(known), name
        ids = [case["id"] for case in file["vignettes"]]
        assert len(set(ids)) == len(ids), name


def test_every_development_case_is_told() -> None:
    told = [case["id"] for name, file in files() for case in file["vignettes"] if name.startswith("development/")]
    assert len(set(told)) == len(told)
    assert {f"D{number:02}" for number in range(1, 43)} <= set(told)


class _Clinic:
    """One vignette's patient at an EHR with a FHIR server, and the service that is called from there."""

    def __init__(self, vignette: Vignette, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch) -> None:
        self.vignette, self.knowledge = vignette, knowledge
        self.kinds = queries(knowledge)
        self.needs = needs(knowledge)
        self.draft = drafted(DRAFT, patient_id=PATIENT, day=vignette.as_of, knowledge=knowledge)
        sandbox = create_sandbox(ResourceStore(vignette.resources), base_url=FHIR, page_size=PAGE)
        self.server = Starlette(routes=[Mount("/fhir", app=sandbox)])
        self.judged: list[Assessment] = []
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
            patient_id=PATIENT,
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

    async def call(self, prefetch: str) -> tuple[dict[str, Any], Assessment]:
        """The answer of the service over HTTP, and the one assessment made for it.

        `prefetch` is all, none, or half: every other kind of data, each a first page with a link to the next.
        """
        noon = datetime.combine(self.vignette.as_of, time(12), tzinfo=UTC)
        self.judged.clear()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.server), follow_redirects=False) as ehr:
            service = create_app(
                settings=Settings(
                    open_mode=True, fhir_servers=(FHIR,), base_url=BASE, jurisdiction=self.vignette.jurisdiction
                ),
                knowledge=self.knowledge,
                clock=FixedClock(noon),
                http=ehr,
                registry=None,
            )
            sent = await self._prefetch(ehr, prefetch)
            request = hook_request(
                hook="order-select", patient_id=PATIENT, draft=self.draft, prefetch=sent, fhir_server=FHIR
            )
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=service), base_url=BASE) as client:
                answer = await client.post("/cds-services/trd-order-select", json=request)
        assert answer.status_code == 200, answer.text
        [inside] = self.judged
        return answer.json(), inside

    async def _prefetch(self, ehr: httpx.AsyncClient, prefetch: str) -> dict[str, Any]:
        """What the EHR sends along. What no query asks for comes under a key of its own.

        What is asked for on need is sent with everything else, under its own name, and read by the service otherwise.
        """
        sent: dict[str, Any] = {}
        asked_for: set[tuple[str, str]] = set()
        for position, kind in enumerate(self.kinds):
            address = f"{FHIR}/{kind.address(PATIENT)}"
            larger = address if kind.is_read else f"{address}&_count={ALL}"
            everything = (await ehr.get(larger)).raise_for_status().json()
            found = [everything] if kind.is_read else [each["resource"] for each in everything.get("entry", [])]
            asked_for.update((each["resourceType"], each["id"]) for each in found)
            if prefetch == "all":
                sent[kind.key] = everything
            elif prefetch == "half" and position % 2 == 0:
                sent[kind.key] = (await ehr.get(address)).raise_for_status().json()
        for need in self.needs:
            found = []
            for query in need.queries(self.vignette.as_of):
                answer = (await ehr.get(f"{FHIR}/{query.address(PATIENT)}")).raise_for_status().json()
                found += [each["resource"] for each in answer.get("entry", [])]
            asked_for.update((each["resourceType"], each["id"]) for each in found)
            if prefetch == "all":
                sent[need.key] = collection(found, kind="searchset")
        besides = [each for each in self.vignette.resources if (each["resourceType"], each["id"]) not in asked_for]
        if besides:
            sent["besides"] = collection(besides, kind="searchset")
        return sent


def _without_uuids(card: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in card.items() if key != "uuid"}
    if "suggestions" in card:
        plain["suggestions"] = [_without_uuids(suggestion) for suggestion in card["suggestions"]]
    return plain


def _proposed(cards: Sequence[dict[str, Any]]) -> list[Resource]:
    return [
        action["resource"]
        for card in cards
        for suggestion in card.get("suggestions", [])
        for action in suggestion["actions"]
    ]


def _differences(document: dict[str, Any], expect: dict[str, Any], *, never_filled: Sequence[str]) -> list[str]:
    """What the document says otherwise than the vignette, in words; empty when they agree."""
    counts = document["counts"][document["engine"]["definition"]]
    said = {"verdict": document["verdict"]["value"], "counts": [counts["lo"], counts["loProxy"], counts["hi"]]}
    found = [f"{what}: {said[what]}, not {expect[what]}" for what in said if expect.get(what, said[what]) != said[what]]
    if set(expect.get("never_filled", never_filled)) != set(never_filled):
        found.append(f"never filled: {list(never_filled)}, not {expect['never_filled']}")
    for profile, verdict in expect.get("definitions", {}).items():
        if document["verdict"]["byDefinition"].get(profile) != verdict:
            found.append(f"{profile}: {document['verdict']['byDefinition'].get(profile)}, not {verdict}")
    for ingredient, wanted in expect.get("trials", {}).items():
        trials = [trial for trial in document["trials"] if trial["ingredient"] == ingredient]
        if wanted == "not counted":
            counted = [trial["adequacy"] for trial in trials if trial["adequacy"] not in NOT_COUNTED]
            found += [f"{ingredient}: {adequacy}, though no trial" for adequacy in counted]
        elif not any(_summary(trial, wanted) == wanted for trial in trials):
            found.append(f"{ingredient}: {[_summary(trial, wanted) for trial in trials]}, not {wanted}")
    return found + _beside_trials(document, expect)


def _beside_trials(document: dict[str, Any], expect: dict[str, Any]) -> list[str]:
    """What the document says otherwise than the vignette of augmentations, courses of procedures and stages."""
    considered = {one["id"]: one["kind"] for one in document["pseudoResistance"]}
    found = [
        f"to consider: {check}: {considered.get(check)}, not {kind}"
        for check, kind in expect.get("considers", {}).items()
        if considered.get(check) != kind
    ]
    for ingredient, wanted in expect.get("augmentations", {}).items():
        seen = [_summary(one, wanted) for one in document["augmentations"] if one["ingredient"] == ingredient]
        found += [] if wanted in seen else [f"augmentation {ingredient}: {seen}, not {wanted}"]
    for kind, wanted in expect.get("courses", {}).items():
        courses = [one for one in document["neuromodulation"] if one["kind"] == kind]
        told = [
            {
                "adequacy": one["adequacy"],
                "outcome": one["outcome"]["status"],
                "sessions": [one["sessions"]["lo"], one["sessions"]["hi"]],
                "days": [_offset(one["start"]), None if one["end"] is None else _offset(one["end"])],
            }
            for one in courses
        ]
        seen = [{key: one[key] for key in wanted} for one in told]
        found += [] if wanted in seen else [f"course {kind}: {seen}, not {wanted}"]
    staging = document["staging"] or {}
    for scheme, wanted in expect.get("staging", {}).items():
        name = "thaseRushRange" if scheme == "thaseRush" else scheme
        said = [staging[name]["lo"], staging[name]["hi"]] if staging else None
        found += [] if said == wanted else [f"{scheme}: {said}, not {wanted}"]
    return found


def _summary(trial: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """The parts of a trial that a vignette names, in its words."""
    change = trial["outcome"]["percentChange"]
    rounded = None if change is None else math.copysign(math.floor(abs(change) + 0.5), change)  # half away from 0
    whole = {
        "adequacy": trial["adequacy"],
        "outcome": trial["outcome"]["status"],
        "category": trial["outcome"]["category"],
        "change": rounded,
        "at_dose": [trial["atDoseDays"]["sure"], trial["atDoseDays"]["possible"]],
        "sure": trial["atDoseDays"]["sure"],
        "possible": trial["atDoseDays"]["possible"],
        "days": None if trial["start"] is None else [_offset(trial["start"]), _offset(trial["end"])],
        "dose": [trial["dailyDose"]["min"], trial["dailyDose"]["max"]],
        "with": trial["inCombinationWith"],
        "grade": trial["evidenceGrade"],
        "flags": [flag for flag in wanted.get("flags", []) if flag in trial["flags"]],
        "no_flags": [flag for flag in wanted.get("no_flags", []) if flag not in trial["flags"]],
    }
    return {key: whole[key] for key in wanted}


def _offset(day: str) -> int:
    """A date of the document as the number of its day."""
    day_0: date = CONVENTIONS["day_0"]
    return (date.fromisoformat(day) - day_0).days
