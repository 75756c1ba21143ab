"""Every check of a response finds the faults it is there for: each is shown one good answer and the same one spoilt."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from tests.response.card_traces import CONTENTS
from tests.response.offer_rows import ROWS
from tests.response.random_assessments import SIZE, SLICE, Told, answered, case
from tests.response.response_rows import Check, broken
from tests.response.spoilt import SPOILT, Fault

CHECKS: dict[str, Check] = {**ROWS, **CONTENTS}
ENOUGH = 3
# What HL7's engine says beside the seven invariants is shown to bite where it is typed.
ELSEWHERE = {name for name in ROWS if name.startswith("FHIRPath ") and "cds-resp" not in name}


_answer = cache(lambda number: answered(case(number)))


def good_answers(fault: Fault) -> Iterator[Told]:
    """Answers that can have the fault and have none of its kind: some of the slice, else the next of the sample."""
    check, found = {fault.name: CHECKS[fault.name]}, 0
    for number in range(SIZE):
        if found >= (ENOUGH if number < SLICE else 1):
            return
        told = _answer(number)
        if fault.fits(told) and not broken(told, check):
            found += 1
            yield told


def named(fault: Fault) -> str:
    """A fault by its check, numbered."""
    return f"{fault.name} {sum(one.name == fault.name for one in SPOILT[: SPOILT.index(fault)]) + 1}"


@pytest.mark.parametrize("fault", SPOILT, ids=named)
def test_a_spoilt_answer_is_found(fault: Fault) -> None:
    tried = list(good_answers(fault))
    assert tried, "no answer of the sample can have this fault"
    for told in tried:
        assert broken(fault.in_answer(told), {fault.name: CHECKS[fault.name]}), f"call {told.case.number}"


def test_every_check_was_shown_a_fault() -> None:
    shown = {CHECKS[fault.name] for fault in SPOILT}
    assert {name for name, check in CHECKS.items() if check not in shown} - ELSEWHERE == set()
