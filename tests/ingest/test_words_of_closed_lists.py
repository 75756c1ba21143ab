"""Words of closed lists and names of elements, each as FHIR has it: statuses, intents, sexes, units of time, counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mappings.load import Knowledge
from plugin.ingest import read_orders
from plugin.ingest.codings import Coding
from plugin.ingest.dosage import read_dosage
from plugin.ingest.vocabulary import vocabulary_of
from plugin.record import PatientRecord, Read
from tests.ingest.shorthand import (
    STOP_REASON,
    administration,
    condition,
    dispense,
    order,
    patient,
    procedure,
    statement,
)
from tests.ingest.test_allergies import allergy
from tests.ingest.test_orders import service

Reader = Callable[..., PatientRecord]


@pytest.mark.parametrize("sex", ["male", "female", "other", "unknown"])
def test_a_sex_is_that_of_the_record(read: Reader, sex: str) -> None:
    told = read(patient(gender=sex)).patient
    assert told is not None
    assert told.sex == sex


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("inprogress", "in-progress"),
        ("in_progress", "in-progress"),
        ("IN PROGRESS", "in-progress"),
        ("onhold", "on-hold"),
        ("canceled", "cancelled"),
    ],
)
def test_another_spelling_of_a_status_is_the_status(read: Reader, written: str, meant: str) -> None:
    told = read(dispense(status=written), administration(status=written))
    assert [fact.status for fact in told.medications] == [meant, meant]


@pytest.mark.parametrize("status", ["active", "inactive", "resolved"])
@pytest.mark.parametrize("named", ["code", "display"])
def test_a_clinical_status_is_known_by_its_code_or_by_what_is_shown(read: Reader, status: str, named: str) -> None:
    said = {"coding": [{named: status.capitalize()}]}
    told = read(allergy(clinicalStatus=said), condition(clinicalStatus=said))
    assert [fact.clinical for fact in told.allergies] == [status]
    assert [fact.clinical for fact in told.conditions] == [status]


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "revoked", "stopped", "completed", "ended"])
def test_what_was_withdrawn_is_no_draft(knowledge: Knowledge, status: str) -> None:
    assert len(read_orders([service(), order()], knowledge=knowledge)) == 2
    assert read_orders([service(status=status), order(status=status)], knowledge=knowledge) == ()


@pytest.mark.parametrize("element", ["valueUnsignedInt", "valuePositiveInt", "valueInteger"])
def test_sessions_are_counted_by_any_whole_number(read: Reader, knowledge: Knowledge, element: str) -> None:
    for address in knowledge.procedures.count_extensions:
        (fact,) = read(procedure(extension=[{"url": address, element: 9}])).procedures
        assert fact.sessions == 9


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("min", ["minute", "minutes", "Minute(s)"]),
        ("h", ["hour", "hours", "Hours", "hr", "hrs.", "hour(s)"]),
        ("d", ["day", "days", "day(s)"]),
        ("wk", ["week", "weeks", "Week(s)"]),
        ("mo", ["month", "months"]),
        ("a", ["year", "years", "yr", "yrs"]),
    ],
)
def test_a_unit_of_time_in_words_is_that_of_the_code(knowledge: Knowledge, code: str, names: list[str]) -> None:
    terms = vocabulary_of(knowledge).dosing

    def times(unit: str) -> float | None:
        [line] = read_dosage([{"timing": {"repeat": {"frequency": 1, "period": 12, "periodUnit": unit}}}], terms)
        return line.times_low

    assert times(code) is not None
    assert {times(name) for name in names} == {times(code)}


def test_a_statement_that_it_is_not_taken_says_in_a_note_why(read: Reader) -> None:
    note = [{"time": "2025-03-01", "text": "Could not tolerate it"}]
    (fact,) = read(statement(status="not-taken", note=note)).medications
    assert [(one.meaning, one.by) for one in fact.stop_reasons] == [("intolerance", "text")]
    (fact,) = read(statement(status="active", note=note)).medications
    assert fact.stop_reasons == ()


def test_a_coded_reason_is_read_with_a_vocabulary_just_made(knowledge: Knowledge) -> None:
    index = vocabulary_of(replace(knowledge)).stop_reasons
    assert [one.meaning for one in index.find([Coding(STOP_REASON, "sintol", "")])] == ["intolerance"]


def test_an_element_of_an_earlier_version_is_counted_as_a_repair(knowledge: Knowledge, read: Reader) -> None:
    told = read(order(authoredOn=None, dateWritten="2025-01-10"), knowledge=replace(knowledge))
    assert told.medications[0].written is not None
    assert told.repairs["earlier-version-element"] == 1


def test_what_was_not_read_in_full_says_why(read: Reader) -> None:
    alone = read(patient(), dispense()).availability
    unasked = read(patient(), dispense(), condition(), availability={}).availability
    for told in (alone, unasked):
        open_kinds = [one for one in told.values() if one.read is not Read.COMPLETE]
        assert open_kinds
        assert all(one.why for one in open_kinds)
