"""What is worked out once: for a record, for readings of one patient, for all; and that no patient meets another."""

from __future__ import annotations

import copy
import gc
import warnings
import weakref
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from mappings.load import Knowledge
from plugin import spans
from plugin.ingest import ReadOnce, directions, read_record
from plugin.ingest.contents import Contents
from plugin.ingest.repairs import Repairs
from plugin.ingest.vocabulary import Vocabulary
from plugin.record import PatientRecord
from plugin.spans import PartialDate
from tests.ingest.shorthand import (
    LOINC,
    PHQ9_PANEL,
    administration,
    coded,
    condition,
    dispense,
    item_observations,
    observation,
    order,
    patient,
    procedure,
    questionnaire,
    statement,
    total,
)

MEDICATION = {"resourceType": "Medication", "id": "m", "code": {"text": "sertraline 50 mg tablet"}}
OF_THE_MEDICATION = order("o2", medicationCodeableConcept=None, medicationReference={"reference": "Medication/m"})
PANEL = observation("p", PHQ9_PANEL, hasMember=[{"reference": f"Observation/i{n}"} for n in range(1, 10)])


def chart() -> list[dict[str, Any]]:
    """Every kind of resource that is read, and references between them."""
    return copy.deepcopy(
        [
            *(patient(), MEDICATION, OF_THE_MEDICATION, PANEL, *item_observations([1] * 9)),
            *(order("o1", reasonReference=[{"reference": "Condition/c1"}]), dispense(), statement(), administration()),
            *(condition(), procedure(), questionnaire("q", [2] * 9), total("t", 12, "2025-04-01")),
            observation("bp", "8480-6", valueQuantity={"value": 120, "unit": "mm[Hg]"}),
            {
                "resourceType": "AllergyIntolerance",
                "id": "al",
                "patient": {"reference": "Patient/p1"},
                "code": {"text": "sertraline"},
            },
            {"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/p1"}},
        ]
    )


def test_a_second_reading_is_that_of_the_resources_alone(knowledge: Knowledge) -> None:
    resources, already = chart(), ReadOnce()
    without = [[one for one in resources if one is not left_out] for left_out in resources]
    for some in (resources, *without, resources):
        again = read_record(some, knowledge=knowledge, patient_id="p1", already=already)
        assert repr(again) == repr(read_record(some, knowledge=knowledge, patient_id="p1"))


def test_what_was_read_of_the_same_object_is_used_again(knowledge: Knowledge) -> None:
    resources, already = chart(), ReadOnce()
    first, second = (read_record(resources, knowledge=knowledge, patient_id="p1", already=already) for _ in range(2))
    assert first.medications
    assert all(one is other for one, other in zip(first.medications, second.medications, strict=True))
    changed = [{**one, "status": "entered-in-error"} if one["id"] == "o1" else one for one in resources]
    third = read_record(changed, knowledge=knowledge, patient_id="p1", already=already)
    assert "MedicationRequest/o1" not in {fact.reference for fact in third.medications}


def test_what_was_read_with_another_resource_is_read_anew_when_that_one_changed(knowledge: Knowledge) -> None:
    already = ReadOnce()

    def drugs(*more: dict[str, Any]) -> list[Any]:
        record = read_record([OF_THE_MEDICATION, *more], knowledge=knowledge, already=already)
        return [one.product.ingredients for one in record.medications if one.product is not None]

    assert drugs(MEDICATION) == [("sertraline",)]
    assert drugs() == []
    assert drugs({**MEDICATION, "code": {"text": "mirtazapine 15 mg tablet"}}) == [("mirtazapine",)]
    assert drugs(MEDICATION) == [("sertraline",)]


def test_readings_of_one_patient_are_of_one_kind(knowledge: Knowledge) -> None:
    already = ReadOnce()
    read_record(chart(), knowledge=knowledge, already=already)
    for other in ({"zone": ZoneInfo("Asia/Tokyo")}, {"jurisdiction": "eu"}):
        with pytest.raises(ValueError, match="readings of one patient"):
            read_record(chart(), knowledge=knowledge, already=already, **other)


def another(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same contents with the ids and days of somebody else."""
    written = orjson.dumps(resources).decode().replace("Patient/p1", "Patient/p2").replace('"2025-', '"2024-')
    people: list[dict[str, Any]] = orjson.loads(written)
    return [{**one, "id": "p2" if one["id"] == "p1" else f"{one['id']}x"} for one in people]


def test_patients_with_the_same_contents_share_no_identity(knowledge: Knowledge) -> None:
    plain = [one for one in chart() if one["id"] not in ("o1", "o2", "p", "m")]
    first = repr(read_record(plain, knowledge=knowledge))
    second: PatientRecord = read_record(another(plain), knowledge=knowledge)
    assert "p1" not in repr(second)
    assert "2025" not in repr(second)
    assert len(second.medications) == len(read_record(plain, knowledge=knowledge).medications)
    assert repr(read_record(plain, knowledge=knowledge)) == first


def test_nothing_kept_for_all_holds_words_of_a_sender(knowledge: Knowledge) -> None:
    vocabulary = Vocabulary(knowledge)
    reader = vocabulary.dosing.directions
    known, strange = "take 2 tablets daily", "take 2 tablets daily for Miss Quaverly"
    assert reader.read(known).understood
    assert not reader.read(strange).understood
    kept = {word for sentences in reader._sentences for spelt in sentences for word in spelt}
    assert kept == {"take", "2", "tablets", "daily"}
    PartialDate.parse("Quaverly-1")
    PartialDate.parse("2025-03-01T10:00:00Z")
    assert all(len(day) == len("2025-03-01") and day.replace("-", "").isdecimal() for day in spans._DAYS)


def test_many_different_contents_leave_what_is_kept_within_bounds(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directions, "_SENTENCES_MAX", 20)
    monkeypatch.setattr(spans, "_DAYS_MAX", 20)
    monkeypatch.setattr(spans, "_DAYS", {})
    reader = Vocabulary(knowledge).dosing.directions
    for number in range(1, 50):
        day = date(1970, 1, 1) + timedelta(days=number)
        assert PartialDate.parse(day.isoformat()) == PartialDate.exactly(day)
        assert reader.read(f"take {number} mg daily").doses[0].dose_low == number
        assert all(len(sentences) <= 20 for sentences in reader._sentences)
        assert len(spans._DAYS) <= 20
    assert PartialDate.parse("2025-02-30") is None


def test_a_content_is_read_once_and_one_that_cannot_be_written_each_time() -> None:
    met: list[object] = []
    contents: Contents[int] = Contents()
    for content in ({"a": 1}, {"a": 1}, {"a": 1.0}, "\ud800", "\ud800"):
        contents.of(content, lambda one=content: met.append(one) or len(met))  # type: ignore[misc]
    assert met == [{"a": 1}, {"a": 1.0}, "\ud800", "\ud800"]


def test_repairs_are_counted_when_asked_for(knowledge: Knowledge) -> None:
    odd = order("o1", status="Active", note=[])
    found = Repairs([odd, order("o2", status=" active")], knowledge)
    assert not vars(found).get("_counted")
    assert found == {"status-spelling": 1, "empty-element": 1, "surrounding-blanks": 1}
    assert (len(found), repr(found)) == (3, repr(found._counted))
    assert "_count" not in vars(found)


def test_a_bare_coding_says_the_same_as_a_concept_of_it(knowledge: Knowledge) -> None:
    item = observation("i", "44250-9", valueCodeableConcept=coded(LOINC, "LA6570-1"))
    bare = observation("i", "44250-9", valueCoding={"system": LOINC, "code": "LA6570-1"})
    first, second = (read_record([patient(), one], knowledge=knowledge).answers for one in (item, bare))
    assert first == second
    assert first[0].value == 2


class Sent(dict[str, Any]):
    """A resource whose end can be told."""


def test_a_resource_lives_as_long_as_what_was_read_of_it_and_no_longer(knowledge: Knowledge) -> None:
    """While it lives no other object can have its identity; afterwards nothing of the patient is left."""
    sent, already = Sent(order("o1")), ReadOnce()
    alive = weakref.ref(sent)
    read_record([sent], knowledge=knowledge, already=already)
    read_record([sent], knowledge=knowledge)
    del sent
    with warnings.catch_warnings():  # what other tests left to the collector is no matter of this one
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
        assert alive() is not None
        del already
        gc.collect()
    assert alive() is None
