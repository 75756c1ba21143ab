from __future__ import annotations

from typing import Any

import pytest

from mappings.load import Knowledge
from plugin.ingest.dosage import read_dosage
from plugin.ingest.quantities import read_supply
from plugin.ingest.vocabulary import vocabulary_of
from plugin.record import DosageLine
from plugin.spans import PartialDate
from tests.ingest.shorthand import one_daily


@pytest.fixture
def terms(knowledge: Knowledge) -> Any:
    return vocabulary_of(knowledge).dosing


def line(value: object, terms: Any) -> DosageLine:
    (found,) = read_dosage(value, terms)
    return found


MG_50 = {"doseQuantity": {"value": 50, "code": "mg"}}


@pytest.mark.parametrize(
    ("dose", "low", "high", "unit"),
    [
        ({"doseAndRate": [MG_50]}, 50, 50, "mg"),
        ({"doseAndRate": MG_50}, 50, 50, "mg"),
        (MG_50, 50, 50, "mg"),
        ({"dose": {"value": "50", "unit": "MG"}}, 50, 50, "mg"),
        ({"doseAndRate": [{"doseQuantity": {"value": 0.05, "unit": "g"}}]}, 50, 50, "mg"),
        ({"doseAndRate": [{"doseQuantity": {"value": 25, "unit": "mcg"}}]}, 0.025, 0.025, "mg"),
        ({"doseAndRate": [{"doseQuantity": {"value": 0.5, "code": "{tbl}"}}]}, 0.5, 0.5, "unit"),
        ({"doseAndRate": [{"doseQuantity": {"value": 1, "code": "{pill}"}}]}, 1, 1, "unit"),
        ({"doseAndRate": [{"doseQuantity": {"value": 2, "unit": "Oral capsules"}}]}, 2, 2, "unit"),
        ({"doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mL"}}]}, 5, 5, "mL"),
        ({"doseAndRate": [{"doseQuantity": {"value": 1, "unit": "mg/kg"}}]}, 1, 1, ""),
        ({"doseAndRate": [{"doseQuantity": {"value": 1}}]}, 1, 1, ""),
        ({"doseAndRate": [{"doseRange": {"low": {"value": 1, "unit": "tablet"}, "high": {"value": 2}}}]}, 1, 2, "unit"),
        ({"doseAndRate": [{"doseRange": {"high": {"value": 100, "code": "mg"}}}]}, 0, 100, "mg"),
        ({"doseAndRate": [{"doseRange": {"low": {"value": 100, "code": "mg"}}}]}, None, None, ""),
        # Several kinds of one dose: what was ordered comes first, what was calculated next.
        (
            {
                "doseAndRate": [
                    {"type": {"text": "admin-amount"}, "doseQuantity": {"value": 2, "unit": "tablet"}},
                    {"type": {"text": "calculated"}, "doseQuantity": {"value": 99, "unit": "mg"}},
                    {"type": {"coding": [{"code": "ordered"}]}, "doseQuantity": {"value": 100, "unit": "mg"}},
                ]
            },
            *(100, 100, "mg"),
        ),
        (
            {
                "doseAndRate": [
                    {"type": {"text": "ordered"}},
                    {"type": {"text": "calculated"}, "doseQuantity": {"value": 99, "unit": "mg"}},
                ]
            },
            *(99, 99, "mg"),
        ),
        ({"doseAndRate": [{"doseQuantity": {"value": 50, "comparator": "<", "code": "mg"}}]}, None, None, ""),
        ({"doseAndRate": [{"doseQuantity": {"value": 0, "code": "mg"}}]}, None, None, ""),
        ({"doseAndRate": [{"doseQuantity": {"value": "fifty", "code": "mg"}}]}, None, None, ""),
        ({"doseAndRate": [5, None, "x"]}, None, None, ""),
    ],
)
def test_dose(terms: Any, dose: dict[str, Any], low: float | None, high: float | None, unit: str) -> None:
    found = line(dose, terms)
    assert found.dose_low == (pytest.approx(low) if low is not None else None)
    assert found.dose_high == (pytest.approx(high) if high is not None else None)
    assert found.unit == unit


@pytest.mark.parametrize(
    ("timing", "low", "high"),
    [
        ({"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}, 1, 1),
        ({"repeat": {"frequency": 2, "periodUnit": "d"}}, 2, 2),
        ({"repeat": {"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "d"}}, 1, 2),
        ({"repeat": {"frequency": 1, "period": 1, "periodMax": 2, "periodUnit": "d"}}, 0.5, 1),
        ({"repeat": {"frequency": 1, "period": 12, "periodUnit": "h"}}, 2, 2),
        ({"repeat": {"frequency": 3, "period": 1, "periodUnit": "wk"}}, 3 / 7, 3 / 7),
        ({"repeat": {"period": 1, "periodUnit": "wk"}}, 1 / 7, 1 / 7),
        (
            {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon", "wed", "fri"]}},
            3 / 7,
            3 / 7,
        ),
        ({"repeat": {"dayOfWeek": ["mon", "thu"]}}, 2 / 7, 2 / 7),
        ({"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon"]}}, 1 / 7, 1 / 7),
        ({"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon", "thu"]}}, 1 / 7, 2 / 7),
        ({"repeat": {"timeOfDay": ["08:00:00", "20:00:00"]}}, 2, 2),
        ({"repeat": {"when": ["MORN"], "period": 1, "periodUnit": "d"}}, 1, 1),
        ({"repeat": {"when": "HS"}}, 1, 1),
        ({"repeat": {"when": ["MORN"], "frequency": 2, "period": 1, "periodUnit": "d"}}, 2, 2),
        ({"code": {"coding": [{"code": "BID"}]}}, 2, 2),
        ({"code": {"text": "Twice daily"}}, 2, 2),
        ({"code": {"coding": [{"code": "Q6H"}]}, "repeat": {"boundsPeriod": {"start": "2025-01-01"}}}, 4, 4),
        ({"code": {"coding": [{"code": "X1", "display": "every other day"}]}}, 0.5, 0.5),
        ({"code": {"text": "when the moon is full"}}, None, None),
        ({"code": {"text": "3 times daily"}}, 3, 3),
        ({"code": {"text": "every 6-8 hours"}}, 3, 4),
        ({"code": {"text": "1 tablet daily"}}, None, None),
        ({"code": {"text": "nightly as needed"}}, None, None),
        ({"code": {"text": "1 tab am and 1 tab pm"}}, None, None),
        *[
            ({"code": {"coding": [{"code": code}]}}, per_day, per_day)
            for code, per_day in {
                **dict.fromkeys(("QD", "AM", "PM", "BED", "QHS", "QAM"), 1),
                **{
                    "BID": 2,
                    "TID": 3,
                    "QID": 4,
                    "Q6H": 4,
                    "Q8H": 3,
                    "Q12H": 2,
                    "QOD": 1 / 2,
                    "WK": 1 / 7,
                    "MO": 1 / 30,
                },
            }.items()
        ],
        ({"repeat": {"frequency": 1}}, None, None),
        ({"repeat": {"frequencyMax": 2, "period": 1, "periodUnit": "d"}}, 0, 2),
        ({"repeat": {"frequency": 1, "dayOfWeek": ["mon", "thu"]}}, 2 / 7, 2 / 7),
        ({"repeat": {"frequency": 1, "period": 0, "periodUnit": "d"}}, 1, 1),
        ({"repeat": {"frequency": 1, "period": 1, "periodUnit": "moons"}}, None, None),
        ({"repeat": "daily"}, None, None),
        (None, None, None),
    ],
)
def test_times_a_day(terms: Any, timing: object, low: float | None, high: float | None) -> None:
    found = line({"timing": timing}, terms)
    assert found.times_low == (pytest.approx(low) if low is not None else None)
    assert found.times_high == (pytest.approx(high) if high is not None else None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"asNeededBoolean": True}, True),
        ({"asNeededBoolean": "true"}, True),
        ({"asNeededBoolean": False}, False),
        ({"asNeededCodeableConcept": {"text": "anxiety"}}, True),
        ({"asNeededCodeableConcept": {}}, False),
        ({}, False),
    ],
)
def test_as_needed(terms: Any, fields: dict[str, Any], expected: bool) -> None:
    assert line({**one_daily(), **fields}, terms).as_needed is expected


@pytest.mark.parametrize(
    ("repeat", "days"),
    [
        ({"boundsDuration": {"value": 2, "code": "wk"}}, 14),
        ({"boundsDuration": {"value": 6, "unit": "moons"}}, None),
        ({"boundsRange": {"low": {"value": 5, "code": "d"}, "high": {"value": 10, "code": "d"}}}, 5),
        ({"boundsRange": {"high": {"value": 10, "code": "d"}}}, 10),
        ({"count": 28, "frequency": 2, "period": 1, "periodUnit": "d"}, 14),
        ({"count": 28}, None),
    ],
)
def test_bounded_length(terms: Any, repeat: dict[str, Any], days: float | None) -> None:
    assert line({"timing": {"repeat": repeat}}, terms).bounds_days == days


@pytest.mark.parametrize(
    ("fields", "low", "high"),
    [
        # A patch says its milligrams per time; whatever else is timed, a day of it is a day.
        ({"rateRatio": {"numerator": {"value": 6, "unit": "mg"}, "denominator": {"value": 24, "code": "h"}}}, 6, 6),
        ({"rateRatio": {"numerator": {"value": 6, "unit": "mg"}, "denominator": {"value": 2, "code": "d"}}}, 3, 3),
        ({"rateQuantity": {"value": 0.25, "unit": "mg/h"}}, 6, 6),
        ({"rateQuantity": {"value": 250, "code": "ug/h", "unit": "microgram per hour"}}, 6, 6),
        ({"rateQuantity": {"value": 5, "unit": "mL/h"}}, None, None),
        ({"rateQuantity": {"value": 5, "unit": "mg"}}, None, None),
        ({"rateRatio": {"numerator": {"value": 6, "unit": "mg"}}}, None, None),
        ({"rateRatio": {"denominator": {"value": 24, "code": "h"}}}, None, None),
    ],
)
def test_a_rate_is_a_dose_a_day(terms: Any, fields: dict[str, Any], low: float | None, high: float | None) -> None:
    found = line({"doseAndRate": [fields], "timing": {"code": {"text": "Twice daily"}}}, terms)
    assert (found.dose_low, found.dose_high) == (
        (None, None) if low is None else (pytest.approx(low), pytest.approx(high))
    )
    assert found.times_high == (1 if low is not None else 2)


def test_a_stated_dose_comes_before_a_rate(terms: Any) -> None:
    found = line({"doseAndRate": [{**MG_50, "rateQuantity": {"value": 1, "unit": "mg/h"}}]}, terms)
    assert (found.dose_low, found.times_low) == (50, None)


@pytest.mark.parametrize(
    ("quantity", "per_day"),
    [
        ({"value": 0.25, "unit": "mg/h", "code": "mg/h"}, 6),
        ({"value": 0.25, "unit": "MG/HR"}, 6),
        ({"value": 6, "unit": "mg/24 h", "code": "mg/(24.h)"}, 6),
        ({"value": 6, "unit": "mg/24h"}, 6),
        ({"value": 6, "unit": "mg/d"}, 6),
        ({"value": 5, "unit": "mL/h"}, None),
        ({"value": 5, "unit": "mg/kg/h"}, None),
        ({"value": 5, "unit": "mg/0 h"}, None),
    ],
)
@pytest.mark.parametrize("frequency", [None, 1])
def test_a_dose_written_as_a_rate(
    terms: Any, quantity: dict[str, Any], per_day: float | None, frequency: int | None
) -> None:
    repeat = {"frequency": frequency, "period": 1, "periodUnit": "d"} if frequency else {}
    found = line({"doseAndRate": [{"doseQuantity": quantity}], "timing": {"repeat": repeat}}, terms)
    assert found.unit == ("mg" if per_day else "")
    if per_day:
        assert (found.dose_low, found.dose_high, found.times_high) == (pytest.approx(per_day), pytest.approx(6), 1)


def test_a_rate_more_than_once_a_day_says_nothing(terms: Any) -> None:
    twice = {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}
    found = line({"doseAndRate": [{"doseQuantity": {"value": 3, "unit": "mg/24h"}}], "timing": twice}, terms)
    assert (found.unit, found.times_high) == ("", 2)


@pytest.mark.parametrize(
    ("cap", "expected"),
    [
        ({"numerator": {"value": 3, "unit": "tablet"}, "denominator": {"value": 1, "code": "d"}}, (3, "unit")),
        ([{"numerator": {"value": 300, "unit": "mg"}, "denominator": {"value": 2, "code": "d"}}], (150, "mg")),
        ({"numerator": {"value": 3, "unit": "boxes"}, "denominator": {"value": 1, "code": "d"}}, (None, "")),
        ({"numerator": {"value": 3, "unit": "tablet"}}, (None, "")),
        ({"denominator": {"value": 1, "code": "d"}}, (None, "")),
    ],
)
def test_a_cap_a_day(terms: Any, cap: object, expected: tuple[float | None, str]) -> None:
    found = line({"maxDosePerPeriod": cap}, terms)
    assert (found.most_per_day, found.most_unit) == expected
    assert found.dose_high is None


def test_a_cap_in_words_stands_in_for_a_missing_one(terms: Any) -> None:
    cap = {"numerator": {"value": 2, "unit": "tablet"}, "denominator": {"value": 1, "code": "d"}}
    assert line({"text": "1-2 tablets daily, max 3 per day"}, terms).most_per_day == 3
    assert line({"text": "1-2 tablets daily, max 3 per day", "maxDosePerPeriod": cap}, terms).most_per_day == 2


@pytest.mark.parametrize(
    ("fields", "as_needed"),
    [
        ({"text": "1 tablet daily as needed"}, True),
        ({"text": "1 tablet nightly and 1 tablet as needed"}, False),
        ({"text": "1 tablet daily"}, False),
        ({"text": "1 tablet daily as needed", **one_daily()}, False),
        ({"text": "1 tablet daily as needed", **MG_50}, True),
        ({"text": "1 tablet daily", "asNeededBoolean": True}, True),
    ],
)
def test_words_say_as_needed_where_the_structure_does_not_say_how_often(
    terms: Any, fields: dict[str, Any], as_needed: bool
) -> None:
    assert line(fields, terms).as_needed is as_needed


@pytest.mark.parametrize(
    ("text", "repeat", "days"),
    [
        ("1 tablet daily for 30 days", {}, 30),
        ("1 tab daily for 7 days then 2 tabs daily for 14 days", {}, 21),
        ("2 tabs daily for 7 days then 1 tab daily for 7 days then stop", {}, 14),
        ("1 tab daily for 7 days then 2 tabs daily", {}, None),
        ("1 tablet daily for 30 days", {"boundsDuration": {"value": 10, "code": "d"}}, 10),
        ("1 tablet daily for 30 days", {"boundsPeriod": {"end": "2025-01-31"}}, None),
        ("1 tablet daily", {}, None),
    ],
)
def test_a_length_in_words(terms: Any, text: str, repeat: dict[str, Any], days: float | None) -> None:
    assert line({"text": text, "timing": {"repeat": repeat}}, terms).bounds_days == days


@pytest.mark.parametrize(
    ("initial", "quantity", "days", "flags"),
    [
        ({}, None, None, ()),
        ({"quantity": {"value": 7, "unit": "tablet"}, "duration": {"value": 1, "code": "wk"}}, 7, 7, ("initial-fill",)),
        ({"duration": {"value": 7, "unit": "moons"}}, None, None, ("supply-unit-unknown", "initial-fill")),
        ({"quantity": {"value": 1, "unit": "bottle"}}, None, None, ("quantity-unit-unknown", "initial-fill")),
    ],
)
def test_a_first_fill_of_another_size(
    terms: Any, initial: dict[str, Any], quantity: float | None, days: float | None, flags: tuple[str, ...]
) -> None:
    found = read_supply({"dispenseRequest": {"quantity": {"value": 30}, "initialFill": initial}}, terms)
    assert (found.quantity, found.initial_quantity, found.initial_days, found.flags) == (30, quantity, days, flags)


def test_words_that_were_read_or_not(terms: Any) -> None:
    read = line({"text": "Take 1 capsule daily along with 150 mg capsule for total of 225 mg"}, terms)
    assert (len(read.written), read.stated_total_mg, read.caution) == (1, 225, "")
    unread = line({"text": "Hold until seen"}, terms)
    assert (unread.written, unread.stated_total_mg, unread.caution) == ((), None, "other")


def test_bounds_period_sequence_and_text(terms: Any) -> None:
    period = {"repeat": {"boundsPeriod": {"start": "2025-01-01", "end": "2025-02"}}}
    found = line({"sequence": "2", "timing": period, "text": " one daily "}, terms)
    assert (found.sequence, found.text) == (2, "one daily")
    assert found.bounds_start == PartialDate.parse("2025-01-01")
    assert found.bounds_end == PartialDate.parse("2025-02")


@pytest.mark.parametrize(
    ("sent", "count"),
    [(None, 0), ([], 0), ({}, 0), (one_daily(), 1), ([one_daily(), one_daily()], 2), ([1, None, []], 0)],
)
def test_list_or_object(terms: Any, sent: object, count: int) -> None:
    assert len(read_dosage(sent, terms)) == count


def test_a_plain_sentence_is_kept_for_the_parser(terms: Any) -> None:
    assert line("1 tablet daily", terms).text == "1 tablet daily"
    assert line({"patientInstruction": "at night"}, terms).text == "at night"
