"""Agreement with a chart review, by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cds_hooks.silent.report.chart_review import Reviewed, read_chart_review
from cds_hooks.silent.report.faults import UnusableInputError
from cds_hooks.silent.report.kappa import kappa
from cds_hooks.silent.report.review_agreement import review_agreement
from cds_hooks.silent.report.run_reading import open_run
from tests.silent.report_tables import Cohort


def test_kappa_of_a_two_by_two_table_is_that_computed_by_hand() -> None:
    """20 both yes, 15 both no, 5 and 10 apart: seen 0.7, chance 0.6 x 0.5 and 0.4 x 0.5, so 0.5; kappa 0.4."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    found = kappa(pairs)
    assert found is not None
    assert found.value == pytest.approx(0.4)
    # Fleiss, Cohen and Everitt: 0.4(0.5 - 1.1 x 0.3)^2 + 0.3(0.5 - 0.9 x 0.3)^2 = 0.02743;
    # 0.09(0.1 x (0.6 + 0.5)^2 + 0.2(0.4 + 0.5)^2) = 0.02547; less (0.35 - 1 + 0.7)^2 = 0.0025; root(0.0504 / 50) / 0.25
    assert found.error == pytest.approx(0.127, abs=0.0005)
    assert (found.low, found.high) == pytest.approx((0.151, 0.649), abs=0.001)


def test_kappa_has_no_value_without_pairs_or_variation() -> None:
    assert kappa([]) is None
    assert kappa([("y", "y")] * 5) is None


def test_the_readings_count_what_cannot_be_told_openly(tmp_path: Path) -> None:
    cohort = Cohort()
    said = {"a": "MET", "b": "MET", "c": "NOT_MET", "d": "NOT_MET", "e": "PROBABLE", "f": "INDETERMINATE", "g": "MET"}
    for name, verdict in said.items():
        cohort.patient(name)
        cohort.moment(name, date(2026, 3, 1), verdict=verdict, decided_by=["V1"], settled_by=["score-past"])
    labels = {"a": "met", "b": "not_met", "c": "met", "d": "not_met", "e": "met", "f": "not_met", "g": "cannot_tell"}
    reviews = [Reviewed(patient=name, label=label, reviewer="r1") for name, label in labels.items()]
    reviews += [Reviewed(patient="z", label="met", reviewer="r1")]
    told = review_agreement(open_run(cohort.write(tmp_path / "run")), reviews)

    decided, every = told["readings"]
    assert (told["charts"], told["notInTheRun"]) == (7, 1)
    counts = ("bothMet", "onlyReviewer", "onlyVerdict", "neither")
    assert [decided[name] for name in counts] == [1, 1, 1, 1]
    assert (decided["sensitivity"]["share"], decided["positivePredictiveValue"]["share"]) == (0.5, 0.5)
    assert decided["kappa"]["value"] == 0.0
    assert [every[name] for name in counts] == [2, 1, 2, 2]
    assert [one["patient"] for one in told["disagreements"]] == ["b", "c"]
    assert told["disagreements"][0]["decidedBy"] == ["V1"]
    assert [one["patient"] for one in told["undecided"]] == ["e", "f", "g"]


def test_several_reviewers_make_a_majority_and_have_a_kappa_of_their_own(tmp_path: Path) -> None:
    cohort = Cohort()
    for name in "abcd":
        cohort.patient(name)
        cohort.moment(name, date(2026, 3, 1), verdict="MET")
    first = {"a": "met", "b": "met", "c": "not_met", "d": "not_met"}
    second = {"a": "met", "b": "not_met", "c": "not_met", "d": "not_met"}
    reviews = [
        Reviewed(patient=name, label=label, reviewer=reviewer)
        for reviewer, labels in (("x", first), ("y", second))
        for name, label in labels.items()
    ]
    told = review_agreement(open_run(cohort.write(tmp_path / "run")), reviews)
    # Seen 3 of 4, by chance 0.5 x 0.25 + 0.5 x 0.75.
    assert [one["value"] for one in told["reviewers"]] == [0.5]
    assert [one["patient"] for one in told["undecided"]] == ["b"]
    assert "x" not in str(told["reviewers"])


def test_a_review_is_of_the_moment_that_it_names(tmp_path: Path) -> None:
    cohort = Cohort()
    cohort.patient("a", moments=2)
    cohort.moment("a", date(2026, 1, 1), verdict="NOT_MET", order="o1")
    cohort.moment("a", date(2026, 5, 1), verdict="MET", order="o2")
    run = open_run(cohort.write(tmp_path / "run"))
    for given, verdict in (
        (Reviewed(patient="a", label="met"), "MET"),
        (Reviewed(patient="a", label="met", order="o1"), "NOT_MET"),
        (Reviewed(patient="a", label="met", day=date(2026, 2, 1)), "NOT_MET"),
    ):
        assert [row["verdict"] for row in review_agreement(run, [given])["table"]] == [verdict]


@pytest.mark.parametrize(
    ("content", "where", "remedy"),
    [
        ("label\nmet\n", "line 1", "name the columns"),
        ("patient,label,name\na,met,x\n", "line 1", "use only"),
        ("patient,label\nsecret,perhaps\n", "line 2, column label", "cannot_tell"),
        ("patient,label\n,met\n", "line 2, column patient", "Patient id"),
        ("patient,label,date\na,met,1.2.2026\n", "line 2, column date", "YYYY-MM-DD"),
        ("patient,label\na,met\na,not_met\n", "line 3", "one line for each"),
        ("patient,label\na,met,b\n", "line 2", "give each column a cell"),
        ("patient,label\n", "review.csv", "one line for each reviewed chart"),
        ("", "line 1", "name the columns"),
    ],
)
def test_a_bad_file_is_refused_by_place_and_remedy_without_its_content(
    tmp_path: Path, content: str, where: str, remedy: str
) -> None:
    file = tmp_path / "review.csv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UnusableInputError) as refused:
        read_chart_review(file)
    assert where in refused.value.place
    assert remedy in refused.value.remedy
    assert "secret" not in str(refused.value)
    assert "perhaps" not in str(refused.value)


def test_a_file_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    file = tmp_path / "review.csv"
    file.write_bytes(b"\xef\xbb\xbfPatient,Label,Order\r\nPatient/a,MET,MedicationRequest/o1\r\n\r\n")
    assert read_chart_review(file) == (Reviewed(patient="a", label="met", order="o1"),)
