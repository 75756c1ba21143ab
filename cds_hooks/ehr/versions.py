"""Which release of FHIR a server speaks, by the version its statement gives, and why only R4 and R4B are read.

The versions are those HL7 published; previews count as the release that they led to.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Literal, get_args

FhirVersion = Literal["R4", "R4B", "R5", "STU3", "DSTU2", "later", "unknown"]
FHIR_VERSIONS: tuple[FhirVersion, ...] = get_args(FhirVersion)
READ: frozenset[FhirVersion] = frozenset({"R4", "R4B", "unknown"})
"""What is asked: a server that does not say is taken for R4."""

_WRITTEN = re.compile(r"\s*(\d{1,3})\.(\d{1,3})(?:[.\-a-z]|\s*$)", re.IGNORECASE)
_BY_MAJOR: MappingProxyType[int, FhirVersion] = MappingProxyType(
    {0: "DSTU2", 1: "DSTU2", 2: "STU3", 3: "STU3", 5: "R5"}
)
_BY_MINOR_OF_4: MappingProxyType[int, FhirVersion] = MappingProxyType({0: "R4", 1: "R4B", 3: "R4B"})
_NAMES: MappingProxyType[FhirVersion, str] = MappingProxyType({"later": "in a release after R5"})


def read_version(written: object) -> FhirVersion:
    """The release of a ``fhirVersion``; "unknown" for anything that is no such version.

    >>> read_version("4.0.1"), read_version("4.3.0"), read_version("5.0.0-ballot"), read_version("3.0.2")
    ('R4', 'R4B', 'R5', 'STU3')
    >>> read_version("latest")
    'unknown'
    """
    match = _WRITTEN.match(written) if isinstance(written, str) else None
    if match is None:
        return "unknown"
    major, minor = int(match[1]), int(match[2])
    if major == 4:
        # 4.2, 4.4, 4.5 and 4.6 were previews of R5.
        return _BY_MINOR_OF_4.get(minor, "R5")
    return _BY_MAJOR.get(major, "later")


def refusal(version: FhirVersion) -> str:
    """Why a server of `version` is not asked; empty when it is."""
    if version in READ:
        return ""
    return f"the FHIR server speaks FHIR {_NAMES.get(version, version)}, and this service reads R4 and R4B"
