"""Each repair by name: the bent resource reads to the facts of its clean twin, counted once; near misses are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from mappings.load import Knowledge
from mappings.repair_schema import RepairName
from plugin.ingest import read_record
from plugin.ingest.repair_elements import ANYWHERE, arranged
from plugin.ingest.repairs import repairs_in
from plugin.record import PatientRecord
from tests.ingest.every_element import EVERY, NOON, bends, with_bend
from tests.ingest.shorthand import (
    ICD10CM,
    PHQ9,
    SERTRALINE,
    SNOMED,
    SUBJECT,
    administration,
    coded,
    condition,
    dispense,
    observation,
    one_daily,
    order,
    patient,
    procedure,
    statement,
    total,
)
from tests.ingest.test_junk import FULL, JSON, PLACES, with_junk

STOPPED = {"status": "stopped", "statusReason": coded(SNOMED, "395007004")}
NOT_TAKEN = coded(SNOMED, "715036001")
ADHERENCE = {
    "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medication-adherence",
    "extension": [
        {"url": "medicationAdherence", "valueCodeableConcept": NOT_TAKEN},
        {"url": "dateAsserted", "valueDateTime": "2025-02-01"},
    ],
}
ALLERGY = {"resourceType": "AllergyIntolerance", "id": "y", "patient": SUBJECT, "code": SERTRALINE}
DOSE = {"doseQuantity": {"value": 50, "code": "mg"}}
RANGE = {"doseRange": {"low": {"value": 50, "code": "mg"}, "high": {"value": 100, "code": "mg"}}}
RATIO = {"rateRatio": {"numerator": {"value": 6, "code": "mg"}, "denominator": {"value": 1, "code": "d"}}}
PER_HOUR = {"rateQuantity": {"value": 2, "code": "mg/h"}}
DAILY = {"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}
LONG_ID = "e" + "A.b-_7" * 33

Resource = dict[str, Any]


def without(resource: Resource, *names: str, **more: Any) -> Resource:
    return {key: value for key, value in resource.items() if key not in names} | more


def facts(record: PatientRecord) -> PatientRecord:
    """The record but for the repairs, and for the digests of what was sent letter by letter."""
    alike = tuple(replace(fact, fingerprint="") for fact in record.medications)
    return replace(record, repairs={}, medications=alike)


def charted(resources: Sequence[Resource], *, dead: int) -> list[Resource]:
    """The resources with one of the two forms of the patient that stand first."""
    return [resources[dead], *resources[2:]]


def refused_by_r4(resource: Resource) -> bool:
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    except ValidationError:
        return True
    return False


# Repair, the resource by the rules, the same one bent. What the strict model lets pass is listed below with the reason.
TWINS: tuple[tuple[RepairName, Resource, Resource], ...] = (
    ("naive-time", total("t", 9, NOON), total("t", 9, NOON.removesuffix("Z"))),
    ("time-spelling", order(authoredOn=NOON), order(authoredOn="2025-03-01T12:00Z")),
    ("time-spelling", order(authoredOn=NOON), order(authoredOn="2025-03-01Tnoon")),
    ("time-in-date", patient(), patient(birthDate="1980-02-03T00:00:00Z")),
    ("empty-string", without(order(), "authoredOn"), order(authoredOn="")),
    ("empty-string", order(), order(statusReason={"text": ""})),
    ("empty-element", order(), order(note=[])),
    ("empty-element", order(), order(dispenseRequest={})),
    ("empty-element", order(), order(reasonCode=None)),
    ("empty-element", order(), order(dosageInstruction=[None])),
    ("surrounding-blanks", order(), order(status=" active ")),
    ("surrounding-blanks", order(), order(id=" o1")),
    ("odd-id", order("A-1"), order("A_1")),
    ("odd-id", order("A-1"), order(LONG_ID)),
    ("object-for-list", order(dosageInstruction=[one_daily()]), order(dosageInstruction=one_daily())),
    ("list-for-object", condition(), condition(code=[coded(ICD10CM, "F33.1")])),  # type: ignore[arg-type]
    ("number-as-text", total("t", 9), observation("t", PHQ9, valueInteger="9")),
    ("text-as-number", order(), order(medicationCodeableConcept=coded(SERTRALINE["coding"][0]["system"], 312941))),  # type: ignore[arg-type]
    ("text-as-number", order("7"), order(id=7)),
    ("boolean-as-text", order(doNotPerform=True), order(doNotPerform="true")),
    ("code-for-concept", condition(clinicalStatus=coded("urn:c", "active")), condition(clinicalStatus="active")),
    ("code-for-concept", condition(), condition(code={"system": ICD10CM, "code": "F33.1"})),
    ("concept-for-code", order(), order(status={"coding": [{"code": "active"}]})),
    ("sentence-for-dosage", order(dosageInstruction=[{"text": "daily"}]), order(dosageInstruction="daily")),
    ("sentence-for-dosage", order(dosageInstruction=[{"text": "daily"}]), order(dosageInstruction=["daily"])),
    ("status-spelling", order(status="cancelled"), order(status="canceled")),
    ("status-spelling", order(status="on-hold"), order(status="On_Hold")),
    ("earlier-version-element", condition(recordedDate=NOON), condition(assertedDate=NOON)),
    ("earlier-version-element", condition(recordedDate=NOON), condition(dateRecorded=NOON)),
    ("earlier-version-element", {**ALLERGY, "recordedDate": NOON}, {**ALLERGY, "assertedDate": NOON}),
    ("earlier-version-element", order(), without(order(dateWritten="2025-01-10"), "authoredOn")),
    (
        "earlier-version-element",
        statement(status="not-taken", statusReason=[NOT_TAKEN]),
        statement(status="not-taken", reasonNotTaken=[NOT_TAKEN]),
    ),
    (
        "earlier-version-element",
        administration(status="not-done", statusReason=[NOT_TAKEN]),
        administration(status="not-done", reasonNotGiven=[NOT_TAKEN]),
    ),
    *(
        ("earlier-version-element", resource(**{name: [{**DAILY, "doseAndRate": [dose]}]}), resource(**{name: [line]}))
        for resource, name in ((order, "dosageInstruction"), (dispense, "dosageInstruction"), (statement, "dosage"))
        for dose in (DOSE, RANGE, RATIO, PER_HOUR)
        for line in ({**DAILY, **dose},)
    ),
    *(
        ("later-version-element", resource(), without(resource(), "medicationCodeableConcept", medication=later))
        for resource in (order, dispense, statement, administration)
        for later in ({"concept": SERTRALINE},)
    ),
    ("later-version-element", order(reasonCode=[NOT_TAKEN]), order(reason=[{"concept": NOT_TAKEN}])),
    ("later-version-element", statement(reasonCode=[NOT_TAKEN]), statement(reason=[{"concept": NOT_TAKEN}])),
    ("later-version-element", procedure(reasonCode=[NOT_TAKEN]), procedure(reason=[{"concept": NOT_TAKEN}])),
    (
        "later-version-element",
        order(**STOPPED, note=[{"text": "x", "time": NOON}]),
        order(**STOPPED, note=[{"text": "x"}], statusChanged=NOON),
    ),
    (
        "later-version-element",
        statement(extension=[ADHERENCE], dateAsserted="2025-02-01"),
        statement(adherence={"code": NOT_TAKEN}, dateAsserted="2025-02-01"),
    ),
    ("later-version-element", procedure(performedDateTime=NOON), procedure(occurrenceDateTime=NOON)),
    *(
        ("later-version-element", procedure(performedPeriod=span), procedure(occurrencePeriod=span))
        for span in ({"start": "2025-01-10", "end": "2025-02-10"},)
    ),
    (
        "later-version-element",
        administration(),
        without(administration(), "effectiveDateTime", occurenceDateTime=NOON.replace("03-01T12", "01-12T08")),
    ),
    *(
        (
            "later-version-element",
            without(administration(), "effectiveDateTime", effectivePeriod=span),
            without(administration(), "effectiveDateTime", occurencePeriod=span),
        )
        for span in ({"start": "2025-01-10", "end": "2025-02-10"},)
    ),
    *(
        ("later-version-element", resource(**{name: [now]}), resource(**{name: [later]}))
        for resource, name in ((order, "dosageInstruction"), (statement, "dosage"))
        for now, later in (
            ({"asNeededBoolean": True}, {"asNeeded": True}),
            ({"asNeededCodeableConcept": {"text": "x"}}, {"asNeededFor": [{"text": "x"}]}),
        )
    ),
    ("absolute-reference", order(), order(subject={"reference": "https://ehr.example/fhir/Patient/p1"})),
    ("versioned-reference", order(), order(subject={"reference": "Patient/p1/_history/3"})),
)
# What the strict model lets pass all the same: it converts such values, drops empty ones, or does not hold ids,
# references and the words of a status to their rules.
LENIENT = frozenset(
    {
        *("number-as-text", "boolean-as-text", "empty-element", "status-spelling", "odd-id"),
        *("absolute-reference", "versioned-reference"),
    }
)
NEAR_MISSES: tuple[Resource, ...] = (
    total("t", 9, "2025-13-01T12:00:00"),
    total("t", 9, "2025-03-01 12:00:00"),
    order(authoredOn="10/01/2025"),
    patient(birthDate="DB_6decce7d"),
    order("a/b"),
    order("a b"),
    condition(code=[coded(ICD10CM, "F33.1"), coded(ICD10CM, "F31.9")]),  # type: ignore[arg-type]
    observation("t", PHQ9, valueInteger="9 points"),
    observation("t", PHQ9, valueQuantity={"value": "<9"}),
    observation("t", PHQ9, valueQuantity={"value": "9,5"}),
    order(medicationCodeableConcept=coded("urn:x", "31 2941")),
    order(doNotPerform="yes"),
    order(status="archived"),
    order(status="actively"),
    order(status={"coding": [{"code": "archived"}]}),
    order(subject={"reference": "https://ehr.example/find?patient=p1"}),
    order(note=[{"text": " free text may begin and end with blanks "}]),
    order(identifier=[{"value": "12"}]),
    order(authorNote="unknown to every version"),
    order(dispenseRequest={"quantity": {"value": 30}}, taken="n"),
)


@pytest.mark.parametrize(("name", "clean", "bent"), TWINS, ids=[f"{twin[0]}-{n}" for n, twin in enumerate(TWINS)])
def test_a_bent_resource_reads_to_the_facts_of_its_clean_twin(
    knowledge: Knowledge, name: str, clean: Resource, bent: Resource
) -> None:
    others = [patient(id="p1")] if clean["resourceType"] != "Patient" else []
    told, mended = (read_record([*others, one], knowledge=knowledge, patient_id="p1") for one in (clean, bent))

    assert told.repairs == {}
    assert mended.repairs == {name: 1}
    if name == "odd-id":  # the id itself is kept, so the references differ by it and by nothing else
        kept, sent = mended.received[-1], told.received[-1]
        assert kept == f"{bent['resourceType']}/{bent['id']}"
        assert repr(facts(mended)).replace(kept, sent) == repr(facts(told))
    else:
        assert facts(mended) == facts(told)
    assert not told.set_aside
    assert not refused_by_r4(clean)
    assert refused_by_r4(bent) or name in LENIENT


def test_every_repair_has_its_proof(knowledge: Knowledge) -> None:
    proved = {name for name, _, _ in TWINS} | {"outcome-entry"}
    assert proved == set(get_args(RepairName)) == {repair.id for repair in knowledge.repairs.repairs}


@pytest.mark.deep
def test_every_element_of_the_table_is_mended_wherever_it_is_bent(knowledge: Knowledge) -> None:
    """Each known element of every resource bent in each way there is: the facts stay, one repair is counted."""
    places = arranged(knowledge.repairs)
    whole = {dead: read_record(charted(EVERY, dead=dead), knowledge=knowledge, patient_id="p1") for dead in (0, 1)}
    assert [record.repairs for record in whole.values()] == [{}, {}]
    met = set()
    for bend in bends(places):
        dead = int(bend.number == 1)
        resources = [with_bend(bend) if number == bend.number else one for number, one in enumerate(EVERY)]
        mended = read_record(charted(resources, dead=dead), knowledge=knowledge, patient_id="p1")
        assert mended.repairs == {bend.repair: 1}, bend
        assert facts(mended) == facts(whole[dead]), bend
        met.add((bend.place, bend.element))
    for place in knowledge.repairs.places:
        named = (*place.lists, *place.singles, *place.concepts, *place.tokens, *place.references, *place.dates)
        named += (*place.numbers, *place.booleans, *place.statuses)
        for at in place.at:
            known = {element for where, element in met if at in (ANYWHERE, where)}
            assert set(named) <= known, (at, set(named) - known)


@pytest.mark.parametrize("resource", NEAR_MISSES, ids=range(len(NEAR_MISSES)))
def test_a_near_miss_is_no_repair(knowledge: Knowledge, resource: Resource) -> None:
    assert repairs_in([resource], knowledge) == {}


def test_a_message_of_the_server_is_named_and_set_aside(knowledge: Knowledge) -> None:
    message = {"resourceType": "OperationOutcome", "id": "n", "issue": [{"severity": "warning", "code": "processing"}]}
    record = read_record([patient(), order(), message], knowledge=knowledge)

    assert record.repairs == {"outcome-entry": 1}
    assert [(one.reference, one.reason) for one in record.set_aside] == [
        ("OperationOutcome/n", "a message of the server, not data")
    ]


def test_resources_of_other_versions_are_set_aside_by_the_version(knowledge: Knowledge) -> None:
    older = {"resourceType": "MedicationOrder", "id": "m", "patient": SUBJECT}
    record = read_record([patient(), older], knowledge=knowledge)

    assert [one.reason for one in record.set_aside] == ["a resource type of FHIR DSTU2, a version that is not read"]


def test_repairs_are_counted_by_place_over_all_resources(knowledge: Knowledge) -> None:
    """Alike resources are walked once and counted each, those whose values decide are looked at one by one."""
    naive = [total(f"t{number}", 9, f"2025-{number:02}-01T12:00:00") for number in range(1, 20)]
    linked = [order(f"o{n}", subject={"reference": "https://ehr.example/r4/Patient/p1"}, note=[]) for n in range(30)]
    texts = [observation(f"v{number}", PHQ9, valueInteger=word) for number, word in enumerate(("12", "ab", "1", "bc"))]

    assert repairs_in([*naive, *linked, *texts], knowledge) == {
        "absolute-reference": 30,
        "empty-element": 30,
        "naive-time": 12,
        "number-as-text": 2,
    }
    assert repairs_in([*reversed(texts), *reversed(naive)], knowledge) == {"naive-time": 12, "number-as-text": 2}


def test_contained_resources_are_looked_at_as_their_type(knowledge: Knowledge) -> None:
    inner = {"resourceType": "Medication", "id": "m_1", "code": SERTRALINE, "ingredient": {"item": {"concept": {}}}}
    assert repairs_in([order(contained=[inner])], knowledge) == {
        "empty-element": 1,
        "later-version-element": 1,
        "object-for-list": 1,
        "odd-id": 1,
    }


def test_only_the_patient_s_own_resources_count(knowledge: Knowledge) -> None:
    other = order("x", subject={"reference": "Patient/p2"}, note=[])
    assert read_record([patient(), other], knowledge=knowledge, patient_id="p1").repairs == {}


@given(JSON)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_junk_raises(knowledge: Knowledge, junk: Any) -> None:
    for number, path in PLACES[::7]:
        if path:
            repairs_in([with_junk(FULL[number], path, junk)], knowledge)


def test_hostile_shapes_cost_no_more_than_their_size(knowledge: Knowledge) -> None:
    deep: Any = {}
    for _ in range(50_000):
        deep = {"extension": [deep]}
    lists: Any = []
    for _ in range(50_000):
        lists = [lists]
    hostile: list[Resource] = [
        order("deep", extension=[deep]),
        order("lists", category=lists),
        order("surrogate", note=[{"text": "\ud800"}]),
        order("huge", status=10**400, dosageInstruction=[{"sequence": 10**400}]),
        {"resourceType": ["Observation"], "id": {}, "contained": ["x", None, {}]},
        {},
    ]
    assert repairs_in(hostile, knowledge)["empty-element"] >= 1


def test_the_table_of_the_reading_is_reviewed_and_complete(knowledge: Knowledge) -> None:
    table = knowledge.repairs
    assert all(repair.cites and repair.what and repair.read and repair.safe for repair in table.repairs)
    assert {repair.id for repair in table.repairs if repair.allowed} == {
        "absolute-reference",
        "versioned-reference",
        "outcome-entry",
    }
    assert not {type_ for place in table.places for type_ in place.at} & set(table.other_versions)
