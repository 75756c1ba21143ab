"""Rules that no vignette has words for: the first evidence, a history not read, the severity of today."""

from __future__ import annotations

from datetime import date

import pytest

from mappings.load import load
from plugin import Assessment, assess
from plugin.document.assessment_document import to_document
from plugin.record import LABORATORY, Availability, ConditionFact, LabResult, PatientRecord, Read, Verification
from plugin.resistance.unread import gaps_of
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


def test_a_kind_searched_for_on_need_is_a_gap_only_where_it_was_asked_for() -> None:
    kinds = {kind: Availability(read=Read.COMPLETE) for kind in KINDS}
    record = PatientRecord(patient=ADULT, availability=kinds)
    assert LABORATORY not in {gap.what for gap in gaps_of(record)}
    for read, told in ((Read.COMPLETE, False), (Read.PARTIAL, True)):
        asked = PatientRecord(patient=ADULT, availability={**kinds, LABORATORY: Availability(read=read, why="told")})
        assert (LABORATORY in {gap.what for gap in gaps_of(asked)}) is told


def test_a_value_set_aside_without_a_number_stays_unknown_in_the_document() -> None:
    result = LabResult(reference="Observation/crp", measure="hs-crp", day=on(90), flags=("unit-unknown",))
    record = PatientRecord(patient=ADULT, conditions=(DEPRESSION,), laboratory=(result,))
    document = to_document(assess(record, knowledge=KNOWLEDGE, as_of=on(100)))
    ignored = [one for domain in document["domains"].values() for one in domain["ignored"]]
    assert [(one["references"], one["raw"]) for one in ignored] == [(["Observation/crp"], None)]
