"""The page of mutation testing: made from its results, every survivor explained, at the score that was asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.mutation import page as mutation
from benchmarks.mutation.core_route import PATHS

ROOT = Path(__file__).parents[2]
LEAST = 0.85
SURVIVOR = {
    "name": "spans:f:number:12345678",
    "outcome": "survived",
    "file": "plugin/spans.py",
    "line": 3,
    "diff": "- 1\n+ 2",
    "reaching": 4,
}
KILLED = {"name": "spans:f:number:87654321", "outcome": "killed", "first": "survived"}
SAMPLE = {"seed": 7, "commit": "0123456789", "counts": {"all": 39000}, "mutants": [SURVIVOR, KILLED]}


def test_the_page_holds() -> None:
    samples, told = mutation.results(), mutation.explanations()
    assert mutation.PAGE.read_text(encoding="utf-8") == mutation.page(samples, told), "run make mutation"
    assert mutation.faults(samples, told) == []


def test_every_sample_reaches_the_score_that_was_asked_for() -> None:
    samples = mutation.results()
    assert max(len(sample["mutants"]) for sample in samples) >= 800
    for sample in samples:
        killed = sum(row["outcome"] not in mutation.ALIVE for row in sample["mutants"])
        assert killed / len(sample["mutants"]) >= LEAST, sample["seed"]
        assert {row["outcome"] for row in sample["mutants"]} <= {*mutation.ALIVE, "killed", "timed out"}


def test_a_survivor_without_an_explanation_and_a_stale_explanation_are_told() -> None:
    assert mutation.faults([SAMPLE], {}) == [f"not explained: {SURVIVOR['name']}"]
    told = {SURVIVOR["name"]: {"kind": "equivalent", "why": "Both do."}}
    assert mutation.faults([SAMPLE], told) == []
    gone = {**told, "spans:g:number:11111111": {"kind": "speed", "why": "Gone."}}
    assert mutation.faults([SAMPLE], gone) == ["explains no survivor: spans:g:number:11111111"]
    assert mutation.faults([SAMPLE], {SURVIVOR["name"]: {"kind": "none", "why": "x"}}) == [
        f"of no kind: {SURVIVOR['name']}"
    ]


def test_the_page_tells_both_figures_and_each_survivor_with_its_change() -> None:
    made = mutation.page([SAMPLE], {SURVIVOR["name"]: {"kind": "equivalent", "why": "Both do."}})
    assert "| seed 7, first try | `012345678` | 39 000 | 0 of 2 | 0.0% | 0.0% to 65.8% |" in made
    assert "| seed 7, with the tests it led to | `012345678` | 39 000 | 1 of 2 | 50.0% |" in made
    assert "`spans:f:number:12345678` (plugin/spans.py, line 3 then). Both do." in made
    assert "```diff\n- 1\n+ 2\n```" in made


def test_a_stale_page_is_told_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mutation, "PAGE", tmp_path / "mutation.md")
    assert mutation.main(["--check"]) == 1
    assert "make mutation" in capsys.readouterr().err
    assert mutation.main([]) == 0
    assert mutation.main(["--check"]) == 0


def test_the_core_route_holds_all_that_make_coverage_runs() -> None:
    recipe = re.search(r"^coverage:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert recipe is not None
    assert set(re.findall(r"tests/[\w./]+", recipe[1])) <= set(PATHS)
