"""The record of one life under one profile of missingness: a list of FHIR resources, the Patient first."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cds_hooks.cohort.clinical_records import (
    write_conditions,
    write_measurement,
    write_person,
    write_procedures,
    write_visits,
)
from cds_hooks.cohort.drawing import Draw
from cds_hooks.cohort.lacks import NOTHING
from cds_hooks.cohort.life import Life
from cds_hooks.cohort.medication_records import write_medications
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.prescribers import Signers
from cds_hooks.cohort.scribe import Scribe
from cds_hooks.fhir_writer import Resource

# Every type has a file in every cohort, so that an empty one is read and empty, not unread.
TYPES = (
    "Patient",
    "MedicationRequest",
    "MedicationDispense",
    "MedicationStatement",
    "Observation",
    "QuestionnaireResponse",
    "Condition",
    "Procedure",
    "AllergyIntolerance",
    "Encounter",
)


def patient_id_of(seed: int, number: int) -> str:
    """The id of one synthetic patient."""
    return f"synthetic-{seed}-{number}"


def record_of(
    life: Life,
    plan: Plan,
    *,
    seed: int,
    hidden: Mapping[str, float],
    restored: Collection[str] = NOTHING,
    today: int = 0,
) -> list[Resource]:
    """The resources of one life; `hidden` are the shares that the profile leaves out.

    With kinds of `lacks` `restored` it is the record that would have been, had these been written; what is in no record
    is written for the days up to `today`.
    """
    return scribe_of(life, plan, seed=seed, hidden=hidden, restored=restored, today=today).resources


def scribe_of(
    life: Life,
    plan: Plan,
    *,
    seed: int,
    hidden: Mapping[str, float],
    restored: Collection[str] = NOTHING,
    today: int = 0,
) -> Scribe:
    """The writer of the same record, who also knows what it lacks."""
    scribe = Scribe(
        plan,
        patient_id_of(seed, life.number),
        hidden=hidden,
        mess=Draw(seed, life.number, "record"),
        missing=Draw(seed, life.number, "missing"),
        signers=Signers(plan, seed, life.number),
        restored=restored,
        today=today,
    )
    write_person(life, scribe)
    write_conditions(life, scribe)
    write_medications(life, scribe)
    write_visits(life, scribe)
    write_procedures(life, scribe)
    write_measurement(life, scribe)
    return scribe
