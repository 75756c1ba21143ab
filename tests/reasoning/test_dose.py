"""Daily dose: units, ranges, sequences, packs, equivalence, and what stays unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugin.dose import UNKNOWN, DailyDose, schedule_of
from plugin.record import Component, DosageLine, MedicationFact, PackPart, Product
from tests.reasoning.facts import daily, fill, product


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
    fact = fill(1, 0, dosage=(DosageLine(text="take half a tablet daily"),), quantity=15.0)

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
