"""Two synthetic patients and what is on record about them, for the graded searches."""

from __future__ import annotations

from typing import Any

LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
PHQ9, _GLUCOSE = "44261-6", "2345-7"


def _codeable(system: str, code: str, text: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}], **({"text": text} if text else {})}


def _of(patient: str) -> dict[str, str]:
    return {"reference": f"Patient/{patient}"}


def _observation(
    name: str, patient: str, code: str, day: str, value: float, category: str, status: str = "final"
) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": status,
        "category": [_codeable(CATEGORY, category)],
        "code": _codeable(LOINC, code),
        "subject": _of(patient),
        "effectiveDateTime": day,
        "valueQuantity": {"value": value},
    }


def _order(name: str, patient: str, day: str, *, status: str, intent: str = "order", **rest: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": status,
        "intent": intent,
        "subject": _of(patient),
        "authoredOn": day,
        **rest,
    }


SERTRALINE = _codeable(RXNORM, "312941", "sertraline 50 MG Oral Tablet")
FLUOXETINE = _codeable(RXNORM, "310385", "fluoxetine 20 MG Oral Capsule")
VENLAFAXINE = _codeable(RXNORM, "313583", "venlafaxine 75 MG")

RESOURCES: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": "urn:oid:1.2.36.146", "value": "MRN-1"}],
        "name": [{"family": "Ångström", "given": ["Ada", "Maria"]}],
        "gender": "female",
        "birthDate": "1980-04-12",
    },
    {
        "resourceType": "Patient",
        "id": "p2",
        "identifier": [{"system": "urn:oid:1.2.36.146", "value": "MRN-2"}],
        "name": [{"family": "Barlow", "given": ["Ben"]}],
        "gender": "male",
        "birthDate": "1975",
    },
    {"resourceType": "Medication", "id": "med-flx", "status": "active", "code": FLUOXETINE},
    {"resourceType": "Medication", "id": "med-ven", "status": "active", "code": VENLAFAXINE},
    {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": _of("p1"),
        "period": {"start": "2025-02-01T09:00:00Z", "end": "2025-02-01T09:30:00Z"},
    },
    _order(
        "mr-sert",
        "p1",
        "2024-03-05",
        status="stopped",
        medicationCodeableConcept=SERTRALINE,
        encounter={"reference": "Encounter/e1"},
    ),
    _order("mr-flx", "p1", "2024-08-20", status="completed", medicationReference={"reference": "Medication/med-flx"}),
    _order("mr-ven", "p1", "2025-02-01", status="active", medicationReference={"reference": "Medication/med-ven"}),
    _order("mr-plan", "p1", "2025-03-01", status="draft", intent="plan", medicationCodeableConcept=SERTRALINE),
    _order("mr-other", "p2", "2024-08-20", status="active", medicationReference={"reference": "Medication/med-flx"}),
    {
        "resourceType": "MedicationDispense",
        "id": "md1",
        "status": "completed",
        "medicationCodeableConcept": SERTRALINE,
        "subject": _of("p1"),
        "authorizingPrescription": [{"reference": "MedicationRequest/mr-sert"}],
        "whenHandedOver": "2024-03-07T15:00:00Z",
    },
    {
        "resourceType": "MedicationStatement",
        "id": "ms1",
        "status": "active",
        "medicationCodeableConcept": FLUOXETINE,
        "subject": _of("p1"),
        "effectivePeriod": {"start": "2023-01-10", "end": "2023-06-30"},
    },
    {
        "resourceType": "MedicationAdministration",
        "id": "ma1",
        "status": "completed",
        "medicationReference": {"reference": "Medication/med-ven"},
        "subject": _of("p1"),
        "effectiveDateTime": "2025-02-02T08:00:00Z",
    },
    _observation("phq-a", "p1", PHQ9, "2024-03-05", 21, "survey"),
    _observation("phq-b", "p1", PHQ9, "2024-05-06T10:00:00Z", 18, "survey"),
    _observation("phq-c", "p1", PHQ9, "2024-08-20", 17, "survey", status="amended"),
    _observation("phq-d", "p1", PHQ9, "2025-01-15", 19, "survey", status="entered-in-error"),
    _observation("glu", "p1", _GLUCOSE, "2024-05-06", 5.4, "laboratory"),
    _observation("phq-other", "p2", PHQ9, "2024-05-06", 6, "survey"),
    {
        "resourceType": "QuestionnaireResponse",
        "id": "qr1",
        "status": "completed",
        "subject": _of("p1"),
        "authored": "2024-05-06T10:00:00Z",
    },
    {
        "resourceType": "Condition",
        "id": "c1",
        "clinicalStatus": _codeable("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
        "verificationStatus": _codeable("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"),
        "category": [_codeable("http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis")],
        "code": _codeable(ICD10, "F33.2"),
        "subject": _of("p1"),
        "onsetDateTime": "2023-11",
        "recordedDate": "2024-01-10",
    },
    {
        "resourceType": "Condition",
        "id": "c2",
        "clinicalStatus": _codeable("http://terminology.hl7.org/CodeSystem/condition-clinical", "resolved"),
        "verificationStatus": _codeable("http://terminology.hl7.org/CodeSystem/condition-ver-status", "refuted"),
        "code": _codeable(ICD10, "F31.9"),
        "subject": _of("p1"),
        "recordedDate": "2022-06-01",
    },
    {
        "resourceType": "Procedure",
        "id": "pr1",
        "status": "completed",
        "code": _codeable("http://www.ama-assn.org/go/cpt", "90868"),
        "subject": _of("p1"),
        "performedPeriod": {"start": "2025-03-01", "end": "2025-04-15"},
    },
    {
        "resourceType": "AllergyIntolerance",
        "id": "a1",
        "clinicalStatus": _codeable("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active"),
        "code": _codeable(RXNORM, "2556"),
        "patient": _of("p1"),
    },
    {
        "resourceType": "ServiceRequest",
        "id": "sr1",
        "status": "active",
        "intent": "order",
        "code": _codeable("http://www.ama-assn.org/go/cpt", "90870"),
        "subject": _of("p1"),
        "authoredOn": "2025-03-02",
    },
]
