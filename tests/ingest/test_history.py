from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from plugin.ingest import read_record
from plugin.record import ConditionFact, PatientRecord, Verification
from plugin.spans import PartialDate
from tests.ingest.shorthand import ICD10CM, SNOMED, coded, condition, patient, procedure

Reader = Callable[..., PatientRecord]


def only(record: PatientRecord) -> ConditionFact:
    (fact,) = record.conditions
    return fact


@pytest.mark.parametrize(
    ("code", "categories"),
    [
        (coded(ICD10CM, "F33.1"), {"depression"}),
        (coded(ICD10CM, "F32"), {"depression"}),
        (coded(ICD10CM, "f331"), {"depression"}),
        (coded(ICD10CM + "/", "F33.1"), {"depression"}),
        (coded("urn:oid:2.16.840.1.113883.6.90", "F33.1"), {"depression"}),
        (coded(ICD10CM, "F33.42"), {"depression-remission"}),
        (coded(SNOMED, "13746004"), {"bipolar"}),
        ([coded(ICD10CM, "F31.9")], {"bipolar"}),
        (
            {"coding": [coded(ICD10CM, "F31.9")["coding"][0], coded(ICD10CM, "G40.9")["coding"][0]]},
            {"bipolar", "seizure"},
        ),
    ],
)
def test_categories_by_code(read: Reader, code: Any, categories: set[str]) -> None:
    fact = only(read(condition(code=code)))
    assert fact.categories == categories
    assert (fact.verification, fact.by_text) == (Verification.CONFIRMED, False)


@pytest.mark.parametrize(
    "code", [coded(ICD10CM, "I10"), coded("urn:other", "F33.1"), coded("", "F33.1"), {}, None, 7, coded(ICD10CM, "F3")]
)
def test_unrelated_conditions(read: Reader, code: Any) -> None:
    record = read({**condition(), "code": code})
    assert not record.conditions
    assert [entry.reason for entry in record.set_aside] == ["not a condition this version judges"]


@pytest.mark.parametrize(
    ("code", "categories"),
    [
        ({"text": "Bipolar disorder"}, {"bipolar"}),
        ({"text": "h/o seizures"}, {"seizure"}),
        (coded(ICD10CM, "Z99.9", "Epilepsy, unspecified"), {"seizure"}),
        ({"text": "Seizure after parenteral antibiotics"}, {"seizure"}),
        ({"text": "Family history: diabetes. Patient has bipolar disorder"}, {"bipolar"}),
    ],
)
def test_problem_text_makes_a_condition_suspected(read: Reader, code: Any, categories: set[str]) -> None:
    fact = only(read(condition(code=code)))
    assert fact.categories == categories
    assert (fact.verification, fact.by_text) == (Verification.SUSPECTED, True)


@pytest.mark.parametrize(
    "words",
    [
        "Family history of bipolar disorder",
        "Mother: bipolar",
        "Denies seizures",
        "No history of epilepsy",
        "unipolar",
        "fh:bipolar",
        "parents: bipolar",
    ],
)
def test_relatives_and_denials_are_not_the_patient(read: Reader, words: str) -> None:
    assert not read(condition(code={"text": words})).conditions


@pytest.mark.parametrize(
    ("status", "verification"),
    [
        (coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"), Verification.CONFIRMED),
        ("confirmed", Verification.CONFIRMED),
        ({"text": "Provisional"}, Verification.SUSPECTED),
        (coded("urn:v", "differential"), Verification.SUSPECTED),
        (coded("urn:v", "unconfirmed"), Verification.SUSPECTED),
        (coded("urn:v", "probable"), Verification.SUSPECTED),
        ([coded("urn:v", "refuted")], Verification.REFUTED),
        ({}, Verification.CONFIRMED),
        (None, Verification.CONFIRMED),
    ],
)
def test_verification(read: Reader, status: Any, verification: Verification) -> None:
    assert only(read(condition(verificationStatus=status))).verification is verification


def test_conditions_entered_in_error_are_set_aside(read: Reader) -> None:
    record = read(condition(verificationStatus=coded("urn:v", "entered-in-error")))
    assert [entry.reason for entry in record.set_aside] == ["entered in error"]


def test_refuted_text_stays_refuted(read: Reader) -> None:
    fact = only(read(condition(code={"text": "bipolar disorder"}, verificationStatus={"text": "refuted"})))
    assert fact.verification is Verification.REFUTED


@pytest.mark.parametrize(
    ("status", "clinical"),
    [
        (coded("http://terminology.hl7.org/CodeSystem/condition-clinical", "remission"), "remission"),
        ("active", "active"),
        ({"text": "Resolved"}, "resolved"),
        ("Ana's old illness", ""),
        (None, ""),
    ],
)
def test_clinical_status(read: Reader, status: Any, clinical: str) -> None:
    assert only(read(condition(clinicalStatus=status))).clinical == clinical


@pytest.mark.parametrize(
    ("fields", "onset", "abatement"),
    [
        ({"onsetDateTime": "2020-05", "abatementDateTime": "2021"}, "2020-05", "2021"),
        (
            {"onsetPeriod": {"start": "2020-01-02"}, "abatementPeriod": {"end": "2021-01-01"}},
            "2020-01-02",
            "2021-01-01",
        ),
        ({"onsetAge": {"value": 20}, "abatementAge": {"value": 30}}, None, None),
        ({"onsetString": "last winter", "onsetRange": {}}, None, None),
    ],
)
def test_condition_dates(read: Reader, fields: dict[str, Any], onset: str | None, abatement: str | None) -> None:
    fact = only(read(condition(recordedDate="2022-02-02T10:00:00Z", **fields)))
    assert fact.onset == PartialDate.parse(onset)
    assert fact.abatement == PartialDate.parse(abatement)
    assert fact.recorded == PartialDate.parse("2022-02-02")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (coded(SNOMED, "23835007"), "ect"),
        (coded("http://www.cms.gov/Medicare/Coding/ICD10", "GZB2ZZZ"), "ect"),
        ({"text": "Electroconvulsive therapy, bilateral"}, "ect"),
        (coded("urn:local", "5", "rTMS session"), "rtms"),
    ],
)
def test_procedures(read: Reader, code: Any, kind: str) -> None:
    (fact,) = read(procedure(code=code, performedPeriod={"start": "2025-01-01", "end": "2025-02-01"})).procedures
    assert (fact.kind, fact.status) == (kind, "completed")
    assert (fact.start, fact.end) == (PartialDate.parse("2025-01-01"), PartialDate.parse("2025-02-01"))


def test_procedure_day_and_status(read: Reader) -> None:
    (fact,) = read(procedure(performedDateTime="2025-01-01", status="not-done")).procedures
    assert (fact.start, fact.end, fact.status) == (PartialDate.parse("2025-01-01"),) * 2 + ("not-done",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "entered-in-error"}, "entered in error"),
        ({"code": {"text": "Appendectomy"}}, "not a procedure this version judges"),
        ({"code": {"text": "Resection of ectopic tissue"}}, "not a procedure this version judges"),
        ({"code": {"text": "Mother had ECT"}}, "not a procedure this version judges"),
    ],
)
def test_procedures_set_aside(read: Reader, change: dict[str, Any], reason: str) -> None:
    record = read({**procedure(), **change})
    assert [entry.reason for entry in record.set_aside] == [reason]


@pytest.mark.parametrize(
    ("fields", "birth", "sex", "deceased"),
    [
        ({}, "1980-02-03", "female", False),
        ({"birthDate": "1980", "gender": "Male", "deceasedBoolean": True}, "1980", "male", True),
        ({"birthDate": "DB_6decce7d15c50855", "gender": None, "deceasedDateTime": "2026-01-01"}, None, "unknown", True),
        ({"birthDate": 7, "gender": {"x": 1}, "deceasedBoolean": "false"}, None, "unknown", False),
    ],
)
def test_patient(read: Reader, fields: dict[str, Any], birth: str | None, sex: str, deceased: bool) -> None:
    fact = read(patient(**fields)).patient
    assert fact is not None
    assert (fact.reference, fact.birth) == ("Patient/p1", PartialDate.parse(birth))
    assert (fact.sex, fact.deceased) == (sex, deceased)


def test_age(knowledge: Any) -> None:
    fact = read_record([patient(birthDate="1980")], knowledge=knowledge).patient
    assert fact is not None
    assert fact.age_on(date(2026, 6, 1)) == (45, 46)
