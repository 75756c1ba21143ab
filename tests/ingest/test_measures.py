from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import plugin.ingest.measures
from plugin.record import PatientRecord
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
    total,
)

Reader = Callable[..., PatientRecord]


def values(record: PatientRecord) -> list[tuple[float, tuple[str, ...]]]:
    return [(score.value, score.flags) for score in record.scores]


def why_not(record: PatientRecord, reference: str) -> str:
    return {entry.reference: entry.reason for entry in record.set_aside}[reference]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueInteger": 12}, 12),
        ({"valueQuantity": {"value": 7.0, "code": "{score}"}}, 7),
        ({"valueQuantity": {"value": "7"}}, 7),
        ({"valueString": "12"}, 12),
        ({"valueString": " 12 "}, 12),
        ({"valueDecimal": 0}, 0),
        ({"valueInteger": 27}, 27),
    ],
)
def test_shapes_of_a_total(read: Reader, value: dict[str, Any], expected: float) -> None:
    record = read(observation("t", PHQ9, **value))
    assert values(record) == [(expected, ())]
    assert record.scores[0].references == ("Observation/t",)
    assert not record.set_aside


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "preliminary"}, "not final: its status is none of final, amended, corrected"),
        ({"status": None}, "not final: its status is none of final, amended, corrected"),
        ({"valueInteger": 28}, "its value is outside the range of the scale"),
        ({"valueInteger": -1}, "its value is outside the range of the scale"),
        ({"valueInteger": None, "valueString": "moderate"}, "no readable value"),
        ({"valueInteger": None, "valueQuantity": {"value": 20, "comparator": ">"}}, "no readable value"),
        ({"valueInteger": None, "valueCodeableConcept": coded(LOINC, ANSWERS[2])}, "no readable value"),
        ({"effectiveDateTime": "2025-03"}, "the day of the measure is not known"),
        ({"effectiveDateTime": None}, "the day of the measure is not known"),
    ],
)
def test_totals_set_aside(read: Reader, change: dict[str, Any], reason: str) -> None:
    record = read({**total("t", 12), **change})
    assert not record.scores
    assert why_not(record, "Observation/t") == reason


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_final_statuses(read: Reader, status: str) -> None:
    assert read(total("t", 12, status=status)).scores


@pytest.mark.parametrize(
    ("when", "day", "order"),
    [
        ({"effectiveDateTime": "2025-03-01"}, date(2025, 3, 1), ""),
        ({"effectiveDateTime": "2025-03-01T23:30:00-08:00"}, date(2025, 3, 1), "23:30:00"),
        ({"effectiveDateTime": "2025-03-01T02:00:00.123456Z"}, date(2025, 3, 1), "02:00:00.123456"),
        ({"effectivePeriod": {"start": "2025-02-27", "end": "2025-03-01"}}, date(2025, 3, 1), ""),
        ({"effectivePeriod": {"start": "2025-02-27"}}, date(2025, 2, 27), ""),
        # Instants are turned into the client's zone: 02:00 UTC is the evening before in New York.
        ({"effectiveInstant": "2025-03-01T02:00:00Z"}, date(2025, 2, 28), "21:00:00"),
        ({"issued": "2025-03-01T02:00:00Z"}, date(2025, 2, 28), "21:00:00"),
        ({"effectiveDateTime": "2025-03-05", "issued": "2025-03-01T02:00:00Z"}, date(2025, 3, 5), ""),
        ({"effectiveDateTime": "soon", "issued": "2025-03-01T12:00:00Z"}, date(2025, 3, 1), "07:00:00"),
    ],
)
def test_the_day_of_a_score(read: Reader, when: dict[str, Any], day: date, order: str) -> None:
    resource = observation("t", PHQ9, None, valueInteger=12, **when)
    (score,) = read(resource, zone=ZoneInfo("America/New_York")).scores
    assert (score.day, score.order) == (day, order)


def test_an_instant_without_a_zone_stays_as_written(read: Reader) -> None:
    (score,) = read(observation("t", PHQ9, None, valueInteger=12, issued="2025-03-01T02:00:00Z")).scores
    assert score.day == date(2025, 3, 1)


def test_one_item_is_never_a_total(read: Reader) -> None:
    record = read(observation("i", PHQ9_ITEMS[8], valueInteger=3))
    assert not record.scores
    assert not record.set_aside
    [answer] = record.answers
    assert (answer.instrument, answer.item, answer.value, answer.reference) == ("phq9", 9, 3, "Observation/i")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([2] * 9, [(18, ())]),
        # Eight items summing to 4 give 4.5, rounded half up: not remission.
        ([1, 1, 1, 1, 0, 0, 0, 0], [(5, ("prorated",))]),
        ([2] * 7, [(18, ("prorated",))]),
        ([2] * 6, []),
        ([], []),
    ],
)
def test_items_are_summed_and_prorated(
    read: Reader, answers: list[int], expected: list[tuple[float, tuple[str, ...]]]
) -> None:
    record = read(*item_observations(answers))
    assert values(record) == expected
    if expected:
        assert set(record.scores[0].references) == set(record.received)


def test_an_answer_outside_its_range_is_missing(read: Reader) -> None:
    resources = item_observations([2] * 9)
    resources[0] = observation("i1", PHQ9_ITEMS[0], valueInteger=9)
    assert values(read(*resources)) == [(18, ("prorated",))]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(18, [(18, ())]), (20, [(18, ("resummed",))]), (0, [(18, ("resummed",))])],
)
def test_items_win_over_a_total_of_the_same_day(
    read: Reader, sent: int, expected: list[tuple[float, tuple[str, ...]]]
) -> None:
    record = read(total("t", sent), *item_observations([2] * 9))
    assert values(record) == expected
    assert len(record.scores[0].references) == 10


def test_a_total_sent_twice_does_not_contradict_the_items(read: Reader) -> None:
    record = read(total("t", 20), total("u", 20), *item_observations([2] * 9))
    assert values(record) == [(18, ("resummed",))]
    assert len(record.scores[0].references) == 11


@pytest.mark.parametrize(
    ("sent", "expected"), [(14, [(14, ())]), (17, [(17, ())]), (18, [(16, ("prorated", "resummed"))])]
)
def test_a_total_that_the_missing_items_can_explain_stands(
    read: Reader, sent: int, expected: list[tuple[float, tuple[str, ...]]]
) -> None:
    assert values(read(total("t", sent), *item_observations([2, 2, 2, 2, 2, 2, 2, 0]))) == expected


def test_items_of_another_day_do_not_touch_a_total(read: Reader) -> None:
    record = read(total("t", 20), *item_observations([2] * 9, day="2025-03-02"))
    assert values(record) == [(20, ()), (18, ())]


def test_panel_with_components(read: Reader) -> None:
    parts = [{"code": coded(LOINC, code), "valueInteger": 1} for code in PHQ9_ITEMS]
    with_total = [*parts, {"code": coded(LOINC, PHQ9), "valueInteger": 9}]
    assert values(read(observation("p", PHQ9_PANEL, component=parts))) == [(9, ())]
    record = read(observation("p", PHQ9_PANEL, component=with_total))
    assert values(record) == [(9, ())]
    assert record.scores[0].references == ("Observation/p",)


def test_panel_with_members(read: Reader) -> None:
    members = item_observations([1] * 9)
    links = [{"reference": f"https://ehr.example/Observation/{member['id']}"} for member in members]
    record = read(observation("p", PHQ9_PANEL, hasMember=links), *members)
    assert values(record) == [(9, ())]
    assert set(record.scores[0].references) == set(record.received)


def test_a_panel_that_is_not_final_is_not_used(read: Reader) -> None:
    members = item_observations([1] * 9)
    links = [{"reference": f"Observation/{member['id']}"} for member in members]
    record = read(observation("p", PHQ9_PANEL, hasMember=links, status="entered-in-error"), *members)
    assert values(record) == [(9, ())]
    assert why_not(record, "Observation/p").startswith("not final")


def test_two_panels_of_one_day_are_told_apart(read: Reader) -> None:
    first = item_observations([1] * 9, day="2025-03-01T09:00:00Z", prefix="a")
    second = item_observations([2] * 9, day="2025-03-01T15:00:00Z", prefix="b")
    record = read(*first, *second)
    assert [(score.value, score.order) for score in record.scores] == [(9, "09:00:00"), (18, "15:00:00")]


def test_a_number_on_the_panel_code_is_suspect(read: Reader) -> None:
    alone = read(observation("p", PHQ9_PANEL, valueInteger=20))
    assert values(alone) == [(20, ("suspect-total",))]
    beside = read(observation("p", PHQ9_PANEL, valueInteger=20), total("t", 15))
    assert values(beside) == [(15, ())]
    assert set(beside.scores[0].references) == {"Observation/p", "Observation/t"}


def test_other_scales_are_not_read_as_the_one_they_resemble(read: Reader) -> None:
    assert not read(observation("o", PHQ9_TEEN, valueInteger=5)).scores


def test_members_of_another_scale_are_not_summed(read: Reader) -> None:
    members = item_observations([1] * 9)
    links = [{"reference": f"Observation/{member['id']}"} for member in members]
    record = read(observation("p", PHQ9_TEEN, hasMember=links), *members)
    assert not record.scores
    assert why_not(record, "Observation/i1") == "another scale than those this version reads"


def test_unrelated_observations(read: Reader) -> None:
    record = read(observation("w", "8310-5", valueQuantity={"value": 37}, status="preliminary"))
    assert why_not(record, "Observation/w") == "not a measure this version reads"


def test_codes_of_another_system_do_not_count(read: Reader) -> None:
    record = read({**total("t", 12), "code": coded("urn:local", PHQ9)})
    assert not record.scores


def test_category_does_not_matter(read: Reader) -> None:
    assert values(read(total("t", 12, category=[coded("urn:c", "laboratory")]))) == [(12, ())]


def test_several_totals_of_one_day_keep_their_order(read: Reader) -> None:
    record = read(total("b", 9, "2025-03-01T15:00:00Z"), total("a", 12, "2025-03-01T09:00:00Z"))
    assert [(score.value, score.order, score.flags) for score in record.scores] == [
        (12, "09:00:00", ()),
        (9, "15:00:00", ()),
    ]


def test_totals_that_no_time_tells_apart_conflict(read: Reader) -> None:
    assert values(read(total("a", 12), total("b", 9))) == [(12, ("conflict",)), (9, ("conflict",))]
    same = read(total("a", 12), total("b", 12))
    assert values(same) == [(12, ())]
    assert set(same.scores[0].references) == {"Observation/a", "Observation/b"}


def test_a_total_without_a_time_cannot_be_ordered_among_those_with_one(read: Reader) -> None:
    timed, plain = total("a", 12, "2025-03-01T09:00:00Z"), total("b", 9)
    assert values(read(timed, plain)) == [(9, ("conflict",)), (12, ("conflict",))]
    same = read(timed, total("b", 12))
    assert values(same) == [(12, ())]
    assert set(same.scores[0].references) == {"Observation/a", "Observation/b"}


@pytest.mark.parametrize(
    ("code", "value", "instrument"),
    [
        ("55758-7", 6, "phq2"),
        ("89209-1", 63, "bdi-ii"),
        ("94328-2", 24, "phq8"),
        ("99046-5", 30, "epds"),
        ("77861-3", 61.5, "promis-depression"),
    ],
)
def test_the_scales_with_a_code_of_their_own(read: Reader, code: str, value: float, instrument: str) -> None:
    (score,) = read(observation("t", code, valueQuantity={"value": value})).scores
    assert (score.instrument, score.value) == (instrument, value)


@pytest.mark.parametrize(
    ("code", "low", "high"),
    [
        ("qids-sr16-total", 0, 27),
        ("hamd17-total", 0, 52),
        ("madrs-total", 0, 60),
        ("gds15-total", 0, 15),
        ("cgi-i", 1, 7),
        ("cgi-s", 1, 7),
    ],
)
def test_the_scales_with_a_local_code(read: Reader, code: str, low: int, high: int) -> None:
    local = coded("https://trd-cds.github.io/fhir/CodeSystem/trd-instruments", code)
    for value, read_at_all in ((low - 1, False), (low, True), (high, True), (high + 1, False)):
        record = read({**observation("t", PHQ9, valueInteger=value), "code": local})
        assert bool(record.scores) is read_at_all, value


def test_the_items_of_a_phq2_panel_are_no_phq9(read: Reader) -> None:
    members = item_observations([3, 3])
    links = [{"reference": f"Observation/{member['id']}"} for member in members]
    record = read(observation("p", "55757-9", hasMember=links), *members, total("t", 12))
    assert values(record) == [(12, ())]


def test_a_component_of_another_scale_is_no_score_of_ours(read: Reader) -> None:
    part = {"code": coded(LOINC, "69722-7"), "valueInteger": 2}  # how difficult the problems made life
    record = read({**observation("c", "1234-5"), "component": [part]})
    assert not record.scores
    assert why_not(record, "Observation/c") == "another scale than those this version reads"


def test_a_resource_that_fails_costs_only_itself(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OverflowError

    monkeypatch.setattr(plugin.ingest.measures, "read_questionnaire", fails)
    record = read({"resourceType": "QuestionnaireResponse", "id": "q"}, total("t", 12))
    assert values(record) == [(12, ())]
    assert why_not(record, "QuestionnaireResponse/q") == "could not be read"
