"""Both validators are asked, and each can refuse."""

from __future__ import annotations

import pytest

from cds_hooks.fhir_writer import InvalidResourceError
from tests.validity import check_twice

GOOD = {"resourceType": "Patient", "id": "p1", "gender": "female"}


def test_a_valid_resource_passes() -> None:
    check_twice(GOOD)


def test_the_models_refuse() -> None:
    with pytest.raises(InvalidResourceError):
        check_twice({**GOOD, "gendre": "female"})


@pytest.mark.parametrize("fault", [{"name": []}, {"active": "true"}, {"gender": None}])
def test_the_independent_validator_refuses_what_the_models_let_pass(fault: dict[str, object]) -> None:
    with pytest.raises(AssertionError, match="Patient"):
        check_twice({**GOOD, **fault})
