"""What the tests of reading build is valid FHIR, so that only the junk put in on purpose is junk."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from tests.ingest import shorthand as short


@pytest.mark.parametrize(
    "resource",
    [
        short.patient(),
        short.order(dosageInstruction=[short.one_daily()]),
        short.dispense(),
        short.statement(),
        short.administration(),
        short.total("t", 12),
        *short.item_observations([0, 1, 2, 3]),
        short.questionnaire("q", [1] * 9),
        short.condition(),
        short.procedure(),
    ],
    ids=lambda resource: f"{resource['resourceType']}-{resource['id']}",
)
def test_shorthand_is_valid(resource: dict[str, Any]) -> None:
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
