from __future__ import annotations

from typing import Any

import pytest

from mappings.load import Knowledge
from plugin.ingest import read_orders
from tests.ingest.shorthand import RXNORM, SERTRALINE, SNOMED, coded, one_daily, order


def service(id_: str = "t1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": id_,
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": "Repetitive transcranial magnetic stimulation"},
        **more,
    }


@pytest.mark.parametrize(
    ("name", "concerning"),
    [
        ("sertraline 50 MG tablet", True),
        ("lithium carbonate 300 MG", True),
        ("quetiapine 100 MG", True),
        ("esketamine nasal spray", True),
        ("ketamine 50 MG/ML injection", True),
        ("amoxicillin 500 MG", False),
        ("levothyroxine 50 MCG tablet", False),
        ("", False),
    ],
)
def test_drugs_of_concern(knowledge: Knowledge, name: str, concerning: bool) -> None:
    draft = order(status="draft", medicationCodeableConcept={"text": name})
    assert bool(read_orders([draft], knowledge=knowledge)) is concerning


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ({"text": "rTMS course"}, "rtms"),
        (coded(SNOMED, "23835007"), "ect"),
        ({"text": "VNS implantation"}, "vns"),
        ({"text": "Deep brain stimulation"}, None),
        ({"text": "Chest X-ray"}, None),
        (None, None),
    ],
)
def test_procedures_of_concern(knowledge: Knowledge, code: Any, kind: str | None) -> None:
    found = read_orders([service(code=code)], knowledge=knowledge)
    assert [draft.procedure for draft in found] == ([kind] if kind else [])


LONG = "e" + "A.b-_7" * 40


@pytest.mark.parametrize(
    ("selections", "selected"),
    [
        (None, [True, True]),
        ([], [False, False]),
        (["MedicationRequest/o1"], [True, False]),
        (["o1"], [True, False]),
        (["https://ehr.example/fhir/MedicationRequest/o1"], [True, False]),
        ([{"reference": f"MedicationRequest/{LONG}"}], [False, True]),
        ([LONG, "", None, 7, []], [False, True]),
        (["ServiceRequest/o1"], [False, False]),
    ],
)
def test_selections(knowledge: Knowledge, selections: list[object] | None, selected: list[bool]) -> None:
    drafts = [order("o1"), order(LONG)]
    found = read_orders(drafts, knowledge=knowledge, selections=selections)
    assert [draft.selected for draft in found] == selected
    assert [draft.reference for draft in found] == ["MedicationRequest/o1", f"MedicationRequest/{LONG}"]


def by_reference(reference: str) -> dict[str, Any]:
    draft = order("o1", status="draft", medicationReference={"reference": reference})
    del draft["medicationCodeableConcept"]
    return draft


MEDICATION = {"resourceType": "Medication", "id": "m1", "code": SERTRALINE}


def test_medications_beside_the_drafts(knowledge: Knowledge) -> None:
    bundle = {
        "resourceType": "Bundle",
        "entry": [{"resource": by_reference("https://ehr.example/Medication/m1")}, {"resource": MEDICATION}],
    }
    (draft,) = read_orders([bundle], knowledge=knowledge)
    assert draft.product is not None
    assert draft.product.ingredients == ("sertraline",)
    contained = {**by_reference("#m1"), "contained": [MEDICATION]}
    assert len(read_orders([contained], knowledge=knowledge)) == 1


def test_lookups_are_no_drafts(knowledge: Knowledge) -> None:
    draft = by_reference("Medication/m1")
    assert read_orders([draft], knowledge=knowledge) == ()
    found = read_orders([draft], knowledge=knowledge, lookups=[MEDICATION, order("history")])
    assert [one.reference for one in found] == ["MedicationRequest/o1"]


def test_dosage_of_a_draft(knowledge: Knowledge) -> None:
    (draft,) = read_orders([order(dosageInstruction=[one_daily(1, "{pill}")])], knowledge=knowledge)
    (line,) = draft.dosage
    assert (line.dose_low, line.unit, line.times_low) == (1, "unit", 1)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "entered-in-error"},
        {"status": "cancelled"},
        {"doNotPerform": True},
        {"resourceType": "NutritionOrder"},
    ],
)
def test_what_is_not_ordered(knowledge: Knowledge, change: dict[str, Any]) -> None:
    assert read_orders([{**order(), **change}, {**service(), **change}], knowledge=knowledge) == ()


def test_a_draft_without_intent_or_medication_yet(knowledge: Knowledge) -> None:
    fired = {"resourceType": "MedicationRequest", "id": "request-123", "status": "draft", "authoredOn": "2026-11-22"}
    assert read_orders([fired], knowledge=knowledge, selections=["MedicationRequest/request-123"]) == ()


def test_category_as_an_object(knowledge: Knowledge) -> None:
    draft = order(
        category=coded("urn:c", "community"),
        medicationCodeableConcept={"text": "bupropion XL 150", **coded(RXNORM, "993541", "bupropion XL 150")},
        dispenseRequest={"expectedSupplyDuration": {"value": 30, "unit": "days", "code": "d"}},
    )
    (found,) = read_orders([draft], knowledge=knowledge)
    assert found.product is not None
    assert found.product.ingredients == ("bupropion",)
