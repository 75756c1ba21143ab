"""The ordinary rest of the charts: complete, reproducible, and without any say in what is concluded."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest

from cds_hooks.stories import Story, bundle_of, load_stories
from cds_hooks.stories.background import read_shares
from mappings.load import load
from tests.stories.told import judged

TODAY = date(2026, 11, 23)
KNOWLEDGE = load()
PLAIN = load_stories(TODAY, KNOWLEDGE, background=False)
MOST_BYTES = 3_000_000
# Weight and height give a body mass index, which is evidence on inflammation and on nothing else.
OF_BODY_MASS = "INF"


def conclusion(story: Story) -> dict[str, Any]:
    """All that the background may not move."""
    found = judged(story, KNOWLEDGE, TODAY)
    step = found.assessment.next_step
    profile, options = step.profile, step.options
    return {
        "verdict": found.assessment.verdict.value,
        "counts": found.assessment.verdict.counts,
        "definitions": {id_: said and said[1] for id_, said in found.assessment.by_definition.items()},
        "trials": [
            (one.ingredient, one.judged.adequacy, one.outcome.status, one.flags)
            for one in (*found.assessment.trials, *found.assessment.augmentations)
        ],
        "profile": (profile.label, profile.domains, profile.secondary, profile.certainty),
        "assessable": profile.assessable,
        "scores": {id_: one.score for id_, one in profile.scores.items() if id_ != OF_BODY_MASS},
        "gates": step.modifiers.gates,
        "listed": [(one.id, one.lane, one.cautions) for one in options.listed],
        "blocked": [(one.id, one.rules) for one in options.blocked],
        "stops": [(stop.rule, stop.level) for order in step.orders for stop in order.stops],
        "cards": found.kinds,
        "never filled": found.assessment.never_filled,
        "gaps": found.assessment.gaps,
    }


@pytest.fixture(scope="module")
def bare() -> dict[str, dict[str, Any]]:
    """What is concluded of every story without its background."""
    return {story.id: conclusion(story) for story in PLAIN}


@pytest.mark.parametrize("seed", [None, 1])
def test_no_background_changes_a_conclusion(seed: int | None, bare: dict[str, dict[str, Any]]) -> None:
    for story in load_stories(TODAY, KNOWLEDGE, seed=seed):
        assert conclusion(story) == bare[story.id], story.id


def test_a_chart_is_complete() -> None:
    for story in load_stories(TODAY, KNOWLEDGE):
        kinds = [one["resourceType"] for one in story.resources]
        findings = [one for one in story.resources if one["resourceType"] == "Observation"]
        categories = {one["category"][0]["coding"][0]["code"] for one in findings}
        assert kinds[0] == "Patient"
        assert kinds.count("Practitioner") == 2
        assert kinds.count("Encounter") >= 3
        assert {"vital-signs", "laboratory"} <= categories
        assert {"AllergyIntolerance", "Condition", "MedicationRequest"} & {*kinds}


def test_every_reference_leads_into_the_chart() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["reference"]] if isinstance(value.get("reference"), str) else []
            return own + [one for part in value.values() for one in references(part)]
        return [one for part in value for one in references(part)] if isinstance(value, list) else []

    for story in load_stories(TODAY, KNOWLEDGE):
        held = {f"{one['resourceType']}/{one['id']}" for one in story.resources}
        assert {name for one in story.resources for name in references(one)} <= held, story.id


def test_nothing_of_the_story_is_lost_or_changed_in_substance() -> None:
    added = {"encounter", "requester"}
    for story, plain in zip(load_stories(TODAY, KNOWLEDGE), PLAIN, strict=True):
        held = {(one["resourceType"], one["id"]): one for one in story.resources}
        for one in plain.resources:
            told = held[one["resourceType"], one["id"]]
            assert {name: part for name, part in told.items() if name not in added} == one


def test_nothing_lies_in_the_future_or_before_birth() -> None:
    dated = ("effectiveDateTime", "occurrenceDateTime", "authoredOn", "recordedDate", "whenHandedOver")
    for story in load_stories(TODAY, KNOWLEDGE):
        born = story.resources[0]["birthDate"]
        days = [one[name] for one in story.resources for name in dated if name in one]
        assert born < min(days)
        assert max(days) <= TODAY.isoformat()


def test_one_seed_gives_one_chart_and_another_seed_another() -> None:
    def whole(seed: int | None) -> bytes:
        return orjson.dumps([bundle_of(story) for story in load_stories(TODAY, KNOWLEDGE, seed=seed)])

    first = whole(None)
    assert whole(None) == first == whole(read_shares().seed)
    assert whole(1) != first
    assert len(first) < MOST_BYTES


def test_no_pharmacy_reports_where_the_story_has_none() -> None:
    silent = [story.id for story in PLAIN if not _filled(story)]
    assert silent == [story.id for story in load_stories(TODAY, KNOWLEDGE) if not _filled(story)]
    assert silent


def _filled(story: Story) -> bool:
    return any(one["resourceType"] == "MedicationDispense" for one in story.resources)


def test_a_body_mass_index_of_the_story_is_followed() -> None:
    story = next(one for one in load_stories(TODAY, KNOWLEDGE) if one.id == "inflammation-stands-out")
    values = {
        one["code"].get("text"): one["valueQuantity"]["value"] for one in story.resources if "valueQuantity" in one
    }
    measures = KNOWLEDGE.clinical.measures
    weight, height = values[measures["body-weight"].label], values[measures["body-height"].label]
    assert weight / (height / 100) ** 2 == pytest.approx(34, abs=0.7)
