"""Answers to single items, and totals of other scales than those of outcome, in every form they are sent in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from mappings.load import Knowledge, load
from plugin.document.accounting import laboratory_aside
from plugin.ingest import laboratory, read_record
from plugin.ingest.codings import Coding
from plugin.ingest.item_answers import read_item
from plugin.ingest.measure_codes import measure_codes_of
from plugin.record import ItemAnswer, PatientRecord
from tests.ingest.shorthand import (
    ANSWERS,
    LOINC,
    PHQ9,
    PHQ9_ITEMS,
    PHQ9_PANEL,
    PHQ9_TEEN,
    coded,
    item_observations,
    observation,
    patient,
    questionnaire,
)

LOCAL = "https://trd-cds.github.io/fhir/CodeSystem/trd-instruments"
GAD7_PANEL, GAD7, ISI = "69737-5", "70274-6", "isi-total"
GAD7_ITEMS = ("69725-0", "68509-9", "69733-4", "69734-2", "69735-9", "69689-8", "69736-7")
CSSRS = {1: "93246-7", 4: "93249-1", 6: "93267-3", 7: "93269-9"}
CSSRS_RISK, CSSRS_FULL, CSSRS_LIFETIME_WISH = "93374-7", "93245-9", "93299-6"
PHQ2_PANEL, MDS_PANEL, MDS_INTEREST = "55757-9", "54635-8", "54636-6"
YES, NO = "LA33-6", "LA32-8"
WEIGHT, HEIGHT, BMI = "29463-7", "8302-2", "39156-5"
Reader = Callable[..., PatientRecord]


@pytest.fixture(scope="module")
def read() -> Reader:
    """`read_record` with the shipped knowledge."""
    return lambda *resources, **options: read_record(resources, **{"knowledge": load(), **options})


def local(id_: str, code: str, **more: Any) -> dict[str, Any]:
    """An Observation of a code of this project."""
    return {**observation(id_, "x", **more), "code": coded(LOCAL, code)}


def asked(*entries: tuple[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A completed QuestionnaireResponse with one answer for each linkId."""
    items = [{"linkId": link, "answer": [answer]} for link, answer in entries]
    return questionnaire("q", [], **{"item": items, **more})


def told(record: PatientRecord) -> list[tuple[str, int, float | None, str]]:
    return [(one.instrument, one.item, one.value, one.meaning) for one in record.answers]


def why_not(record: PatientRecord, reference: str) -> str:
    return {entry.reference: entry.reason for entry in record.set_aside}[reference]


def test_each_item_of_a_scale_of_outcome_is_an_answer_even_when_the_scale_is_complete(read: Reader) -> None:
    record = read(patient(), *item_observations([3, 1, 2, 0, 1, 2, 3, 1, 0]))
    assert [(one.item, one.value) for one in record.answers] == list(enumerate([3, 1, 2, 0, 1, 2, 3, 1, 0], start=1))
    assert [score.value for score in record.scores] == [13]


def test_items_sent_as_members_components_and_questionnaire_answers_are_alike(read: Reader) -> None:
    scores = [3, 1, 2, 0, 1, 2, 3, 1, 0]
    members = item_observations(scores)
    links = [{"reference": f"Observation/{member['id']}"} for member in members]
    parts = [
        {"code": coded(LOINC, code), "valueCodeableConcept": coded(LOINC, ANSWERS[score])}
        for code, score in zip(PHQ9_ITEMS, scores, strict=True)
    ]
    panel = read(observation("p", PHQ9_PANEL, hasMember=links), *members)
    components = read(observation("p", PHQ9_PANEL, component=parts))
    questions = read(questionnaire("q", scores))
    assert told(panel) == told(components) == told(questions)
    assert {one.group for one in panel.answers} == {"Observation/p"}
    assert {one.group for one in components.answers} == {"Observation/p"}
    assert {(one.group, one.source) for one in questions.answers} == {("QuestionnaireResponse/q", "questionnaire")}


def test_a_missing_ninth_item_leaves_the_others_and_a_prorated_total(read: Reader) -> None:
    record = read(*item_observations([2] * 8))
    assert len(record.answers) == 8
    assert [(score.value, score.flags) for score in record.scores] == [(18, ("prorated",))]


def test_the_items_of_a_shorter_scale_are_items_of_the_longer_one_but_no_part_of_its_total(read: Reader) -> None:
    members = item_observations([3, 2])
    links = [{"reference": f"Observation/{member['id']}"} for member in members]
    record = read(observation("p", PHQ2_PANEL, hasMember=links), *members)
    assert told(record) == [("phq9", 1, 3, ""), ("phq9", 2, 2, "")]
    assert record.scores == ()


def test_a_total_of_another_scale_in_a_panel_is_not_read(read: Reader) -> None:
    stray = observation("t", PHQ9, valueInteger=12)
    record = read(observation("p", PHQ2_PANEL, hasMember=[{"reference": "Observation/t"}]), stray)
    assert (record.scores, record.answers) == ((), ())


@pytest.mark.parametrize("panel", [PHQ9_TEEN, MDS_PANEL])
def test_versions_on_another_scale_give_no_answers(read: Reader, panel: str) -> None:
    own = {"code": coded(LOINC, MDS_INTEREST), "valueInteger": 14}
    record = read(observation("p", panel, component=[own]))
    assert (record.answers, record.scores) == ((), ())
    links = [{"reference": "Observation/i1"}]
    teen = read(observation("p", PHQ9_TEEN, hasMember=links), *item_observations([3]))
    assert teen.answers == ()


@pytest.mark.parametrize(("value", "read_as"), [(-1, []), (0, [0]), (3, [3]), (4, [])])
def test_an_answer_on_an_instrument_lies_in_the_range_of_its_item(
    read: Reader, value: int, read_as: list[float]
) -> None:
    record = read(observation("i", PHQ9_ITEMS[0], valueInteger=value))
    assert [one.value for one in record.answers] == read_as
    assert bool(record.set_aside) != bool(read_as)


@pytest.mark.parametrize(
    ("item", "value", "kept"),
    [(7, 4, True), (7, 5, False), (12, 2, True), (12, 3, False), (9, 0, True), (9, -1, False)],
)
def test_an_answer_on_another_scale_lies_in_the_range_of_that_item(
    read: Reader, item: int, value: int, kept: bool
) -> None:
    record = read(local("i", f"hamd17-item-{item}", valueInteger=value))
    assert told(record) == ([("hamd17-items", item, value, "")] if kept else [])
    if not kept:
        assert why_not(record, "Observation/i") == "its value is outside the range of the item"


@pytest.mark.parametrize("scale", ["madrs", "qids-sr16", "hamd17"])
def test_every_item_of_the_local_codes_is_read(read: Reader, scale: str) -> None:
    count = {"madrs": 10, "qids-sr16": 16, "hamd17": 17}[scale]
    record = read(*(local(f"i{n}", f"{scale}-item-{n}", valueInteger=1) for n in range(1, count + 1)))
    assert sorted(one.item for one in record.answers) == list(range(1, count + 1))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"valueCodeableConcept": coded(LOINC, YES)}, (1, "yes")),
        ({"valueCodeableConcept": coded(LOINC, NO)}, (0, "no")),
        ({"valueCodeableConcept": {"text": "Yes"}}, (1, "yes")),
        ({"valueCodeableConcept": coded("urn:local", "77", "No")}, (0, "no")),
        ({"valueString": "no"}, (0, "no")),
        ({"valueBoolean": True}, (1, "yes")),
        ({"valueBoolean": False}, (0, "no")),
        ({"valueInteger": 1}, (1, "yes")),
        ({"valueQuantity": {"value": 0}}, (0, "no")),
    ],
)
def test_a_yes_or_no_of_the_suicide_screener_however_it_is_sent(
    read: Reader, answer: dict[str, Any], expected: tuple[float, str]
) -> None:
    record = read(observation("i", CSSRS[4], **answer))
    assert told(record) == [("cssrs-screener", 4, *expected)]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"valueString": "no thoughts today"}, "no readable value"),
        ({"valueString": "yes and no"}, "no readable value"),
        ({"valueInteger": 2}, "its value is outside the range of the item"),
        ({"valueQuantity": {"value": 1, "comparator": "<"}}, "no readable value"),
        ({}, "no readable value"),
    ],
)
def test_what_is_no_plain_answer_of_the_screener_is_none(read: Reader, answer: dict[str, Any], reason: str) -> None:
    record = read(observation("i", CSSRS[4], **answer))
    assert record.answers == ()
    assert why_not(record, "Observation/i") == reason


def test_lifetime_and_recent_behaviour_are_apart_and_the_lifetime_scale_is_not_read(read: Reader) -> None:
    record = read(
        observation("a", CSSRS[6], valueBoolean=True),
        observation("b", CSSRS[7], valueBoolean=False),
        observation("c", CSSRS_LIFETIME_WISH, valueBoolean=True),
        observation("d", CSSRS_RISK, valueCodeableConcept=coded(LOINC, "LA9193-9")),
    )
    assert told(record) == [("cssrs-screener", 6, 1, "yes"), ("cssrs-screener", 7, 0, "no")]
    assert [(one.measure, one.meaning) for one in record.laboratory] == [("cssrs-screener", "high")]
    assert why_not(record, "Observation/c") == "not a measure this version reads"


def test_a_code_that_must_not_be_read_spoils_the_one_beside_it(read: Reader) -> None:
    both = {"coding": [{"system": LOINC, "code": CSSRS[1]}, {"system": LOINC, "code": CSSRS_LIFETIME_WISH}]}
    assert read({**observation("a", CSSRS[1], valueBoolean=True), "code": both}).answers == ()
    assert read(asked((CSSRS_LIFETIME_WISH, {"valueBoolean": True}))).answers == ()


def test_coded_answers_have_the_scores_of_the_knowledge_and_senders_may_attach_their_own(read: Reader) -> None:
    ordinal = {"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 2}
    record = read(
        asked(
            (f"/{GAD7_ITEMS[0]}", {"valueCoding": {"system": LOINC, "code": ANSWERS[3]}}),
            (f"http://x.org/q#{GAD7_ITEMS[1]}", {"valueCoding": {"code": "own", "extension": [ordinal]}}),
        )
    )
    assert told(record) == [("gad7", 1, 3, "nearly every day"), ("gad7", 2, 2, "more than half the days")]


@pytest.mark.parametrize(
    "system", ["http://snomed.info/sct", "http://terminology.hl7.org/CodeSystem/v2-0136", "http://loinc.org"]
)
def test_yes_and_no_in_any_of_the_usual_code_systems(read: Reader, system: str) -> None:
    yes, no = {
        "http://snomed.info/sct": ("373066001", "373067005"),
        "http://terminology.hl7.org/CodeSystem/v2-0136": ("Y", "N"),
        "http://loinc.org": ("LA33-6", "LA32-8"),
    }[system]
    record = read(
        asked(
            (CSSRS[4], {"valueCoding": {"system": system, "code": yes}}),
            (CSSRS[6], {"valueCoding": {"system": system, "code": no}}),
        )
    )
    assert told(record) == [("cssrs-screener", 4, 1, "yes"), ("cssrs-screener", 6, 0, "no")]


def test_a_positive_screen_may_be_a_plain_truth_value(read: Reader) -> None:
    positive = read(local("m", "mdq-positive", valueBoolean=True))
    assert [(one.measure, one.meaning) for one in positive.laboratory] == [("mdq-positive", "yes")]
    negative = read(local("m", "mdq-positive", valueBoolean=False))
    assert [one.meaning for one in negative.laboratory] == ["no"]


def test_an_answer_keeps_who_recorded_it_where_and_when(read: Reader) -> None:
    seen = {"encounter": {"reference": "Encounter/e1"}, "performer": [{"reference": "Practitioner/x"}]}
    moment = "2025-03-01T09:30:00Z"
    [answer] = read(observation("i", CSSRS[1], moment, valueBoolean=True, **seen)).answers
    assert answer == ItemAnswer(
        instrument="cssrs-screener",
        item=1,
        day=date(2025, 3, 1),
        reference="Observation/i",
        value=1,
        meaning="yes",
        order="09:30:00",
        encounter="Encounter/e1",
        recorded_by=("Practitioner/x",),
    )
    authored = {"encounter": {"reference": "Encounter/e2"}, "author": {"reference": "PractitionerRole/r"}}
    [asked_] = read(asked((CSSRS[1], {"valueBoolean": True}), **authored)).answers
    assert (asked_.encounter, asked_.recorded_by, asked_.source) == (
        "Encounter/e2",
        ("PractitionerRole/r",),
        "questionnaire",
    )


def test_an_observation_dated_only_by_its_issue_says_so(read: Reader) -> None:
    issued = {"issued": "2025-03-01T08:00:00Z"}
    record = read(
        observation("i", PHQ9_ITEMS[0], None, valueInteger=1, **issued),
        observation("j", GAD7, None, valueInteger=9, **issued),
        observation("k", GAD7_ITEMS[0], None, valueInteger=1, **issued),
        observation("l", GAD7, None, valueInteger=8, effectiveInstant="2025-03-01T08:00:00Z"),
    )
    assert [one.flags for one in record.answers] == [("issued-only",), ("issued-only",)]
    assert {one.reference: one.flags for one in record.laboratory} == {
        "Observation/j": ("issued-only",),
        "Observation/l": (),
    }


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "registered", "unknown", None])
def test_what_is_not_final_is_not_read(read: Reader, status: str | None) -> None:
    record = read(observation("i", GAD7_ITEMS[0], valueInteger=1, status=status))
    assert record.answers == ()
    assert why_not(record, "Observation/i").startswith("not counted")


def test_a_preliminary_item_does_not_count_and_a_preliminary_total_is_marked(read: Reader) -> None:
    record = read(
        observation("i", GAD7_ITEMS[0], valueInteger=1, status="preliminary"),
        observation("t", GAD7, valueInteger=9, status="preliminary"),
    )
    assert record.answers == ()
    assert why_not(record, "Observation/i").startswith("preliminary")
    assert [one.flags for one in record.laboratory] == [("preliminary",)]


def test_questionnaires_give_totals_of_other_scales_and_unfinished_ones_nothing(read: Reader) -> None:
    entries = [(GAD7, {"valueInteger": 12}), (ISI, {"valueDecimal": 15})]
    record = read(asked(*entries))
    assert {(one.measure, one.amount.value) for one in record.laboratory if one.amount} == {("gad7", 12), ("isi", 15)}
    assert record.set_aside == ()
    open_ = read(asked(*entries, status="in-progress"))
    assert (open_.laboratory, why_not(open_, "QuestionnaireResponse/q")) == (
        (),
        "not finished: its status is neither completed nor amended",
    )
    undated = read(asked(*entries, authored="2025"))
    assert (undated.laboratory, why_not(undated, "QuestionnaireResponse/q")) == (
        (),
        "the day of the measure is not known",
    )


def test_one_questionnaire_may_hold_two_scales(read: Reader) -> None:
    whole = questionnaire("q", [1] * 9)
    whole["item"].append({"linkId": f"/{GAD7}", "answer": [{"valueInteger": 30}]})
    refused = read(whole)
    assert (len(refused.scores), refused.laboratory, refused.set_aside) == (1, (), ())
    whole["item"][-1]["answer"][0]["valueInteger"] = 12
    assert [one.measure for one in read(whole).laboratory] == ["gad7"]


def test_one_panel_may_hold_two_scales(read: Reader) -> None:
    parts = [
        {"code": coded(LOINC, PHQ9), "valueInteger": 14},
        {"code": coded(LOINC, GAD7), "valueInteger": 11},
        {"code": coded(LOINC, GAD7_ITEMS[0]), "valueInteger": 2},
    ]
    record = read(observation("p", "69729-2", component=parts))
    assert [score.value for score in record.scores] == [14]
    assert [one.measure for one in record.laboratory] == ["gad7"]
    assert [one.group for one in record.answers] == ["Observation/p"]


def test_a_panel_without_a_value_says_that_its_members_are_read(read: Reader) -> None:
    record = read(
        observation("p", GAD7_PANEL, hasMember=[{"reference": "Observation/t"}]), observation("t", GAD7, valueInteger=3)
    )
    assert why_not(record, "Observation/p") == "a panel without a value of its own: its members are read"
    assert [one.measure for one in record.laboratory] == ["gad7"]


def test_a_code_that_means_two_things_means_neither() -> None:
    gad7 = load().clinical.measures["gad7"]
    twin = gad7.model_copy(update={"id": "twin"})
    known = load()
    clinical = replace(known.clinical, measures={"gad7": gad7, "twin": twin})
    codes = measure_codes_of(replace(known, clinical=clinical))
    assert codes.role_of([Coding(LOINC, GAD7)]) is None
    assert codes.role_of_bare(GAD7) is None
    assert codes.role_of([Coding("", GAD7)]) is None


def test_a_total_wins_where_a_coding_names_an_item_too() -> None:
    role = measure_codes_of(load()).role_of([Coding(LOINC, GAD7), Coding(LOINC, GAD7_ITEMS[0])])
    assert role is not None
    assert (role.measure.id, role.item) == ("gad7", 0)


def test_local_rows_stand_for_items_by_their_system_only(knowledge: Knowledge) -> None:
    measures = dict(load().clinical.measures)
    first, *others = measures["gad7"].items
    row = first.codes[0].model_copy(update={"system": "urn:site", "code": "4711"})
    items = (first.model_copy(update={"codes": (*first.codes, row)}), *others)
    measures["gad7"] = measures["gad7"].model_copy(update={"items": items})
    site = load().with_systems({"urn:site": ("urn:site",)})
    codes = measure_codes_of(replace(site, clinical=replace(site.clinical, measures=measures)))
    role = codes.role_of([Coding("urn:site", "4711")])
    assert role is not None
    assert role.item == 1
    assert codes.role_of_bare("4711") is None


def test_without_a_known_range_every_number_is_an_answer() -> None:
    measure = load().clinical.measures["qids-items"].model_copy(update={"item_range": None})
    assert read_item({"valueInteger": 9}, measure, 1) == (9, "")


def test_one_resource_never_costs_the_others(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(laboratory, "read_item", fails)
        record = read(observation("i", GAD7_ITEMS[0], valueInteger=1), observation("t", GAD7, valueInteger=9))
    assert why_not(record, "Observation/i") == "could not be read"
    assert len(record.laboratory) == 1


def body(id_: str, code: str, value: float, unit: str, day: str = "2025-03-01", **more: Any) -> dict[str, Any]:
    return observation(id_, code, day, valueQuantity={"value": value, "unit": unit}, **more)


@pytest.mark.parametrize(
    ("weight", "height"),
    [((98, "kg"), (170, "cm")), ((98, "kg"), (1.7, "m")), ((216.05, "[lb_av]"), (66.929, "[in_i]"))],
)
def test_a_body_mass_index_from_weight_and_height(
    read: Reader, weight: tuple[float, str], height: tuple[float, str]
) -> None:
    record = read(body("w", WEIGHT, *weight), body("h", HEIGHT, *height, day="2024-01-01"))
    [index] = [one for one in record.laboratory if one.measure == "bmi"]
    assert index.amount is not None
    assert index.amount.value == pytest.approx(33.91, abs=0.01)
    assert (index.reference, index.also, index.flags) == ("Observation/w", ("Observation/h",), ("computed",))


@pytest.mark.parametrize(
    ("earlier", "later", "taken"),
    [("2025-02-01", "2025-03-28", "h2"), ("2025-02-01", "2025-03-29", "h2"), ("2025-02-01", "2025-03-30", "h1")],
)
def test_the_nearest_height_counts_and_of_two_as_near_the_later(
    read: Reader, earlier: str, later: str, taken: str
) -> None:
    heights = [body("h1", HEIGHT, 160, "cm", earlier), body("h2", HEIGHT, 170, "cm", later)]
    [index] = [one for one in read(body("w", WEIGHT, 80, "kg"), *heights).laboratory if one.measure == "bmi"]
    assert index.also == (f"Observation/{taken}",)


def test_a_recorded_index_needs_no_computed_one_that_day(read: Reader) -> None:
    record = read(body("w", WEIGHT, 80, "kg"), body("h", HEIGHT, 170, "cm"), body("b", BMI, 30, "kg/m2"))
    assert [(one.reference, one.flags) for one in record.laboratory if one.measure == "bmi"] == [("Observation/b", ())]


@pytest.mark.parametrize(("day", "count"), [("2023-03-02", 1), ("2023-03-01", 0), ("2027-03-01", 1), ("2027-03-02", 0)])
def test_a_height_is_near_enough_within_two_years(read: Reader, day: str, count: int) -> None:
    record = read(body("w", WEIGHT, 80, "kg"), body("h", HEIGHT, 170, "cm", day))
    assert sum(one.measure == "bmi" for one in record.laboratory) == count


@pytest.mark.parametrize(
    ("weight", "height"),
    [
        (body("w", WEIGHT, 80, "stones"), body("h", HEIGHT, 170, "cm")),
        (body("w", WEIGHT, 80, "kg"), body("h", HEIGHT, 170, "hands")),
        (body("w", WEIGHT, 400, "kg"), body("h", HEIGHT, 101, "cm")),
        (body("w", WEIGHT, 80, "kg"), body("h", HEIGHT, 60, "cm")),
        (body("w", WEIGHT, 80, "kg"), observation("h", HEIGHT, valueString="> 170 cm")),
    ],
)
def test_no_index_from_what_is_not_a_plain_weight_and_height(
    read: Reader, weight: dict[str, Any], height: dict[str, Any]
) -> None:
    assert "bmi" not in {one.measure for one in read(weight, height).laboratory}


def test_a_preliminary_weight_makes_a_preliminary_index(read: Reader) -> None:
    record = read(body("w", WEIGHT, 80, "kg", status="preliminary"), body("h", HEIGHT, 170, "cm"))
    [index] = [one for one in record.laboratory if one.measure == "bmi"]
    assert index.flags == ("computed", "preliminary")


def test_an_answer_that_decides_nothing_ends_with_its_reason(read: Reader) -> None:
    record = read(
        observation("a", PHQ9_ITEMS[0], "2025-03-01", valueInteger=1),
        observation("b", PHQ9_ITEMS[0], "2025-03-03", valueInteger=1),
        *item_observations([1] * 9, day="2025-01-01"),
    )
    aside = {entry.reference: entry.reason for entry in laboratory_aside(record, date(2025, 3, 2))}
    assert aside == {
        "Observation/a": "read; the answer to an item, which makes no total by itself and decided nothing",
        "Observation/b": "dated after the day of judgement",
    }
