"""Finer points of directions in words, each read by a new reader, so that no reading of another text is kept."""

from __future__ import annotations

import pytest

from mappings.load import load
from plugin.ingest.directions import DirectionsReader
from tests.ingest.direction_notation import told

KNOWLEDGE = load()


def reading(*texts: str) -> list[str]:
    """What one new reader makes of the texts, one after the other."""
    reader = DirectionsReader(KNOWLEDGE.directions.values(), KNOWLEDGE.dosing.period_days)
    return [told(reader.read(text)) for text in texts]


def test_two_texts_that_differ_in_the_unit_of_time_alone_are_two_texts() -> None:
    assert reading(
        "1 tablet daily for 2 weeks then 2 tablets daily", "1 tablet daily for 2 days then 2 tablets daily"
    ) == [
        "1 unit x 1 for 14 d then 2 unit x 1",
        "1 unit x 1 for 2 d then 2 unit x 1",
    ]
    assert reading("1 tablet every 12 hours", "1 tablet every 12 days") == ["1 unit x 2", "1 unit x 0.08333"]


def test_a_second_hour_of_the_clock_is_no_number_of_tablets() -> None:
    assert reading("1 tablet at 8 am and 8 pm", "1 tablet at 8 am and 2 pm") == ["1 unit x 2", "1 unit x 2"]


@pytest.mark.parametrize("total", ["total 100 mg", "total: 100 mg", "= total 100 mg", "= total = 100 mg"])
def test_the_total_of_an_intake_in_brackets_is_that_of_the_intake(total: str) -> None:
    assert reading(f"take 2 tablets ({total}) twice daily") == ["2 unit = 100 mg x 2"]


@pytest.mark.parametrize("end", ["", ".", ";"])
def test_how_long_the_first_step_lasts_may_stand_at_the_end_of_the_text(end: str) -> None:
    assert reading(f"take 1 tab daily, increase to 2 tabs daily after 1 week{end}") == [
        "1 unit x 1 for 7 d then 2 unit x 1"
    ]


@pytest.mark.parametrize("for_which", ["depression", "depression and insomnia", "depression, insomnia and migraine"])
def test_reasons_say_nothing_of_the_dose(for_which: str) -> None:
    assert reading(f"1 tablet daily for {for_which}") == ["1 unit x 1"]


@pytest.mark.parametrize("week", ["a week", "1 week", "another week", "the first week", "the next week"])
def test_a_length_without_a_number_is_one_of_its_unit(week: str) -> None:
    assert reading(f"1 tablet daily for {week} then 2 tablets daily") == ["1 unit x 1 for 7 d then 2 unit x 1"]


@pytest.mark.parametrize("often", ["twice daily", "3 times a day"])
def test_before_meals_says_nothing_of_how_often(often: str) -> None:
    [plain] = reading(f"take 1 tablet {often}")
    assert reading(f"take 1 tablet before meals {often}", f"take 1 tablet {often} before meals") == [plain, plain]


@pytest.mark.parametrize(
    "start",
    ["4 tabs daily, decrease by 25 mg", "4 tabs, decrease by 1 tab", "100 mg daily, decrease by 1 tab"],
)
def test_a_dose_falls_only_by_what_it_is_counted_in_and_where_its_frequency_is_known(start: str) -> None:
    assert reading(f"{start} every week, then stop") == ["unknown, other"]
