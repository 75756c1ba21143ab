"""FHIR R4 in few words, for the tests of reading. What it builds is valid R4B (held by test_shorthand)."""

from __future__ import annotations

from typing import Any

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
UCUM = "http://unitsofmeasure.org"
STOP_REASON = "http://terminology.hl7.org/CodeSystem/medicationrequest-status-reason"

SERTRALINE_50 = "312941"
SERTRALINE = {"coding": [{"system": RXNORM, "code": SERTRALINE_50}]}
PHQ9, PHQ9_PANEL, PHQ9_TEEN = "44261-6", "44249-1", "89204-2"
PHQ9_ITEMS = (*("44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3", "44260-8"),)
ANSWERS = ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")
SUBJECT = {"reference": "Patient/p1"}

Resource = dict[str, Any]


def coded(system: str, code: str, display: str = "") -> dict[str, Any]:
    coding = {"system": system, "code": code}
    return {"coding": [{**coding, "display": display} if display else coding]}


def patient(**more: Any) -> Resource:
    return {"resourceType": "Patient", "id": "p1", "birthDate": "1980-02-03", "gender": "female", **more}


def order(id_: str = "o1", **more: Any) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        "status": "active",
        "intent": "order",
        "subject": SUBJECT,
        "authoredOn": "2025-01-10",
        "medicationCodeableConcept": SERTRALINE,
        **more,
    }


def dispense(id_: str = "d1", **more: Any) -> Resource:
    return {
        "resourceType": "MedicationDispense",
        "id": id_,
        "status": "completed",
        "subject": SUBJECT,
        "whenHandedOver": "2025-01-12",
        "medicationCodeableConcept": SERTRALINE,
        **more,
    }


def statement(id_: str = "s1", **more: Any) -> Resource:
    return {
        "resourceType": "MedicationStatement",
        "id": id_,
        "status": "completed",
        "subject": SUBJECT,
        "medicationCodeableConcept": SERTRALINE,
        **more,
    }


def administration(id_: str = "a1", **more: Any) -> Resource:
    return {
        "resourceType": "MedicationAdministration",
        "id": id_,
        "status": "completed",
        "subject": SUBJECT,
        "medicationCodeableConcept": SERTRALINE,
        "effectiveDateTime": "2025-01-12T08:00:00Z",
        **more,
    }


def observation(id_: str, code: str, day: str | None = "2025-03-01", **more: Any) -> Resource:
    resource: Resource = {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "subject": SUBJECT,
        "code": coded(LOINC, code),
        **more,
    }
    if day is not None:
        resource["effectiveDateTime"] = day
    return resource


def total(id_: str, value: int, day: str = "2025-03-01", **more: Any) -> Resource:
    return observation(id_, PHQ9, day, valueInteger=value, **more)


def item_observations(scores: list[int], day: str = "2025-03-01", prefix: str = "i") -> list[Resource]:
    """One Observation per PHQ-9 item, in order, answered by code."""
    return [
        observation(f"{prefix}{number}", code, day, valueCodeableConcept=coded(LOINC, ANSWERS[score]))
        for number, (code, score) in enumerate(zip(PHQ9_ITEMS, scores, strict=False), start=1)
    ]


def questionnaire(id_: str, scores: list[int], day: str = "2025-03-01", **more: Any) -> Resource:
    """A completed PHQ-9 with one coded answer per item."""
    return {
        "resourceType": "QuestionnaireResponse",
        "id": id_,
        "status": "completed",
        "subject": SUBJECT,
        "authored": day,
        "item": [
            {"linkId": f"/{code}", "answer": [{"valueCoding": {"system": LOINC, "code": ANSWERS[score]}}]}
            for code, score in zip(PHQ9_ITEMS, scores, strict=False)
        ],
        **more,
    }


def condition(id_: str = "c1", code: dict[str, Any] | None = None, **more: Any) -> Resource:
    return {
        "resourceType": "Condition",
        "id": id_,
        "subject": SUBJECT,
        "code": code or coded(ICD10CM, "F33.1"),
        **more,
    }


def procedure(id_: str = "x1", code: dict[str, Any] | None = None, **more: Any) -> Resource:
    return {
        "resourceType": "Procedure",
        "id": id_,
        "status": "completed",
        "subject": SUBJECT,
        "code": code or coded(SNOMED, "23835007"),
        **more,
    }


def one_daily(value: float = 1, code: str = "{tbl}", **more: Any) -> dict[str, Any]:
    """One structured instruction: `value` of `code` once a day."""
    return {
        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": {"value": value, "system": UCUM, "code": code}}],
        **more,
    }
