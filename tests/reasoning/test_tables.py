"""Tables of plain words: how loud a card may be, why a resource was set aside, which kinds of data are asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.load import load
from plugin import Assessment, assess
from plugin.advice.policy import LOUDNESS, POLICY
from plugin.ingest import read_record
from plugin.record import OtherMedication, Verification
from tests.ingest.shorthand import dispense, order, questionnaire
from tests.reasoning import test_drafts_together as together
from tests.reasoning.facts import on, product, report
from tests.reasoning.test_advice import DEPRESSION, judge

KNOWLEDGE = load()
# Decision 2 and the prefetch: what a history, an option and an outcome rest on.
ASKED = {
    *("MedicationRequest", "MedicationDispense", "MedicationStatement", "Observation", "QuestionnaireResponse"),
    *("Condition", "Procedure", "AllergyIntolerance"),
}


def test_a_card_has_one_of_three_loudnesses() -> None:
    assert LOUDNESS == ("critical", "warning", "info")
    for row in POLICY:
        assert row.indicators, row.kind
        assert set(row.indicators) <= set(LOUDNESS), row.kind


def test_kinds_of_data_that_did_not_come_are_named_gaps() -> None:
    found = judge(availability={}, conditions=())
    assert {gap.what for gap in found.gaps if gap.why == "not received"} == ASKED


def of(*resources: dict[str, object]) -> Assessment:
    return assess(read_record(resources, knowledge=KNOWLEDGE), knowledge=KNOWLEDGE, as_of=on(900))


def test_what_nothing_used_is_set_aside_with_the_reason_of_its_kind() -> None:
    metformin = dispense(medicationCodeableConcept={"text": "metformin 500 mg tablet"})
    found = of(metformin, questionnaire("q", [1] * 9))
    reasons = {one.reference.split("/")[0]: one.reason for one in found.set_aside}
    assert reasons["MedicationDispense"] == "read; drug not judged here, shows that dispenses are recorded"
    assert reasons["QuestionnaireResponse"] == "read; outside the window of every trial"


@pytest.mark.parametrize(
    ("status", "taken"),
    [
        ("active", True),
        ("completed", True),
        ("stopped", True),
        ("on-hold", True),
        ("unknown", True),
        ("cancelled", False),
        ("draft", False),
        ("entered-in-error", False),
    ],
)
def test_another_drug_was_taken_unless_its_record_says_it_never_was(status: str, taken: bool) -> None:
    """The same statuses as for antidepressants: withdrawn, drafted and erroneous orders are no exposure."""
    linezolid = order(medicationCodeableConcept={"text": "linezolid 600 mg tablet"}, status=status)
    others = read_record([linezolid], knowledge=KNOWLEDGE).other_medications
    assert bool(others) is taken
    assert all(isinstance(one, OtherMedication) for one in others)


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("active", True),
        ("completed", True),
        ("stopped", True),
        ("unknown", True),
        ("on-hold", True),
        ("not-taken", False),
        ("intended", False),
        ("entered-in-error", False),
    ],
)
def test_which_statements_of_use_count(status: str, counts: bool) -> None:
    told = replace(report(1, 0, 59, product=product("sertraline", 50)), status=status)
    trials = judge(told, as_of=120).trials
    assert [trial.judged.sure.days for trial in trials if trial.judged.sure] == ([60] if counts else [])


@pytest.mark.parametrize(
    ("unit", "days"),
    [("day", 1), ("days", 1), ("d", 1), ("week", 7), ("weeks", 7), ("wk", 7), ("month", 30), ("mo", 30)],
)
def test_how_long_a_supply_is_expected_to_last_in_whatever_unit(unit: str, days: float) -> None:
    sent = order(dispenseRequest={"expectedSupplyDuration": {"value": 2, "unit": unit}})
    (fact,) = read_record([sent], knowledge=KNOWLEDGE).medications
    assert fact.days_supply is not None
    assert abs(fact.days_supply - 2 * days) <= (1 if days == 30 else 0)


@pytest.mark.parametrize("intent", ["plan", "proposal", "option"])
def test_what_was_only_planned_never_stood(intent: str) -> None:
    old = together.phenelzine(day=together.TODAY - 9) | {"intent": intent}
    found = together.judged(together.order(*together.VOR), {**old, "status": "stopped"}, recorded=(old,))
    assert together.stops(found)["vor"] == set()


def test_a_refuted_diagnosis_is_refuted_in_whatever_case_it_is_compared() -> None:
    refuted = replace(DEPRESSION, verification=Verification.REFUTED)
    assert Verification("refuted") is Verification.REFUTED
    assert judge(conditions=(refuted,)).verdict.value.value == judge(conditions=()).verdict.value.value
