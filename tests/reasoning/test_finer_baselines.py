"""Finer points of the published rules: what a negative answer still says, and until when a diagnosis excludes."""

from __future__ import annotations

import pytest

from mappings.load import Knowledge
from tests.reasoning.test_baselines import D23, DEPRESSED, answer, judged, record

RULES = ("FABBRI-UKB", "KIM", "OHDSI-1009", "CEPEDA-2018")


@pytest.mark.parametrize("rule", RULES)
def test_an_answer_for_want_of_a_depression_code_keeps_its_values_and_rests_on_no_record(
    knowledge: Knowledge, rule: str
) -> None:
    def reason(*conditions: str) -> tuple[tuple[str, object], ...]:
        [one] = judged(record(knowledge, *D23, conditions=conditions), knowledge)[rule].reasons
        assert isinstance(one.uses, tuple)
        return one.facts

    values = reason(*DEPRESSED)
    assert values
    assert reason("I10 active confirmed, onset day 0") == values


@pytest.mark.parametrize("rule", RULES)
def test_an_answer_without_medication_data_rests_on_no_record(knowledge: Knowledge, rule: str) -> None:
    [reason] = judged(record(knowledge), knowledge)[rule].reasons
    assert (reason.facts, reason.uses) == ((), ())


@pytest.mark.parametrize(("day", "resistant"), [(211, False), (400, False), (401, True)])
def test_a_rule_that_wants_depression_coded_at_any_time_lets_a_later_diagnosis_exclude(
    knowledge: Knowledge, day: int, resistant: bool
) -> None:
    # The second switch is on day 210; the day of judgement is 400.
    conditions = [*DEPRESSED, f"F31.9 active confirmed, recorded day {day}"]
    assert answer("FABBRI-UKB", knowledge, *D23, conditions=conditions) is resistant
