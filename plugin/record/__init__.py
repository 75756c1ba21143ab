"""What is known of one patient, as immutable facts: the only thing the reasoning reads.

`plugin.ingest` builds a `PatientRecord` from FHIR; nothing behind it sees FHIR. Facts are as written: statuses, doses
and supplies are not judged here. Every fact keeps the reference (``Type/id``) of the resource it came from, and
every resource received ends in a fact or in `PatientRecord.set_aside`.
"""

from plugin.record.chart import AllergyFact, ConditionFact, PatientFact, ProcedureFact, Verification
from plugin.record.measures import ItemAnswer, LabResult, Score
from plugin.record.medications import (
    Component,
    DosageLine,
    DraftOrder,
    Layer,
    MedicationFact,
    OtherMedication,
    PackPart,
    Product,
    StandingOrder,
    StopReason,
    WrittenDose,
)
from plugin.record.patient_record import (
    LABORATORY,
    OTHER_SCALES,
    OUTCOME_SCALES,
    Availability,
    PatientRecord,
    Read,
)

__all__ = [
    "LABORATORY",
    "OTHER_SCALES",
    "OUTCOME_SCALES",
    "AllergyFact",
    "Availability",
    "Component",
    "ConditionFact",
    "DosageLine",
    "DraftOrder",
    "ItemAnswer",
    "LabResult",
    "Layer",
    "MedicationFact",
    "OtherMedication",
    "PackPart",
    "PatientFact",
    "PatientRecord",
    "ProcedureFact",
    "Product",
    "Read",
    "Score",
    "StandingOrder",
    "StopReason",
    "Verification",
    "WrittenDose",
]
