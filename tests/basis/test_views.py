"""What the drawing and the tables say of a history: doses, certainty, bands, counts, what is told apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest

from cds_hooks.basis.lane_shapes import group_shape
from cds_hooks.basis.lanes import Lane, Stretch, dose_stretches, joined
from cds_hooks.basis.page import Basis, basis_of
from cds_hooks.basis.scores_line import panels_of
from cds_hooks.basis.time_scale import scale_of
from mappings.load import Knowledge
from plugin.advice.wording import Wording
from plugin.assessment import Assessment

Assessments = Mapping[str, Assessment]
DAY = date(2026, 1, 1)


def stretch(first: int, last: int, dose: float | None = 50, *, sure: bool = True) -> Stretch:
    return Stretch(first=DAY + timedelta(first), last=DAY + timedelta(last), low=dose, high=dose, sure=sure)


def test_alike_days_that_follow_each_other_are_one_stretch() -> None:
    assert joined([stretch(0, 9), stretch(10, 19)]) == (stretch(0, 19),)
    for other in (stretch(11, 19), stretch(10, 19, 100), stretch(10, 19, sure=False)):
        assert joined([stretch(0, 9), other]) == (stretch(0, 9), other)


def test_a_titration_is_drawn_step_by_step(assessments: Assessments, knowledge: Knowledge) -> None:
    trial = assessments["two-failed-trials"].trials[0]
    assert [one.dose for one in dose_stretches(trial)] == ["50", "100"]
    shape = view(assessments["two-failed-trials"], knowledge).drawing.groups[0].lanes[0]
    low, high = shape.bars
    assert low.height < high.height
    assert low.x + low.width == pytest.approx(high.x, abs=0.2)
    assert [label.text for label in shape.doses] == ["50 mg", "100"]
    assert shape.threshold is not None


def test_what_is_only_possible_is_hatched(knowledge: Knowledge) -> None:
    spread = replace(stretch(20, 29), high=100.0)
    lane = Lane(
        name="a drug",
        aside="class",
        adequacy="BORDERLINE",
        sign="◐",
        judged="borderline",
        unit="mg",
        stretches=(stretch(0, 9), stretch(10, 19, sure=False), spread, stretch(30, 39, None)),
        caption="outcome not recorded",
        threshold=50,
    )
    scale = scale_of(DAY, None, DAY + timedelta(days=90), left=0, right=900)
    (shape,) = group_shape("Trials", [lane], scale, 0, Wording(knowledge)).lanes
    # sure; possible only; sure up to the lower dose and possible above it; the dose not known
    assert [bar.hatched for bar in shape.bars] == [False, True, False, True, True]
    assert shape.bars[3].y < shape.bars[2].y
    assert [label.text for label in shape.doses] == ["50 mg", "50–100", "?"]
    assert "only possible" in shape.bars[1].told
    assert "dose not known" in shape.bars[4].told


def test_a_response_is_told_against_the_baseline_of_each_trial(assessments: Assessments, knowledge: Knowledge) -> None:
    assessment = assessments["two-failed-trials"]
    (panel, *_), _ = panels_of(assessment, knowledge.instruments_on(assessment.as_of))
    keep = 1 - assessment.definition.response
    baselines = [trial.outcome.baseline for trial in assessment.trials]
    assert [line.value for line in panel.responses] == [one.value * keep for one in baselines if one is not None]
    scale = knowledge.instruments["phq9"]
    assert (panel.label, panel.remission, panel.line) == (scale.label, scale.remission, scale.line)


def test_undated_trials_are_told_apart_and_not_drawn(assessments: Assessments, knowledge: Knowledge) -> None:
    made = view(assessments["told-without-dates"], knowledge)
    undated = [row.name for group in made.groups for row in group.undated]
    assert undated
    drawn = {shape.lane.name for group in made.drawing.groups for shape in group.lanes}
    assert drawn.isdisjoint(undated)


def test_an_earlier_episode_is_lighter_and_counts_nothing(assessments: Assessments, knowledge: Knowledge) -> None:
    made = view(assessments["earlier-episode"], knowledge)
    faded = [shape for group in made.drawing.groups for shape in group.lanes if shape.lane.faded]
    assert len(faded) == len(assessments["earlier-episode"].earlier) > 0
    rows = [row for group in made.groups for row in group.rows if row.faded]
    assert {row.counts for row in rows} == {"earlier episode"}


def test_courses_show_their_sessions(assessments: Assessments, knowledge: Knowledge) -> None:
    assessment = assessments["after-ect-and-tms"]
    lanes = [shape for group in view(assessment, knowledge).drawing.groups for shape in group.lanes if shape.marks]
    assert [len(shape.lane.marks) for shape in lanes] == [len(course.series.days) for course in assessment.courses]


def test_what_a_row_adds_to_the_count_is_what_the_verdict_counts(
    assessments: Assessments, knowledge: Knowledge
) -> None:
    for assessment in assessments.values():
        rows = [row for group in view(assessment, knowledge).groups for row in group.rows]
        counts = assessment.verdict.counts
        assert sum(row.counts == "counts as failed" for row in rows) == counts.lo
        assert sum(row.counts == "counts with probable ones" for row in rows) == counts.lo_proxy - counts.lo
        assert sum(row.counts == "could still count" for row in rows) == counts.hi - counts.lo_proxy


def view(assessment: Assessment, knowledge: Knowledge) -> Basis:
    return basis_of(assessment, knowledge=knowledge)
