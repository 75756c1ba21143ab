"""A run held against the simulated truth: it finds the truth in a record that tells everything.

Every other difference is proved to come from what the record lacks; a rule broken on purpose is explained by nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.__main__ import run as command
from cds_hooks.cohort.lacks import EVERYTHING, HIDDEN, NOTHING, WORDS
from cds_hooks.cohort.life import Life
from cds_hooks.cohort.living import live
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.record import TYPES, record_of
from cds_hooks.cohort.true_trials import TrueVerdict, true_verdict
from cds_hooks.silent.plan import RunPlan
from cds_hooks.silent.report.faults import UnusableInputError
from cds_hooks.silent.report.page import truth_page
from cds_hooks.silent.report.proof import NOT_REPRODUCED, RULES, Cohort, Proof, judged
from cds_hooks.silent.report.run_reading import open_run
from cds_hooks.silent.report.simulated_truth import hold_against_truth
from cds_hooks.silent.report.truth_comparison import Compared, Said, SaidTrial, compare
from mappings.load import Knowledge
from plugin.trial import trials as reasoning
from plugin.trial.adequacy import Adequacy, Judged, judge_days
from tests.silent.exports import Quiet

SEED, LONG_AGO = 1, -240
FEW, PROVED, MANY = range(5), range(5), range(1000)


@pytest.fixture(scope="module")
def plan(knowledge: Knowledge) -> Plan:
    return Plan(knowledge)


def cohort_of(plan: Plan, profile: str, tolerance: int = 7) -> Cohort:
    told = RunPlan(occasion="date", until=plan.end, definition="TRD-6W-50", kinds=TYPES)
    return Cohort(plan=plan, seed=SEED, hidden=plan.hidden(profile), run=told, tolerance=tolerance)


def said_of(cohort: Cohort, life: Life, restored: Collection[str] = NOTHING, today: int = 0) -> Said:
    resources = record_of(life, cohort.plan, seed=SEED, hidden=cohort.hidden, restored=restored, today=today)
    said = judged(resources, cohort, life.number, cohort.plan.day(today))
    assert said is not None
    return said


def differing(compared: Collection[Compared]) -> set[tuple[str, str]]:
    return {one.key for one in compared if one.result != "agrees"}


def agrees_when_all_is_told(plan: Plan, numbers: Collection[int], today: int) -> None:
    """Only a rule taken at its word may tell another episode; boundaries agree to the day on which drugs overlap."""
    cohort = cohort_of(plan, "us-ehr", tolerance=1)
    for number in numbers:
        life = live(plan, SEED, number)
        said = said_of(cohort, life, EVERYTHING, today)
        plain, word = (true_verdict(life, plan, today, reopened=reopened) for reopened in (False, True))
        assert not differing(compare(word, said, plan, tolerance=1)), number
        if word == plain:
            assert not differing(compare(plain, said, plan, tolerance=1)), number


@pytest.mark.parametrize("today", [0, LONG_AGO])
def test_the_reasoning_finds_the_truth_in_a_record_that_tells_everything(plan: Plan, today: int) -> None:
    agrees_when_all_is_told(plan, FEW, today)


@pytest.mark.parametrize(
    ("group", "rule", "value", "number"),
    [
        ("definition", "borderline_days", 31, 11),
        ("definition", "min_days_at_dose", 40, 14),
        ("definition", "response", 0.47, 96),
        ("definition", "response", 0.51, 97),
        ("rules", "baseline_after_days", 0, 9),
        ("rules", "era_gap_days", 14, 17),
        ("rules", "in_progress_days", 0, 58),
        ("rules", "run_gap_days", 30, 100),
        ("rules", "run_gap_days", 10, 184),
        ("rules", "run_coverage_min", 0.95, 184),
        ("rules", "run_coverage_min", 0.7, 1023),
        ("rules", "outcome_after_end_days", 0, 127),
        ("rules", "outcome_after_next_start_days", 0, 152),
        ("rules", "episode_remission_days", 80, 437),
    ],
)
def test_the_reasoning_finds_the_truth_of_a_life_on_which_a_rule_bites(
    plan: Plan, group: str, rule: str, value: float, number: int
) -> None:
    """With another number for the rule the truth of this life would be another one: choose another life where not."""
    other = Plan(plan.knowledge)
    vars(other)[group] = getattr(plan, group).model_copy(update={rule: value})
    life = live(plan, SEED, number)
    assert true_verdict(life, other) != true_verdict(life, plan)
    agrees_when_all_is_told(plan, [number], 0)


@pytest.mark.deep
def test_the_reasoning_finds_the_truth_of_a_thousand_lives(plan: Plan) -> None:
    agrees_when_all_is_told(plan, MANY, 0)


def proved(plan: Plan, profile: str, numbers: Collection[int]) -> dict[str, int]:
    """How often each group of causes stands behind a difference."""
    cohort = cohort_of(plan, profile)
    counts = dict.fromkeys(("hidden", "other", "none"), 0)
    for number in numbers:
        life = live(plan, SEED, number)
        proof = Proof(cohort, life, said_of(cohort, life))
        for cause in proof.causes(differing(proof.compared())).values():  # type: ignore[arg-type]
            kind = "none" if not cause else "hidden" if set(cause) <= set(HIDDEN) else "other"
            counts[kind] += 1
            assert set(cause) <= {*WORDS, *RULES}
    return counts


def test_every_difference_is_proved_and_nothing_is_called_hidden_where_nothing_was(plan: Plan) -> None:
    complete, us_ehr = proved(plan, "complete", PROVED), proved(plan, "us-ehr", PROVED)
    assert (complete["none"], us_ehr["none"]) == (0, 0)
    assert complete["hidden"] == 0
    assert complete["other"] > 0
    assert us_ehr["hidden"] > 5


@pytest.mark.deep
@pytest.mark.parametrize("profile", ["complete", "us-ehr"])
def test_every_difference_of_many_lives_is_proved(plan: Plan, profile: str) -> None:
    assert proved(plan, profile, range(200))["none"] == 0


def too_strict(*args: Any, **more: Any) -> Judged:
    """A rule that is broken: what is adequate is called borderline where it was no longer than three months."""
    made = judge_days(*args, **more)
    short = made.sure is not None and made.sure.days <= 90
    return replace(made, adequacy=Adequacy.BORDERLINE) if short and made.adequacy is Adequacy.ADEQUATE else made


def too_lax(*args: Any, **more: Any) -> Judged:
    """Another one: four weeks are enough."""
    made = judge_days(*args, **more)
    enough = made.sure is not None and made.sure.days >= 28
    return replace(made, adequacy=Adequacy.ADEQUATE) if enough and made.adequacy is Adequacy.BORDERLINE else made


@pytest.mark.deep
@pytest.mark.parametrize("broken", [too_strict, too_lax])
def test_a_broken_rule_is_explained_by_nothing(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, broken: Callable[..., Judged]
) -> None:
    monkeypatch.setattr(reasoning, "judge_days", broken)
    assert any(proved(plan, "complete", [number])["none"] for number in FEW)


def test_a_run_that_is_not_what_the_record_gives_is_not_explained(plan: Plan) -> None:
    cohort, life = cohort_of(plan, "complete"), live(plan, SEED, 0)
    said = replace(said_of(cohort, life), verdict="MET", trials=())
    proof = Proof(cohort, life, said)
    causes = proof.causes([one.key for one in proof.compared() if one.result != "agrees"])
    assert set(causes.values()) == {(NOT_REPRODUCED,)}


@pytest.mark.deep
def test_a_set_of_causes_holds_nothing_that_is_not_needed(plan: Plan) -> None:
    """Each cause is enough, and none of its parts can be left out."""
    cohort = cohort_of(plan, "us-ehr")
    several = 0
    for number in range(4):
        life = live(plan, SEED, number)
        proof = Proof(cohort, life, said_of(cohort, life))
        truth = true_verdict(life, plan)
        for key, cause in proof.causes(differing(proof.compared())).items():  # type: ignore[arg-type]
            if set(cause) & set(RULES):
                continue
            said = said_of(cohort, life, set(cause))
            assert key not in differing(compare(truth, said, plan, tolerance=7))
            for kind in cause if len(cause) > 1 else ():
                several += 1
                without = said_of(cohort, life, set(cause) - {kind})
                assert key in {
                    *differing(compare(truth, without, plan, tolerance=7)),
                    *(missing(key, compare(truth, without, plan, tolerance=7))),
                }
    assert several


def missing(key: tuple[str, str], compared: Collection[Compared]) -> set[tuple[str, str]]:
    return set() if key in {one.key for one in compared} else {key}


def trial(**more: Any) -> SaidTrial:
    said = {"drug": "sertraline", "start": None, "end": None, "adequacy": "ADEQUATE", "outcome": "UNKNOWN"}
    return SaidTrial(**{**said, **more})


def test_what_is_left_open_is_told_from_what_differs(plan: Plan) -> None:
    life = live(plan, SEED, 0)
    truth = true_verdict(life, plan)
    ours: TrueVerdict = replace(truth, verdict="MET")
    for verdict, result in (
        ("MET", "agrees"),
        ("PROBABLE", "leftOpen"),
        ("INDETERMINATE", "leftOpen"),
        ("NOT_MET", "differs"),
    ):
        said = Said(as_of=plan.end, episode=None, verdict=verdict, trials=())
        last = compare(ours, said, plan, tolerance=7)[-1]
        assert (last.aspect, last.result) == ("verdict", result)
    invented = Said(as_of=plan.end, episode=None, verdict="MET", trials=(trial(drug="nefazodone"),))
    found = {one.key: one for one in compare(ours, invented, plan, tolerance=7)}
    assert found["trial found", "nefazodone"].result == "differs"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six patients under the profile of a US record, run at each past order."""
    place = tmp_path_factory.mktemp("truth")
    made = ["--patients", "6", "--seed", "1", "--missingness", "us-ehr", "--out", str(place / "cohort")]
    assert command(["cohort", "synth", *made]) == 0
    assert command(["cohort", "run", str(place / "cohort"), "--out", str(place / "run"), "--workers", "1"]) == 0
    return place


def test_the_report_counts_and_the_table_of_cases_names(place: Path, knowledge: Knowledge) -> None:
    watch = Quiet()
    found = hold_against_truth(open_run(place / "run"), place / "cohort" / "truth" / "truth.ndjson", knowledge, watch)
    assert (watch.phases, watch.steps) == ([("patients held against the truth", 6)], 6)
    told, cases = found.told, found.cases["cases"]
    assert (told["patients"], told["compared"], told["unexplained"]) == (6, 6, 0)
    assert "synthetic-1-" not in json.dumps(told)
    assert all(case["patient"].startswith("synthetic-1-") and case["cause"] for case in cases)
    for aspect in told["aspects"]:
        mine = [case for case in cases if case["aspect"] == aspect["aspect"]]
        assert len(mine) == aspect["leftOpen"] + aspect["differs"] == sum(aspect["because"].values())
        assert aspect["compared"] == aspect["agrees"]["count"] + len(mine)
    assert sum(cause["count"] for cause in told["causes"]) == len(cases)
    assert {case["group"] for case in cases} & {"hidden"}
    page = truth_page(told)
    assert "hidden on purpose" in page
    assert "synthetic-1-" not in page


def test_a_truth_that_does_not_belong_to_the_run_is_refused(place: Path, tmp_path: Path, knowledge: Knowledge) -> None:
    run, truth = open_run(place / "run"), place / "cohort" / "truth" / "truth.ndjson"
    other = tmp_path / "cohort" / "truth" / "truth.ndjson"
    other.parent.mkdir(parents=True)
    other.write_bytes(truth.read_bytes().replace(b'"inRemission":true', b'"inRemission":false'))
    with pytest.raises(UnusableInputError, match="manifest"):
        hold_against_truth(run, other, knowledge, Quiet())
    manifest = json.loads((place / "cohort" / "manifest.json").read_text())
    (tmp_path / "cohort" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UnusableInputError, match="not the truth that this version tells"):
        hold_against_truth(run, other, knowledge, Quiet())
    manifest["missingness"] = "nowhere"
    (tmp_path / "cohort" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UnusableInputError, match="seed and profile"):
        hold_against_truth(run, other, knowledge, Quiet())
    plan = {**run.plan, "definition": "X"}
    with pytest.raises(UnusableInputError, match="told by TRD-6W-50"):
        hold_against_truth(replace(run, manifest={**run.manifest, "plan": plan}), truth, knowledge, Quiet())
    with pytest.raises(UnusableInputError, match="other knowledge"):
        strange = replace(run, manifest={**run.manifest, "knowledge": {"hash": "x"}})
        hold_against_truth(strange, truth, knowledge, Quiet())
