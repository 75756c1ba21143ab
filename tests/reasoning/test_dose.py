"""Daily dose: units, ranges, sequences, packs, equivalence, and what stays unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mappings.load import load
from plugin.exposure.dose import (
    UNKNOWN,
    DailyDose,
    DoseSchedule,
    DoseStep,
    add_up,
    days_lasting,
    schedule_of,
    units_per_day,
)
from plugin.exposure.dose_schedule import either, length_of, together
from plugin.ingest.dosage import read_dosage
from plugin.ingest.vocabulary import vocabulary_of
from plugin.record import Component, DosageLine, MedicationFact, PackPart, Product
from plugin.spans import PartialDate
from tests.reasoning.facts import daily, fill, product, when

KNOWLEDGE = load()
AGREEMENT = KNOWLEDGE.reconstruction.dose_agreement
NOT_KNOWN = (UNKNOWN.low, UNKNOWN.high)


def worded(text: str, **more: Any) -> DosageLine:
    """An instruction in words, with the structure of `more`."""
    (line,) = read_dosage({"text": text}, vocabulary_of(KNOWLEDGE).dosing)
    # As for a reader that has the structure first: it says whether all is taken as needed.
    return replace(line, **{"as_needed": line.as_needed and not {"dose_low", "times_low"} <= more.keys(), **more})


def once_daily(units: float) -> dict[str, Any]:
    """The structure of so many units once a day."""
    return {"dose_low": units, "dose_high": units, "unit": "unit", "times_low": 1.0, "times_high": 1.0}


def schedule(fact: MedicationFact) -> DoseSchedule:
    assert fact.product is not None
    return schedule_of(fact, fact.product.components[0], agreement=AGREEMENT)


def in_short(fact: MedicationFact) -> tuple[list[tuple[int | None, float, float]], bool, tuple[str, ...]]:
    """The steps, whether they are weak, and the flags."""
    found = schedule(fact)
    steps = [(step.days, round(step.dose.low, 6), round(step.dose.high, 6)) for step in found.steps]
    return steps, found.weak, found.flags


def dose_of(fact: MedicationFact, days: int = 1) -> list[tuple[float, float]]:
    assert fact.product is not None
    profile = schedule_of(fact, fact.product.components[0]).profile(days)
    return [(dose.low, dose.high) for dose in profile]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (daily(1), (50, 50)),
        (daily(0.5), (25, 25)),
        (DosageLine(dose_low=75, dose_high=75, unit="mg", times_low=2, times_high=2), (150, 150)),
        (DosageLine(dose_low=1, dose_high=2, unit="unit", times_low=1, times_high=1), (50, 100)),
        (DosageLine(dose_low=1, dose_high=1, unit="unit", times_low=1, times_high=2), (50, 100)),
        (DosageLine(dose_low=1, dose_high=1, unit="mL", times_low=1, times_high=1), (UNKNOWN.low, UNKNOWN.high)),
        (DosageLine(dose_low=1, dose_high=1, unit="", times_low=1, times_high=1), (UNKNOWN.low, UNKNOWN.high)),
        (DosageLine(dose_low=1, dose_high=1, unit="unit"), (UNKNOWN.low, UNKNOWN.high)),
    ],
)
def test_one_instruction(line: DosageLine, expected: tuple[float, float]) -> None:
    assert dose_of(fill(1, 0, dosage=(line,))) == [expected]


def test_quantity_over_days_supply_when_the_instruction_cannot_be_read() -> None:
    fact = fill(1, 0, dosage=(worded("tome media tableta al día"),), quantity=15.0)

    assert dose_of(fact) == [(25, 25)]


def test_everything_as_needed_schedules_nothing() -> None:
    fact = fill(1, 0, dosage=(daily(as_needed=True),))
    assert fact.product is not None

    assert not schedule_of(fact, fact.product.components[0]).scheduled


def test_equal_sequence_numbers_add_and_different_ones_follow_each_other() -> None:
    together = fill(1, 0, dosage=(daily(1, sequence=1), daily(2, sequence=1)))
    after = fill(1, 0, dosage=(daily(1, sequence=1, bounds_days=2), daily(2, sequence=2)))

    assert dose_of(together) == [(150, 150)]
    assert dose_of(after, 4) == [(50, 50), (50, 50), (100, 100), (100, 100)]


def test_consecutive_instructions_without_lengths_keep_every_reading() -> None:
    fact = fill(1, 0, dosage=(daily(1, sequence=1), daily(3, sequence=2)))

    assert dose_of(fact) == [(50, 150)]


def test_several_instructions_without_numbers_keep_both_readings() -> None:
    assert dose_of(fill(1, 0, dosage=(daily(1), daily(2)))) == [(50, 150)]


def test_a_pack_is_expanded_part_by_part() -> None:
    parts = tuple(
        PackPart(count=count, components=(Component(ingredient="vilazodone", amount=amount),))
        for count, amount in ((7, 10.0), (7, 20.0), (16, 40.0))
    )
    pack = Product(label="pack", components=(Component(ingredient="vilazodone"),), recognised_by="rxnorm", pack=parts)
    profile = dose_of(fill(1, 0, product=pack, dosage=()), 30)

    assert [profile[0], profile[7], profile[14], profile[29]] == [(10, 10), (20, 20), (40, 40), (40, 40)]


def test_equivalence_turns_labelled_into_reference_milligrams() -> None:
    weekly = replace(
        product("fluoxetine", 90), components=(Component(ingredient="fluoxetine", amount=90, equivalence=14 / 9),)
    )
    line = DosageLine(dose_low=1, dose_high=1, unit="unit", times_low=1 / 7, times_high=1 / 7)

    [(low, high)] = dose_of(fill(1, 0, product=weekly, dosage=(line,)))
    assert (round(low, 6), round(high, 6)) == (20, 20)


def test_milligrams_of_a_combination_do_not_say_which_ingredient() -> None:
    both = Product(
        label="two",
        components=(Component(ingredient="fluoxetine", amount=25), Component(ingredient="olanzapine", amount=6)),
        recognised_by="rxnorm",
    )
    line = DosageLine(dose_low=25, dose_high=25, unit="mg", times_low=1, times_high=1)

    assert dose_of(fill(1, 0, product=both, dosage=(line,))) == [(UNKNOWN.low, UNKNOWN.high)]


def test_a_dose_needs_ordered_ends() -> None:
    with pytest.raises(ValueError, match="low <= high"):
        DailyDose(2, 1)


CONFLICT = ("dose_text_conflict",)


@pytest.mark.parametrize(
    ("quantity", "days", "expected"),
    [
        # 50 mg tablets, "1 tablet daily": equal, and just inside and outside a fifth of what was supplied.
        (30.0, 30, ([(None, 50, 50)], False, ())),
        (25.0, 30, ([(None, 50, 50)], False, ())),
        (24.9, 30, ([(None, *NOT_KNOWN)], False, ("dose_text_disagrees",))),
        (37.5, 30, ([(None, 50, 50)], False, ())),
        (37.6, 30, ([(None, *NOT_KNOWN)], False, ("dose_text_disagrees",))),
        (15.0, 30, ([(None, *NOT_KNOWN)], False, ("dose_text_disagrees",))),
        # Nothing to hold it against: known, but weak.
        (None, 30, ([(None, 50, 50)], True, ())),
        (30.0, None, ([(None, 50, 50)], True, ())),
        (None, None, ([(None, 50, 50)], True, ())),
    ],
)
def test_a_dose_in_words_holds_only_if_the_supply_agrees(
    quantity: float | None, days: float | None, expected: Any
) -> None:
    assert in_short(fill(1, 0, days, dosage=(worded("Take 1 tablet daily"),), quantity=quantity)) == expected


def test_without_a_tolerance_words_and_supply_have_to_be_equal() -> None:
    def found(quantity: float) -> bool:
        fact = fill(1, 0, dosage=(worded("Take 1 tablet daily"),), quantity=quantity)
        assert fact.product is not None
        return schedule_of(fact, fact.product.components[0]).steps[0].dose.is_known

    assert found(30.0)
    assert not found(29.0)


@pytest.mark.parametrize(
    ("text", "quantity", "expected"),
    [
        ("take 1/2 tablet daily", 15.0, [(None, 25, 25)]),
        ("take 1-2 tablets daily", 45.0, [(None, 50, 100)]),
        ("take 1-2 tablets daily", 24.0, [(None, *NOT_KNOWN)]),
        ("1 tab daily for 10 days then 2 tabs daily", 50.0, [(10, 50, 50), (None, 100, 100)]),
        ("1 tab daily for 10 days then 2 tabs daily", 30.0, [(None, *NOT_KNOWN)]),
        ("1 tab daily then 2 tabs daily", 45.0, [(None, 50, 100)]),
        ("2 tabs in the morning and 1 tab at bedtime", 90.0, [(None, 150, 150)]),
        (
            "4 tabs daily, decrease by 1 tab every week, then stop",
            70.0,
            [(7, 200, 200), (7, 150, 150), (7, 100, 100), (7, 50, 50), (None, 0, 0)],
        ),
        ("1 capsule once a week", 4.0, [(None, 50 / 7, 50 / 7)]),
    ],
)
def test_directions_in_words(text: str, quantity: float, expected: list[tuple[int | None, float, float]]) -> None:
    rounded = [(days, round(low, 6), round(high, 6)) for days, low, high in expected]
    assert in_short(fill(1, 0, dosage=(worded(text),), quantity=quantity))[0] == rounded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # 50 mg tablets: the milligrams beside a count are of the strength, of the whole, or of another product.
        ("Take 1 tablet (50 mg) daily", (50, 50, ())),
        ("Take 2 tablets (50 mg) daily", (100, 100, ())),
        ("Take 2 tablets (100 mg) daily", (100, 100, ())),
        ("Take 2 tablets (50 mg each) daily", (100, 100, ())),
        ("Take 1 tablet (25 mg) daily", (25, 50, CONFLICT)),
        ("Take 1 tablet daily, total daily dose 50 mg", (50, 50, ())),
        ("Take 1 tablet daily along with 100 mg tablet for total of 150 mg", (50, 50, ())),
        ("Take 2 tablets daily, total daily dose 50 mg", (50, 100, CONFLICT)),
        ("Take 1-2 tablets daily, max 3 per day", (50, 100, ())),
        ("Take 1-3 tablets daily, max 2 per day", (50, 100, ())),
        ("Take 3 tablets daily, max 2 per day", (100, 150, ("dose_above_cap",))),
        ("Take 1 tablet daily, max 1 mL per day", (50, 50, ())),
        ("5 mL daily", (*NOT_KNOWN, ())),
        ("1 tablet", (*NOT_KNOWN, ())),
        ("daily", (*NOT_KNOWN, ())),
        ("take as directed", (*NOT_KNOWN, ())),
        ("do not take", (*NOT_KNOWN, ())),
        ("Take 1 tablet nightly and 1 tablet as needed", (50, 50, ())),
    ],
)
def test_words_against_the_strength(text: str, expected: tuple[float, float, tuple[str, ...]]) -> None:
    steps, _, flags = in_short(fill(1, 0, None, dosage=(worded(text),)))
    assert (*steps[0][1:], flags) == expected


def test_milligrams_beside_a_count_settle_the_dose_of_a_product_without_strength() -> None:
    fact = fill(1, 0, None, product=product(amount=None), dosage=(worded("Take 2 tablets (50 mg) daily"),))
    assert in_short(fact) == ([(None, 50, 100)], True, ())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Complete structure: words that say the same, something else, nothing, or "as needed".
        (daily(1), (50, 50, False, ())),
        (worded("Take 1 tablet daily", **once_daily(1)), (50, 50, False, ())),
        (worded("50 mg daily", **once_daily(1)), (50, 50, False, ())),
        (worded("Take 2 tablets daily", **once_daily(1)), (50, 100, False, CONFLICT)),
        (worded("Take half a tablet daily", **once_daily(1)), (25, 50, False, CONFLICT)),
        (worded("daily", **once_daily(1)), (50, 50, False, ())),
        (worded("1 tablet", **once_daily(1)), (50, 50, False, ())),
        (worded("twice daily", **once_daily(1)), (50, 100, False, CONFLICT)),
        (worded("take as directed", **once_daily(1)), (50, 50, False, ())),
        (worded("tome 1 tableta", **once_daily(1)), (50, 50, False, ())),
        (worded("hold for surgery", **once_daily(1)), (50, 50, False, ())),
        (worded("1 tablet daily as needed", **once_daily(1)), (0, 50, False, CONFLICT)),
        (worded("1 tableta si es necesario", **once_daily(1)), (0, 50, False, CONFLICT)),
        # Incomplete structure: the words complete it; what both say must be the same.
        (worded("1 tablet daily", dose_low=50.0, dose_high=50.0, unit="mg"), (50, 50, True, ())),
        (worded("daily", dose_low=50.0, dose_high=50.0, unit="mg"), (50, 50, True, ())),
        (worded("1 tablet", times_low=1.0, times_high=1.0), (50, 50, True, ())),
        (worded("1 tablet daily", dose_low=100.0, dose_high=100.0, unit="mg"), (50, 100, True, CONFLICT)),
        (worded("1 tablet daily", times_low=2.0, times_high=2.0), (50, 100, True, CONFLICT)),
        (worded("daily", times_low=1.0, times_high=1.0), (*NOT_KNOWN, False, ())),
    ],
)
def test_structure_and_words(line: DosageLine, expected: tuple[float, float, bool, tuple[str, ...]]) -> None:
    steps, weak, flags = in_short(fill(1, 0, None, dosage=(line,)))
    assert (*steps[0][1:], weak, flags) == expected


def test_words_that_change_widen_the_structure_day_by_day() -> None:
    line = worded("1 tab daily for 7 days then 2 tabs daily", **once_daily(1))
    assert in_short(fill(1, 0, dosage=(line,))) == ([(7, 50, 50), (None, 50, 100)], False, CONFLICT)


@pytest.mark.parametrize(
    ("text", "quantity", "expected"),
    [
        ("tome 1 tableta", 30.0, (50, 50, ())),
        ("take as directed", 30.0, (50, 50, ())),
        ("hold if drowsy", 30.0, (0, 50, ("directions_unclear",))),
        ("1 Tablette bei Bedarf", 30.0, (0, 50, ("directions_unclear",))),
        ("hold if drowsy", None, (*NOT_KNOWN, ())),
    ],
)
def test_the_supply_speaks_for_words_nobody_can_read_unless_they_warn(
    text: str, quantity: float | None, expected: tuple[float, float, tuple[str, ...]]
) -> None:
    steps, _, flags = in_short(fill(1, 0, dosage=(worded(text),), quantity=quantity))
    assert (*steps[0][1:], flags) == expected


def test_units_taken_as_needed_are_in_the_supply_too() -> None:
    lines = (DosageLine(), daily(as_needed=True))
    assert in_short(fill(1, 0, dosage=lines, quantity=60.0))[0] == [(None, 0, 100)]
    both = fill(1, 0, dosage=(worded("1 tablet daily"), daily(as_needed=True)), quantity=60.0)
    assert in_short(both) == ([(None, 50, 50)], True, ())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # Same number: together; a shorter one ends first. Different: one after the other. Missing: both readings.
        ((daily(1, sequence=1), daily(2, sequence=1)), [(None, 150, 150)]),
        ((daily(1, sequence=1, bounds_days=7), daily(2, sequence=1)), [(7, 150, 150), (None, 100, 100)]),
        ((daily(1, sequence=1, bounds_days=7), daily(2, sequence=2)), [(7, 50, 50), (None, 100, 100)]),
        (
            (daily(1, sequence=1, bounds_days=7), daily(1, sequence=2, bounds_days=4), daily(1, sequence=2)),
            [(7, 50, 50), (4, 100, 100), (None, 50, 50)],
        ),
        ((daily(3, sequence=2), daily(1, sequence=1, bounds_days=7)), [(7, 50, 50), (None, 150, 150)]),
        ((daily(1, sequence=1), daily(2)), [(None, 50, 150)]),
        ((daily(1), daily(2)), [(None, 50, 150)]),
        ((daily(1, sequence=1), daily(2, as_needed=True)), [(None, 50, 50)]),
        ((daily(2, bounds_days=7),), [(None, 100, 100)]),
        (
            (worded("1 tab daily for 7 days then 2 tabs daily", sequence=1, bounds_days=10.0), daily(3, sequence=2)),
            [(7, 50, 50), (3, 100, 100), (None, 150, 150)],
        ),
        (
            (worded("1 tab daily for 7 days then 2 tabs daily for 7 days", sequence=1), daily(3, sequence=2)),
            [(7, 50, 50), (7, 100, 100), (None, 150, 150)],
        ),
    ],
)
def test_several_instructions(lines: tuple[DosageLine, ...], expected: list[tuple[int | None, float, float]]) -> None:
    assert in_short(fill(1, 0, None, dosage=lines))[0] == expected


def test_the_written_period_says_how_long_a_numbered_instruction_lasts() -> None:
    first = daily(1, sequence=1, bounds_start=when(0), bounds_end=when(6))
    vague = replace(first, bounds_end=PartialDate.parse("2025-02"))
    assert in_short(fill(1, 0, dosage=(first, daily(2, sequence=2))))[0] == [(7, 50, 50), (None, 100, 100)]
    assert in_short(fill(1, 0, dosage=(vague, daily(2, sequence=2))))[0] == [(None, 50, 100)]


@pytest.mark.parametrize(
    ("unit", "amount", "per", "equivalence", "expected"),
    [
        ("unit", 150.0, "unit", 1.0, (150, 150)),
        ("mL", 20.0, "mL", 1.0, (20, 20)),
        ("mL", 20.0, "unit", 1.0, NOT_KNOWN),
        ("unit", 20.0, "mL", 1.0, NOT_KNOWN),
        ("unit", None, "unit", 1.0, NOT_KNOWN),
        ("mg", None, "unit", 1.0, (1, 1)),
        ("mg", None, "count", 1.0, NOT_KNOWN),
        ("unit", 174.0, "unit", 150 / 174, (150, 150)),
        ("unit", 25.0, "unit", 0.8, (20, 20)),
        ("", 25.0, "unit", 1.0, NOT_KNOWN),
    ],
)
def test_units_strengths_and_equivalence(
    unit: str, amount: float | None, per: str, equivalence: float, expected: tuple[float, float]
) -> None:
    component = Component(ingredient="bupropion", amount=amount, per=per, equivalence=equivalence)
    one = Product(label="one", components=(component,), recognised_by="rxnorm")
    line = DosageLine(dose_low=1, dose_high=1, unit=unit, times_low=1, times_high=1)
    [(low, high)] = dose_of(fill(1, 0, product=one, dosage=(line,)))
    assert (low, high) == (pytest.approx(expected[0]), pytest.approx(expected[1]))


def test_a_pack_taken_faster_than_directed_has_both_doses() -> None:
    parts = (PackPart(count=10, components=(Component(ingredient="vilazodone", amount=10.0),)),)
    pack = Product(label="pack", components=(Component(ingredient="vilazodone"),), recognised_by="rxnorm", pack=parts)
    other = replace(pack, pack=(PackPart(count=10, components=(Component(ingredient="sertraline", amount=1.0),)),))

    assert dose_of(fill(1, 0, 5, product=pack, dosage=(daily(1),))) == [(10, 20)]
    assert dose_of(fill(1, 0, 10, product=pack, dosage=(daily(1),))) == [(10, 10)]
    assert dose_of(fill(1, 0, None, product=pack, dosage=(daily(2),))) == [(20, 20)]
    assert dose_of(fill(1, 0, None, product=pack, dosage=())) == [(10, 10)]
    assert dose_of(fill(1, 0, 10, product=other, dosage=())) == [NOT_KNOWN]


@pytest.mark.parametrize(
    ("lines", "supply", "expected"),
    [
        ((daily(2),), {}, 2),
        ((DosageLine(dose_low=100, dose_high=100, unit="mg", times_low=1, times_high=1),), {}, 2),
        ((daily(1, sequence=1), daily(2, sequence=1)), {}, 3),
        ((daily(1), daily(2)), {}, None),
        ((daily(1, sequence=1), daily(2, sequence=2)), {}, None),
        ((daily(1), daily(1, as_needed=True)), {}, None),
        ((), {}, None),
        ((worded("1-2 tabs daily"),), {}, 2),
        ((worded("50 mg daily"),), {}, 1),
        ((worded("1 tab am and 2 tabs pm"),), {}, 3),
        ((worded("1 tab daily for 7 days then 2 tabs daily"),), {}, None),
        ((worded("daily", dose_low=2.0, dose_high=2.0, unit="unit"),), {}, 2),
        ((worded("2 tabs", times_low=1.0, times_high=1.0),), {}, 2),
        ((worded("1 tab"),), {}, None),
        ((worded("1 tab daily"),), {"quantity": 30.0}, None),
        ((worded("2 tabs daily", **once_daily(1)),), {"quantity": 30.0}, 2),
        ((daily(1, sequence=1), DosageLine(sequence=1)), {}, None),
        ((DosageLine(dose_low=1, dose_high=1, unit="", times_low=1, times_high=1),), {}, None),
    ],
)
def test_units_a_day(lines: tuple[DosageLine, ...], supply: dict[str, float], expected: float | None) -> None:
    assert units_per_day(fill(1, 0, dosage=lines, **supply)) == expected


def test_units_a_day_of_a_combination_or_of_no_product_are_not_known() -> None:
    both = replace(product(), components=(*product().components, Component(ingredient="olanzapine", amount=6)))
    assert units_per_day(fill(1, 0, product=both)) is None
    assert units_per_day(fill(1, 0, product=None)) is None


@pytest.mark.parametrize(
    ("text", "quantity", "expected"),
    [
        ("1 tab daily for 7 days then 2 tabs daily", 53.0, 30),
        ("1 tab daily for 7 days then 2 tabs daily", 52.0, 29),
        ("1 tab daily for 7 days then 2 tabs daily", 5.0, 5),
        ("1 tab daily for 7 days then stop", 30.0, 7),
        ("3 tabs daily", 10.0, 3),
        ("1/2 tab daily", 15.0, 30),
        ("2 tabs daily", 1.0, None),
        ("take as directed", 30.0, None),
        ("1 tab daily", None, None),
    ],
)
def test_how_long_a_quantity_lasts(text: str, quantity: float | None, expected: int | None) -> None:
    fact = fill(1, 0, None, dosage=(worded(text),), quantity=quantity)
    assert fact.product is not None
    assert days_lasting(fact, fact.product.components[0], schedule(fact)) == expected


def test_how_long_a_quantity_lasts_is_not_known_beside_units_as_needed_or_without_strength() -> None:
    fact = fill(1, 0, None, dosage=(daily(1), daily(1, as_needed=True)), quantity=30.0)
    bounded = DoseSchedule((DoseStep(7, DailyDose(50, 50)),))
    component = Component(ingredient="sertraline", amount=50)
    assert days_lasting(fact, component, schedule(fact)) is None
    plain = replace(fact, dosage=(daily(1),))
    assert days_lasting(plain, replace(component, amount=None), bounded) is None
    assert days_lasting(plain, component, bounded) == 7
    assert days_lasting(plain, component, DoseSchedule(())) is None


@pytest.mark.parametrize(
    ("totals", "doses", "expected"),
    [
        ((225.0, None), ((150, 150), (75, 75)), True),
        ((225.0, 225.0), ((150, 150), (75, 75)), True),
        ((225.0, 150.0), ((150, 150), (75, 75)), False),
        ((226.0, None), ((150, 150), (75, 75)), False),
        ((None, None), ((150, 150), (75, 75)), False),
        ((225.0, None), ((150, 150), (0, 75)), False),
        ((225.0, None), ((150, 150), NOT_KNOWN), False),
        ((150.0,), ((150, 150),), False),
    ],
)
def test_supplies_add_up_only_to_a_stated_total(
    totals: tuple[float | None, ...], doses: tuple[tuple[float, float], ...], expected: bool
) -> None:
    schedules = [
        DoseSchedule((DoseStep(None, DailyDose(*dose)),), stated_total=total)
        for total, dose in zip(totals, doses, strict=True)
    ]
    assert add_up(schedules) is expected
    assert not add_up([*schedules, DoseSchedule(())])


def test_the_stated_total_is_told_in_milligrams_of_the_reference() -> None:
    text = "Take 1 capsule daily along with 150 mg capsule for total of 225 mg"
    component = Component(ingredient="bupropion", amount=75, equivalence=0.8)
    fact = fill(1, 0, None, product=replace(product(), components=(component,)), dosage=(worded(text),))
    twice = replace(fact, dosage=(worded(text), worded("1 tablet daily, total 300 mg daily")))
    assert schedule(fact).stated_total == pytest.approx(180)
    assert schedule(twice).stated_total is None
    both = replace(
        fact, product=replace(product(), components=(component, Component(ingredient="olanzapine", amount=6)))
    )
    assert schedule(both).stated_total is None


def test_steps_side_by_side_and_either_or() -> None:
    seven = (DoseStep(7, DailyDose(1, 1)),)
    change = (DoseStep(3, DailyDose(2, 2)), DoseStep(None, DailyDose(4, 4)))
    assert together([seven, change]) == (
        DoseStep(3, DailyDose(3, 3)),
        DoseStep(4, DailyDose(5, 5)),
        DoseStep(None, DailyDose(4, 4)),
    )
    assert either([seven, change]) == (
        DoseStep(3, DailyDose(1, 2)),
        DoseStep(4, DailyDose(1, 4)),
        DoseStep(None, DailyDose(1, 4)),
    )
    three = (DoseStep(3, DailyDose(2, 2)),)
    assert either([seven, three]) == (DoseStep(3, DailyDose(1, 2)), DoseStep(None, DailyDose(1, 2)))
    assert together([seven, seven]) == (DoseStep(7, DailyDose(2, 2)),)
    assert length_of(seven) == 7
    assert length_of(change) is None


@pytest.mark.parametrize(
    ("cap", "expected"), [(49.9, (49.9, 100)), (50, (50, 50)), (75, (50, 75)), (100, (50, 100)), (101, (50, 100))]
)
def test_a_cap_is_an_upper_end_and_no_dose(cap: float, expected: tuple[float, float]) -> None:
    capped = DailyDose(50, 100).at_most(cap)
    assert (capped.low, capped.high) == expected


def test_a_structured_cap_only_lowers_the_upper_end() -> None:
    line = DosageLine(dose_low=1, dose_high=4, unit="unit", times_low=1, times_high=1, most_per_day=100, most_unit="mg")
    assert dose_of(fill(1, 0, dosage=(line,))) == [(50, 100)]
    assert dose_of(fill(1, 0, dosage=(DosageLine(most_per_day=100, most_unit="mg"),))) == [NOT_KNOWN]
