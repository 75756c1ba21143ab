"""A drug supposed not to have been taken: the trials rated again by themselves are those of a record without it."""

from __future__ import annotations

from typing import Any

import pytest

from plugin import assess
from plugin.record import Availability, MedicationFact, PatientRecord, ProcedureFact, Read
from plugin.resistance import counterfactual
from plugin.resistance.without_drug import without_drug
from plugin.trial.measurement import Status
from tests.reasoning.facts import on, order, phq9, product, report, when
from tests.reasoning.test_counterfactual import ALL_READ, KNOWLEDGE, record

# Reported, then ordered and never seen to be dispensed, then, after a pause, reported: only the second is open.
ORDERED = order(2, 70, days=60, product=product("venlafaxine", 150), status="completed")
TAKEN: tuple[MedicationFact, ...] = (
    report(1, 0, 60, product=product("sertraline", 100)),
    ORDERED,
    report(3, 220, 280, product=product("mirtazapine", 30)),
)
AS_OF = on(400)
# A treatment begun on the very day on which the second drug was ordered.
SESSION = ProcedureFact(reference="Procedure/1", kind="ect", status="completed", start=when(70), end=when(70))
UNREAD = {**ALL_READ, "MedicationRequest": Availability(read=Read.PARTIAL, why="page 2 missing")}


def told(known: PatientRecord) -> dict[str, tuple[Any, ...]]:
    """The outcome of each trial."""
    judged = assess(known, knowledge=KNOWLEDGE, as_of=AS_OF, suppose=False)
    return {
        trial.ingredient: (trial.outcome.status, trial.outcome.basis, trial.outcome.category) for trial in judged.trials
    }


@pytest.mark.parametrize("procedures", [(), (SESSION,)])
def test_what_is_rated_again_is_what_a_record_without_the_drug_shows(procedures: tuple[ProcedureFact, ...]) -> None:
    known = record(medications=TAKEN, scores=[phq9(0, 18)], procedures=procedures)
    asked: dict[int, Any] = {}

    def watched(case: Any, index: int, looks: Any) -> Any:
        asked[index] = (case, looks)
        return without_drug(case, index, looks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counterfactual, "without_drug", watched)
        assess(known, knowledge=KNOWLEDGE, as_of=AS_OF)
    [(index, (case, looks))] = asked.items()
    assert case.trials[index].ingredient == "venlafaxine"
    found = without_drug(case, index, looks)
    assert found is not None
    again = {
        trial.ingredient: (trial.outcome.status, trial.outcome.basis, trial.outcome.category)
        for trial in found.rated(case).values()
    }
    left = tuple(fact for fact in TAKEN if fact is not ORDERED)
    fresh = told(record(medications=left, scores=[phq9(0, 18)], procedures=procedures))
    assert again == {"sertraline": fresh["sertraline"]}
    assert again["sertraline"][:2] == ((Status.FAILED_PROXY, "switch") if procedures else (Status.UNKNOWN, "none"))


@pytest.mark.parametrize("availability", [ALL_READ, UNREAD])
def test_rating_what_cannot_move_the_verdict_changes_nothing(availability: dict[str, Availability]) -> None:
    """Also where drugs were not read completely, which keeps the verdict open whatever is supposed of one."""
    known = record(medications=TAKEN[:2], scores=[phq9(0, 18)], availability=availability)
    usual = assess(known, knowledge=KNOWLEDGE, as_of=AS_OF).changes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counterfactual._Standing, "settled", lambda *_, **__: None)
        assert assess(known, knowledge=KNOWLEDGE, as_of=AS_OF).changes == usual
