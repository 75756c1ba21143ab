"""The report of a small run, its page and its MeasureReport."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_hooks.fhir_writer.measure_report import measure_report
from cds_hooks.fhir_writer.validity import check
from cds_hooks.silent.report import charts
from cds_hooks.silent.report.changed_patients import changed_patients
from cds_hooks.silent.report.difference import make_difference
from cds_hooks.silent.report.faults import UnusableInputError
from cds_hooks.silent.report.making import make_report
from cds_hooks.silent.report.page import report_page
from cds_hooks.silent.report.run_reading import open_run
from mappings.load import Knowledge
from tests.silent.report_tables import Cohort

CARD = {"kind": "trd-status", "indicator": "info", "finding": "x"}


def small_run(place: Path, verdict: str = "MET") -> Path:
    cohort = Cohort()
    cohort.people(30, "a", sex="female", verdict=verdict, cards=[CARD])
    cohort.people(20, "b", sex="male", verdict="NOT_MET")
    return cohort.write(place)


def test_the_report_counts_moments_patients_and_verdicts(tmp_path: Path, knowledge: Knowledge) -> None:
    made = make_report(open_run(small_run(tmp_path / "run")), knowledge)
    assert (made["firing"]["fired"]["count"], made["firing"]["fired"]["share"]) == (30, 0.6)
    assert made["firing"]["orders"]["of"] == 0  # these tables hold moments without their orders
    assert (made["flow"]["all"], made["flow"]["verdicts"]["MET"], made["withheldCounts"]) == (50, 30, 0)
    check(measure_report(made))
    page = report_page(made)
    assert made["limits"][0] in page.replace("&#39;", "'")
    assert "<script" not in page
    assert "Practitioner/1" not in page


def test_a_difference_counts_and_lists_who_changes_and_needs_the_same_input(tmp_path: Path) -> None:
    before, after = open_run(small_run(tmp_path / "a")), open_run(small_run(tmp_path / "b", "PROBABLE"))
    made = make_difference(before, after)
    assert made["patients"]["changed"]["count"] == 30
    assert len(changed_patients(before, after)["changed"]) == 30
    other = Cohort().write(tmp_path / "c", manifest={"inputs": [{"sha256": "bb", "size": 1}]})
    with pytest.raises(UnusableInputError, match="different-input"):
        make_difference(before, open_run(other))


def test_a_bar_ends_on_a_round_scale_above_its_interval_and_a_withheld_one_has_no_length() -> None:
    shares = [{"share": 0.25, "low": 0.2, "high": 0.31}, {"share": None, "low": None, "high": None}]
    drawn = charts.bars(shares, [[0.1], []])
    assert drawn.end == 0.4
    assert (drawn.rows[0].width, drawn.rows[0].low, drawn.rows[0].high, drawn.rows[0].marks) == (62.5, 50, 77.5, (25,))
    assert (drawn.rows[1].width, drawn.rows[1].low) == (None, None)


def test_a_stacked_bar_keeps_the_place_of_what_is_withheld() -> None:
    verdicts = {name: {"share": share} for name, share in (("MET", None), ("PROBABLE", 0.1), ("INDETERMINATE", None))}
    verdicts |= {"NOT_MET": {"share": 0.6}, "EXCLUDED": {"share": 0.05}, "OUT_OF_SCOPE": {"share": None}}
    apart = charts.stack(verdicts, {"share": None})
    assert [(one.kind, one.x, one.width) for one in apart] == [
        ("WITHHELD", 0, 25), ("PROBABLE", 25, 10), ("NOT_MET", 35, 60), ("EXCLUDED", 95, 5)
    ]  # fmt: skip
    together = charts.stack(verdicts, {"share": 0.2})
    assert [(one.kind, one.width) for one in together] == [
        ("WITHHELD", 15), ("UNSETTLED", 20), ("NOT_MET", 60), ("EXCLUDED", 5)
    ]  # fmt: skip
