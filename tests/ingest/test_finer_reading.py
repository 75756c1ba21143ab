"""Finer points of reading: members linked the older way, categories that speak, reasons by their own label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mappings.load import Knowledge
from plugin.record import PatientRecord
from tests.ingest.shorthand import LOINC, SNOMED, coded, item_observations, observation, order, procedure
from tests.ingest.test_allergies import day, event
from tests.ingest.test_items import CSSRS, PHQ9_PANEL
from tests.ingest.test_items import read as read  # noqa: PLC0414 - the fixture

Reader = Callable[..., PatientRecord]


def test_members_that_a_panel_links_as_related_targets_are_its_members(read: Reader) -> None:
    members = item_observations([3, 1, 2, 0, 1, 2, 3, 1, 0])
    links = [{"reference": f"Observation/{member['id']}"} for member in members]
    usual = read(observation("p", PHQ9_PANEL, hasMember=links), *members)
    older = read(
        observation("p", PHQ9_PANEL, related=[{"type": "has-member", "target": link} for link in links]), *members
    )
    assert older.answers == usual.answers
    assert {one.group for one in older.answers} == {"Observation/p"}
    assert [score.value for score in older.scores] == [score.value for score in usual.scores] == [13]


def test_what_the_category_of_a_procedure_says_is_a_trait_of_it(read: Reader) -> None:
    ect = {"text": "electroconvulsive therapy"}
    (plain,) = read(procedure(code=ect, performedDateTime="2025-01-01")).procedures
    (named,) = read(
        procedure(code=ect, performedDateTime="2025-01-01", category={"text": "Maintenance ECT"})
    ).procedures
    assert (plain.kind, named.kind) == ("ect", "ect")
    assert "maintenance" not in plain.traits
    assert "maintenance" in named.traits


def test_a_code_of_inefficacy_that_its_words_belie_is_called_another_reason(read: Reader, knowledge: Knowledge) -> None:
    reason = {**coded(SNOMED, "395007004"), "text": "Disease progression"}
    (fact,) = read(order(status="stopped", statusReason=reason)).medications
    labels = {one.meaning: one.label for one in knowledge.stop_reasons.meanings}
    assert [(one.meaning, one.label) for one in fact.stop_reasons] == [("other", labels["other"])]
    assert labels["other"] != labels["inefficacy"]


@pytest.mark.parametrize("value", [{"valueInteger": 2}, {"valueCodeableConcept": coded(LOINC, "LA6570-1")}])
def test_an_answer_that_is_read_is_not_set_aside(read: Reader, value: dict[str, Any]) -> None:
    record = read(observation("i", "44260-8", **value))
    assert [(one.item, one.value) for one in record.answers] == [(9, 2)]
    assert record.set_aside == ()


def test_an_adverse_event_may_suspect_a_statement(read: Reader) -> None:
    told = {
        "resourceType": "MedicationStatement",
        "id": "s1",
        "status": "completed",
        "medicationCodeableConcept": {"text": "sertraline 50 mg tablet"},
        "effectivePeriod": {"start": "2025-01-01", "end": "2025-03-01"},
    }
    suspected = event(date="2025-03-01", suspectEntity=[{"instance": {"reference": "MedicationStatement/s1"}}])
    (fact,) = read(told, suspected).allergies
    assert (fact.ingredients, fact.kind) == (("sertraline",), "adverse-event")


def test_of_two_dates_of_an_ending_the_later_is_noted(read: Reader) -> None:
    later = {"statusChanged": "2025-04-01"}
    note = [{"time": "2025-03-01", "text": "Stopped: not effective"}]
    (fact,) = read(order(status="stopped", note=note, **later)).medications
    assert fact.stop_noted == day("2025-04-01")
    (fact,) = read(order(status="stopped", note=[{**note[0], "time": "2025-05"}], **later)).medications
    assert fact.stop_noted == day("2025-05")


@pytest.mark.parametrize("answer", [{"valueBoolean": True}, {"valueString": "no"}])
def test_an_answer_of_the_suicide_screener_is_read_and_not_set_aside(read: Reader, answer: dict[str, Any]) -> None:
    record = read(observation("i", CSSRS[4], **answer))
    assert [one.item for one in record.answers] == [4]
    assert record.set_aside == ()
