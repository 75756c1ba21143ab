"""Every vignette by four routes: the reasoning alone, and the service with everything, nothing or half prefetched.

`make test` calls the service by one of its three routes for each vignette, in turn; `make test-all` by all of them.

The expectations are those of the published rules, one file of sentences each. Whatever the route, the service must
judge the same facts in the same way: the assessment made inside the running application is caught on its way and
its document compared, and so are the cards of the answer.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pytest

from cds_hooks.app import engine_version
from cds_hooks.catalogue import queries
from cds_hooks.fhir_writer import Resource
from cds_hooks.on_need import needs
from cds_hooks.render import Provenance, render
from cds_hooks.suggesting import Ordering
from cds_hooks.wire import to_wire
from mappings.load import Knowledge
from plugin.advice.policy import advise
from plugin.document.assessment_document import to_document
from tests.validity import check_twice
from tests.vignettes.clinic import BASE, CONVENTIONS, PATIENT, PREFETCHED, Asked, Clinic, tell
from tests.vignettes.next_step import step_differences
from tests.vignettes.table import files, rows
from tests.vignettes.told_well import card_faults, reason_faults

NOT_COUNTED = ("EXCLUDED", "INADEQUATE")


def _all() -> Iterator[Any]:
    told = [(name, file.get("usual", {}), case) for name, file in files() for case in file["vignettes"]]
    for number, (name, usual, case) in enumerate(told):
        waits = case.get("waits_for")
        marks = [pytest.mark.xfail(strict=True, reason=waits)] if waits else []
        in_turn = PREFETCHED[number % len(PREFETCHED)]
        others = tuple(route for route in PREFETCHED if route != in_turn)
        yield pytest.param(usual, case, (in_turn,), id=f"{name}:{case['id']}", marks=marks)
        marks = [*marks, pytest.mark.services]
        yield pytest.param(usual, case, others, id=f"{name}:{case['id']}-other-routes", marks=marks)


@pytest.fixture(scope="module")
def asked(knowledge: Knowledge) -> Asked:
    """The kinds of data that every call needs, and those that some do."""
    return queries(knowledge), needs(knowledge, ours=True)


@pytest.mark.parametrize(("usual", "case", "routes"), list(_all()))
def test_vignette(
    usual: dict[str, Any],
    case: dict[str, Any],
    routes: Sequence[str],
    knowledge: Knowledge,
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vignette = tell(usual, case, knowledge)
    for resource in vignette.resources:
        check_twice(resource)
    clinic = Clinic(vignette, knowledge, asked, monkeypatch)
    judged = clinic.judge()
    document = to_document(judged)
    assert _differences(document, vignette.expect, never_filled=judged.never_filled) == []
    assert step_differences(judged, document, vignette.expect) == []
    drafts = advise(judged, hook="order-select", knowledge=knowledge)
    known = {*judged.record.received, *(order.order.reference for order in judged.orders)}
    assert reason_faults(document, known, knowledge.sources) == []
    assert card_faults(drafts, known, knowledge.sources) == []
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
    asyncio.run(clinic.answer(routes))
    assert set(clinic.answered) == set(routes)
    for prefetch, (answer, inside) in clinic.answered.items():
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
