"""Story lines on answers, scales and vital signs: what they write, and what they refuse."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cds_hooks.fhir_writer import check
from cds_hooks.stories.notation import write_story
from cds_hooks.stories.sentences import UnreadableLineError
from mappings.load import load

DAY_0 = date(2024, 1, 1)
KNOWLEDGE = load()
Resource = dict[str, Any]


def told(**story: Any) -> list[Resource]:
    """The resources of a story, without the patient; each is valid FHIR."""
    resources = write_story({"as_of": 100, **story}, day_zero=DAY_0, patient_id="p", knowledge=KNOWLEDGE)
    for resource in resources:
        check(resource)
    return resources[1:]


def code_of(resource: Resource) -> str:
    return str(resource["code"]["coding"][0]["code"])


def test_every_answer_is_an_observation_of_its_own() -> None:
    written = told(answers=["phq9 3/2/1/0/1/2/3/0/- on day 95 as observations"])
    assert [code_of(one) for one in written] == [item.codes[0].code for item in KNOWLEDGE.instruments["phq9"].items[:8]]
    assert [one["valueInteger"] for one in written] == [3, 2, 1, 0, 1, 2, 3, 0]
    assert {one["effectiveDateTime"] for one in written} == {"2024-04-05"}


def test_a_panel_links_its_members_which_carry_coded_answers() -> None:
    *members, panel = told(answers=["gad7 3/2/1/0/1/2/3 on day 95 as panel"])
    assert [link["reference"] for link in panel["hasMember"]] == [f"Observation/{one['id']}" for one in members]
    assert code_of(panel) == "69737-5"
    assert not [name for name in panel if name.startswith("value")]
    assert {one["valueCodeableConcept"]["coding"][0]["code"] for one in members} >= {"LA6571-9", "LA6568-5"}


def test_components_stand_in_one_observation() -> None:
    (sheet,) = told(answers=["phq9 3/-/1/0/1/2/3/0/1 on day 95 as components"])
    assert [part["valueInteger"] for part in sheet["component"]] == [3, 1, 0, 1, 2, 3, 0, 1]


def test_a_questionnaire_has_a_place_for_what_was_not_answered() -> None:
    (response,) = told(answers=["phq9 3/2/1/0/1/2/3/0/- on day 95 as questionnaire, status amended"])
    assert response["status"] == "amended"
    assert response["item"][0]["answer"][0]["valueCoding"]["code"] == "LA6571-9"
    assert "answer" not in response["item"][8]
    (done,) = told(answers=["phq9 0/0/0/0/0/0/0/0/0 on day 95 as questionnaire"])
    assert done["status"] == "completed"


def test_single_answers_are_numbers_or_words() -> None:
    yes, five = told(answers=["cssrs-screener item 5 yes on day 99", "madrs-items item 8 value 5 on day 99"])
    assert (code_of(yes), yes["valueCodeableConcept"]["coding"][0]["code"]) == ("93250-9", "LA33-6")
    assert (code_of(five), five["valueInteger"]) == ("madrs-item-8", 5)


def test_totals_of_scales_may_have_fractions_or_be_words() -> None:
    whole, part, level, zero = told(
        scales=[
            "shaps-likert 40 on day 95",
            "dsst-z -1.8 on day 60",
            "cssrs-screener high on day 99",
            "gad7 0 on day 9, status amended",
        ]
    )
    assert whole["valueInteger"] == 40
    assert part["valueQuantity"]["value"] == -1.8
    assert level["valueCodeableConcept"]["coding"][0]["code"] == "LA9193-9"
    assert (zero["valueInteger"], zero["status"]) == (0, "amended")


def test_blood_pressure_is_one_observation_and_other_vital_signs_have_their_unit() -> None:
    pressure, bmi = told(vitals=["blood pressure 168/98 on day 95", "bmi 34.5 kg/m2 on day 40"])
    assert [part["valueQuantity"]["value"] for part in pressure["component"]] == [168, 98]
    assert pressure["category"][0]["coding"][0]["code"] == "vital-signs"
    assert (bmi["valueQuantity"]["value"], bmi["valueQuantity"]["code"]) == (34.5, "kg/m2")


@pytest.mark.parametrize(
    ("section", "line", "accepted"),
    [
        ("answers", "phq9 3 on day 95", "SCALE N/N/..."),
        ("answers", "isi 3/2/1 on day 95 as observations", "SCALE is one with items"),
        ("answers", "nothing 3/2/1 on day 95 as observations", "SCALE is one with items"),
        ("answers", "madrs 3/2/1 on day 95 as observations", "SCALE is one with items"),
        ("answers", "phq9 3/2 on day 95 as observations", "one answer for each of 9 items"),
        ("answers", "phq9 7/2/1/2/1/2/2/0/0 on day 95 as panel", "one answer for each of 9 items"),
        ("answers", "phq9 item 10 value 2 on day 95", "an item of the scale"),
        ("answers", "cssrs-screener item 5 maybe on day 95", "yes, no"),
        ("answers", "phq9 item 1 value 2 on day 95, on paper", "status STATUS"),
        ("answers", "phq9 item 1 value 2 on day 95, status final, status final", "status STATUS"),
        ("scales", "shaps 40 on day 95", "shaps-likert"),
        ("scales", "hs-crp 2 on day 95", "shaps-likert"),
        ("scales", "shaps-likert on day 95", "SCALE N on day N"),
        ("scales", "cssrs-screener dire on day 95", "high"),
        ("vitals", "pulse 80 /min on day 95", "heart-rate"),
        ("vitals", "gad7 80 /min on day 95", "heart-rate"),
        ("vitals", "blood pressure high", "blood pressure N/N"),
    ],
)
def test_what_the_notation_does_not_know_is_refused(section: str, line: str, accepted: str) -> None:
    with pytest.raises(UnreadableLineError, match=accepted):
        told(**{section: [line]})
