"""What the reasoning reads of a person is what the source attributes say: three independent looks at the same thing.

The fields that ingest keeps, the keys it asks a Patient resource for, and whether anything else changes the answer.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.stories import load_stories
from mappings.attribute_schema import read_statements
from mappings.attribute_uses import names
from mappings.load import DIRECTORY, load
from plugin import assess
from plugin.document.assessment_document import to_document
from plugin.ingest import read_record
from plugin.ingest.patient import read_patient
from plugin.record import PatientFact

KNOWLEDGE = load()
STATEMENTS = read_statements(DIRECTORY)
PLUGIN = Path(__file__).parents[2] / "plugin"
TODAY = date(2026, 11, 23)
STORIES = load_stories(TODAY, KNOWLEDGE)
UNUSED = ("race", "ethnicity", "language", "sexual-orientation", "gender-identity")

# Every module that reads the sex or the birth date, and where the page tells of it. A new reader belongs here and, if
# it is no table, range or dose, into `reads` of source_attributes.yaml.
READERS = {
    ("safety/named_facts.py", "sex"): "the fact `sex` of decision tables",
    ("domains/lab_results.py", "sex"): "usual ranges that differ by sex",
    ("document/assessment_document.py", "sex"): "stated in the assessment",
    ("record/chart.py", "birth"): "the age, for all others",
    ("safety/named_facts.py", "age_on"): "the fact `age` of decision tables",
    ("safety/concluded_facts.py", "age_on"): "the fact `onset-age`",
    ("trial/at_dose.py", "age_on"): "the lenient dose in old age",
    ("trial/eligibility.py", "age_on"): "rule X5",
    ("resistance/supposed_facts.py", "age_on"): "rule X5, supposed",
    ("options/next_step.py", "age_on"): "rule L0",
    ("document/assessment_document.py", "age_on"): "stated in the assessment",
}
READ_OF_A_PATIENT = {"birthDate", "gender", "deceasedBoolean", "deceasedDateTime"}
OTHERWISE: dict[str, Any] = {
    "extension": [
        {"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race", "extension": [{"valueString": "any"}]},
        {"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity", "valueString": "any"},
        {"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-genderIdentity", "valueString": "any"},
        {"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-sex", "valueCode": "male"},
    ],
    "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "es"}]}, "preferred": True}],
    "language": "es",
    "maritalStatus": {"text": "any"},
    "address": [{"line": ["any"], "postalCode": "00000", "country": "US"}],
    "name": [{"family": "Other", "given": ["Any"]}],
    "telecom": [{"system": "phone", "value": "1"}],
    "multipleBirthBoolean": True,
    "contact": [{"name": {"text": "any"}}],
    "generalPractitioner": [{"reference": "Practitioner/any"}],
}


class Watched(dict[str, Any]):
    """A resource that remembers which of its keys were asked for."""

    asked: set[str]

    def __init__(self, resource: dict[str, Any]) -> None:
        super().__init__(resource)
        self.asked = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)


def test_the_fields_kept_of_a_patient_are_reviewed() -> None:
    kept = {field.name for field in fields(PatientFact)} - {"reference"}
    owned = {name: one.id for one in STATEMENTS.attributes if one.reads for name in one.reads.patient_fields}
    assert {name: owned[name] for name in kept & set(owned)} == {"birth": "date-of-birth", "sex": "sex"}
    assert kept - set(owned) == set(STATEMENTS.other_patient_fields)


def test_ingest_asks_a_patient_resource_for_nothing_else() -> None:
    patient = next(one for one in STORIES[0].resources if one["resourceType"] == "Patient")
    watched = Watched({**patient, **OTHERWISE})
    read = read_patient("Patient/any", watched)
    assert (read.birth is not None, read.sex) == (True, patient["gender"])
    assert watched.asked == READ_OF_A_PATIENT


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.id)
def test_nothing_else_about_a_person_changes_an_answer(story: Any) -> None:
    def document(**besides: Any) -> dict[str, Any]:
        resources = [{**one, **besides} if one["resourceType"] == "Patient" else one for one in story.resources]
        return to_document(assess(read_record(resources, knowledge=KNOWLEDGE), knowledge=KNOWLEDGE, as_of=TODAY))

    plain = document()
    assert document(**OTHERWISE) == plain
    assert document(birthDate="2015-01-01") != plain, "the comparison can fail"


def accesses() -> Iterator[tuple[str, str]]:
    """Module and attribute, wherever the reasoning reads sex or birth date of a patient."""
    for path in PLUGIN.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in {"sex", "birth", "age_on"}:
                yield path.relative_to(PLUGIN).as_posix(), node.attr


def test_every_reader_of_sex_and_birth_date_is_known() -> None:
    assert set(accesses()) == set(READERS)


def texts(path: Path) -> Iterator[str]:
    """The strings of a module that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


@pytest.mark.parametrize("name", UNUSED)
def test_no_string_of_the_reasoning_names_what_is_not_used(name: str) -> None:
    """Keys and extensions by their names; only the key of the administrative gender is known and is read as sex."""
    reads = next(one.reads for one in STATEMENTS.attributes if one.id == name)
    assert reads is not None
    found = {
        (path.relative_to(PLUGIN).as_posix(), text)
        for path in PLUGIN.rglob("*.py")
        for text in texts(path)
        if names(reads, text) or text in {"communication", "maritalStatus"}
    }
    assert found == ({("ingest/patient.py", "gender")} if name == "gender-identity" else set())
