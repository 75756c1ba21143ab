"""The simulated truth: the published rules on what happened, each side of every bound, without the reasoning."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import cds_hooks.cohort
from cds_hooks.cohort.life import Course, Fill, Life, Spell
from cds_hooks.cohort.living import live
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.supply import supplied
from cds_hooks.cohort.true_trials import TrueVerdict, true_verdict
from cds_hooks.cohort.truth import truth_of

SINCE = -300


def course(drug: str = "sertraline", **more: Any) -> Course:
    said = {"release": "", "use": "antidepressant", "start": SINCE, "doses": [(SINCE, 50.0)], "episode": 0}
    return Course(**{"drug": drug, **said, **more})


def verdict(
    *courses: Course, curve: Sequence[tuple[int, float]] = ((SINCE, 20.0),), age: int = 40, **more: Any
) -> TrueVerdict:
    """The truth of a life that is ill from `SINCE` on."""
    plan: Plan = more.pop("plan")
    life = Life(number=0, age=age, sex="male", spells=[Spell(SINCE)], courses=list(courses), curve=list(curve))
    life.diagnoses = [(SINCE, d) for d in plan.file.diagnoses if d.id in more.get("diagnoses", ())]
    options = {name: value for name, value in more.items() if name in ("reopened", "switched")}
    return true_verdict(life, plan, more.get("today", 0), **options)


def test_the_truth_uses_nothing_of_the_reasoning() -> None:
    folder = Path(cds_hooks.cohort.__file__).parent
    for name in ("truth", "true_trials", "true_exposure", "true_episode", "life", "plan", "supply", "illness", "lacks"):
        read = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        named = [node.module or "" for node in ast.walk(read) if isinstance(node, ast.ImportFrom)]
        named += [each.name for node in ast.walk(read) if isinstance(node, ast.Import) for each in node.names]
        assert not [each for each in named if each.split(".")[0] == "plugin"], name


@pytest.mark.parametrize(
    ("days", "adequacy"), [(27, "INADEQUATE"), (28, "BORDERLINE"), (41, "BORDERLINE"), (42, "ADEQUATE")]
)
def test_days_at_dose_decide(plan: Plan, days: int, adequacy: str) -> None:
    [trial] = verdict(course(stop=SINCE + days, taken=[(SINCE, SINCE + days - 1)]), plan=plan).trials
    assert (trial.adequacy, trial.days, trial.start, trial.end) == (adequacy, days, SINCE, SINCE + days - 1)


@pytest.mark.parametrize(("hole", "days"), [(14, 60), (15, 30)])
def test_a_hole_longer_than_a_run_allows_breaks_it(plan: Plan, hole: int, days: int) -> None:
    taken = [(SINCE, SINCE + 29), (SINCE + 30 + hole, SINCE + 59 + hole)]
    [trial] = verdict(course(taken=taken), plan=plan).trials
    assert (trial.days, trial.end - trial.start) == (days, 59 + hole)


@pytest.mark.parametrize(("hole", "start"), [(30, SINCE), (31, SINCE + 61)])
def test_a_longer_gap_begins_another_era(plan: Plan, hole: int, start: int) -> None:
    """Of two eras alike the later one is told."""
    taken = [(SINCE, SINCE + 29), (SINCE + 30 + hole, SINCE + 59 + hole)]
    [trial] = verdict(course(taken=taken), plan=plan).trials
    assert trial.start == start


@pytest.mark.parametrize(("last", "adequacy"), [(-14, "IN_PROGRESS"), (-15, "BORDERLINE")])
def test_what_is_still_running_is_in_progress(plan: Plan, last: int, adequacy: str) -> None:
    one = course(start=last - 29, doses=[(last - 29, 50.0)], taken=[(last - 29, last)])
    assert [trial.adequacy for trial in verdict(one, plan=plan).trials] == [adequacy]


def test_between_the_lists_is_borderline_and_below_them_nothing(plan: Plan) -> None:
    taken = [(SINCE, SINCE + 89)]
    said = {
        mg: verdict(course("venlafaxine", doses=[(SINCE, mg)], taken=taken), plan=plan).trials[0].adequacy
        for mg in (37.5, 75.0, 150.0)
    }
    assert said == {37.5: "INADEQUATE", 75.0: "BORDERLINE", 150.0: "ADEQUATE"}


def test_what_is_taken_for_something_else_is_borderline_at_most(plan: Plan) -> None:
    uses = {use.id: use for use in plan.file.other_uses}
    taken = [(SINCE, SINCE + 89)]
    said = {}
    for id_, drug, mg in (
        ("neuropathy", "duloxetine", 60.0),
        ("sleep", "trazodone", 50.0),
        ("smoking", "bupropion", 300.0),
    ):
        other = course(drug, use="other", episode=None, doses=[(SINCE, mg)], taken=taken, other=uses[id_])
        said[id_] = verdict(other, plan=plan).trials[0].adequacy
    assert said == {"neuropathy": "BORDERLINE", "sleep": "EXCLUDED", "smoking": "EXCLUDED"}


@pytest.mark.parametrize(
    ("after", "outcome"),
    [(11, "FAILED_MEASURED"), (10.4, "NOT_FAILED"), (10, "NOT_FAILED"), (4, "NOT_FAILED")],
)
def test_half_of_the_baseline_is_a_response(plan: Plan, after: float, outcome: str) -> None:
    one = course(stop=SINCE + 60, taken=[(SINCE, SINCE + 59)])
    assert verdict(one, curve=[(SINCE + 20, 20.0), (SINCE + 50, after)], plan=plan).trials[0].outcome == outcome


def test_a_lost_response_and_a_mild_beginning_are_unknown(plan: Plan) -> None:
    one = course(stop=SINCE + 60, taken=[(SINCE, SINCE + 59)])
    lost = [(SINCE + 20, 20.0), (SINCE + 30, 8.0), (SINCE + 40, 18.0)]
    assert verdict(one, curve=lost, plan=plan).trials[0].outcome == "UNKNOWN"
    assert verdict(one, curve=[(SINCE, 9.0)], plan=plan).trials[0].outcome == "UNKNOWN"


def two(*, first_ends: int = 90, second_starts: int = 90) -> tuple[Course, Course]:
    begun = SINCE + second_starts
    first = course(stop=SINCE + first_ends, ending="inefficacy", taken=[(SINCE, SINCE + first_ends - 1)])
    second = course("escitalopram", start=begun, doses=[(begun, 10.0)], taken=[(begun, begun + 89)])
    first.fills = [Fill(SINCE + day, 30, 50.0) for day in (0, 30, 60)]
    second.fills = [Fill(begun + day, 30, 10.0) for day in (0, 30, 60)]
    return first, second


def test_two_failed_trials_are_resistance_unless_something_holds_it_back(plan: Plan) -> None:
    told = verdict(*two(), plan=plan)
    assert (told.verdict, told.counts, told.held_back) == ("MET", (2, 2, 2), False)
    assert verdict(two()[0], plan=plan).verdict == "NOT_MET"
    assert verdict(*two(), plan=plan, diagnoses=["bipolar"]).verdict == "EXCLUDED"
    assert verdict(*two(), plan=plan, diagnoses=["bipolar-suspected"]).verdict == "INDETERMINATE"
    assert verdict(*two(), plan=plan, diagnoses=["bipolar-refuted"]).verdict == "MET"
    assert verdict(*two(), plan=plan, age=17).verdict == "OUT_OF_SCOPE"
    assert verdict(*two(), plan=plan, today=SINCE - 1).verdict == "OUT_OF_SCOPE"


@pytest.mark.parametrize(("well", "said"), [(-55, "MET"), (-56, "INDETERMINATE")])
def test_a_remission_that_lasts_ends_the_episode(plan: Plan, well: int, said: str) -> None:
    told = verdict(*two(), curve=[(SINCE, 20.0), (well - 1, 20.0), (well, 4.0)], plan=plan)
    assert told.verdict == said
    assert told.episode is not None
    assert told.episode.ended is (said == "INDETERMINATE")


def test_only_a_rule_taken_at_its_word_begins_an_episode_in_remission(plan: Plan) -> None:
    again = course(taken=[(SINCE, SINCE + 89), (-60, -10)])
    curve = [(SINCE, 20.0), (SINCE + 50, 2.0)]
    plain, word = verdict(again, curve=curve, plan=plan), verdict(again, curve=curve, plan=plan, reopened=True)
    assert plain.episode is not None
    assert word.episode is not None
    assert (plain.episode.start, word.episode.start) == (SINCE, -60)
    ill = verdict(again, plan=plan, reopened=True)
    assert ill.episode is not None
    assert ill.episode.start == SINCE


def test_only_a_rule_taken_at_its_word_ends_a_drug_where_another_began(plan: Plan) -> None:
    """A cross-taper: the last fill before the new drug, the last dose 14 days after its start."""
    courses = two(first_ends=89, second_starts=75)
    assert [trial.end for trial in verdict(*courses, plan=plan).trials] == [SINCE + 88, SINCE + 164]
    assert verdict(*courses, plan=plan, switched=True).trials[0].end == SINCE + 74
    courses[0].fills.append(Fill(SINCE + 80, 30, 50.0))  # filled again: no switch
    assert verdict(*courses, plan=plan, switched=True).trials[0].end == SINCE + 88


def test_the_day_itself_is_not_judged_yet(plan: Plan) -> None:
    one = course(taken=[(SINCE, 0)])
    assert verdict(one, plan=plan).trials[0].end == -1
    assert verdict(course(start=0, doses=[(0, 50.0)], taken=[(0, 0)]), plan=plan).trials == ()


def test_a_dose_changed_within_a_stretch_splits_it() -> None:
    one = course(doses=[(SINCE, 50.0), (SINCE + 14, 100.0)], taken=[(SINCE, SINCE + 40)])
    found = [(SINCE, SINCE + 13, 50.0), (SINCE + 14, SINCE + 20, 100.0)]
    assert one.stretches(SINCE + 20) == found


def test_what_fills_may_last_carries_over() -> None:
    one = course(fills=[Fill(0, 30, 50.0), Fill(20, 30, 50.0), Fill(100, 30, 50.0)])
    assert (supplied(one, 30), supplied(course(), 30)) == ((0, 129), (SINCE, SINCE + 29))


def test_the_document_tells_what_happened_and_what_the_rules_say_of_it(plan: Plan) -> None:
    for number in range(40):
        life = live(plan, 3, number)
        told = truth_of(life, plan, "p")
        assert told["resistant"] is (told["failedAdequateTrials"] >= 2)
        assert told["judged"]["failed"][0] == told["failedAdequateTrials"]
        taken = {each["drug"] for each in told["courses"] if each["taken"]}
        assert {trial["drug"] for trial in told["judged"]["trials"]} <= taken
