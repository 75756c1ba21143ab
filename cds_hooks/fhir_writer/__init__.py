"""The one place that writes FHIR R4: plain dictionaries, each of them valid FHIR.

Every function takes days as `datetime.date` and codes as ready codings (`coding`, `concept`), so that no
code of a clinical terminology stands here; only the code systems that FHIR itself defines do. Elements
without a value are left out, as FHIR has no null. `check` holds a finished resource against the R4 models
and names the fault.
"""

from cds_hooks.fhir_writer.bundles import collection, transaction
from cds_hooks.fhir_writer.clinical import (
    allergy,
    condition,
    observation,
    patient,
    practitioner,
    procedure,
    questionnaire_response,
    service_request,
)
from cds_hooks.fhir_writer.elements import (
    HL7,
    UCUM,
    Element,
    OrderContext,
    Resource,
    Told,
    coding,
    concept,
    days,
    dosage,
    kept,
    period,
    quantity,
    refer,
)
from cds_hooks.fhir_writer.encounters import encounter
from cds_hooks.fhir_writer.medications import (
    medication,
    medication_administration,
    medication_dispense,
    medication_request,
    medication_statement,
)
from cds_hooks.fhir_writer.panels import component, panel, value_of
from cds_hooks.fhir_writer.validity import InvalidResourceError, check

__all__ = [
    "HL7",
    "UCUM",
    "Element",
    "InvalidResourceError",
    "OrderContext",
    "Resource",
    "Told",
    "allergy",
    "check",
    "coding",
    "collection",
    "component",
    "concept",
    "condition",
    "days",
    "dosage",
    "encounter",
    "kept",
    "medication",
    "medication_administration",
    "medication_dispense",
    "medication_request",
    "medication_statement",
    "observation",
    "panel",
    "patient",
    "period",
    "practitioner",
    "procedure",
    "quantity",
    "questionnaire_response",
    "refer",
    "service_request",
    "transaction",
    "value_of",
]
