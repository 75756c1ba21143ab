"""Resources and graded searches over them: what any FHIR R4 server that we pull from must answer.

Every search has one right answer, worked out by hand from the resources below; it is put to our sandbox and to a
second server that knows nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_PHQ9, _GLUCOSE = "44261-6", "2345-7"


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
        "category": [_codeable(_CATEGORY, category)],
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
    _observation("phq-a", "p1", _PHQ9, "2024-03-05", 21, "survey"),
    _observation("phq-b", "p1", _PHQ9, "2024-05-06T10:00:00Z", 18, "survey"),
    _observation("phq-c", "p1", _PHQ9, "2024-08-20", 17, "survey", status="amended"),
    _observation("phq-d", "p1", _PHQ9, "2025-01-15", 19, "survey", status="entered-in-error"),
    _observation("glu", "p1", _GLUCOSE, "2024-05-06", 5.4, "laboratory"),
    _observation("phq-other", "p2", _PHQ9, "2024-05-06", 6, "survey"),
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


@dataclass(frozen=True)
class Probe:
    """A search below the base address, and the ids that must match; `ordered` when their order is asked for.

    ``{base}`` in the search stands for the base address. `form` makes it a POST to ``_search``.
    """

    search: str
    expected: tuple[str, ...]
    included: tuple[str, ...] = ()
    ordered: bool = False
    form: dict[str, str] = field(default_factory=dict)
    pages: int = 1

    @property
    def kind(self) -> str:
        """The type searched for."""
        return self.search.partition("?")[0].removesuffix("/_search").rsplit("/", 1)[-1]


def _ids(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ALL_ORDERS = _ids("mr-sert mr-flx mr-ven mr-plan")
_ALL_PHQ = _ids("phq-a phq-b phq-c phq-d")

PROBES = [
    # whose: four ways to name a patient, and nobody else's data
    Probe("MedicationRequest?patient=p1", _ALL_ORDERS),
    Probe("MedicationRequest?patient=Patient/p1", _ALL_ORDERS),
    Probe("MedicationRequest?subject=Patient/p1", _ALL_ORDERS),
    Probe("MedicationRequest?subject:Patient=p1", _ALL_ORDERS),
    Probe("MedicationRequest?patient={base}/Patient/p1", _ALL_ORDERS),
    Probe("MedicationRequest?patient=p1,p2", (*_ALL_ORDERS, "mr-other")),
    Probe("MedicationRequest?patient=p2", ("mr-other",)),
    Probe("MedicationRequest?patient=nobody", ()),
    Probe("MedicationRequest?patient=Group/p1", ()),
    Probe("Patient/p1/MedicationRequest", _ALL_ORDERS),
    Probe("Patient/p2/Observation?code=44261-6", ("phq-other",)),
    # status and intent
    Probe("MedicationRequest?patient=p1&intent=order", _ids("mr-sert mr-flx mr-ven")),
    Probe("MedicationRequest?patient=p1&status=stopped,completed", _ids("mr-sert mr-flx")),
    Probe("MedicationRequest?patient=p1&status:not=active", _ids("mr-sert mr-flx mr-plan")),
    Probe("MedicationRequest?patient=p1&intent=order&status=active", ("mr-ven",)),
    # codes
    Probe("Observation?patient=p1&code=http://loinc.org|44261-6", _ALL_PHQ),
    Probe("Observation?patient=p1&code=http%3A%2F%2Floinc.org%7C44261-6", _ALL_PHQ),
    Probe("Observation?patient=p1&code=44261-6", _ALL_PHQ),
    Probe("Observation?patient=p1&code=http://loinc.org|44261-6,http://loinc.org|2345-7", (*_ALL_PHQ, "glu")),
    Probe("Observation?patient=p1&code=http://snomed.info/sct|44261-6", ()),
    Probe("Observation?patient=p1&code=http://loinc.org|", (*_ALL_PHQ, "glu")),
    Probe("Observation?patient=p1&code=|44261-6", ()),
    Probe("Observation?patient=p1&category=survey", _ALL_PHQ),
    Probe(f"Observation?patient=p1&category={_CATEGORY}|laboratory", ("glu",)),
    Probe("Observation?patient=p1&category=survey&code=2345-7", ()),
    Probe(f"MedicationRequest?patient=p1&code={RXNORM}|312941", _ids("mr-sert mr-plan")),
    Probe(f"MedicationRequest?medication.code={RXNORM}|310385", _ids("mr-flx mr-other")),
    Probe("MedicationRequest?patient=p1&medication.code=310385,313583", _ids("mr-flx mr-ven")),
    Probe("MedicationRequest?medication=Medication/med-flx", _ids("mr-flx mr-other")),
    Probe("MedicationRequest?patient.identifier=MRN-2", ("mr-other",)),
    Probe("Observation?subject:Patient.name=barlow", ("phq-other",)),
    # dates of different precision, points and periods
    Probe("Observation?patient=p1&code=44261-6&date=ge2024-05-06", _ids("phq-b phq-c phq-d")),
    Probe("Observation?patient=p1&code=44261-6&date=gt2024-05-06", _ids("phq-c phq-d")),
    Probe("Observation?patient=p1&code=44261-6&date=ge2024-05-01&date=lt2024-09-01", _ids("phq-b phq-c")),
    Probe("Observation?patient=p1&date=2024-05-06", _ids("phq-b glu")),
    Probe("Observation?patient=p1&code=44261-6&date=2024", _ids("phq-a phq-b phq-c")),
    Probe("Observation?patient=p1&code=44261-6&date=ne2024", ("phq-d",)),
    Probe("Observation?patient=p1&code=44261-6&date=le2024-05", _ids("phq-a phq-b")),
    Probe("MedicationRequest?patient=p1&authoredon=ge2024-08-01&authoredon=le2025-02-01", _ids("mr-flx mr-ven")),
    Probe("MedicationDispense?patient=p1&whenhandedover=2024-03-07", ("md1",)),
    Probe("MedicationStatement?patient=p1&effective=lt2023-02", ("ms1",)),
    Probe("MedicationStatement?patient=p1&effective=2023", ("ms1",)),
    Probe("MedicationStatement?patient=p1&effective=2023-02", ()),
    Probe("MedicationAdministration?patient=p1&effective-time=ge2025-02-02", ("ma1",)),
    Probe("Procedure?patient=p1&date=ge2025-04-01", ("pr1",)),
    Probe("Procedure?patient=p1&date=lt2025-03-01", ()),
    Probe("Condition?patient=p1&onset-date=2023", ("c1",)),
    Probe("Condition?patient=p1&recorded-date=lt2023", ("c2",)),
    Probe("QuestionnaireResponse?patient=p1&authored=ge2024-05", ("qr1",)),
    Probe("Encounter?patient=p1&date=2025-02-01", ("e1",)),
    Probe("ServiceRequest?patient=p1&authored=gt2025-03-01", ("sr1",)),
    Probe("Patient?_lastUpdated=gt2000-01-01", _ids("p1 p2")),
    Probe("Patient?_lastUpdated=lt2000-01-01", ()),
    # the states of a diagnosis
    Probe("Condition?patient=p1&clinical-status=active", ("c1",)),
    Probe("Condition?patient=p1&verification-status=refuted,entered-in-error", ("c2",)),
    Probe("Condition?patient=p1&category=encounter-diagnosis&code=http://hl7.org/fhir/sid/icd-10-cm|F33.2", ("c1",)),
    Probe("Condition?patient=p1&category:missing=true", ("c2",)),
    Probe("AllergyIntolerance?patient=p1&clinical-status=active&code=2556", ("a1",)),
    Probe("ServiceRequest?patient=p1&status=active&intent=order&code=90870", ("sr1",)),
    # persons
    Probe("Patient?_id=p1,p2,nobody", _ids("p1 p2")),
    Probe("Patient?identifier=urn:oid:1.2.36.146|MRN-1", ("p1",)),
    Probe("Patient?identifier=MRN-2", ("p2",)),
    Probe("Patient?name=ang", ("p1",)),
    Probe("Patient?family=barlow&given=BE", ("p2",)),
    Probe("Patient?name:contains=rlo", ("p2",)),
    Probe("Patient?name:exact=Ada", ("p1",)),
    Probe("Patient?gender=female", ("p1",)),
    Probe("Patient?birthdate=1980-04-12", ("p1",)),
    Probe("Patient?birthdate=lt1976", ("p2",)),
    # order and pages
    Probe("Observation?patient=p1&code=44261-6&_sort=-date", _ids("phq-d phq-c phq-b phq-a"), ordered=True),
    Probe("Observation?patient=p1&_sort=date&code=44261-6", _ids("phq-a phq-b phq-c phq-d"), ordered=True),
    Probe("Observation?patient=p1&_sort=-date&_count=2", _ids("phq-d phq-c phq-b glu phq-a"), ordered=True, pages=3),
    Probe("MedicationRequest?_count=2", (*_ALL_ORDERS, "mr-other"), pages=3),
    Probe("MedicationRequest?_count=5", (*_ALL_ORDERS, "mr-other"), pages=1),
    Probe("MedicationRequest?patient=p1&_sort=status,-authoredon", _ids("mr-ven mr-flx mr-plan mr-sert"), ordered=True),
    Probe("MedicationRequest?patient=p1&_sort=intent,-authoredon", _ids("mr-ven mr-flx mr-sert mr-plan"), ordered=True),
    Probe("Patient?_sort=-family", _ids("p2 p1"), ordered=True),
    Probe("Observation?patient=p1&_sort=_id", _ids("glu phq-a phq-b phq-c phq-d"), ordered=True),
    Probe("Condition?patient=p1&_sort=onset-date", _ids("c1 c2"), ordered=True),
    Probe("Condition?patient=p1&_sort=-onset-date", _ids("c1 c2"), ordered=True),
    Probe(
        "MedicationRequest?_sort=-medication,_id&_count=3",
        _ids("mr-ven mr-flx mr-other mr-plan mr-sert"),
        ordered=True,
        pages=2,
    ),
    # what comes along
    Probe(
        "MedicationRequest?patient=p1&_include=MedicationRequest:medication",
        _ALL_ORDERS,
        included=_ids("Medication/med-flx Medication/med-ven"),
    ),
    Probe(
        "MedicationRequest?_id=mr-sert&_include=MedicationRequest:encounter&_include=MedicationRequest:patient",
        ("mr-sert",),
        included=_ids("Encounter/e1 Patient/p1"),
    ),
    Probe(
        "Medication?_id=med-flx&_revinclude=MedicationRequest:medication",
        ("med-flx",),
        included=_ids("MedicationRequest/mr-flx MedicationRequest/mr-other"),
    ),
    Probe(
        "MedicationRequest?_id=mr-ven&_include=MedicationRequest:subject:Patient&_include=MedicationRequest:subject:Group",
        ("mr-ven",),
        included=("Patient/p1",),
    ),
    Probe("MedicationRequest?_id=mr-ven&_include=MedicationDispense:patient", ("mr-ven",)),
    Probe(
        "MedicationDispense?_id=md1&_include=MedicationDispense:prescription&_include:iterate=MedicationRequest:encounter",
        ("md1",),
        included=_ids("MedicationRequest/mr-sert Encounter/e1"),
    ),
    # POST, as the public CDS Hooks sandbox searches first
    Probe("MedicationRequest/_search", _ids("mr-sert mr-flx mr-ven"), form={"patient": "p1", "intent": "order"}),
    Probe(
        "Observation/_search",
        _ALL_PHQ,
        form={"patient": "Patient/p1", "code": f"{LOINC}|{_PHQ9}", "_sort": "-date", "_count": "3"},
        pages=2,
    ),
    # form of the answer
    Probe("Observation?patient=p1&code=44261-6&_elements=status,effective", _ALL_PHQ),
]
