"""Why a medication was given, how it was taken and why it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plugin.record import MedicationFact, PatientRecord
from plugin.spans import PartialDate
from tests.ingest.shorthand import ICD10CM, SNOMED, STOP_REASON, coded, condition, dispense, order, statement

Reader = Callable[..., PatientRecord]


def only(record: PatientRecord) -> MedicationFact:
    (fact,) = record.medications
    return fact


def day(text: str) -> PartialDate:
    found = PartialDate.parse(text)
    assert found is not None
    return found


STOPPED = {"status": "stopped"}


@pytest.mark.parametrize(
    ("fields", "found", "noted", "ineffective"),
    [
        ({"statusReason": coded(SNOMED, "395007004")}, [("inefficacy", "code")], None, False),
        ({"statusReason": [coded(STOP_REASON, "sintol")]}, [("intolerance", "code")], None, False),
        # A code settles it: the text beside it is not read.
        (
            {"statusReason": {**coded(STOP_REASON, "sintol"), "text": "no effect"}},
            [("intolerance", "code")],
            None,
            False,
        ),
        ({"statusReason": {"text": "Lack of efficacy"}}, [("inefficacy", "text")], None, True),
        ({"statusReason": coded("urn:local", "7", "Side effects")}, [("intolerance", "text")], None, False),
        ({"statusReason": {"text": "other"}}, [], None, False),
        (
            {"note": [{"text": "Stopped, no benefit.", "time": "2025-03-04"}]},
            [("inefficacy", "text")],
            "2025-03-04",
            True,
        ),
        ({"note": [{"text": "Take with food.", "time": "2025-03-04"}]}, [], None, False),
        ({"note": [{"text": "Prior fluoxetine had no benefit.", "time": "2025-03-04"}]}, [], None, False),
        ({"note": [{"text": "Sertraline: no benefit. Start fluoxetine"}]}, [("inefficacy", "text")], None, True),
        (
            {"statusReason": coded(STOP_REASON, "preg"), "note": [{"text": "stopped", "time": "2025-03-09T10:00:00Z"}]},
            [("other", "code")],
            "2025-03-09",
            False,
        ),
    ],
)
def test_stop_reasons(
    read: Reader, fields: dict[str, Any], found: list[tuple[str, str]], noted: str | None, ineffective: bool
) -> None:
    fact = only(read(order(**STOPPED, **fields)))
    assert [(reason.meaning, reason.by) for reason in fact.stop_reasons] == found
    assert fact.stop_noted == (day(noted) if noted else None)
    assert fact.reported_ineffective is ineffective


def test_notes_on_a_running_order_say_nothing_about_its_end(read: Reader) -> None:
    fact = only(read(order(note=[{"text": "no benefit from psychotherapy alone", "time": "2025-01-10"}])))
    assert (fact.stop_reasons, fact.stop_noted, fact.reported_ineffective) == ((), None, False)


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        (dispense(note=[{"text": "Counselled: nausea may occur"}]), []),
        (order(status="completed", note=[{"text": "Watch for nausea"}]), []),
        (statement(note=[{"text": "Gave it up, it did not help"}]), ["inefficacy"]),
        (order(status="completed", reportedBoolean=True, note=[{"text": "it did not help"}]), ["inefficacy"]),
    ],
)
def test_whose_notes_tell_of_an_end(read: Reader, resource: dict[str, Any], found: list[str]) -> None:
    assert [reason.meaning for reason in only(read(resource)).stop_reasons] == found


def test_dispense_stop_reason_has_its_own_element(read: Reader) -> None:
    fact = only(read(dispense(status="stopped", statusReasonCodeableConcept=coded(STOP_REASON, "salg"))))
    assert [reason.meaning for reason in fact.stop_reasons] == ["intolerance"]


@pytest.mark.parametrize(
    ("fields", "found", "flags"),
    [
        ({"reasonCode": [coded(ICD10CM, "F33.1")]}, ("depression",), ()),
        ({"reasonCode": [coded(ICD10CM, "F33.42")]}, ("depression",), ()),
        ({"reasonCode": coded(ICD10CM, "f411")}, ("anxiety",), ()),
        ({"reasonCode": [{"text": "Recurrent major depressive disorder"}]}, ("depression",), ()),
        ({"reasonCode": [coded(ICD10CM, "I10")]}, ("other",), ()),
        ({"reasonCode": [{}]}, (), ()),
        ({"reasonReference": [{"reference": "Condition/c1"}]}, ("anxiety",), ()),
        ({"reasonReference": [{"reference": "Condition/c2"}]}, (), ()),
        ({"reasonReference": [{"reference": "Condition/gone"}]}, (), ("indication-unresolved",)),
        ({"reasonReference": [{"reference": "Condition/gone", "display": "Anxiety"}]}, ("anxiety",), ()),
        ({"reasonCode": [coded(ICD10CM, "F41.1"), coded(ICD10CM, "F32.1")]}, ("anxiety", "depression"), ()),
    ],
)
def test_indications(read: Reader, fields: dict[str, Any], found: tuple[str, ...], flags: tuple[str, ...]) -> None:
    fact = only(
        read(
            order(**fields),
            condition("c1", coded(ICD10CM, "F41.1")),
            condition("c2", coded(ICD10CM, "F41.1"), verificationStatus={"text": "entered-in-error"}),
        )
    )
    assert (fact.indications, fact.flags) == (found, flags)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [("715036001", "not-taking"), ("702565001", "non-compliant"), ("275928001", "partial"), ("1", "")],
)
def test_adherence_extension(read: Reader, code: str, meaning: str) -> None:
    extension = {
        "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medication-adherence",
        "extension": [
            {"url": "medicationAdherence", "valueCodeableConcept": coded(SNOMED, code)},
            {"url": "dateAsserted", "valueDateTime": "2025-02-01"},
        ],
    }
    fact = only(read(order(extension=[extension])))
    assert (fact.adherence, fact.adherence_asserted) == (meaning, day("2025-02-01") if meaning else None)


@pytest.mark.parametrize(
    ("reason", "meaning"),
    [
        # A local map gave the code of inefficacy to something else: its own words tell.
        ({**coded(SNOMED, "395007004"), "text": "Disease progression"}, "other"),
        (coded(SNOMED, "395007004", "Progression of disease"), "other"),
        (coded(SNOMED, "395007004", "Stopped: side effects"), "other"),
        (coded(SNOMED, "395007004", "Medication stopped - ineffective (situation)"), "inefficacy"),
        (coded(SNOMED, "266721009", "No response to treatment"), "inefficacy"),
        (coded(SNOMED, "58848006", "Lack of drug action"), "inefficacy"),
        (coded(SNOMED, "395009001"), "intolerance"),
        (coded(SNOMED, "407563006"), "intolerance"),
        (coded(SNOMED, "281647001"), "intolerance"),
        (coded(SNOMED, "395006008"), "other"),
        (coded(SNOMED, "395008009"), "other"),
        (coded(SNOMED, "182992009"), "completed"),
        (coded(SNOMED, "182834008"), "completed"),
        *((coded(STOP_REASON, code), "intolerance") for code in ("sintol", "salg")),
        *(
            (coded(STOP_REASON, code), "other")
            for code in (
                *("altchoice", "clarif", "drughigh", "hospadm", "labint", "non-avail"),
                *("preg", "sddi", "sdupther", "surg", "washout"),
            )
        ),
    ],
)
def test_every_code_has_its_meaning(read: Reader, reason: dict[str, Any], meaning: str) -> None:
    found = only(read(order(**STOPPED, statusReason=reason))).stop_reasons

    assert [(one.meaning, one.by) for one in found] == [(meaning, "code")]


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("No side effects, but no benefit", "inefficacy"),
        ("no side effects", None),
        ("No nausea, but a rash", "intolerance"),
        ("Worked well until it stopped working", "inefficacy"),
        ("worked well", None),
        ("Not resolved", None),
        ("depression resolved", "completed"),
        ("Patient declined", "other"),
        ("too expensive", "other"),
        ("formulary change", "other"),
        ("partial response", None),
    ],
)
def test_families_of_words(read: Reader, words: str, meaning: str | None) -> None:
    found = only(read(order(**STOPPED, statusReason={"text": words}))).stop_reasons

    assert [(one.meaning, one.by) for one in found] == ([(meaning, "text")] if meaning else [])
