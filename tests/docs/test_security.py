"""docs/security.md says what is stored, column by column, and its tests exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from cds_hooks.settings import Settings
from cds_hooks.storage.tables import PATIENT_COLUMNS, PERSON_COLUMNS, metadata

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
COLUMNS = {f"{table.name}.{column.name}" for table in metadata.sorted_tables for column in table.columns}


def _rows(heading: str) -> list[list[str]]:
    """The cells of the first table below `heading`, without its head."""
    section = TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


STORED = _rows("What is stored")
THREATS = _rows("Threats")


def _columns(row: list[str]) -> list[str]:
    return re.findall(r"`([a-z_]+\.[a-z_]+)`", row[0])


def test_every_column_is_told_once_and_no_other() -> None:
    told = [column for row in STORED for column in _columns(row)]
    assert sorted(told) == sorted(COLUMNS)


def test_every_row_answers_every_question() -> None:
    for row in STORED:
        assert len(row) == 6 and all(row), row


def test_what_speaks_of_patients_or_staff_is_said_to() -> None:
    assert PATIENT_COLUMNS | PERSON_COLUMNS <= COLUMNS
    for row in STORED:
        of_patients = set(_columns(row)) & PATIENT_COLUMNS
        assert bool(of_patients) == bool(re.search("pseudonym|encrypted", row[5])), row
        assert not of_patients or of_patients == set(_columns(row)), row
        assert ("staff" in row[5]) <= bool(set(_columns(row)) & PERSON_COLUMNS), row


def test_every_time_named_is_that_of_its_setting() -> None:
    named = [pair for row in STORED for pair in re.findall(r"`TRD_CDS_(KEEP_\w+)` \((\d+)\)", row[3])]
    for name, days in named:
        assert Settings.model_fields[name.lower()].default == int(days)
    assert {name.lower() for name, _ in named} == {name for name in Settings.model_fields if name.startswith("keep_")}


def test_every_setting_named_exists() -> None:
    for name in re.findall(r"TRD_CDS_([A-Z_]+)", TEXT):
        assert name.lower() in Settings.model_fields


@pytest.mark.parametrize("row", THREATS, ids=lambda row: row[0][:60])
def test_every_threat_has_a_control_and_a_test_that_exists(row: list[str]) -> None:
    _, control, tests = row
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", tests)
    assert control and named
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{path}::{name}"
