"""Outcome: windows, decision order, conflicts, stop reasons and the switch proxy, at their edges."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.load import load
from plugin.adequacy import Intent, Judged, judge
from plugin.eras import Era
from plugin.exposures import ExposureKey, expose
from plugin.measurement import Outcome, Status
from plugin.outcome import judge_outcome
from plugin.record import Score, StopReason
from tests.reasoning.facts import ADULT, INSTRUMENTS, RULES, fill, on, phq9, when

KNOWLEDGE = load()
DEFINITION = KNOWLEDGE.definitions["TRD-6W-50"]


def judged(days: int = 90, stop: StopReason | None = None, **more: Any) -> Judged:
    fact = fill(1, 0, days, stop_reasons=() if stop is None else (stop,), **more)
    exposure = expose([fact], rules=RULES, as_of=on(400)).by_key[ExposureKey(ingredient="sertraline")]
    era = Era(key=exposure.key, days=exposure.days, facts=exposure.facts, began=on(0))
    return judge(
        era,
        drug=KNOWLEDGE.drugs["sertraline"],
        intent=Intent(value="depression", basis="stated"),
        definition=DEFINITION,
        rules=RULES,
        patient=ADULT,
        as_of=on(400),
    )


def outcome(
    scores: list[Score], *, next_start: int | None = None, switch: int | None = None, trial: Judged | None = None
) -> Outcome:
    return judge_outcome(
        trial or judged(),
        scores=scores,
        definition=DEFINITION,
        rules=RULES,
        instruments=INSTRUMENTS,
        next_start=None if next_start is None else on(next_start),
        additions=() if switch is None else ((on(switch), "another drug", ("MedicationRequest/n",)),),
    )


@pytest.mark.parametrize(
    ("before", "after", "status", "category"),
    [
        (20, 10, Status.NOT_FAILED, "response"),
        (19, 10, Status.FAILED_MEASURED, "partial-response"),
        (20, 15, Status.FAILED_MEASURED, "partial-response"),
        (20, 16, Status.FAILED_MEASURED, "no-response"),
        (20, 21, Status.FAILED_MEASURED, "worse"),
        (10, 4, Status.NOT_FAILED, "remission"),
        (10, 5, Status.NOT_FAILED, "response"),
        (9, 9, Status.UNKNOWN, None),
        (9, 15, Status.UNKNOWN, None),
    ],
)
def test_a_pair_of_scores(before: int, after: int, status: Status, category: str | None) -> None:
    result = outcome([phq9(0, before), phq9(80, after)])

    assert (result.status, result.category) == (status, category)


@pytest.mark.parametrize(("day", "found"), [(-31, False), (-30, True), (7, True), (8, False)])
def test_the_baseline_window(day: int, found: bool) -> None:
    result = outcome([phq9(day, 18), phq9(80, 16)])

    assert (result.status is Status.FAILED_MEASURED) is found
    assert (result.status is Status.FAILED_PROXY) is not found


@pytest.mark.parametrize(("day", "found"), [(41, False), (42, True), (103, True), (104, False)])
def test_the_endpoint_window(day: int, found: bool) -> None:
    assert (outcome([phq9(0, 18), phq9(day, 16)]).endpoint is not None) is found


@pytest.mark.parametrize(("day", "found"), [(74, True), (75, False)])
def test_the_next_antidepressant_ends_the_endpoint_window(day: int, found: bool) -> None:
    assert (outcome([phq9(0, 18), phq9(day, 16)], next_start=60).endpoint is not None) is found


def test_the_last_endpoint_decides_and_a_lost_response_is_unknown() -> None:
    result = outcome([phq9(0, 20), phq9(50, 9), phq9(85, 18)])

    assert (result.status, result.category) == (Status.UNKNOWN, "lost-response")


@pytest.mark.parametrize(("value", "status"), [(10, Status.FAILED_PROXY), (9, Status.UNKNOWN), (4, Status.NOT_FAILED)])
def test_an_endpoint_without_baseline(value: int, status: Status) -> None:
    assert outcome([phq9(80, value)], switch=95).status is status


@pytest.mark.parametrize(("day", "proxy"), [(41, False), (42, True), (179, True), (180, False)])
def test_the_switch_window(day: int, proxy: bool) -> None:
    result = outcome([], switch=day)

    assert (result.status is Status.FAILED_PROXY) is proxy


@pytest.mark.parametrize(("day", "value", "proxy"), [(13, 9, True), (14, 9, False), (14, 12, True)])
def test_an_early_response_switches_the_proxy_off(day: int, value: int, proxy: bool) -> None:
    result = outcome([phq9(0, 20), phq9(day, value)], switch=95)

    assert (result.status is Status.FAILED_PROXY) is proxy


@pytest.mark.parametrize(
    ("meaning", "by", "status", "basis"),
    [
        ("inefficacy", "code", Status.FAILED_MEASURED, "coded-reason"),
        ("inefficacy", "text", Status.FAILED_PROXY, "reported"),
        ("intolerance", "code", Status.UNKNOWN, "none"),
        ("other", "code", Status.UNKNOWN, "none"),
        ("completed", "code", Status.UNKNOWN, "none"),
    ],
)
def test_a_stop_reason_without_a_score(meaning: str, by: str, status: Status, basis: str) -> None:
    trial = judged(stop=StopReason(meaning=meaning, by=by, label="x"))
    result = outcome([], switch=95, trial=trial)

    assert (result.status, result.basis) == (status, basis)


def test_a_measured_failure_stands_whatever_the_stop_reason() -> None:
    trial = judged(stop=StopReason(meaning="intolerance", by="code", label="x"))

    assert outcome([phq9(0, 18), phq9(80, 17)], trial=trial).status is Status.FAILED_MEASURED


def test_a_suspect_total_makes_the_outcome_unknown_and_the_switch_silent() -> None:
    suspect = phq9(80, 16, flags=("suspect-total",))

    assert outcome([phq9(0, 18), suspect], switch=95).status is Status.UNKNOWN
    assert outcome([phq9(0, 18), suspect, phq9(82, 16)]).status is Status.FAILED_MEASURED


def test_scales_that_disagree_make_the_outcome_unknown() -> None:
    other = [
        Score(instrument="madrs", value=value, day=on(day), references=(f"Observation/m{day}",))
        for day, value in ((0, 30), (80, 8))
    ]
    result = outcome([phq9(0, 18), phq9(80, 17), *other])

    assert (result.status, result.flags) == (Status.UNKNOWN, ("conflict",))


def test_differing_totals_of_one_day_without_times_are_unknown() -> None:
    tied = [phq9(0, 18), phq9(80, 16), Score(instrument="phq9", value=6, day=on(80), references=("Observation/x",))]

    assert outcome(tied).status is Status.UNKNOWN
    assert outcome([phq9(0, 18), phq9(80, 6, "09:00"), phq9(80, 16, "10:00")]).endpoint is not None


@pytest.mark.parametrize(
    ("days", "status"), [(27, "INADEQUATE"), (28, "BORDERLINE"), (41, "BORDERLINE"), (42, "ADEQUATE")]
)
def test_days_at_dose(days: int, status: str) -> None:
    assert judged(days).adequacy == status


def test_a_borderline_trial_can_only_have_not_failed() -> None:
    short = judged(35)

    assert outcome([phq9(0, 18), phq9(45, 17)], trial=short).status is Status.UNKNOWN
    assert outcome([phq9(0, 18), phq9(45, 4)], trial=short).status is Status.NOT_FAILED


def test_a_stop_written_after_the_era_does_not_apply() -> None:
    stop = StopReason(meaning="inefficacy", by="code", label="x")

    assert outcome([], trial=judged(stop=stop, written=when(200))).status is Status.UNKNOWN


@pytest.mark.parametrize(("day", "status"), [(0, Status.UNKNOWN), (79, Status.FAILED_MEASURED), (85, Status.UNKNOWN)])
def test_a_contradicted_total_at_baseline_or_after_the_endpoint_makes_the_outcome_unknown(
    day: int, status: Status
) -> None:
    clash = phq9(day, 4, "questionnaire", flags=("conflict",))

    assert outcome([phq9(0, 18), phq9(80, 16), clash]).status is status
