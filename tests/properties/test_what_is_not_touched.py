"""What a supposition does not touch is not judged again, and the result is as if everything had been."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.load import load
from plugin import assess
from plugin.record import Layer, MedicationFact, PatientRecord
from plugin.resistance import counterfactual
from plugin.resistance.without_drug import Without, without_drug
from tests.properties.effort import effort
from tests.properties.records import (
    ADULT,
    COMPLETE,
    DAY_0,
    DEPRESSION,
    Scope,
    daily,
    finished,
    on,
    records,
    tablet,
)

AS_OF = st.sampled_from((300, 365, 500)).map(lambda offset: DAY_0 + timedelta(days=offset))
DEFINITIONS = st.sampled_from(("TRD-6W-50", "ATHF4W", "ESM-CLASS"))


def _moves(record: PatientRecord, as_of: date, definition: str) -> list[counterfactual.Change]:
    return list(assess(record, knowledge=load(), as_of=as_of, definition=definition).changes)


@effort(40)
@given(
    records(Scope(orders=True, unknown_supply=True, reasons=True), most_drugs=5, with_scores=True), AS_OF, DEFINITIONS
)
def test_a_drug_left_out_by_itself_and_the_record_judged_again_agree(
    record: PatientRecord, as_of: date, definition: str
) -> None:
    found = _moves(record, as_of, definition)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counterfactual, "without_drug", lambda *_: None)
        assert _moves(record, as_of, definition) == found


@effort(40)
@given(records(Scope(orders=True, ranges=True), most_drugs=5, with_scores=True), AS_OF, DEFINITIONS)
def test_outcomes_that_cannot_move_the_verdict_need_not_be_rated(
    record: PatientRecord, as_of: date, definition: str
) -> None:
    found = _moves(record, as_of, definition)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counterfactual._Standing, "settled", lambda *_, **__: None)
        assert _moves(record, as_of, definition) == found


ORDERED_ONCE = tuple(
    finished(
        MedicationFact(
            reference=f"MedicationRequest/{number}",
            layer=Layer.ORDER,
            status="completed",
            intent="order",
            product=tablet(drug, strength),
            dosage=(daily(),),
            written=on(start),
            days_supply=30.0,
        )
    )
    for number, (drug, strength, start) in enumerate(
        (("sertraline", 100), ("venlafaxine", 150), ("mirtazapine", 15), ("bupropion", 300))[place] + (day,)
        for place, day in enumerate((0, 40, 80, 90))
    )
)


def test_a_drug_that_met_no_other_stands_apart_and_one_that_did_does_not() -> None:
    """Of four orders the last two overlap."""
    record = PatientRecord(patient=ADULT, medications=ORDERED_ONCE, conditions=(DEPRESSION,), availability=COMPLETE)
    left: list[bool] = []

    def watched(*given: Any) -> Without | None:
        found = without_drug(*given)
        left.append(found is not None)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counterfactual, "without_drug", watched)
        _moves(record, DAY_0 + timedelta(days=200), "TRD-6W-50")
    assert left == [True, True, False, False]
