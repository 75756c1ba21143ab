"""The published table of safety rules and the cases that exercise them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.load import load
from tests.safety_cases.cases import Case, cases
from tests.safety_cases.table import PAGE, labels, main, page


def test_the_page_holds() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(labels(load()), list(cases())), "run make safety-cases"


def test_no_rule_lacks_a_case_of_a_kind() -> None:
    assert "**none**" not in page(labels(load()), list(cases()))


def test_every_case_belongs_to_a_rule() -> None:
    assert {case.rule for case in cases()} <= set(labels(load()))


def test_a_kind_without_a_case_shows() -> None:
    case = Case("S99", "trigger", {"id": "told", "block": "ESK", "warning": True, "stops": "S99 critical"}, "file")
    made = page({"S99": "about"}, [case])
    assert "| `S99` | about | told: block ESK, warning, stop S99 critical | **none** | **none** |" in made
    assert "1 rules, 0 of them with a case of every kind, 1 cases" in made


def test_a_stale_page_is_told_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.safety_cases.table.PAGE", tmp_path / "safety-cases.md")
    assert main(["--check"]) == 1
    assert "make safety-cases" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0
