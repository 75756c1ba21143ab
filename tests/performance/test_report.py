"""The page of figures is what the command wrote: from its results, with every row and its verdict."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.cohort_rows import fitted
from benchmarks.report import CHARTS, GROUPS, PAGE, conditions, filled_in, missed, stages, table, terminal
from benchmarks.rows import Rounds, machine, percentile, verdict
from benchmarks.suite import RESULTS

PLACES = ("conditions", "table", "stages")
KEPT: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))


def test_the_figures_of_the_page_are_those_of_the_results_beside_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for place, filled in zip(PLACES, (conditions(KEPT), table(KEPT), stages(KEPT)), strict=True):
        assert filled_in(text, place, filled) == text, f"{place}: python -m benchmarks.suite --render {RESULTS.name}"


def test_every_group_of_the_issue_is_there_and_every_row_says_whether_its_target_was_met() -> None:
    assert set(KEPT["groups"]) == set(GROUPS)
    told = terminal(KEPT)
    for group in KEPT["groups"].values():
        assert group["rows"]
        for row in group["rows"]:
            assert row["met"] in {"met", "missed", "told", "not shown"}
            assert row["target"]
            assert row["measured"] in told
    assert len(missed(KEPT)) == sum(row["met"] == "missed" for one in KEPT["groups"].values() for row in one["rows"])


def test_every_picture_of_the_page_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in ("floor", "peer", "sizes", "cohort", "stages"):
        assert f"(performance/{name}.svg)" in text
        assert (CHARTS / f"{name}.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_nothing_in_the_results_names_the_machine() -> None:
    written = json.dumps([KEPT, machine()])
    assert "/home/" not in written
    assert str(PAGE.parents[1]) not in written
    assert "127.0.0.1" not in written


def test_a_page_without_the_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for table"):
        filled_in("nothing here", "table", "x")


def test_percentiles_and_ratios() -> None:
    assert percentile([3, 1, 2, 4], 0.5) == 2
    assert percentile([1], 0.99) == 1
    over = Rounds((2.0, 9.0, 4.0)).over(Rounds((1.0, 3.0, 4.0)))
    assert (over.values, over.median) == ((2.0, 3.0, 1.0), 2.0)
    assert over.told(".0f") == "2 (1 to 3)"


def test_a_bound_is_met_from_its_own_side() -> None:
    assert [verdict(4.0, 4.0), verdict(4.1, 4.0)] == ["met", "missed"]
    assert [verdict(1.0, 1.0, at_least=True), verdict(0.9, 1.0, at_least=True)] == ["met", "missed"]


def test_a_line_and_what_strays_from_it() -> None:
    assert fitted({10: 3.0, 20: 5.0, 40: 9.0}) == (1.0, 0.2, 0.0)
    start, slope, residual = fitted({1: 1.0, 2: 2.0, 3: 4.0})
    assert (start, slope) == (pytest.approx(-2 / 3), 1.5)
    assert residual == pytest.approx(1 / 6)
