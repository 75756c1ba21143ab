"""The published table of what comes of a call when the FHIR server fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.load import Knowledge
from tests.ehr.fault_matrix import FAULTS, KINDS, RULES, cells, expected
from tests.ehr.fault_table import PAGE, main, page

_READ = "read-"
_GAPS_ARE_CALLED = {kind.gap: kind.card for kind in KINDS if kind.card}


def test_the_page_holds() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run make fault-matrix"


def test_every_kind_has_its_row_and_every_fault_its_column() -> None:
    rows = [line for line in page().splitlines() if line.startswith(tuple(f"| {kind.label} | " for kind in KINDS))]
    assert len(rows) == len(KINDS)
    assert {row.count(" | ") for row in rows} == {len(FAULTS)}


def test_every_rule_decides_some_cell() -> None:
    assert {expected(kind, failing).rule for _, kind, failing in cells()} == {rule.id for rule in RULES}


def test_the_page_calls_the_kinds_what_a_card_calls_them(knowledge: Knowledge) -> None:
    said = {key: sentence.text for key, sentence in knowledge.sentences.items() if key.startswith(_READ)}
    assert {f"{_READ}{gap.replace('/', '-')}": card for gap, card in _GAPS_ARE_CALLED.items()} == said


def test_a_stale_page_is_told_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.ehr.fault_table.PAGE", tmp_path / "fault-matrix.md")
    assert main(["--check"]) == 1
    assert "make fault-matrix" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0
