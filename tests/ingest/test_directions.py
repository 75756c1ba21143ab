"""Directions in words: a table of texts with their readings, and what must hold for any text at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mappings.direction_schema import DirectionWords
from mappings.load import load
from plugin.ingest.directions import DirectionsReader
from tests.ingest.direction_notation import told

TABLES = Path(__file__).parent / "directions"
KNOWLEDGE = load()
ENGLISH = KNOWLEDGE.directions["en"]
READER = DirectionsReader(KNOWLEDGE.directions.values(), KNOWLEDGE.dosing.period_days)
assert ENGLISH.limits is not None
LIMITS = ENGLISH.limits


def rows() -> Iterator[tuple[str, str, str]]:
    for path in sorted(TABLES.glob("*.yaml")):
        for row in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield path.stem, row["text"], row["reads"]


ROWS = tuple(rows())
READABLE = tuple(text for group, text, _ in ROWS if group != "must-be-unknown")
VOCABULARY = tuple(dict.fromkeys(word for _, text, _ in ROWS for word in text.split()))


@pytest.mark.parametrize(("group", "text", "reads"), ROWS)
def test_the_table_of_directions(group: str, text: str, reads: str) -> None:
    assert told(READER.read(text)) == reads
    assert reads.startswith("unknown") == (group == "must-be-unknown")


def test_the_table_is_wide() -> None:
    assert len(ROWS) >= 150
    assert len({text for _, text, _ in ROWS}) == len(ROWS)


def test_a_text_beyond_the_limit_is_not_read() -> None:
    room = LIMITS.characters - len("1 tab daily")
    assert READER.read("1 tab daily" + " " * room).understood
    assert not READER.read("1 tab daily" + " " * (room + 1)).understood


@pytest.mark.parametrize(("units", "understood"), [(12, True), (13, False)])
def test_more_units_at_once_than_anybody_takes(units: int, understood: bool) -> None:
    assert READER.read(f"{units} tablets daily").understood is understood
    assert READER.read(f"1 tablet daily for 7 days then increase by 1 tablet every day until {units}").understood is (
        understood
    )


@pytest.mark.parametrize(("units", "understood"), [(4, True), (5, False)])
def test_a_bare_number_counts_units_only_while_small(units: int, understood: bool) -> None:
    assert READER.read(f"take {units} daily").understood is understood


@pytest.mark.parametrize(("hours", "understood"), [(2, True), (1.9, False)])
def test_more_intakes_a_day_than_anybody_manages(hours: float, understood: bool) -> None:
    assert READER.read(f"1 tablet every {hours} hours").understood is understood


@pytest.mark.parametrize(("units", "understood"), [("0.5", True), ("0.4", False)])
def test_a_taper_longer_than_any(units: str, understood: bool) -> None:
    text = f"12 tablets daily, decrease by {units} tablet every day, then stop"
    assert READER.read(text).understood is understood


@pytest.mark.parametrize(("steps", "understood"), [(26, True), (27, False)])
def test_more_steps_than_any_taper_has(steps: int, understood: bool) -> None:
    assert READER.read(" then ".join(["1 bid"] * steps)).understood is understood


def test_a_second_language_is_read_beside_the_first_and_two_readings_are_none() -> None:
    french = ENGLISH.model_copy(
        update={
            "id": "fr",
            "units": (ENGLISH.units[0].model_copy(update={"written": ("comprimé",), "to": "unit"}),),
            "rates": (ENGLISH.rates[0].model_copy(update={"written": ("par jour", "die"), "per_day": 1.0}),),
        }
    )
    other = french.model_copy(
        update={"rates": (ENGLISH.rates[0].model_copy(update={"written": ("par jour",), "per_day": 2.0}),)}
    )
    periods = KNOWLEDGE.dosing.period_days
    assert told(DirectionsReader([ENGLISH, french], periods).read("1 comprimé par jour")) == "1 unit x 1"
    assert told(DirectionsReader([ENGLISH, french], periods).read("1 tablet daily")) == "1 unit x 1"
    assert not DirectionsReader([french, other], periods).read("1 comprimé par jour").understood
    assert not DirectionsReader([], periods).read("1 tablet daily").understood


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"numbers": {"daily": 1.0}}, "stands for two things"),
        ({"limits": None}, "needs limits"),
        ({"near_moments": (("evening", "dusk"),)}, "no time of day is called dusk"),
    ],
)
def test_words_that_contradict_each_other_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DirectionWords.model_validate({**ENGLISH.model_dump(), **change})


@given(st.text(max_size=120))
def test_no_text_raises(text: str) -> None:
    READER.read(text)


@given(st.lists(st.sampled_from(VOCABULARY), max_size=12))
def test_no_order_of_known_words_raises_or_passes_the_limits(words: list[str]) -> None:
    for dose in READER.read(" ".join(words)).doses:
        if dose.dose_low is not None and dose.dose_high is not None:
            assert 0 <= dose.dose_low <= dose.dose_high
            assert dose.unit != "unit" or dose.dose_high <= LIMITS.units_per_intake
        if dose.times_low is not None and dose.times_high is not None:
            assert 0 < dose.times_low <= dose.times_high <= LIMITS.intakes_per_day


@given(st.sampled_from(READABLE), st.integers(min_value=0), st.sampled_from(["xqzv", "nicht", "not", "#", "0,5", "?"]))
def test_a_word_that_is_not_known_makes_the_whole_unknown(text: str, place: int, word: str) -> None:
    words = text.split()
    place %= len(words) + 1
    assert not READER.read(" ".join([*words[:place], word, *words[place:]])).understood


@given(st.sampled_from(READABLE), st.sampled_from(["do not", "hold:", "if", "stop", "unless you can"]))
def test_a_word_before_that_denies_it_makes_the_whole_unknown(text: str, denial: str) -> None:
    assert not READER.read(f"{denial} {text}").understood


@given(st.sampled_from(ROWS), st.sampled_from([str.upper, str.lower, str.title, lambda text: f"  {text} ", str]))
def test_letter_case_and_blanks_do_not_matter(row: tuple[str, str, str], spelt: object) -> None:
    assert callable(spelt)
    assert told(READER.read(spelt(row[1]))) == row[2]
