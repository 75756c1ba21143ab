"""Rating scales filled in as questionnaires, alone and beside Observations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from plugin.record import PatientRecord
from tests.ingest.shorthand import LOINC, PHQ9, PHQ9_ITEMS, PHQ9_PANEL, observation, questionnaire, total

PHQ9_DIFFICULTY = "69722-7"
Reader = Callable[..., PatientRecord]


def values(record: PatientRecord) -> list[tuple[float, tuple[str, ...]]]:
    return [(score.value, score.flags) for score in record.scores]


def why_not(record: PatientRecord, reference: str) -> str:
    return {entry.reference: entry.reason for entry in record.set_aside}[reference]


def test_questionnaire(read: Reader) -> None:
    record = read(questionnaire("q", [2] * 9, day="2025-03-01T09:00:00Z"))
    (score,) = record.scores
    assert (score.instrument, score.value, score.source, score.day) == ("phq9", 18, "questionnaire", date(2025, 3, 1))


@pytest.mark.parametrize("status", ["in-progress", "stopped", None])
def test_unfinished_questionnaires_are_set_aside(read: Reader, status: str | None) -> None:
    record = read(questionnaire("q", [2] * 9, status=status))
    assert not record.scores
    assert why_not(record, "QuestionnaireResponse/q").startswith("not finished")


@pytest.mark.parametrize(
    "answer",
    [
        {"valueInteger": 2},
        {"valueDecimal": 2.0},
        {"valueString": "2"},
        {"valueCoding": {"code": "LA6570-1"}},
        {
            "valueCoding": {
                "code": "c",
                "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 2}],
            }
        },
    ],
)
@pytest.mark.parametrize(
    "named",
    [
        lambda code: {"linkId": code},
        lambda code: {"linkId": f"/{PHQ9_PANEL}/{code}"},
        lambda code: {"linkId": "x", "definition": f"http://loinc.org/{code}"},
        lambda code: {"linkId": "x", "definition": f"http://a.example/q#{code}|1.0"},
    ],
)
def test_shapes_of_answers(read: Reader, answer: dict[str, Any], named: Callable[[str], dict[str, str]]) -> None:
    inner = [{**named(code), "answer": [answer]} for code in PHQ9_ITEMS]
    nested = questionnaire("q", [], item=[{"linkId": "group", "item": [{"answer": [{"item": inner}], "linkId": "h"}]}])
    assert values(read(nested)) == [(18, ())]


def test_questionnaire_total_item_is_checked_by_its_items(read: Reader) -> None:
    resource = questionnaire("q", [2] * 9)
    resource["item"].append({"linkId": PHQ9, "answer": [{"valueInteger": 20}]})
    assert values(read(resource)) == [(18, ("resummed",))]
    alone = questionnaire("q", [], item=[{"linkId": PHQ9, "answer": {"valueInteger": 20}}])
    assert values(read(alone)) == [(20, ())]


def test_questionnaire_and_observation_of_one_day(read: Reader) -> None:
    equal = read(questionnaire("q", [2] * 9), total("t", 18))
    assert values(equal) == [(18, ())]
    assert set(equal.scores[0].references) == {"QuestionnaireResponse/q", "Observation/t"}
    differing = read(questionnaire("q", [2] * 9), total("t", 12))
    assert sorted((s.value, s.source, s.flags) for s in differing.scores) == [
        (12, "observation", ("conflict",)),
        (18, "questionnaire", ("conflict",)),
    ]
    suspect = read(questionnaire("q", [2] * 9), observation("p", PHQ9_PANEL, valueInteger=20))
    assert values(suspect) == [(18, ())]
    assert set(suspect.scores[0].references) == {"QuestionnaireResponse/q", "Observation/p"}


def test_questionnaires_that_say_nothing_known(read: Reader) -> None:
    record = read(
        questionnaire("q", [], item=[{"linkId": "1", "answer": [{"valueInteger": 2}]}]),
        questionnaire("r", [], item=[{"linkId": PHQ9_DIFFICULTY, "answer": [{"valueInteger": 2}]}]),
        questionnaire("s", [], item=[{"linkId": PHQ9_ITEMS[0], "answer": [{"valueInteger": 4}]}]),
        questionnaire("t", [2] * 9, authored="2025"),
    )
    assert not record.scores
    assert [entry.reason for entry in record.set_aside] == [
        "not a measure this version reads",
        "another scale than those this version reads",
        "too few answered items for a total",
        "the day of the measure is not known",
    ]


def test_an_item_named_by_its_code_is_read_by_that_before_its_link(read: Reader) -> None:
    inner = [
        {"linkId": PHQ9_ITEMS[0], "code": [{"system": LOINC, "code": code}], "answer": [{"valueInteger": 2}]}
        for code in PHQ9_ITEMS
    ]
    assert values(read(questionnaire("q", [], item=inner))) == [(18, ())]


@pytest.mark.parametrize(("value", "scores"), [(27, [(27, ())]), (28, []), (-1, [])])
def test_a_total_outside_the_scale_is_none(read: Reader, value: int, scores: list[Any]) -> None:
    assert values(read(questionnaire("q", [], item=[{"linkId": PHQ9, "answer": [{"valueInteger": value}]}]))) == scores


def test_a_weight_beside_other_extensions_is_found(read: Reader) -> None:
    weighted = {
        "code": "c",
        "extension": [
            {"url": "http://a.example/colour", "valueString": "red"},
            {"url": "http://hl7.org/fhir/StructureDefinition/itemWeight", "valueDecimal": 1},
        ],
    }
    unweighted = {"code": "c", "extension": weighted["extension"][:1]}
    items = [{"linkId": code, "answer": [{"valueCoding": weighted}]} for code in PHQ9_ITEMS]
    assert values(read(questionnaire("q", [], item=items))) == [(9, ())]
    items = [{"linkId": code, "answer": [{"valueCoding": unweighted}]} for code in PHQ9_ITEMS]
    assert values(read(questionnaire("q", [], item=items))) == []


def test_items_nested_beyond_measure_are_not_followed(read: Reader) -> None:
    deep: dict[str, Any] = {"linkId": PHQ9, "answer": [{"valueInteger": 12}]}
    for _ in range(200):
        deep = {"linkId": "group", "item": [deep]}
    shown = questionnaire("q", [2] * 9)
    record = read({**shown, "item": [*shown["item"], deep]})
    assert values(record) == [(18, ())]
