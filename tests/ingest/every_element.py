"""Resources with every element that repairs are looked for in, written by the rules, and each way to bend one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from plugin.ingest.repair_elements import Element, Elements, TextKind
from plugin.ingest.resources import Json
from tests.ingest.shorthand import (
    LOINC,
    PHQ9,
    PHQ9_ITEMS,
    PHQ9_PANEL,
    SERTRALINE,
    SUBJECT,
    UCUM,
    administration,
    coded,
    condition,
    dispense,
    observation,
    order,
    patient,
    procedure,
    questionnaire,
    statement,
    total,
)

CONDITION_STATUS = "http://terminology.hl7.org/CodeSystem/condition-clinical"
WORDS = {"text": "major depressive disorder"}
NOON = "2025-03-01T12:00:00Z"
MG_50 = {"value": 50, "unit": "mg", "system": UCUM, "code": "mg"}
DAY = {"value": 1, "unit": "d", "system": UCUM, "code": "d"}
MONTH = {"value": 30, "unit": "d", "system": UCUM, "code": "d"}
TABLETS = {"value": 30, "unit": "{tbl}", "system": UCUM, "code": "{tbl}"}
PERIOD = {"start": "2025-01-10", "end": "2025-06-10"}
IDENTIFIER = [{"system": "urn:example:orders", "value": "A-1"}]
NOTE = [{"text": "no benefit", "time": NOON}]
REFERENCE_1 = [{"reference": "Condition/c1"}]
SERTRALINE_WORDS = {"text": "sertraline 50 mg tablet"}

LINE = {
    "sequence": 1,
    "text": "one tablet daily",
    "asNeededBoolean": False,
    "timing": {
        "code": {"text": "daily"},
        "repeat": {
            "boundsPeriod": PERIOD,
            "frequency": 1,
            "frequencyMax": 2,
            "period": 1,
            "periodMax": 2,
            "periodUnit": "d",
            "when": ["MORN"],
        },
    },
    "doseAndRate": [{"doseQuantity": MG_50}],
    "maxDosePerPeriod": {"numerator": {**MG_50, "value": 200}, "denominator": DAY},
}
COUNTED = {
    "timing": {
        "repeat": {"count": 20, "boundsDuration": MONTH, "timeOfDay": ["08:00:00"], "dayOfWeek": ["mon"]},
    },
    "asNeededCodeableConcept": {"text": "low mood"},
    "doseAndRate": [{"doseRange": {"low": MG_50, "high": {**MG_50, "value": 100}}}],
}
PATCH = {"doseAndRate": [{"rateRatio": {"numerator": MG_50, "denominator": DAY}}]}
FLOW = {"doseAndRate": [{"rateQuantity": {"value": 2, "unit": "mg/h", "system": UCUM, "code": "mg/h"}}]}
STATED = {"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medication-adherence"}

EVERY: tuple[dict[str, Any], ...] = (
    patient(deceasedBoolean=False),
    patient(deceasedDateTime=NOON),
    order(
        meta={"versionId": "2", "lastUpdated": NOON},
        extension=[{**STATED, "extension": [{"url": "dateAsserted", "valueDateTime": NOON}]}],
        identifier=IDENTIFIER,
        category=[{"text": "community"}],
        reasonCode=[WORDS],
        reasonReference=REFERENCE_1,
        authoredOn=NOON,
        status="stopped",
        statusReason={"text": "no benefit"},
        doNotPerform=False,
        reportedBoolean=False,
        basedOn=[{"reference": "MedicationRequest/o0"}],
        priorPrescription={"reference": "MedicationRequest/o00"},
        note=NOTE,
        dosageInstruction=[LINE],
        dispenseRequest={
            "validityPeriod": PERIOD,
            "numberOfRepeatsAllowed": 2,
            "quantity": TABLETS,
            "expectedSupplyDuration": MONTH,
            "initialFill": {"quantity": TABLETS, "duration": MONTH},
        },
    ),
    order("o2", dosageInstruction=[COUNTED], medicationCodeableConcept=SERTRALINE_WORDS),
    order("o3", dosageInstruction=[PATCH]),
    order("o4", dosageInstruction=[FLOW]),
    {
        **{key: value for key, value in order("o5").items() if key != "medicationCodeableConcept"},
        "contained": [
            {"resourceType": "Medication", "id": "m", "ingredient": [{"itemCodeableConcept": SERTRALINE}]},
        ],
        "medicationReference": {"reference": "#m"},
    },
    dispense(
        identifier=IDENTIFIER,
        authorizingPrescription=[{"reference": "MedicationRequest/o1"}],
        whenPrepared=NOON,
        whenHandedOver=NOON,
        quantity=TABLETS,
        daysSupply=MONTH,
        category={"text": "community"},
        statusReasonCodeableConcept={"text": "no benefit"},
        dosageInstruction=[LINE],
        note=NOTE,
    ),
    dispense("d2", medicationCodeableConcept=SERTRALINE_WORDS),
    {
        **{key: value for key, value in dispense("d3").items() if key != "medicationCodeableConcept"},
        "medicationReference": {"reference": "Medication/m1"},
    },
    statement(
        identifier=IDENTIFIER,
        basedOn=[{"reference": "MedicationRequest/o1"}],
        statusReason=[{"text": "no benefit"}],
        category={"text": "community"},
        effectivePeriod=PERIOD,
        dateAsserted=NOON,
        reasonCode=[WORDS],
        reasonReference=REFERENCE_1,
        note=NOTE,
        dosage=[LINE],
    ),
    statement("s2", effectiveDateTime=NOON, medicationCodeableConcept=SERTRALINE_WORDS, dosage=[PATCH]),
    {
        **{key: value for key, value in statement("s3").items() if key != "medicationCodeableConcept"},
        "medicationReference": {"reference": "Medication/m1"},
        "dosage": [COUNTED],
    },
    administration(
        identifier=IDENTIFIER,
        statusReason=[{"text": "no benefit"}],
        category={"text": "inpatient"},
        reasonCode=[WORDS],
        reasonReference=REFERENCE_1,
        note=NOTE,
        dosage={"dose": MG_50, "rateRatio": {"numerator": MG_50, "denominator": DAY}},
    ),
    {
        **{key: value for key, value in administration("a2").items() if not key.startswith(("med", "eff"))},
        "medicationReference": {"reference": "Medication/m1"},
        "effectivePeriod": PERIOD,
        "dosage": {"rateQuantity": MG_50},
    },
    administration("a3", medicationCodeableConcept=SERTRALINE_WORDS),
    {"resourceType": "Medication", "id": "m1", "code": SERTRALINE},
    {"resourceType": "Medication", "id": "m2", "code": SERTRALINE_WORDS},
    {
        "resourceType": "Medication",
        "id": "m3",
        "code": SERTRALINE,
        "ingredient": [{"itemCodeableConcept": {"text": "sertraline"}}],
    },
    total("t1", 12, NOON, encounter={"reference": "Encounter/e1"}, performer=[{"reference": "Practitioner/x"}]),
    observation("t2", PHQ9, None, effectivePeriod=PERIOD, valueQuantity={"value": 12, "code": "{score}"}),
    observation("t3", PHQ9, None, effectiveInstant=NOON, valueInteger=11),
    observation("t4", PHQ9, None, issued=NOON, valueInteger=10, hasMember=[{"reference": "Observation/t1"}]),
    observation("i1", PHQ9_ITEMS[0], NOON, valueCodeableConcept=coded(LOINC, "LA6570-1")),
    observation("i2", PHQ9_ITEMS[1], NOON, valueCodeableConcept={"text": "LA6570-1"}),
    observation(
        "k",
        PHQ9_PANEL,
        component=[
            {"code": coded(LOINC, code), "valueInteger": 1, "interpretation": [{"text": "N"}], "referenceRange": []}
            | {"referenceRange": [{"low": {"value": 0}, "high": {"value": 3}}]}
            for code in PHQ9_ITEMS[:1]
        ],
    ),
    observation("w", PHQ9_PANEL, component=[{"code": {"text": "words"}, "valueInteger": 1}]),
    {**observation("z", PHQ9, valueInteger=3), "code": {"text": "a depression score"}},
    observation(
        "crp",
        "30522-7",
        NOON,
        valueQuantity={"value": 4.5, "comparator": "<", "unit": "mg/L", "system": UCUM, "code": "mg/L"},
        interpretation=[{"text": "H"}],
        referenceRange=[{"low": {"value": 0.1}, "high": {"value": 3}}],
    ),
    {**observation("dec", PHQ9), "valueDecimal": 8.0},
    questionnaire("q", [1], encounter={"reference": "Encounter/e1"}, authored=NOON),
    {
        **questionnaire("q2", [], NOON),
        "item": [
            {
                "linkId": "g",
                "item": [{"linkId": f"/{PHQ9_ITEMS[0]}", "answer": [{"valueInteger": 1, "item": [{"linkId": "x"}]}]}],
            }
        ],
    },
    condition(
        "c1",
        clinicalStatus=coded(CONDITION_STATUS, "active"),
        verificationStatus=coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"),
        onsetPeriod=PERIOD,
        abatementPeriod=PERIOD,
        recordedDate=NOON,
    ),
    condition("c2", WORDS, onsetDateTime=NOON, abatementDateTime=NOON),
    procedure(reasonCode=[WORDS], reasonReference=REFERENCE_1, category={"text": "x"}, performedDateTime=NOON),
    procedure("x2", {"text": "electroconvulsive therapy"}, performedPeriod=PERIOD),
    {
        "resourceType": "AllergyIntolerance",
        "id": "y",
        "type": "allergy",
        "patient": SUBJECT,
        "code": SERTRALINE_WORDS,
        "clinicalStatus": coded(CONDITION_STATUS, "active"),
        "verificationStatus": coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"),
        "onsetDateTime": NOON,
        "recordedDate": NOON,
        "reaction": [{"substance": {"text": "sertraline"}, "onset": NOON}],
    },
    {"resourceType": "AllergyIntolerance", "id": "y2", "patient": SUBJECT, "code": SERTRALINE},
    {
        "resourceType": "AdverseEvent",
        "id": "v",
        "actuality": "actual",
        "subject": SUBJECT,
        "date": NOON,
        "suspectEntity": [{"instance": {"reference": "MedicationRequest/o1"}}],
    },
)


class Bend(NamedTuple):
    """One element bent: what is counted for it, the resource that holds it, and where in the table it stands."""

    repair: str
    number: int
    path: tuple[str | int, ...]
    value: Any
    place: str
    element: str


def bends(places: dict[str, Elements]) -> Iterator[Bend]:
    """Every known element of `EVERY` in every way it can be bent."""
    for number, resource in enumerate(EVERY):
        yield from _below(resource, str(resource["resourceType"]), (), number, places)


def _below(
    holder: Json, place: str, path: tuple[str | int, ...], number: int, places: dict[str, Elements]
) -> Iterator[Bend]:
    for name, value in holder.items():
        element = places[place].get(name, Element())
        for repair, bent in _bent(name, element, value):
            yield Bend(repair, number, (*path, name), bent, place, name)
        inner = value if isinstance(value, list) else [value]
        for index, member in enumerate(inner):
            if isinstance(member, dict):
                below = element.inside if name != "contained" else str(member["resourceType"])
                step = (name, index) if isinstance(value, list) else (name,)
                yield from _below(member, below, (*path, *step), number, places)


def _bent(name: str, element: Element, value: Any) -> Iterator[tuple[str, Any]]:
    if element.many and isinstance(value, list) and len(value) == 1:
        yield "object-for-list", value[0]
    if element.many is False and isinstance(value, dict):
        yield "list-for-object", [value]
    first = value[0] if isinstance(value, list) else value
    if element.concept and isinstance(first, dict):
        words = first.get("text") or (element.spelt and first["coding"][0]["code"])
        plain = [words] if words else [] if "coding" not in first else [first["coding"][0]]
        for bent in plain:
            yield "code-for-concept", [bent] if isinstance(value, list) else bent
    yield from _bent_text(name, element, value)


def _bent_text(name: str, element: Element, value: Any) -> Iterator[tuple[str, Any]]:
    kind = element.text
    if kind is TextKind.NUMBER and not isinstance(value, str):
        yield "number-as-text", str(value)
    if kind is TextKind.BOOLEAN:
        yield "boolean-as-text", str(value).lower()
    if not isinstance(value, str):
        return
    if kind is not None:
        yield "surrounding-blanks", f" {value}\n"
    if kind is TextKind.MOMENT and value.endswith("Z"):
        yield "naive-time", value.removesuffix("Z")
        yield "time-spelling", value.replace("Z", "+0000")
    if kind is TextKind.DAY:
        yield "time-in-date", f"{value}T00:00:00Z"
    if kind is TextKind.STATUS:
        yield "status-spelling", value.upper()
        yield "concept-for-code", {"coding": [{"code": value}]}
    if kind is TextKind.REFERENCE and "#" not in value:
        yield "absolute-reference", f"https://ehr.example/fhir/R4/{value}"
        yield "versioned-reference", f"{value}/_history/3"
    if kind is TextKind.TOKEN and value.isdecimal() and name == "code":
        yield "text-as-number", int(value)


def with_bend(bend: Bend) -> dict[str, Any]:
    """The resource with the element bent."""
    changed: dict[str, Any] = json.loads(json.dumps(EVERY[bend.number]))  # no part of it shared
    holder: Any = changed
    for step in bend.path[:-1]:
        holder = holder[step]
    holder[bend.path[-1]] = bend.value
    return changed
