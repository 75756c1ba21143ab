"""What discovery announces: the three services, and the data each asks the client to send along.

The prefetch templates stay inside the query subset of CDS Hooks 2.0.1 (instance read or type search;
reference and token parameters by equality; no modifier, no repeated parameter) and use one token,
``{{context.patientId}}``, which every client knows. `gather` asks the client's FHIR server for the same data when a
client does not send them; how is in `cds_hooks.ehr.searches`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mappings.load import Knowledge

PATIENT_TOKEN = "{{context.patientId}}"  # noqa: S105 - a template token, not a secret
KNOWLEDGE = "io.github.trd-cds.knowledge"
SPECIFICATION = "2.0.1"
HOOK_VERSION = "1.0"  # of all three, by their published definitions
# Every intent that can stand for a treatment: proposals and options are not prescriptions.
_INTENTS = "order,plan,original-order,reflex-order,filler-order,instance-order"


@dataclass(frozen=True, slots=True)
class Service:
    """One CDS Hooks service: `id` is the last part of its address and never changes."""

    id: str
    hook: str
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Query:
    """One kind of data: its prefetch `key`, its FHIR `resource_type` and search parameters besides the
    patient.

    `key` is that of ``searches.yaml`` too, and `codes` are those of the `code` parameter, as ``system|code``.
    `parameters` of None means an instance read. `essential` data missing by both routes end a call with 412
    (decision 2); any other missing kind is a named gap.
    """

    key: str
    resource_type: str
    parameters: Mapping[str, str] | None
    essential: bool = False
    codes: tuple[str, ...] = ()

    @property
    def is_read(self) -> bool:
        """Whether the answer is one resource rather than a search bundle."""
        return self.parameters is None

    def template(self) -> str:
        """The prefetch template, with the patient left as a token."""
        return self.address(PATIENT_TOKEN)

    def address(self, patient_id: str) -> str:
        """The query for one patient, relative to the FHIR base address, not percent-encoded."""
        if self.parameters is None:
            return f"{self.resource_type}/{patient_id}"
        return f"{self.resource_type}?" + "&".join(f"{n}={v}" for n, v in self.search(patient_id).items())

    def search(self, patient_id: str) -> dict[str, str]:
        """The search parameters for one patient."""
        return {"patient": patient_id, **(self.parameters or {})}


SERVICES: Mapping[str, Service] = MappingProxyType(
    {
        service.id: service
        for service in (
            Service(
                "trd-order-select",
                "order-select",
                "Antidepressant history at order selection",
                "When an antidepressant, an augmenting agent or neuromodulation is selected: the patient's "
                "earlier antidepressant trials, which of them count, and whether depression is "
                "treatment-resistant, with reasons.",
            ),
            Service(
                "trd-order-sign",
                "order-sign",
                "Antidepressant history at signing",
                "Before an antidepressant, an augmenting agent or neuromodulation is signed: the patient's "
                "earlier antidepressant trials, which of them count, and whether depression is "
                "treatment-resistant, with reasons.",
            ),
            Service(
                "trd-patient-view",
                "patient-view",
                "Treatment-resistant depression on opening a record",
                "When a record is opened: tells the clinician once that the recorded antidepressant trials "
                "have newly reached, or probably reached, treatment resistance. Silent otherwise, and for "
                "patients and proxies.",
            ),
        )
    }
)


def queries(knowledge: Knowledge) -> tuple[Query, ...]:
    """All kinds of data a call reads, in the order announced. Scale codes come from the knowledge."""
    none: Mapping[str, str] = MappingProxyType({})
    scales = tuple(f"{knowledge.uri_of(scale.system)}|{scale.code}" for scale in knowledge.prefetch.scales)
    return (
        Query("patient", "Patient", None, essential=True),
        Query("medicationRequests", "MedicationRequest", MappingProxyType({"intent": _INTENTS}), essential=True),
        Query("dispenses", "MedicationDispense", none),
        Query("statements", "MedicationStatement", none),
        Query("scales", "Observation", MappingProxyType({"code": ",".join(scales)}), codes=scales),
        Query("questionnaireResponses", "QuestionnaireResponse", none),
        Query("conditions", "Condition", none),
        Query("allergies", "AllergyIntolerance", none),
        Query("procedures", "Procedure", none),
    )


def discovery(knowledge: Knowledge, base_url: str, *, versions: bool = False) -> dict[str, Any]:
    """The discovery document: every service with its prefetch templates.

    With `versions` each service names that of CDS Hooks and of its hook: members of the drafts of 3.0, which 2.0.1 does
    not have.
    """
    templates = {query.key: query.template() for query in queries(knowledge)}
    needs = (
        "FHIR R4. Needs the patient and the medication requests, by prefetch or by access token, for any "
        "answer; dispenses, statements, rating scales, conditions, allergies and procedures make it "
        "complete. Order hooks need the unsigned orders in context. Intended use, limits and what each client must "
        "configure: "
        f"{base_url}/intended-use"
    )
    in_force = {"version": knowledge.version, "hash": knowledge.content_hash}
    if knowledge.site_id is not None:
        in_force["site"] = knowledge.site_id
    return {
        "services": [
            {
                "hook": service.hook,
                "title": service.title,
                "description": service.description,
                "id": service.id,
                "prefetch": templates,
                "usageRequirements": needs,
                "extension": {KNOWLEDGE: in_force},
                **({"version": SPECIFICATION, "hookVersion": HOOK_VERSION} if versions else {}),
            }
            for service in SERVICES.values()
        ]
    }
