"""Sample records in the shapes of real servers: read without an exception, every resource accounted for, repairs named.

The files and where they come from: `tests/fixtures/synthea` and `tests/fixtures/vendor_shapes`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mappings.load import load
from plugin import assess
from plugin.document.assessment_document import to_document
from plugin.ingest import read_record
from plugin.record import PatientRecord

FIXTURES = Path(__file__).parents[1] / "fixtures"
KNOWLEDGE = load()
AS_OF = date(2025, 11, 3)
ASKED = {
    *("Patient", "MedicationRequest", "MedicationDispense", "MedicationAdministration", "Observation", "Condition"),
    *("QuestionnaireResponse", "Procedure", "AllergyIntolerance", "Encounter"),
}


class Sample(NamedTuple):
    """What a file holds: how many resources, the repairs, drugs of orders, dispenses and reports, and PHQ-9 totals."""

    received: int
    repairs: Mapping[str, int]
    drugs: set[str]
    totals: list[float]


VENDORS = {
    "epic_like": Sample(
        17,
        {"absolute-reference": 24, "object-for-list": 2, "odd-id": 3, "outcome-entry": 1},
        {"sertraline", "venlafaxine"},
        [19, 17, 16],
    ),
    "millennium_like": Sample(
        15, {"versioned-reference": 3}, {"sertraline", "escitalopram", "fluoxetine"}, [21, 19, 18]
    ),
    "soarian_like": Sample(
        15,
        {
            "empty-element": 3,
            "empty-string": 2,
            "list-for-object": 2,
            "naive-time": 10,
            "object-for-list": 3,
            "sentence-for-dosage": 1,
            "status-spelling": 2,
        },
        {"fluoxetine", "citalopram"},
        [18, 15, 14],
    ),
    "athena_like": Sample(
        15,
        {
            "boolean-as-text": 1,
            "empty-element": 2,
            "empty-string": 16,
            "naive-time": 1,
            "number-as-text": 16,
            "status-spelling": 2,
            "surrounding-blanks": 3,
            "text-as-number": 2,
            "time-in-date": 1,
            "time-spelling": 2,
        },
        {"sertraline", "bupropion"},
        [16, 13, 12],
    ),
    "hapi_like": Sample(
        18,
        {
            "absolute-reference": 1,
            "code-for-concept": 4,
            "earlier-version-element": 4,
            "later-version-element": 3,
            "outcome-entry": 1,
            "versioned-reference": 1,
        },
        {"mirtazapine", "escitalopram"},
        [20, 19, 15],
    ),
}
SYNTHEA = {
    "patient_1": Sample(177, {}, {"sertraline", "escitalopram", "fluoxetine"}, [23.890876433982598]),
    "patient_2": Sample(106, {}, {"sertraline", "escitalopram", "fluoxetine"}, [17.55851460890472]),
    "patient_3": Sample(181, {}, {"sertraline", "escitalopram", "fluoxetine"}, [16.844901961018877]),
}
FILES = [*(("vendor_shapes", name) for name in VENDORS), *(("synthea", name) for name in SYNTHEA)]


def document(folder: str, name: str) -> Any:
    return json.loads((FIXTURES / folder / f"{name}.json").read_text(encoding="utf-8"))


def read(folder: str, name: str) -> PatientRecord:
    return read_record([document(folder, name)], knowledge=KNOWLEDGE)


def used_in(record: PatientRecord) -> set[str]:
    """Everything a fact of the record rests on."""
    facts = (*record.medications, *record.conditions, *record.procedures, *record.allergies)
    facts_of_measures = (*record.answers, *record.laboratory)
    return {
        *(fact.reference for fact in (*facts, *facts_of_measures)),
        *(reference for score in record.scores for reference in score.references),
        *((record.patient.reference,) if record.patient is not None else ()),
    }


@pytest.mark.parametrize(("folder", "name"), FILES)
def test_a_sample_is_read_with_a_full_account(folder: str, name: str) -> None:
    expected = (VENDORS if folder == "vendor_shapes" else SYNTHEA)[name]
    record = read(folder, name)
    aside = [entry.reference for entry in record.set_aside]

    assert sorted([*used_in(record), *aside]) == sorted(record.received)
    assert len(set(record.received)) == len(record.received) == expected.received
    assert "could not be read" not in {entry.reason for entry in record.set_aside}
    assert record.repairs == expected.repairs
    assert {drug for fact in record.medications if fact.product for drug in fact.product.ingredients} == expected.drugs
    assert [score.value for score in record.scores if score.instrument == "phq9"] == expected.totals


@pytest.mark.parametrize(("folder", "name"), FILES)
def test_a_sample_is_assessed_and_its_account_still_balances(folder: str, name: str) -> None:
    record = read(folder, name)
    assessment = assess(record, as_of=AS_OF, knowledge=KNOWLEDGE)
    aside = {entry["reference"] for entry in to_document(assessment)["setAside"]}

    assert assessment.used | aside == set(record.received)
    assert not assessment.used & aside
    assert all(entry.reason for entry in assessment.set_aside)


@pytest.mark.parametrize("name", VENDORS)
def test_a_vendor_shape_holds_every_type_that_is_asked_for(name: str) -> None:
    assert {reference.partition("/")[0] for reference in read("vendor_shapes", name).received} >= ASKED


def test_all_repairs_occur_in_the_samples() -> None:
    met = Counter[str]()
    for name in VENDORS:
        met.update(read("vendor_shapes", name).repairs)
    assert set(met) == {repair.id for repair in KNOWLEDGE.repairs.repairs} - {"concept-for-code"}
