"""Random treatment histories as FHIR resources, for property tests."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from mappings.load import load

DAY_0 = date(2024, 3, 1)
_DRUGS = (("sertraline", 100), ("venlafaxine", 150), ("venlafaxine", 75), ("escitalopram", 10), ("trazodone", 50))
Resource = dict[str, Any]


def _product_code(ingredient: str, strength: float) -> str:
    """The code of some plain clinical drug of that ingredient and strength, looked up in the knowledge."""
    for row in load().products.rxnorm.values():
        amounts = [s.amount for s in row.strengths if s is not None and s.per == "unit"]
        if row.tty == "SCD" and row.ingredients == (ingredient,) and amounts == [strength]:
            return row.code
    raise LookupError(f"{ingredient} {strength}")


CODES = {drug: _product_code(*drug) for drug in _DRUGS}


def day(offset: int, shift: int = 0) -> str:
    """A FHIR date `offset` days after day 0."""
    return (DAY_0 + timedelta(days=offset + shift)).isoformat()


def dispense(number: int, drug: tuple[str, int], start: int, days: int, shift: int = 0) -> Resource:
    """One completed dispense, one unit a day."""
    return {
        "resourceType": "MedicationDispense",
        "id": f"d{number}",
        "identifier": [{"system": "urn:test", "value": f"d{number}"}],
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": CODES[drug]}]
        },
        "quantity": {"value": days},
        "daysSupply": {"value": days},
        "whenHandedOver": day(start, shift),
        "dosageInstruction": [
            {
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
            }
        ],
    }


def score(number: int, offset: int, value: int, shift: int = 0) -> Resource:
    """One PHQ-9 total."""
    code = load().instruments["phq9"].total_codes[0].code
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "effectiveDateTime": day(offset, shift),
        "valueInteger": value,
    }


def frame(shift: int = 0) -> list[Resource]:
    """An adult with recurrent depression from day 0 on."""
    depression = next(c for c in load().conditions.categories if c.id == "depression")
    code = next(s for s in depression.code_sets if s.system == "icd10cm")
    return [
        {"resourceType": "Patient", "id": "p", "birthDate": "1980-06-01", "gender": "female"},
        {
            "resourceType": "Condition",
            "id": "c",
            "subject": {"reference": "Patient/p"},
            "clinicalStatus": {"coding": [{"code": "active"}]},
            "verificationStatus": {"coding": [{"code": "confirmed"}]},
            "code": {
                "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": (*code.exact, *code.prefixes)[0]}]
            },
            "onsetDateTime": day(0, shift),
        },
    ]


Fill = tuple[tuple[str, int], int, int]
History = tuple[list[Fill], list[tuple[int, int]]]

HISTORIES = st.tuples(
    st.lists(
        st.tuples(st.sampled_from(_DRUGS), st.integers(0, 330), st.sampled_from((14, 21, 28, 30, 60, 90))), max_size=9
    ),
    st.lists(st.tuples(st.integers(0, 360), st.integers(0, 27)), max_size=6, unique_by=lambda pair: pair[0]),
)


def resources_of(history: History, shift: int = 0) -> list[Resource]:
    """The FHIR resources of one history, all dates moved by `shift` days."""
    fills, scores = history
    return [
        *frame(shift),
        *(dispense(i, drug, start, days, shift) for i, (drug, start, days) in enumerate(fills)),
        *(score(i, offset, value, shift) for i, (offset, value) in enumerate(scores)),
    ]
