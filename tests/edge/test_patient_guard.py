"""Resources of another patient are found wherever they stand among thousands that name the right one."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from cds_hooks.errors import PatientMismatch
from cds_hooks.patient_guard import patient_named, refuse_other_patient

FULL_URLS = {"urn:uuid:1": "p1", "urn:uuid:2": "p2"}
SUBJECTS: tuple[Any, ...] = (
    None,
    {"reference": "Patient/p1"},
    {"reference": "https://ehr.example/fhir/Patient/p1"},
    {"reference": "Patient/p2"},
    {"reference": "Group/p2"},
    {"reference": "#p2"},
    {"reference": "urn:uuid:1"},
    {"reference": "urn:uuid:2"},
    {"reference": 7},
    "Patient/p2",
)
RESOURCES: tuple[dict[str, Any], ...] = (
    *({"resourceType": "Observation", "subject": subject} for subject in SUBJECTS),
    {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/p2"}},
    {"resourceType": "Observation", "subject": {"reference": "Patient/p1"}, "patient": {"reference": "Patient/p2"}},
    {"resourceType": "Patient", "id": "p1"},
    {"resourceType": "Patient", "id": "p2", "subject": {"reference": "Patient/p1"}},
    {"resourceType": "Medication"},
)


def is_refused(resources: tuple[dict[str, Any], ...], full_urls: dict[str, str]) -> bool:
    try:
        refuse_other_patient(resources, "p1", where="prefetch", full_urls=full_urls)
    except PatientMismatch:
        return True
    return False


@pytest.mark.parametrize("full_urls", [{}, FULL_URLS])
def test_each_resource_counts_whatever_stands_before_it(full_urls: dict[str, str]) -> None:
    for three in permutations(RESOURCES, 3):
        wanted = any(patient_named(one, full_urls) not in (None, "p1") for one in three)
        assert is_refused(three, full_urls) == wanted, three


def test_one_among_thousands() -> None:
    right = [{"resourceType": "Observation", "subject": {"reference": "Patient/p1"}} for _ in range(2_000)]
    assert not is_refused(tuple(right), {})
    right[1_500] = {"resourceType": "Observation", "subject": {"reference": "Patient/p2"}}
    assert is_refused(tuple(right), {})
