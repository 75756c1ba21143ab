"""Which records count, which source wins, what was never filled."""

from __future__ import annotations

from typing import Any

import pytest

from plugin.exposure.exposures import Exposure, ExposureKey, Exposures, expose
from plugin.record import Layer, MedicationFact, StopReason
from tests.reasoning.facts import RULES, daily, fill, offset_of, on, order, product, report, when

OTHER_DRUG: dict[str, Any] = {"product": None}


def exposures(*facts: MedicationFact, as_of: int = 300) -> Exposures:
    return expose(facts, rules=RULES, as_of=on(as_of))


def exposure(*facts: MedicationFact, as_of: int = 300) -> Exposure | None:
    return exposures(*facts, as_of=as_of).by_key.get(ExposureKey(ingredient="sertraline"))


def days(*facts: MedicationFact, as_of: int = 300, sure: bool | None = None) -> list[int]:
    found = exposure(*facts, as_of=as_of)
    return [] if found is None else [offset_of(d) for d, c in found.days.items() if sure is None or c.sure is sure]


@pytest.mark.parametrize("status", ["cancelled", "draft", "entered-in-error", "", "nonsense"])
def test_orders_of_these_statuses_never_count(status: str) -> None:
    assert days(order(1, 0, status=status)) == []


@pytest.mark.parametrize("status", ["active", "completed", "stopped", "on-hold", "unknown"])
def test_orders_of_these_statuses_count(status: str) -> None:
    assert len(days(order(1, 0, status=status))) == 30


@pytest.mark.parametrize("status", ["preparation", "on-hold", "cancelled", "declined", "stopped", "entered-in-error"])
def test_dispenses_of_these_statuses_never_count(status: str) -> None:
    assert days(fill(1, 0, status=status)) == []


@pytest.mark.parametrize("intent", ["proposal", "option", "plan", ""])
def test_these_intents_are_no_orders(intent: str) -> None:
    assert days(order(1, 0, intent=intent)) == []


def test_do_not_perform_and_as_needed_and_the_future_do_not_count() -> None:
    prn = fill(3, 0).dosage[0]
    facts = (order(1, 0, do_not_perform=True), order(2, 301), fill(3, 0, dosage=(type(prn)(as_needed=True),)))

    assert days(*facts) == []
    assert {item.reference for item in exposures(*facts).set_aside} == {fact.reference for fact in facts}


@pytest.mark.parametrize(("as_of", "never"), [(29, False), (30, True)])
def test_never_filled_needs_thirty_days_and_a_live_feed(as_of: int, never: bool) -> None:
    feed = fill(9, 0, **OTHER_DRUG)

    assert (len(exposures(order(1, 0), feed, as_of=as_of).never_filled) == 1) is never
    assert exposures(order(1, 0), as_of=as_of).never_filled == ()


def test_a_declined_dispense_is_no_live_feed() -> None:
    assert exposures(order(1, 0), fill(9, 0, status="declined", **OTHER_DRUG)).never_filled == ()


@pytest.mark.parametrize(("day", "filled"), [(30, True), (31, False)])
def test_a_fill_within_thirty_days_is_the_order_filled(day: int, filled: bool) -> None:
    feed = fill(9, 0, **OTHER_DRUG)
    result = exposures(order(1, 0), fill(1, day), feed)

    assert (result.never_filled == ()) is (filled or day <= RULES.era_gap_days + 1)
    assert days(order(1, 0), fill(1, day))[0] == (day if filled else 0)


def test_an_unfilled_order_inside_a_dispensed_era_covers_possible_days_only() -> None:
    facts = (fill(1, 0, 90), order(1, 45, 90))

    assert days(*facts, sure=True) == list(range(90))
    assert days(*facts, sure=False) == list(range(90, 135))


def test_a_fill_outranks_an_order_for_the_dose() -> None:
    found = exposure(order(1, 0, product=product(amount=100)), fill(1, 0))

    assert found is not None
    assert found.days[on(0)].dose.low == 50
    assert "order_dispense_conflict" in found.flags


STRONG: dict[str, Any] = {"product": product(amount=100)}
OF_THE_FIRST: dict[str, Any] = {"based_on": ("MedicationRequest/1",)}
OF_THE_SECOND: dict[str, Any] = {"based_on": ("MedicationRequest/2",)}


@pytest.mark.parametrize(
    ("told", "conflict"),
    [
        # a step up: each fill is of the order last written
        ((order(1, 0), fill(1, 0), order(2, 29, **STRONG), fill(2, 29, **STRONG)), False),
        ((order(1, 0), fill(1, 2), order(2, 29, **STRONG), fill(2, 30, **STRONG)), False),
        ((order(1, 0), fill(1, 0), order(2, 29, **STRONG), fill(2, 28, **STRONG)), True),
        # the last order before the fill counts, and a fill begun before any order is of the next
        ((order(1, 0), order(2, 5, **STRONG), fill(1, 6)), True),
        ((order(1, 0), order(2, 5, **STRONG), fill(1, 4)), False),
        ((fill(1, 0), order(1, 3), order(2, 20, **STRONG)), False),
        ((fill(1, 0), order(1, 3, **STRONG), order(2, 20)), True),
        # the order that the fill names counts, whatever was written since
        ((order(1, 0), order(2, 5, **STRONG), fill(1, 6, **OF_THE_FIRST)), False),
        ((order(1, 0), order(2, 5, **STRONG), fill(1, 6, **OF_THE_SECOND)), True),
        ((order(1, 0), order(2, 5, **STRONG), fill(1, 6, **STRONG, **OF_THE_FIRST)), True),
        # one that is not on record names none
        ((order(3, 0, **STRONG), fill(1, 6, **OF_THE_FIRST)), True),
        # two strengths ordered on one day: a fill of either is as ordered
        ((order(1, 0), order(2, 0, **STRONG), fill(1, 0), fill(2, 0, **STRONG)), False),
        # within thirty days
        ((order(1, 0, **STRONG), fill(1, 30)), True),
        ((order(1, 0, **STRONG), fill(1, 31)), False),
        ((order(1, 0, **STRONG), fill(1, 31, **OF_THE_FIRST)), False),
    ],
)
def test_a_fill_is_held_against_its_own_order(told: tuple[MedicationFact, ...], conflict: bool) -> None:
    found = exposure(*told)

    assert found is not None
    assert ("order_dispense_conflict" in found.flags) is conflict


def test_administrations_and_discharge_fill_are_bridged_over_a_week() -> None:
    ward = fill(5, 0, layer=Layer.ADMINISTRATION, status="completed", end=when(5), days_supply=None)

    assert days(ward, fill(1, 13)) == list(range(43))
    assert days(ward, fill(1, 14)) == [*range(6), *range(14, 44)]


def test_the_same_identifier_is_one_record_only_on_the_same_day() -> None:
    number = frozenset({"rx|1"})

    assert len(days(fill(1, 0, identifiers=number), fill(2, 0, identifiers=number))) == 30
    assert len(days(fill(1, 0, identifiers=number), fill(2, 30, identifiers=number))) == 60


def test_records_alike_in_every_field_collapse_without_identifiers() -> None:
    assert len(days(fill(1, 0, fingerprint="same"), fill(2, 0, fingerprint="same"))) == 30
    assert len(days(fill(1, 0, fingerprint="one"), fill(2, 0, fingerprint="other"))) == 60


def test_a_stop_ends_supply_on_the_day_before() -> None:
    stop = order(
        1, 0, status="stopped", end=when(18), stop_reasons=(StopReason(meaning="other", by="code", label="x"),)
    )

    assert days(stop, fill(1, 0)) == list(range(18))


def test_the_end_of_a_finished_order_is_its_last_day() -> None:
    assert days(order(1, 0, status="completed", end=when(18))) == list(range(19))


def test_a_denied_use_vetoes_its_days() -> None:
    denied = report(1, 10, 20, status="not-taken")

    assert days(fill(1, 0), denied) == [*range(10), *range(21, 30)]


def test_children_of_an_order_are_counted_instead_of_it() -> None:
    parent, child = order(1, 0, 90), order(2, 0, 30, intent="filler-order", based_on=("MedicationRequest/1",))

    assert len(days(parent, child)) == 30


@pytest.mark.parametrize(("intent", "counted"), [("plan", 42), ("order", 42), ("proposal", 0), ("option", 0)])
def test_a_reported_request_counts_as_plan_or_order_only(intent: str, counted: int) -> None:
    assert len(days(report(1, 0, 41, status="active", intent=intent, reported=True))) == counted


def test_a_fill_that_says_nothing_of_its_dose_is_taken_as_its_order_directs() -> None:
    directed = order(1, 0, dosage=(daily(2),))
    silent = fill(2, 0, dosage=(), based_on=("MedicationRequest/1",))
    found = exposure(directed, silent)

    assert found is not None
    [taken] = {(day.dose.low, day.layer, day.uses) for day in found.days.each()}
    assert taken == (100, Layer.DISPENSE, ("MedicationDispense/2", "MedicationRequest/1"))


def test_a_fill_whose_order_says_nothing_either_has_an_unknown_dose() -> None:
    silent = fill(2, 0, dosage=(), based_on=("MedicationRequest/1",))

    for known in ((silent,), (order(1, 0, dosage=()), silent)):
        found = exposure(*known)
        assert found is not None
        assert {day.dose.is_known for day in found.days.each() if day.layer is Layer.DISPENSE} == {False}
