"""Edges between two rules: exactly half, the longer of two runs, a stop between courses, a number that is a dose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mappings.load import load
from plugin.exposure.dose_schedule import DailyDose
from plugin.exposure.supply import CoveredDay
from plugin.ingest.codings import concept_of
from plugin.ingest.product_words import read_wording
from plugin.ingest.recognition import recognise
from plugin.ingest.written_strengths import strengths_in
from plugin.record import Layer, StopReason, Verification
from plugin.resistance.optimisation import Points
from plugin.timeline import Timeline
from plugin.trial.at_dose import best_run
from plugin.trial.measurement import Status
from tests.reasoning.facts import RULES, fill, on, order, phq9, when
from tests.reasoning.test_advice import DEPRESSION, judge
from tests.reasoning.test_outcome import outcome

KNOWLEDGE = load()


@pytest.mark.parametrize(
    ("earlier", "status", "category"),
    [(9, Status.UNKNOWN, "lost-response"), (10, Status.UNKNOWN, "lost-response"), (11, Status.FAILED_MEASURED, None)],
)
def test_a_response_of_exactly_half_that_was_lost_is_lost(earlier: int, status: Status, category: str | None) -> None:
    result = outcome([phq9(0, 20), phq9(50, earlier), phq9(85, 18)])
    assert result.status is status
    assert category is None or result.category == category


def days(first: int, last: int, grade: str) -> Timeline[CoveredDay]:
    told = CoveredDay(dose=DailyDose(50.0, 50.0), grade=grade, layer=Layer.DISPENSE, uses=("x",))
    return Timeline([(on(first).toordinal(), on(last).toordinal() + 1, told)])


def test_what_stopped_one_course_is_no_part_of_the_course_before() -> None:
    """More than thirty uncovered days part two eras; the stop of the second tells nothing of the first."""
    first = (fill(1, 0, 30), fill(2, 30, 30))
    second = (fill(3, 120, 30), fill(4, 150, 30))
    stop = order(
        9,
        120,
        days=None,
        status="stopped",
        end=when(180),
        stop_reasons=(StopReason(meaning="intolerance", by="code", label="not tolerated"),),
    )
    [trial] = judge(*first, *second, stop, as_of=300).trials
    eras = {judged.era.start: judged.era for judged, _ in ((trial.judged, trial.outcome), *trial.others)}
    assert set(eras) == {on(0), on(120)}
    early, late = eras[on(0)], eras[on(120)]
    assert {fact.reference for fact in early.facts} == {"MedicationDispense/1", "MedicationDispense/2"}
    assert stop.reference in {fact.reference for fact in late.facts}
    assert not {"MedicationDispense/3", "MedicationDispense/4"} & {fact.reference for fact in early.facts}


def test_a_diagnosis_that_is_only_suspected_is_missing_for_the_verdict() -> None:
    suspected = replace(DEPRESSION, verification=Verification.SUSPECTED)
    found = judge(fill(1, 0, 60), conditions=(suspected,), as_of=120)
    told = {one.what: one.would_affect for one in found.missing}
    assert told["a confirmed diagnosis of major depressive disorder"] == "verdict"


@pytest.mark.parametrize(
    ("low", "high", "shown"), [(1, 1, "1"), (1, 2, "1 to 2"), (0.5, 0.5, "0.5"), (0, 0.5, "0 to 0.5")]
)
def test_points_that_are_known_are_one_number(low: float, high: float, shown: str) -> None:
    assert str(Points(low, high)) == shown


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("Zoloft 50", 50),
        ("Zoloft (50)", 50),
        ("sertraline 50 daily", 50),
        ("duloxetine DR 60 qd", 60),
        ("sertraline tablets 100", 100),
        ("sertraline 7", None),
        ("sertraline 50 of them", None),
    ],
)
def test_a_bare_number_behind_a_name_is_a_strength_only_where_it_can_be_nothing_else(
    text: str, amount: float | None
) -> None:
    found = recognise([], text, KNOWLEDGE)
    assert found is not None
    assert [one.amount for one in found.components] == [amount]


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("25 mg/2 mL", [(12.5, "mL")]),
        ("20 mg/mL", [(20, "mL")]),
        ("10 mg per 3 ml", [(3.333333, "mL")]),
        ("37.5 mg", [(37.5, "unit")]),
    ],
)
def test_the_strength_of_a_liquid_keeps_its_decimals(text: str, amounts: list[tuple[float, str]]) -> None:
    assert [(one.amount, one.per) for one in strengths_in(text)] == amounts


@pytest.mark.parametrize(
    ("sent", "codes", "names"),
    [
        ({"code": "1", "system": "s", "display": "D"}, ["1"], ["D"]),
        ({"display": "D"}, [""], ["D"]),
        ({"coding": [{"code": "1", "display": "D"}], "text": "T"}, ["1"], ["T", "D"]),
        ({"code": "1", "display": "D", "coding": [{"code": "2", "display": "E"}]}, ["2", "1"], ["E", "D"]),
        ({"code": "1", "display": "D", "text": "T"}, ["1"], ["T", "D"]),
        ({"coding": {"code": "1", "display": "D"}}, ["1"], ["D"]),
        ([{"coding": [{"code": "1", "display": "D"}]}, {"text": "T"}], ["1"], ["T", "D"]),
        ("T", [], ["T"]),
    ],
)
def test_a_concept_in_whatever_shape_keeps_its_codes_and_words(sent: Any, codes: list[str], names: list[str]) -> None:
    concept = concept_of(sent)
    assert [coding.code for coding in concept.codings] == codes
    assert list(concept.names) == names


def test_a_combination_that_is_one_drug_keeps_the_words_beside_it() -> None:
    wording = read_wording(["dextromethorphan-bupropion extended release tablet"], KNOWLEDGE)
    plain = read_wording(["bupropion extended release tablet"], KNOWLEDGE)
    assert wording.say("extended release")
    assert wording.release(KNOWLEDGE) == plain.release(KNOWLEDGE) != ""


@pytest.mark.parametrize(("graded_first", "span"), [(True, (100, 129)), (False, (0, 59))])
def test_of_two_runs_the_sure_one_is_chosen_by_its_evidence_and_the_possible_one_by_its_length(
    graded_first: bool, span: tuple[int, int]
) -> None:
    weak, strong = days(0, 59, "C"), days(100, 129, "A")
    both = weak.then(strong)
    run = best_run(both, RULES, graded_first=graded_first)
    assert run is not None
    assert (run.span.start, run.span.end) == (on(span[0]), on(span[1]))
