"""Which FHIR release a server speaks, and which are refused."""

from __future__ import annotations

import pytest

from cds_hooks.ehr.versions import FHIR_VERSIONS, read_version, refusal


@pytest.mark.parametrize(
    ("written", "version"),
    [
        ("4.0.1", "R4"),
        ("4.0.0", "R4"),
        (" 4.0.1 ", "R4"),
        ("4.0", "R4"),
        ("4.1.0", "R4B"),
        ("4.3.0", "R4B"),
        ("4.3.0-cibuild", "R4B"),
        ("4.2.0", "R5"),
        ("4.6.0", "R5"),
        ("5.0.0", "R5"),
        ("5.0.0-ballot", "R5"),
        ("3.0.2", "STU3"),
        ("3.5a.0", "STU3"),
        ("1.0.2", "DSTU2"),
        ("0.0.82", "DSTU2"),
        ("6.0.0-ballot3", "later"),
        ("R4", "unknown"),
        ("4", "unknown"),
        ("40.1", "later"),
        ("", "unknown"),
        (4.0, "unknown"),
        (None, "unknown"),
        (["4.0.1"], "unknown"),
    ],
)
def test_versions(written, version):
    assert read_version(written) == version


def test_only_r4_and_r4b_are_read_and_silence_is_taken_for_r4():
    assert {version for version in FHIR_VERSIONS if not refusal(version)} == {"R4", "R4B", "unknown"}
    assert refusal("STU3") == "the FHIR server speaks FHIR STU3, and this service reads R4 and R4B"
    assert "after R5" in refusal("later")
