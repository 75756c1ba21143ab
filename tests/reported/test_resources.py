"""Facts as FHIR: valid by two validators, dated, attributed, and the same identifier for the same fact."""

from __future__ import annotations

import pytest

from cds_hooks.fhir_writer import Resource
from cds_hooks.reported import IDENTIFIERS, to_resources
from plugin.ingest import read_record
from tests.reported.charts import AS_OF, AUTHOR, ESC, KNOWLEDGE, NOW, enter, made_of, on
from tests.validity import check_twice

TRIAL = {"kind": "trial", "drug": "sertraline", "dose": "150", "start": "2025-01-15", "weeks": "8"}
ROWS: dict[str, dict[str, str]] = {
    "by the day": {**TRIAL, "outcome": "no-response", "reason": "side-effects", "purpose": "depression"},
    "by the month": {**TRIAL, "start": "2025-01", "outcome": "remission"},
    "about": {**TRIAL, "about": "yes", "dose": "", "purpose": "other"},
    "still": {**TRIAL, "weeks": "", "still": "yes"},
    "in tablets": {**TRIAL, "drug": "dextromethorphan-bupropion", "dose": "2"},
    "patch": {**TRIAL, "drug": "selegiline", "dose": "6", "weeks": "", "end": "2025-03-14"},
    "score": {"kind": "score", "instrument": "phq9", "value": "15", "day": "2025-03-14"},
    "score of another system": {"kind": "score", "instrument": "madrs", "value": "30", "day": "2025-03-14"},
    "T score": {"kind": "score", "instrument": "promis-depression", "value": "62.4", "day": "2025-03-14"},
    "outcome": {"kind": "outcome", "trial": ESC, "outcome": "no-response", "reason": "no-effect"},
    "ongoing": {"kind": "outcome", "trial": ESC.replace(on(179), "now"), "purpose": "depression"},
    "not taken": {"kind": "adherence", "trial": ESC, "taken": "none"},
    "until": {"kind": "adherence", "trial": ESC.replace(on(179), "now"), "taken": "until", "until": AS_OF.isoformat()},
}
ROWS["until"]["until"] = on(199)


def one(name: str) -> Resource:
    [resource] = made_of(enter(ROWS[name]))
    return resource


@pytest.mark.parametrize("name", ROWS)
def test_valid_dated_attributed_and_read(name: str) -> None:
    resource = one(name)
    check_twice(resource)
    assert resource["id"] == "reported-1"
    assert resource["subject"] == {"reference": "Patient/p"}
    assert resource["identifier"][0]["system"] == IDENTIFIERS
    stamp, by = (
        ("issued", "performer") if resource["resourceType"] == "Observation" else ("dateAsserted", "informationSource")
    )
    assert resource[stamp] == NOW.isoformat()
    assert resource[by] in ({"reference": AUTHOR}, [{"reference": AUTHOR}])
    notes = resource["note"]
    assert KNOWLEDGE.reported.provenance in [note["text"] for note in notes]
    assert all(note["time"] == NOW.isoformat() and note["authorReference"] == {"reference": AUTHOR} for note in notes)
    record = read_record([resource], knowledge=KNOWLEDGE, patient_id="p")
    assert not record.set_aside
    assert len(record.medications) + len(record.scores) == 1


def test_periods_are_as_precise_as_what_was_entered() -> None:
    assert one("by the day")["effectivePeriod"] == {"start": "2025-01-15", "end": "2025-03-11"}
    assert one("by the month")["effectivePeriod"] == {"start": "2025-01"}
    assert one("by the month")["dosage"][0]["timing"]["repeat"]["boundsDuration"]["value"] == 56
    assert one("about")["effectivePeriod"] == {"start": "2025-01"}
    assert one("still")["effectivePeriod"] == {"start": "2025-01-15"}
    assert one("patch")["effectivePeriod"] == {"start": "2025-01-15", "end": "2025-03-14"}
    assert "effectivePeriod" not in one("outcome")
    assert one("not taken")["effectivePeriod"] == {"start": on(90), "end": on(179)}
    assert one("until")["effectivePeriod"] == {"start": on(200), "end": on(200)}


def test_statuses() -> None:
    told = {name: one(name)["status"] for name in ROWS}
    assert told["by the day"] == told["outcome"] == "stopped"
    assert told["by the month"] == told["about"] == "completed"
    assert told["still"] == told["ongoing"] == "active"
    assert told["not taken"] == told["until"] == "not-taken"
    assert told["score"] == "final"


def test_the_same_fact_has_the_same_identifier_whoever_enters_it_and_when() -> None:
    facts = enter(ROWS["by the day"]).facts

    def digest(patient: str, rows: str = "by the day") -> str:
        made = to_resources(enter(ROWS[rows]).facts, patient_id=patient, author="", at=NOW, knowledge=KNOWLEDGE)
        return str(made[0]["identifier"][0]["value"])

    [mine] = to_resources(facts, patient_id="p", author=AUTHOR, at=NOW.replace(hour=3), knowledge=KNOWLEDGE)
    assert mine["identifier"][0]["value"] == digest("p")
    assert digest("q") != digest("p") != digest("p", "by the month")
    assert mine["dateAsserted"] != NOW.isoformat()


@pytest.mark.parametrize(
    ("author", "source"),
    [
        ("", None),
        ("https://ehr.example/fhir/Practitioner/7", {"reference": "https://ehr.example/fhir/Practitioner/7"}),
        ("Person/7", {"display": "Person/7"}),  # R4 names no Person as the source of a statement
    ],
)
def test_who_told_it(author: str, source: dict[str, str] | None) -> None:
    facts = enter(ROWS["by the day"], ROWS["score"]).facts
    for resource in to_resources(facts, patient_id="p", author=author, at=NOW, knowledge=KNOWLEDGE):
        check_twice(resource)
        given = resource.get("informationSource") or next(iter(resource.get("performer", ())), None)
        assert given == source
