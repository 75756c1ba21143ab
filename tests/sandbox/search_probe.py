"""Graded searches over the probe resources: what any FHIR R4 server that we pull from must answer.

Every search has one right answer, worked out by hand; it is put to our sandbox and to a
second server that knows nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.sandbox.probe_resources import CATEGORY, LOINC, PHQ9, RXNORM


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
    Probe(f"Observation?patient=p1&category={CATEGORY}|laboratory", ("glu",)),
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
        form={"patient": "Patient/p1", "code": f"{LOINC}|{PHQ9}", "_sort": "-date", "_count": "3"},
        pages=2,
    ),
    # form of the answer
    Probe("Observation?patient=p1&code=44261-6&_elements=status,effective", _ALL_PHQ),
]
