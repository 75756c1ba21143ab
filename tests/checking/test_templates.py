"""The lint of prefetch templates: what is inside the subset passes, and each step outside it is found."""

from __future__ import annotations

import pytest

from cds_hooks.checking.findings import Findings
from cds_hooks.checking.patient import resolved
from cds_hooks.checking.requirements import profiles
from cds_hooks.checking.templates import lint_template

PATIENT = "patient={{context.patientId}}"


def breaches(template: str, hook: str = "order-sign", profile: str = "2.0.1") -> list[str]:
    findings = Findings(profiles()[profile])
    lint_template("key", template, hook, findings, "s")
    return sorted(one.requirement.id for one in findings.breaches)


@pytest.mark.parametrize(
    "template",
    [
        "Patient/{{context.patientId}}",
        "{{context.userId}}",
        "Practitioner/{{userPractitionerId}}",
        f"MedicationRequest?{PATIENT}&intent=order,plan",
        f"Observation?{PATIENT}&code=http://loinc.org|1234-5&_sort=-date&_count=10",
        f"Observation?{PATIENT}&date=ge2020-01-01&code:in=http://example.org/vs",
    ],
)
def test_what_is_inside_the_subset_passes(template: str) -> None:
    assert breaches(template) == []


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("Patient/{context.patientId}", ["TK-01"]),
        ("Patient/{{context.patientId}", ["TK-01"]),
        ("Patient/{{Patient.id}}", ["TK-02"]),
        ("Patient/{{%context.patientId}}", ["TK-02"]),
        ("Medication/{{context.draftOrders.MedicationRequest.medication}}", ["TK-02"]),
        (f"Observation?{PATIENT}&date=ge{{{{today() - 90 days}}}}", ["TK-02"]),
        ("Patient/{{userNurseId}}", ["TK-03"]),
        ("MedicationRequest/{{context.selections}}", ["TK-04"]),
        ("Encounter/{{context.encounterId}}", ["TK-05"]),
        (f"Observation/$lastn?{PATIENT}", ["QY-01"]),
        ("Patient/{{context.patientId}}/Observation", ["QY-01"]),
        (f"https://ehr.example/fhir/Observation?{PATIENT}", ["QY-01"]),
        (f"/Observation?{PATIENT}", ["QY-01"]),
        (f"Pills?{PATIENT}", ["QY-01"]),
        ("Observation", ["QY-01"]),
        (f"Observation?{PATIENT}&code:text=phq", ["QY-03"]),
        (f"Observation?{PATIENT}&date=sa2020-01-01", ["QY-04"]),
        (f"MedicationRequest?{PATIENT}&_include=MedicationRequest:medication", ["QY-05"]),
        (f"Observation?{PATIENT}&subject.name=a", ["QY-05"]),
        (f"Observation?{PATIENT}&sort:desc=date", ["QY-06"]),
        (f"Observation?{PATIENT}&code={'1,' * 1200}", ["QY-10"]),
        (f"Observation?{PATIENT}&code=http://loinc.org%7C1", ["QY-11"]),
        (f"Observation?{PATIENT}&date=ge2020&date=le2021", ["QY-12"]),
        ("  ", ["DI-09"]),
    ],
)
def test_a_step_outside_is_found(template: str, found: list[str]) -> None:
    assert breaches(template) == found


def test_user_tokens_are_unknown_to_clients_of_1_0() -> None:
    assert breaches("Practitioner/{{userPractitionerId}}", profile="1.0") == ["TK-03a"]


def test_a_hook_of_an_organisation_has_tokens_of_its_own() -> None:
    assert breaches("Device/{{context.deviceId}}", hook="org.example.device-view") == []


def test_templates_are_resolved_as_a_client_does() -> None:
    context = {"patientId": "p1", "userId": "PractitionerRole/r1"}
    assert resolved("A?patient={{context.patientId}}&b={{ userPractitionerRoleId }}", context) == "A?patient=p1&b=r1"
    assert resolved("Practitioner/{{userPractitionerId}}", context) is None
    assert resolved("Encounter/{{context.encounterId}}", context) is None
