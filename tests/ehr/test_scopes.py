"""What a token's scope says about a kind of data, and when it says nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.ehr.scopes import covers


@pytest.mark.proves("FA-05", "FA-13")
@pytest.mark.parametrize(
    ("scope", "kind", "searches", "reads"),
    [
        ("patient/Observation.read", "Observation", True, True),
        ("user/*.*", "Condition", True, True),
        ("system/*.rs", "Condition", True, True),
        ("patient/Condition.r", "Condition", False, True),
        ("patient/Condition.s", "Condition", True, False),
        ("patient/Condition.cruds", "Condition", True, True),
        ("patient/Condition.cud", "Condition", False, False),
        ("patient/Condition.write", "Condition", False, False),
        ("patient/Observation.rs?category=survey", "Observation", True, True),
        ("launch openid fhirUser launch/patient offline_access patient/Patient.read", "Condition", False, False),
        ("patient/Condition.write patient/Condition.read", "Condition", True, True),
        ("patient/Patient.rs\n patient/Condition.rs", "Condition", True, True),
    ],
)
def test_a_scope_of_smart_words_can_be_told(scope, kind, searches, reads):
    assert covers(scope, kind, search=True) is searches
    assert covers(scope, kind, search=False) is reads


@pytest.mark.parametrize(
    "scope",
    [
        None,
        "",
        "openid launch",  # nothing about data: the server decides by other means
        "patient/Patient.read Observation.Search(Labs)",
        "patient/Patient.read fhir-api-2",
        "patient/Patient.sr",  # not in SMART's order
        "patient/Patient.",
        "patient/Patient.rs?",
        "patient/patient.rs",
        "PATIENT/Patient.rs",
        "patient/Patient.rs,patient/Condition.rs",
        "*",
    ],
)
def test_any_other_word_makes_it_unknown(scope):
    assert covers(scope, "Condition", search=True) is None


@given(st.text(max_size=60))
def test_no_text_makes_it_fail(scope):
    assert covers(scope, "Condition", search=True) in (True, False, None)
