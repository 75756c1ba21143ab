"""Outcome: windows, decision order, conflicts, stop reasons and the switch proxy, at their edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mappings.load import load
from plugin.exposure.eras import Era
from plugin.exposure.exposures import ExposureKey, expose
from plugin.record import AllergyFact, Score, StopReason
from plugin.trial.adequacy import Intent, Judged, judge
from plugin.trial.measurement import Outcome, Status
from plugin.trial.ordered_scores import OrderedScores
from plugin.trial.outcome import judge_outcome, rank_of
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
    scores: list[Score],
    *,
    next_start: int | None = None,
    switch: int | None = None,
    trial: Judged | None = None,
    allergies: Sequence[AllergyFact] = (),
) -> Outcome:
    return judge_outcome(
        trial or judged(),
        scores=OrderedScores.of(scores),
        definition=DEFINITION,
        rules=RULES,
        instruments=INSTRUMENTS,
        next_start=None if next_start is None else on(next_start),
        additions=() if switch is None else ((on(switch), "another drug", ("MedicationRequest/n",)),),
        allergies=allergies,
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


def on_scale(instrument: str, *pairs: tuple[int, float], flags: tuple[str, ...] = ()) -> list[Score]:
    """Totals on one scale as (day, value)."""
    return [
        Score(
            instrument=instrument, value=value, day=on(day), references=(f"Observation/{instrument}{day}",), flags=flags
        )
        for day, value in pairs
    ]


@pytest.mark.parametrize(
    ("instrument", "line", "remission"),
    [
        ("phq9", 10, 4),
        ("phq8", 10, None),
        ("qids-sr16", 11, 5),
        ("hamd17", 14, 7),
        ("madrs", 20, 10),
        ("bdi-ii", 20, 9),
    ],
)
def test_the_lines_and_remissions_of_the_scales(instrument: str, line: int, remission: int | None) -> None:
    at, below = on_scale(instrument, (80, line)), on_scale(instrument, (80, line - 1))
    assert outcome(at).status is Status.FAILED_PROXY
    assert outcome(below).status is Status.UNKNOWN
    if remission is None:
        assert outcome(on_scale(instrument, (80, 0))).status is Status.UNKNOWN
    else:
        assert outcome(on_scale(instrument, (80, remission))).category == "remission"
        assert outcome(on_scale(instrument, (80, remission + 1))).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("pairs", "status", "category"),
    [
        (((0, 20), (80, 10)), Status.NOT_FAILED, "response"),
        (((0, 20), (80, 11)), Status.FAILED_PROXY, "partial-response"),
        (((0, 20), (80, 21)), Status.FAILED_PROXY, "worse"),
        (((0, 20), (50, 9), (80, 18)), Status.UNKNOWN, "lost-response"),
        (((0, 0), (80, 9)), Status.UNKNOWN, None),
        (((80, 20),), Status.UNKNOWN, None),
        (((80, 0),), Status.UNKNOWN, None),
    ],
)
@pytest.mark.parametrize("instrument", ["epds", "gds15", "phq2"])
def test_a_scale_without_a_line_makes_a_failure_probable_at_most(
    instrument: str, pairs: tuple[tuple[int, int], ...], status: Status, category: str | None
) -> None:
    result = outcome(on_scale(instrument, *pairs), switch=95)

    assert (result.status, result.category) == (status, category)
    if status is not Status.NOT_FAILED and category != "lost-response":
        assert "no_illness_line" in result.flags


@pytest.mark.parametrize("value", [30, 60, 80])
def test_no_share_of_a_t_score_is_taken(value: int) -> None:
    result = outcome(on_scale("promis-depression", (0, 70), (80, value)), switch=95)

    assert (result.status, result.change) == (Status.UNKNOWN, None)


@pytest.mark.parametrize(
    ("instrument", "value", "status", "category", "strict"),
    [
        ("cgi-improvement", 1, Status.UNKNOWN, None, Status.UNKNOWN),
        ("cgi-improvement", 2, Status.UNKNOWN, None, Status.UNKNOWN),
        ("cgi-improvement", 3, Status.FAILED_PROXY, "partial-response", Status.UNKNOWN),
        ("cgi-improvement", 4, Status.FAILED_PROXY, "no-response", Status.FAILED_PROXY),
        ("cgi-severity", 2, Status.UNKNOWN, None, Status.UNKNOWN),
        ("cgi-severity", 6, Status.UNKNOWN, None, Status.UNKNOWN),
    ],
)
def test_a_global_rating_is_a_proxy(
    instrument: str, value: int, status: Status, category: str | None, strict: Status
) -> None:
    result = outcome(on_scale(instrument, (0, 5), (80, value)), switch=95)

    assert (result.status, result.category) == (status, category)
    assert "global_rating" in result.flags
    assert result.strict is not None
    assert result.strict[0] is strict


@pytest.mark.parametrize(
    ("first", "second", "status", "conflict"),
    [
        # Remission or response on one scale, measured failure on another.
        (on_scale("madrs", (0, 30), (80, 15)), [phq9(0, 18), phq9(80, 17)], Status.UNKNOWN, True),
        (on_scale("madrs", (0, 30), (50, 9), (80, 28)), [phq9(0, 18), phq9(80, 17)], Status.UNKNOWN, True),
        (on_scale("epds", (0, 20), (80, 8)), [phq9(0, 18), phq9(80, 17)], Status.UNKNOWN, True),
        (on_scale("cgi-severity", (80, 2)), [phq9(0, 18), phq9(80, 17)], Status.UNKNOWN, True),
        (on_scale("cgi-improvement", (80, 2)), [phq9(80, 17)], Status.UNKNOWN, True),
        # What only makes a failure probable never overrules a measured outcome.
        (on_scale("epds", (0, 20), (80, 19)), [phq9(0, 18), phq9(80, 4)], Status.NOT_FAILED, False),
        (on_scale("cgi-improvement", (80, 5)), [phq9(0, 18), phq9(80, 17)], Status.FAILED_MEASURED, False),
        (on_scale("madrs", (80, 30)), [phq9(0, 18), phq9(50, 4), phq9(80, 17)], Status.UNKNOWN, False),
        # A measured mild score contradicts a merely probable failure of a weaker scale.
        (on_scale("epds", (0, 20), (80, 19)), [phq9(80, 7)], Status.UNKNOWN, True),
        (on_scale("madrs", (80, 30)), [phq9(80, 7)], Status.FAILED_PROXY, False),
        (on_scale("epds", (0, 20), (80, 8)), [phq9(80, 7)], Status.NOT_FAILED, False),
        # A scale inside another one adds nothing to it; nor does a contradiction on it.
        (on_scale("phq2", (0, 4), (80, 2)), [phq9(0, 18), phq9(80, 15)], Status.FAILED_MEASURED, False),
        # Contradictory totals at the end of one scale leave what another one measures open.
        (on_scale("madrs", (0, 30), (80, 28)), [phq9(80, 4, flags=("conflict",))], Status.UNKNOWN, True),
        (on_scale("epds", (80, 20), flags=("conflict",)), [phq9(0, 18), phq9(80, 15)], Status.FAILED_MEASURED, False),
    ],
)
def test_scales_held_together(first: list[Score], second: list[Score], status: Status, conflict: bool) -> None:
    result = outcome([*first, *second])

    assert result.status is status
    assert ("conflict" in result.flags) is conflict


def test_a_contradicted_total_alone_is_unknown_and_the_switch_silent() -> None:
    result = outcome(on_scale("phq9", (80, 16), flags=("conflict",)), switch=95)

    assert (result.status, result.flags) == (Status.UNKNOWN, ("conflict",))


def test_a_contradicted_baseline_does_not_touch_a_remission() -> None:
    clash = phq9(0, 4, "q", flags=("conflict",))

    assert outcome([phq9(-3, 18), clash, phq9(80, 3)]).category == "remission"
    assert outcome([phq9(-3, 18), clash, phq9(80, 16)]).flags == ("conflict", "baseline_conflict")
    assert outcome([phq9(-3, 18), phq9(0, 18), phq9(0, 9), phq9(80, 16)]).status is Status.UNKNOWN


def test_a_suspect_total_beside_a_weak_scale_is_unknown() -> None:
    scores = [*on_scale("epds", (0, 20), (80, 19)), phq9(81, 16, flags=("suspect-total",))]

    assert (outcome(scores).status, outcome(scores).flags) == (Status.UNKNOWN, ("total_suspect",))


def test_a_remission_that_was_lost_needs_no_baseline() -> None:
    result = outcome([phq9(30, 4), phq9(80, 16)])

    assert (result.status, result.category) == (Status.UNKNOWN, "lost-response")
    assert result.best is not None
    assert result.best.value == 4


@pytest.mark.parametrize(
    ("after", "status", "strict"),
    [
        (10, Status.NOT_FAILED, (Status.NOT_FAILED, "response")),
        (15, Status.FAILED_MEASURED, (Status.NOT_FAILED, "response")),
        (16, Status.FAILED_MEASURED, (Status.FAILED_MEASURED, "no-response")),
    ],
)
def test_the_stricter_reading_stands_beside_the_first(
    after: int, status: Status, strict: tuple[Status, str | None]
) -> None:
    result = outcome([phq9(0, 20), phq9(80, after)])

    assert (result.status, result.strict) == (status, strict)


@pytest.mark.parametrize(
    ("day", "scores", "proxy"),
    [
        # A later score of another scale counts as later, unless it cannot say anything.
        (40, on_scale("madrs", (40, 25)), True),
        (40, on_scale("epds", (40, 20)), False),
        (40, on_scale("epds", (0, 20), (40, 19)), True),
        (40, on_scale("epds", (0, 20), (40, 9)), False),
        (40, on_scale("cgi-improvement", (40, 2)), False),
    ],
)
def test_no_later_score_than_an_early_response(day: int, scores: list[Score], proxy: bool) -> None:
    result = outcome([phq9(0, 20), phq9(30, 4), *scores], switch=95)

    assert (result.status is Status.FAILED_PROXY) is proxy


def test_scores_that_say_nothing_do_not_switch_the_proxy_off() -> None:
    assert outcome(on_scale("epds", (30, 20)), switch=95).status is Status.FAILED_PROXY


def reaction(day: int | None, ingredient: str = "sertraline", **more: Any) -> AllergyFact:
    return AllergyFact(reference="AllergyIntolerance/a", ingredients=(ingredient,), recorded=when(day), **more)


@pytest.mark.parametrize(("day", "tells"), [(74, False), (75, True), (103, True), (104, False)])
def test_a_reaction_near_the_end_of_the_era_tells_why_it_ended(day: int, tells: bool) -> None:
    result = outcome([], switch=95, allergies=[reaction(day)])

    assert (result.category == "intolerance") is tells
    assert (result.status is Status.UNKNOWN) is tells


@pytest.mark.parametrize(
    ("allergy", "tells"),
    [
        (reaction(85, "fluoxetine"), False),
        (reaction(None), False),
        (reaction(None, onset=when(85)), True),
        (reaction(300, onset=when(85)), True),
    ],
)
def test_which_reaction_counts(allergy: AllergyFact, tells: bool) -> None:
    assert (outcome([], allergies=[allergy]).stop is not None) is tells


@pytest.mark.parametrize(
    ("meaning", "by", "kept"),
    [("inefficacy", "code", True), ("other", "code", True), ("inefficacy", "text", False), ("other", "text", False)],
)
def test_a_code_outranks_a_reaction_and_a_reaction_outranks_words(meaning: str, by: str, kept: bool) -> None:
    trial = judged(stop=StopReason(meaning=meaning, by=by, label="x"))
    stop = outcome([], trial=trial, allergies=[reaction(85)]).stop

    assert stop is not None
    assert (stop.meaning, stop.by) == ((meaning, by) if kept else ("intolerance", "reaction"))


def test_a_short_or_borderline_trial_keeps_its_reason_to_stop() -> None:
    stop = StopReason(meaning="intolerance", by="code", label="x")

    for days in (20, 35):
        result = outcome([], trial=judged(days, stop=stop))
        assert (result.status, result.category, result.stop) == (Status.UNKNOWN, "intolerance", stop)
    assert outcome([], trial=judged(20)).stop is None


@pytest.mark.parametrize(("day", "applies"), [(-31, False), (-30, True), (89, True), (90, False)])
def test_which_stop_record_applies(day: int, applies: bool) -> None:
    stop = StopReason(meaning="inefficacy", by="code", label="x")

    assert (outcome([], trial=judged(stop=stop, written=when(day))).stop is not None) is applies


def test_the_latest_stop_record_wins_and_ties_go_to_inefficacy() -> None:
    def recorded(*reasons: tuple[int, str, str]) -> StopReason | None:
        facts = tuple(
            fill(number + 2, 0, stop_reasons=(StopReason(meaning=meaning, by=by, label="x"),), written=when(day))
            for number, (day, meaning, by) in enumerate(reasons)
        )
        trial = judged()
        return outcome([], trial=replace(trial, era=replace(trial.era, facts=(*trial.era.facts, *facts)))).stop

    first = recorded((40, "inefficacy", "code"), (50, "other", "code"))
    assert first is not None
    assert first.meaning == "other"
    for less in (("inefficacy", "text"), ("intolerance", "code"), ("other", "code"), ("completed", "code")):
        tied = recorded((50, *less), (50, "inefficacy", "code"))
        assert tied is not None
        assert (tied.meaning, tied.by) == ("inefficacy", "code")


def test_a_report_of_no_effect_is_a_probable_failure() -> None:
    result = outcome([], trial=judged(reported_ineffective=True))

    assert (result.status, result.basis) == (Status.FAILED_PROXY, "reported")


def test_what_is_missing_is_named() -> None:
    assert [m.what for m in outcome([]).missing] == [f"a symptom score between {on(42)} and {on(103)}"]
    assert [m.what for m in outcome([], next_start=20).missing] == [
        f"a symptom score on or after {on(42)}, before another treatment began"
    ]
    assert [m.what for m in outcome([phq9(80, 16)]).missing] == [
        f"a score on the same scale between {on(-30)} and {on(7)}"
    ]
    assert outcome([phq9(0, 9), phq9(80, 16)]).missing == ()
    assert outcome([phq9(0, 18), phq9(80, 16)]).missing == ()


def test_every_reason_gives_its_values() -> None:
    pair = outcome([phq9(0, 18), phq9(80, 16)]).reasons[0]

    assert dict(pair.facts) == {
        "instrument": "phq9",
        "baseline": 18,
        "baseline date": "2025-01-01",
        "endpoint": 16,
        "endpoint date": "2025-03-22",
        "percent change": -11.1,
    }
    assert all(reason.facts for reason in outcome([], switch=95).reasons)


def test_a_lower_total_at_the_same_moment_contradicts() -> None:
    assert outcome([phq9(0, 18), phq9(80, 16), phq9(80, 6)]).status is Status.UNKNOWN


def test_the_best_era_of_a_drug_comes_first() -> None:
    failed, open_ = outcome([phq9(0, 18), phq9(80, 16)]), outcome([])
    pairs = [(judged(20), open_), (judged(), open_), (judged(), failed)]

    assert sorted(pairs, key=lambda pair: rank_of(*pair))[0] == (judged(), failed)
