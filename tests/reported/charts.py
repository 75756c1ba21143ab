"""A patient with recurrent depression, and ways to enter facts about her and to judge her record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cds_hooks.fhir_writer import (
    Resource,
    coding,
    concept,
    condition,
    dosage,
    medication_dispense,
    observation,
    patient,
    quantity,
)
from cds_hooks.reported import Entered, read_form, to_resources
from mappings.load import load
from plugin import assess
from plugin.assessment import Assessment
from plugin.ingest import read_record
from plugin.record import Availability, Read

KNOWLEDGE = load()
FIRST = date(2025, 6, 1)
AS_OF = FIRST + timedelta(days=200)
NOW = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 12, tzinfo=UTC)
AUTHOR = "Practitioner/dr-1"
KINDS = ("Patient", "MedicationRequest", "MedicationDispense", "MedicationStatement", "Observation", "Condition")
AVAILABLE = {kind: Availability(read=Read.COMPLETE) for kind in KINDS}


def on(day: int) -> str:
    return (FIRST + timedelta(days=day)).isoformat()


def fills(name: str, drug: str, dose: float, first: int, count: int = 3, **more: Any) -> list[Resource]:
    """Monthly fills of one tablet a day."""
    return [
        medication_dispense(
            id_=f"{name}-{number}",
            patient_id="p",
            medication=concept(text=f"{drug} {dose:g} mg tablet"),
            handed_over=FIRST + timedelta(days=first + 30 * number),
            supply_days=30,
            dosages=[dosage(dose=quantity(dose, "mg", ucum="mg"), frequency=1)],
            **more,
        )
        for number in range(count)
    ]


def phq9(day: int, value: int) -> Resource:
    code = concept(coding("http://loinc.org", "44261-6"))
    return observation(
        id_=f"phq-{day}", patient_id="p", code=code, day=FIRST + timedelta(days=day), value=value, category="survey"
    )


PERSON = [
    patient(id_="p", birth=date(1985, 1, 1), sex="female"),
    condition(id_="c", patient_id="p", code=concept(coding("http://hl7.org/fhir/sid/icd-10-cm", "F33.1")), onset=FIRST),
]
FAILED = [*fills("ser", "sertraline", 100, 0), phq9(0, 18), phq9(85, 16)]
# One measured failure, and a second adequate trial of which nothing is known.
OPEN = [*PERSON, *FAILED, *fills("esc", "escitalopram", 20, 90)]
ESC = f"escitalopram {on(90)} {on(179)} MedicationDispense/esc-0 MedicationDispense/esc-2"


def enter(*rows: Mapping[str, str], today: date = AS_OF) -> Entered:
    """What the form makes of rows of fields."""
    fields = [(f"r{number}.{name}", value) for number, row in enumerate(rows) for name, value in row.items()]
    return read_form(fields, knowledge=KNOWLEDGE, today=today)


def made_of(entered: Entered) -> tuple[Resource, ...]:
    assert not entered.problems, entered.problems
    return to_resources(entered.facts, patient_id="p", author=AUTHOR, at=NOW, knowledge=KNOWLEDGE)


def judged(
    resources: list[Resource], *rows: Mapping[str, str], more: tuple[Resource, ...] = (), suppose: bool = False
) -> Assessment:
    """The assessment of the record with what the rows enter."""
    record = read_record(
        [*resources, *made_of(enter(*rows)), *more], knowledge=KNOWLEDGE, patient_id="p", availability=AVAILABLE
    )
    return assess(record, knowledge=KNOWLEDGE, as_of=AS_OF, suppose=suppose)


def counts(assessment: Assessment) -> tuple[str, int, int, int]:
    found = assessment.verdict.counts
    return assessment.verdict.value.value, found.lo, found.lo_proxy, found.hi


def rated(assessment: Assessment, drug: str) -> tuple[str, str, str]:
    """Adequacy, outcome and its basis of the trial of one drug."""
    trial = next(one for one in (*assessment.trials, *assessment.augmentations) if one.ingredient == drug)
    return trial.judged.adequacy.value, trial.outcome.status.value, trial.outcome.basis
