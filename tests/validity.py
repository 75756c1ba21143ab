"""What we emit is held against two validators that know nothing of each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import fhirkit

from cds_hooks.fhir_writer import check


def check_twice(resource: Mapping[str, Any]) -> None:
    """Raise unless the FHIR R4 models of `fhir.resources` and an independent validator both accept the resource."""
    check(resource)
    faults = [str(issue) for issue in fhirkit.validate(dict(resource)) if issue.severity == "error"]
    if faults:
        raise AssertionError(faults)
