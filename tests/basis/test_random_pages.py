"""The page of random assessments, gallery cases and vignettes: whatever is assessed, the page can be relied on."""

from __future__ import annotations

from collections import Counter

import pytest

from plugin.resistance.verdict import Value
from tests.basis.page_checks import checked
from tests.response.random_assessments import SIZE, answered, case, gallery

_FEW = 16


@pytest.mark.deep
def test_every_case_of_the_gallery_has_its_page() -> None:
    verdicts: Counter[Value] = Counter()
    gates: set[str] = set()
    for told in gallery(clients=1):
        if told.assessment is None:
            continue
        read = checked(told.assessment, told.knowledge)
        verdicts[told.assessment.verdict.value] += 1
        gates |= set(told.assessment.next_step.modifiers.gates)
        danger = "ACUTE_SAFETY" in told.assessment.next_step.modifiers.gates
        assert not danger or "To be seen first" in read.text
    assert len(verdicts) >= 4
    assert {"ACUTE_SAFETY", "BIPOLAR", "PSYCHOSIS_CATATONIA"} <= gates


def test_random_assessments_have_their_page() -> None:
    assert _pages(range(_FEW)) > _FEW // 2


@pytest.mark.deep
def test_many_random_assessments_have_their_page() -> None:
    assert _pages(range(_FEW, SIZE)) > SIZE // 2


def _pages(numbers: range) -> int:
    made = 0
    for number in numbers:
        told = answered(case(number))
        if told.assessment is not None:
            checked(told.assessment, told.knowledge)
            made += 1
    return made
