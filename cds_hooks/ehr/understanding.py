"""How a server understood a search, as far as the link of its answer to itself tells (FHIR R4, 3.1.1.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

from cds_hooks.ehr.failures import NOT_LIMITED, FhirFailure
from cds_hooks.envelope import Resource
from cds_hooks.patient_guard import patient_named

_WHOSE = ("patient", "subject", "_id")  # parameters that limit a search to one patient


def names_no_patient(page: Resource) -> bool:
    """Whether the link of a first page to itself, which tells how a search was understood, names nobody.

    A link without parameters tells nothing.
    """
    links = page.get("link")
    for link in links if isinstance(links, list) else [links]:
        if isinstance(link, dict) and link.get("relation") == "self" and isinstance(link.get("url"), str):
            query = link["url"].partition("?")[2]
            names = {re.split("[:.]", name)[0] for name, _ in parse_qsl(query, keep_blank_values=True)}
            return bool(names) and names.isdisjoint(_WHOSE)
    return False


def refuse_everybodys(found: Iterable[Resource], resource_type: str, patient_id: str) -> None:
    """Raise FhirFailure when a match in `found`, on a page of an answer that names no patient, is not `patient_id`'s.

    The server ignored whose data were asked for, and said so: this is everybody's, and tells nothing of our patient.
    What such an answer holds may still all be the patient's, where the token limits it: then it is taken.
    """
    if any(patient_named(one, {}) != patient_id for one in found if one.get("resourceType") == resource_type):
        raise FhirFailure(NOT_LIMITED, ignored=True)
