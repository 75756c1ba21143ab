"""One patient judged at past moments, with values worked out by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest

from cds_hooks.silent.judging import judge_patient
from cds_hooks.silent.plan import RunPlan
from cds_hooks.silent.tables import TABLES, sorted_rows
from mappings.load import load

KNOWLEDGE = load()
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SERTRALINE, ESCITALOPRAM = "312941", "349332"
KINDS = (
    *("Patient", "MedicationRequest", "MedicationDispense", "MedicationStatement", "Observation"),
    *("QuestionnaireResponse", "Condition", "Procedure", "AllergyIntolerance"),
)


def line(resource: Any) -> bytes:
    return orjson.dumps(resource)


def order(id_: str, day: str, code: str = SERTRALINE, by: str = "Practitioner/a", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        "status": "completed",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "authoredOn": day,
        "requester": {"reference": by},
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": code}]},
        "dosageInstruction": [
            {
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
            }
        ],
        "dispenseRequest": {
            "expectedSupplyDuration": {"value": 90, "code": "d", "system": "http://unitsofmeasure.org"}
        },
        **more,
    }


def phq9(id_: str, day: str, value: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]},
        "effectiveDateTime": day,
        "valueInteger": value,
    }


PERSON = {"resourceType": "Patient", "id": "p", "birthDate": "1980-05-05", "gender": "female"}
DEPRESSION = {
    "resourceType": "Condition",
    "id": "c1",
    "subject": {"reference": "Patient/p"},
    "recordedDate": "2025-01-01",
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F33.1"}]},
}
FAILED = [PERSON, DEPRESSION, order("o1", "2025-01-01"), phq9("s1", "2025-01-01", 20), phq9("s2", "2025-03-20", 19)]


def judged(resources: list[dict[str, Any]], occasion: str = "orders", **more: Any) -> Any:
    asked = {"until": date(2025, 12, 31), "definition": KNOWLEDGE.default_definition, "kinds": KINDS, **more}
    return judge_patient(
        "p", [line(one) for one in resources], plan=RunPlan(occasion=occasion, **asked), knowledge=KNOWLEDGE
    )


def test_each_order_is_judged_by_what_was_known_when_it_was_signed():
    rows = judged([*FAILED, order("o2", "2025-04-05", ESCITALOPRAM)])
    first, second = rows["assessments"]
    assert (first["moment"], first["as_of"], first["trials"]) == ("2025-01-01 o1", date(2025, 1, 1), 0)
    assert (second["order"], second["ingredients"], second["age_years"]) == ("o2", ["escitalopram"], 44)
    assert second["trials"] == 1
    [trial] = [row for row in rows["trials"] if row["moment"] == "2025-04-05 o2"]
    assert (trial["ingredient"], trial["start"]) == ("sertraline", date(2025, 1, 1))
    assert trial["sources"] == ["MedicationRequest/o1"]


def test_orders_of_one_day_by_one_prescriber_are_one_cart():
    same = [PERSON, order("o1", "2025-01-01"), order("o2", "2025-01-01", ESCITALOPRAM)]
    [moment] = judged(same)["assessments"]
    assert moment["ingredients"] == ["escitalopram", "sertraline"]
    apart = [PERSON, order("o1", "2025-01-01"), order("o2", "2025-01-01", ESCITALOPRAM, by="Practitioner/b")]
    assert len(judged(apart)["assessments"]) == 2
    assert {row["moment"] for row in judged(same)["orders"]} == {"2025-01-01 o1"}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"status": "entered-in-error"}, "entered in error, or never signed"),
        ({"intent": "plan"}, "a plan or a proposal"),
        ({"reportedBoolean": True}, "a report of an order made elsewhere"),
        ({"authoredOn": "2025-01"}, "without a readable day"),
        ({"authoredOn": "2026-03-01"}, "outside the days of the run"),
    ],
)
def test_what_was_never_signed_as_an_order_is_no_moment_and_says_why(changed, why):
    rows = judged([PERSON, {**order("o1", "2025-01-01"), **changed}])
    assert rows["assessments"] == []
    assert [(row["order"], row["moment"], row["why_not"]) for row in rows["orders"]] == [("o1", None, why)]


def test_one_day_and_the_ends_of_months():
    assert [row["as_of"] for row in judged(FAILED, "date")["assessments"]] == [date(2025, 12, 31)]
    months = judged(FAILED, "months", until=date(2025, 3, 15))["assessments"]
    assert [row["as_of"] for row in months] == [date(2025, 1, 31), date(2025, 2, 28), date(2025, 3, 15)]
    assert all(row["order"] is None and not row["fired"] for row in months)


def test_a_finding_told_before_is_counted_as_repeated():
    """Two prescribers on one day meet the same facts; ten weeks later the history has grown, and it is news again."""
    again = [
        *(*FAILED, order("o2", "2025-04-05")),
        *(order("o3", "2025-04-15"), order("o4", "2025-04-15", by="Practitioner/b"), order("o5", "2025-06-20")),
    ]
    found = [row for row in judged(again)["cards"] if row["finding"] == "already-failed:sertraline"]
    assert [(row["moment"], row["repeat_days"], row["silenced_if_answered"]) for row in found] == [
        ("2025-04-15 o3", None, False),
        ("2025-04-15 o4", 0, True),
        ("2025-06-20 o5", None, False),
    ]
    never = [row for row in judged(again, repeat_days=-1)["cards"] if row["silenced_if_answered"]]
    assert never == []


def test_sensitive_groups_are_kept_only_on_request():
    race = {
        "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
        "extension": [
            {"url": "ombCategory", "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3"}}
        ],
    }
    person = {**PERSON, "extension": [race], "communication": [{"language": {"coding": [{"code": "es"}]}}]}
    assert judged([person])["patients"][0]["race"] is None
    [kept] = judged([person], keep=("race", "language"))["patients"]
    assert (kept["race"], kept["ethnicity"], kept["language"]) == ("2106-3", None, "es")


def test_the_order_of_the_lines_does_not_matter_and_every_column_is_there():
    resources = [*FAILED, order("o2", "2025-04-05", ESCITALOPRAM)]
    rows = judged(resources)
    assert rows == judged(list(reversed(resources)))
    for name, table in TABLES.items():
        for row in rows[name]:
            assert list(row) == [column.name for column in table.columns]
        assert len(sorted_rows(table, rows[name])) == len(rows[name])


def test_a_patient_that_cannot_be_judged_costs_nothing_else():
    rows = judge_patient(
        "p", [b"{"], plan=RunPlan(occasion="date", until=date(2025, 1, 1), definition="x"), knowledge=KNOWLEDGE
    )
    [patient_row] = rows["patients"]
    assert patient_row["failed"] == "JSONDecodeError"
    assert not any(rows[name] for name in rows if name != "patients")
