"""Every story comes out as its file expects, by the reasoning alone and over HTTP, and they cover what they must."""

from __future__ import annotations

from datetime import date
from functools import cache

import pytest

from cds_hooks.fhir_writer import check
from cds_hooks.stories import Story, bundle_of, load_stories
from cds_hooks.stories.expected import DOMAINS, GATES, TRAPS, VERDICTS, Expected
from mappings.load import load
from plugin import Assessment
from tests.stories.told import Concluded, called, judged
from tests.stories.traps import QUESTIONS

TODAY = date(2026, 11, 23)
LEAP_DAY = date(2024, 2, 29)
KNOWLEDGE = load()
STORIES = load_stories(TODAY, KNOWLEDGE)


@cache
def concluded(place: int) -> Concluded:
    """Judged once for all tests of this file."""
    return judged(STORIES[place], KNOWLEDGE, TODAY)


@pytest.fixture(params=range(len(STORIES)), ids=lambda place: STORIES[place].id)
def place(request: pytest.FixtureRequest) -> int:
    """Which story."""
    value: int = request.param
    return value


def came_out(found: Assessment, kinds: tuple[str, ...], expected: Expected) -> Expected:
    """The same shape as `expected`, of what really came out; traps are asked for apart."""
    profile = found.next_step.profile
    said = {id_: counted[1].value for id_, counted in found.by_definition.items() if counted is not None}
    return Expected.model_validate(
        {
            "verdict": str(found.verdict.value),
            "profile": {
                "label": profile.label,
                "domains": profile.domains,
                "secondary": profile.secondary,
                "certainty": profile.certainty,
            },
            "gates": found.next_step.modifiers.gates,
            "cards": kinds,
            "definitions": {id_: str(value) for id_, value in said.items() if value != found.verdict.value},
            "traps": expected.traps,
        }
    )


def test_the_reasoning_concludes_as_expected(place: int) -> None:
    story, found = STORIES[place], concluded(place)
    assert came_out(found.assessment, found.kinds, story.expect) == story.expect


def test_every_trap_it_names_is_met(place: int) -> None:
    story, found = STORIES[place], concluded(place).assessment
    assert [trap for trap in story.expect.traps if not QUESTIONS[trap](found, story)] == []


def test_a_call_with_the_whole_chart_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = called(STORIES, KNOWLEDGE, TODAY, monkeypatch)
    for number, story in enumerate(STORIES):
        inside, answer = answers[story.id]
        found = concluded(number)
        assert came_out(inside, found.kinds, story.expect) == story.expect, story.id
        assert [card["summary"] for card in answer["cards"]] == list(found.summaries), story.id


def test_on_another_day_the_verdicts_are_the_same() -> None:
    for story in load_stories(LEAP_DAY, KNOWLEDGE):
        assert (story.id, str(judged(story, KNOWLEDGE, LEAP_DAY).assessment.verdict.value)) == (
            story.id,
            story.expect.verdict,
        )


def test_every_resource_is_valid() -> None:
    for story in STORIES:
        for resource in (*story.resources, story.suggested_order, bundle_of(story)):
            check(resource)


def test_the_stories_cover_every_verdict_domain_gate_and_trap() -> None:
    expected = [story.expect for story in STORIES]
    assert {one.verdict for one in expected} == {*VERDICTS}
    assert {one.profile.domains[0] for one in expected if one.profile.label == "DOMINANT"} == {*DOMAINS}
    assert {one.profile.label for one in expected} == {"DOMINANT", "LEANING", "MIXED", "UNDETERMINED"}
    assert {gate for one in expected for gate in one.gates} == {*GATES}
    assert {trap for one in expected for trap in one.traps} == {*TRAPS} == {*QUESTIONS}


def test_a_trap_is_not_met_everywhere() -> None:
    """A question that every story answers with yes would show nothing."""
    everywhere = [
        trap
        for trap, met in QUESTIONS.items()
        if all(met(concluded(number).assessment, story) for number, story in enumerate(STORIES))
    ]
    assert everywhere == []


def test_places_titles_and_names_are_each_given_once() -> None:
    assert len({story.title for story in STORIES}) == len(STORIES)
    assert len({story.resources[0]["name"][0]["given"][0] for story in STORIES}) == len(STORIES)


def test_words_are_whole_short_sentences() -> None:
    for story in STORIES:
        assert 1 <= len(story.notice) <= 3, story.id
        for sentence in (*story.notice, story.teaching):
            assert sentence.endswith(".") and ". " not in sentence, story.id
            assert len(sentence) <= 150, (story.id, sentence)


def same_patient(story: Story) -> set[str]:
    """Whom the resources of a story are about."""
    named = ("subject", "patient")
    return {one[name]["reference"] for one in story.resources for name in named if name in one}


def test_a_chart_is_of_one_patient_only() -> None:
    for story in STORIES:
        assert same_patient(story) == {f"Patient/{story.patient_id}"}
