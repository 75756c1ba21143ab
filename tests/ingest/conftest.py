from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from mappings.load import Knowledge, load
from mappings.schema import CodeSet, ConditionCategory, Conditions
from plugin.ingest import read_record
from plugin.record import PatientRecord


def category(id_: str, code_sets: list[dict[str, Any]], words: tuple[str, ...] = ()) -> ConditionCategory:
    sets = tuple(
        CodeSet.model_validate({k: tuple(v) if isinstance(v, list) else v for k, v in s.items()}) for s in code_sets
    )
    return ConditionCategory(id=id_, label=id_, code_sets=sets, words=words, cites=("icd10cm",))


# Categories of our own, so that these tests speak of reading and not of which codes the knowledge holds.
CONDITIONS = Conditions(
    last_reviewed=date(2026, 1, 1),
    review_by=date(2027, 1, 1),
    not_the_patient=("family history", "mother", "denies", "no history of", "fh:", "parent"),
    categories=(
        category(
            "depression",
            [{"system": "icd10cm", "prefixes": ["F32", "F33"], "except": ["F32.5", "F33.42"]}],
            words=("depression", "depressive disorder"),
        ),
        category("depression-remission", [{"system": "icd10cm", "exact": ["F32.5", "F33.42"]}]),
        category(
            "bipolar",
            [{"system": "icd10cm", "prefixes": ["F31"]}, {"system": "snomed", "exact": ["13746004"]}],
            ("bipolar",),
        ),
        category("seizure", [{"system": "icd10cm", "prefixes": ["G40"]}], ("seizure", "epilepsy")),
        category("anxiety", [{"system": "icd10cm", "exact": ["F41.1"]}], ("anxiety",)),
    ),
)


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return replace(load(), conditions=CONDITIONS)


@pytest.fixture(scope="session")
def read(knowledge: Knowledge) -> Callable[..., PatientRecord]:
    """`read_record` with the test knowledge: resources as positional arguments."""

    def reader(*resources: object, **options: Any) -> PatientRecord:
        return read_record(resources, **{"knowledge": knowledge, **options})

    return reader
