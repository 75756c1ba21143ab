"""Rules that no vignette has words for: the first evidence, a history not read, the severity of today."""

from __future__ import annotations

from datetime import date

import pytest

from mappings.load import load
from plugin import Assessment, assess
from plugin.document import to_document
from plugin.record import Availability, ConditionFact, PatientRecord, Read, Verification
from tests.reasoning.facts import ADULT, fill, on, phq9, when

KNOWLEDGE = load()
DEPRESSION = ConditionFact(
    reference="Condition/1",
    categories=frozenset({"depression"}),
    verification=Verification.CONFIRMED,
    clinical="active",
    onset=when(0),
)
KINDS = ("MedicationRequest", "MedicationDispense", "MedicationStatement", "MedicationAdministration", "Condition")


def judged(orders: Read, *, last: int = 80) -> Assessment:
    """One failed adequate trial of 90 days; orders read as far as said, everything else completely."""
    availability = {kind: Availability(read=Read.COMPLETE) for kind in KINDS}
    availability["MedicationRequest"] = Availability(read=orders, why="told")
    record = PatientRecord(
        patient=ADULT,
        conditions=(DEPRESSION,),
        medications=(fill(1, 0, 90),),
        scores=(phq9(0, 18), phq9(last, 16)),
        availability=availability,
    )
    return assess(record, knowledge=KNOWLEDGE, as_of=on(100))


def test_the_first_evidence_starts_an_uncertain_episode() -> None:
    episode = judged(Read.COMPLETE).episode
    assert (episode.start, episode.basis, episode.uncertain) == (on(0), "first-evidence", True)
    assert [reason.rule for reason in episode.reasons] == ["P0"]


@pytest.mark.parametrize(
    ("orders", "value", "first"),
    [(Read.COMPLETE, "NOT_MET", "V4"), (Read.PARTIAL, "INDETERMINATE", "V0"), (Read.UNKNOWN, "INDETERMINATE", "V0")],
)
def test_orders_not_read_completely_leave_the_count_open(orders: Read, value: str, first: str) -> None:
    verdict = judged(orders).verdict
    assert (verdict.value.value, verdict.reasons[0].rule) == (value, first)


@pytest.mark.parametrize(("last", "shown"), [(9, None), (10, on(10)), (100, on(100))])
def test_severity_is_the_latest_score_of_ninety_days(last: int, shown: date | None) -> None:
    assessment = judged(Read.COMPLETE, last=last)
    severity = to_document(assessment)["currentSeverity"]
    assert (severity and severity["date"]) == (shown and shown.isoformat())
    # Rule "S": the score it rests on counts as used.
    assert ((severity or {}).get("reference") == f"Observation/{last}") is (shown is not None)
    assert shown is None or f"Observation/{last}" in assessment.used
