"""Finer points of exposure: intents that are orders, what was said not to be taken, what was never filled."""

from __future__ import annotations

import pytest

from plugin.exposure.exposures import Exposure, ExposureKey, expose
from plugin.record import MedicationFact
from tests.reasoning.facts import RULES, fill, on, order, report


def exposure(*facts: MedicationFact) -> Exposure:
    return expose(facts, rules=RULES, as_of=on(300)).by_key[ExposureKey(ingredient="sertraline")]


@pytest.mark.parametrize("intent", ["order", "original-order", "reflex-order", "filler-order", "instance-order"])
def test_these_intents_are_orders(intent: str) -> None:
    assert len(exposure(order(1, 0, intent=intent)).days) == 30


@pytest.mark.parametrize(("start", "end"), [(60, 90), (60, None), (None, None)])
def test_a_report_that_it_was_not_taken_is_no_evidence_of_use(start: int | None, end: int | None) -> None:
    denied = report(9, start, end, status="not-taken")
    alone, beside = exposure(order(1, 0)), exposure(order(1, 0), denied)
    assert beside.evidence_starts == alone.evidence_starts == ()
    assert beside.undated == ()
    assert beside.days == alone.days
    assert beside.not_taken == (denied,)


def test_what_was_never_filled_names_its_order() -> None:
    [(fact, reason)] = expose([order(1, 0), fill(9, 0, product=None)], rules=RULES, as_of=on(300)).never_filled
    assert reason.uses == (fact.reference,) == ("MedicationRequest/1",)
