"""Points of safety that deliberate faults have shown to rest on no test: who is silenced when, and what is told."""

from __future__ import annotations

from datetime import date

import pytest

from mappings.load import Knowledge, load
from plugin import assess
from plugin.advice.policy import POLICY, advise
from plugin.assessment import Assessment
from plugin.ingest import read_orders, read_record
from plugin.record import Availability, Read
from tests.ingest.shorthand import Resource, dispense, order, patient, statement

AS_OF = date(2025, 6, 1)
KINDS = (
    "Patient",
    "MedicationRequest",
    "MedicationDispense",
    "MedicationStatement",
    "Condition",
    "AllergyIntolerance",
)


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return load()


def judged(knowledge: Knowledge, *resources: Resource, drafted: bool = True) -> Assessment:
    """A record in which everything was asked for, on the day AS_OF, with an order of sertraline drafted."""
    draft = order("draft", status="draft", authoredOn=AS_OF.isoformat())
    return assess(
        read_record(
            [patient(), *resources],
            knowledge=knowledge,
            availability={kind: Availability(read=Read.COMPLETE) for kind in KINDS},
        ),
        knowledge=knowledge,
        as_of=AS_OF,
        orders=read_orders([draft], knowledge=knowledge) if drafted else (),
    )


def allergy(about: str = "p1", **more: object) -> Resource:
    return {
        "resourceType": "AllergyIntolerance",
        "id": "a1",
        "patient": {"reference": f"Patient/{about}"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"text": "Sertraline"},
        **more,
    }


def test_what_no_remission_and_no_danger_silences_is_written_down() -> None:
    """The list of decision tables: who adds a row says here whether it is of safety."""
    safety = {
        "acute-safety",
        "order-stop",
        "gate-bipolar",
        "gate-psychosis-catatonia",
        "gate-neurocognitive",
    }
    told_anyway = {"not-tolerated", "order-unchecked", "remission-unsure"}
    assert {row.kind for row in POLICY if row.in_remission} == safety | told_anyway
    assert {row.kind for row in POLICY if row.in_danger} == safety | told_anyway | {
        "trd-status",
        "already-failed",
        "procedure-support",
        "tried-too-low-or-short",
    }
    assert {row.kind for row in POLICY if row.if_stopped} == {"trd-options"}
    assert {row.kind for row in POLICY if row.first} == safety


def test_a_recorded_allergy_names_the_drug_on_the_stop(knowledge: Knowledge) -> None:
    assessment = judged(knowledge, allergy())
    [stop] = [stop for one in assessment.orders for stop in one.stops]
    assert "AllergyIntolerance/a1" in {use for reason in stop.reasons for use in reason.uses}
    assert "sertraline" in " ".join(str(value) for reason in stop.reasons for _, value in reason.facts).lower()
    [card] = [card for card in advise(assessment, hook="order-sign", knowledge=knowledge) if card.kind == "order-stop"]
    assert "sertraline" in f"{card.summary} {card.detail}".lower()


@pytest.mark.parametrize("status", ["inactive", "resolved"])
def test_an_allergy_that_is_over_is_no_stop(knowledge: Knowledge, status: str) -> None:
    over = judged(knowledge, allergy(clinicalStatus={"coding": [{"code": status}]}))
    assert [stop for one in over.orders for stop in one.stops] == []


def test_an_allergy_of_somebody_else_is_set_aside(knowledge: Knowledge) -> None:
    assessment = judged(knowledge, allergy(about="another"))
    assert assessment.record.allergies == ()
    assert "AllergyIntolerance/a1" in {entry.reference for entry in assessment.set_aside}
    assert [stop for one in assessment.orders for stop in one.stops] == []


def test_days_that_a_report_denies_are_no_days(knowledge: Knowledge) -> None:
    """A statement `not-taken` says that the drug was not taken: it adds no exposure by its own period."""
    taken = statement(effectivePeriod={"start": "2025-01-12", "end": "2025-03-12"})
    denied = {**taken, "status": "not-taken"}
    assert [trial.ingredient for trial in judged(knowledge, taken, drafted=False).trials] == ["sertraline"]
    assert judged(knowledge, denied, drafted=False).trials == ()
    with_fill = judged(knowledge, dispense(), {**denied, "id": "s2"}, drafted=False)
    assert all(not trial.judged.era.days.between(date(2025, 1, 13), date(2025, 2, 1)) for trial in with_fill.trials)
