"""Which days are covered: carry-over, concurrent strengths, repeats, renewals, unknown supply, stops."""

from __future__ import annotations

from plugin.exposure.layer_days import dispensed_days, reported_days
from plugin.exposure.order_supply import ordered_days
from plugin.exposure.supply import Days
from plugin.record import MedicationFact
from tests.reasoning.facts import RULES, daily, fill, offset_of, on, order, product, report, supply, when


def dispensed(*fills: MedicationFact) -> Days:
    return dispensed_days([supply(f) for f in fills], RULES)


def ordered(*orders: MedicationFact) -> Days:
    return ordered_days([supply(o) for o in orders], RULES)


def offsets(days: Days, *, sure: bool | None = None) -> list[int]:
    return [offset_of(day) for day, covered in sorted(days.items()) if sure is None or covered.sure is sure]


def test_an_early_refill_moves_behind_the_first_fill() -> None:
    assert offsets(dispensed(fill(1, 0, 21), fill(2, 14, 21))) == list(range(42))


def test_carried_stock_is_capped() -> None:
    days = dispensed(fill(1, 0, 180), fill(2, 10, 30))

    assert max(offsets(days)) == 10 + 30 + RULES.stock_cap_days - 1


def test_leftover_is_rescaled_to_a_new_strength_and_part_days_round_down() -> None:
    days = dispensed(fill(1, 0, 30), fill(2, 25, 30, product=product(amount=100)))

    assert offsets(days) == list(range(25 + 30 + 2))
    assert [days[on(24)].dose.low, days[on(25)].dose.low] == [50, 100]


def test_two_strengths_of_one_day_add() -> None:
    days = dispensed(fill(1, 0, 30, product=product(amount=75)), fill(2, 0, 30, product=product(amount=150)))

    assert {covered.dose.low for covered in days.values()} == {225}
    assert len(days) == 30


def test_one_product_twice_on_one_day_is_consecutive_under_one_order() -> None:
    assert len(dispensed(fill(1, 0, 15), fill(2, 0, 15))) == 30


def test_one_product_twice_on_one_day_may_add_under_different_orders() -> None:
    days = dispensed(
        fill(1, 0, 30, based_on=("MedicationRequest/1",)), fill(2, 0, 20, based_on=("MedicationRequest/2",))
    )

    assert len(days) == 30
    assert (days[on(0)].dose.low, days[on(0)].dose.high) == (50, 100)


def test_a_stop_cuts_what_was_left() -> None:
    days = dispensed_days([supply(fill(1, 0, 30), cut=18)], RULES)

    assert offsets(days) == list(range(18))


def test_unknown_supply_lasts_to_the_next_issue_if_near_enough() -> None:
    near = dispensed(fill(1, 0, None), fill(2, RULES.issue_interval_max_days, None))
    far = dispensed(fill(1, 0, None), fill(2, RULES.issue_interval_max_days + 1, None))

    assert offsets(near, sure=True) == list(range(RULES.issue_interval_max_days))
    assert offsets(far, sure=True) == []
    assert {covered.grade for covered in near.values()} == {"B"}


def test_repeats_are_only_possible() -> None:
    days = ordered(order(1, 0, 30, repeats=2))

    assert offsets(days, sure=True) == list(range(30))
    assert offsets(days, sure=False) == list(range(30, 90))
    assert all(days[on(d)].repeat_only for d in range(30, 90))


def test_a_renewal_proves_the_repeats_before_it() -> None:
    days = ordered(order(1, 0, 30, repeats=2), order(2, 90, 30))

    assert offsets(days, sure=True) == list(range(120))


def test_validity_caps_repeats() -> None:
    assert max(offsets(ordered(order(1, 0, 30, repeats=5, validity_end=when(60))))) == 60


def test_a_newer_order_replaces_an_older_one_without_carry() -> None:
    days = ordered(order(1, 0, 90), order(2, 20, 30, product=product(amount=100)))

    assert offsets(days) == list(range(50))
    assert days[on(20)].dose.low == 100


def test_two_strengths_ordered_on_one_day_add() -> None:
    days = ordered(order(1, 0, product=product(amount=75)), order(2, 0, product=product(amount=150)))

    assert (days[on(0)].dose.low, days[on(0)].dose.high) == (225, 225)


def test_two_strengths_ordered_within_a_week_give_later_to_sum_then_replace() -> None:
    near = ordered(order(1, 0, product=product(amount=75)), order(2, 7, product=product(amount=150)))
    far = ordered(order(1, 0, product=product(amount=75)), order(2, 8, product=product(amount=150)))

    assert (near[on(7)].dose.low, near[on(7)].dose.high) == (150, 225)
    assert (far[on(8)].dose.low, far[on(8)].dose.high) == (150, 150)


def test_a_linked_order_replaces_at_once() -> None:
    days = ordered(
        order(1, 0, product=product(amount=75)),
        order(2, 3, product=product(amount=150), replaces="MedicationRequest/1"),
    )

    assert (days[on(3)].dose.low, days[on(3)].dose.high) == (150, 150)


def test_quantity_over_units_a_day_outranks_the_expected_duration_of_an_order() -> None:
    assert len(ordered(order(1, 0, 30, quantity=30.0, dosage=(daily(2),)))) == 15


def test_a_report_with_both_ends_is_grade_a_and_inclusive() -> None:
    days = reported_days([supply(report(1, 0, 41))], as_of=on(100))

    assert offsets(days) == list(range(42))
    assert {covered.grade for covered in days.values()} == {"A"}


def test_a_report_without_an_end_is_grade_c() -> None:
    days = reported_days([supply(report(1, 0, None, status="active", written=when(50)))], as_of=on(100))

    assert max(offsets(days)) == 50
    assert {covered.grade for covered in days.values()} == {"C"}


def test_one_product_ordered_twice_on_a_day_is_one_course_or_all_together_unless_the_total_is_stated() -> None:
    said = daily(stated_total_mg=100)
    open_ = ordered(order(1, 0), order(2, 0))
    stated = ordered(order(1, 0), order(2, 0, dosage=(said,)))

    assert (open_[on(0)].dose.low, open_[on(0)].dose.high) == (50, 100)
    assert (stated[on(0)].dose.low, stated[on(0)].dose.high) == (100, 100)


def test_a_stated_total_is_sure_only_while_every_order_is() -> None:
    said = daily(stated_total_mg=100)
    days = ordered(order(1, 0, 30), order(2, 0, 20, repeats=2, dosage=(said,)))

    assert (days[on(19)].dose.low, days[on(19)].dose.high) == (100, 100)
    assert (days[on(25)].dose.low, days[on(25)].dose.high) == (50, 100)


def test_a_strength_on_repeats_alone_raises_only_the_high_end() -> None:
    days = ordered(order(1, 0, 60, product=product(amount=75)), order(2, 0, 30, repeats=1, product=product(amount=150)))

    assert (days[on(29)].dose.low, days[on(29)].dose.high, days[on(29)].sure) == (225, 225, True)
    assert (days[on(30)].dose.low, days[on(30)].dose.high, days[on(30)].sure) == (75, 225, True)
