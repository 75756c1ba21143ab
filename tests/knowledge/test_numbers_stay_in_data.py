"""Clinical codes, drug names and thresholds live in the knowledge, never in Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mappings.load import load

ROOT = Path(__file__).parents[2]
KNOWLEDGE = load()
CODE = re.compile(r"\d{3,5}-\d|LA\d{3,5}-\d|\d{5,18}|[A-TV-Z]\d\d\.[0-9A-Z]{1,4}|N0\d[A-Z]{2}\d\d")
DRUGS = {drug.label.lower() for drug in KNOWLEDGE.drugs.values()} | set(KNOWLEDGE.drugs)
# Values of the shared parameters that are no everyday number (a week, a fortnight, an hour count, a percentage).
EVERYDAY = {0, 1, 2, 7, 14, 24, 30, 60, 90, 365}
THRESHOLDS = {
    float(value)
    for entry in (KNOWLEDGE.reconstruction, *KNOWLEDGE.definitions.values())
    for value in entry.model_dump().values()
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 1
} - {float(number) for number in EVERYDAY}


def literals(path: Path) -> Iterator[tuple[int, object]]:
    """Every constant of a module that is not a docstring, with its line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in prose:
            yield node.lineno, node.value


MODULES = sorted((ROOT / "plugin").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_reasoning_holds_no_clinical_literal(path: Path) -> None:
    found = [
        f"line {line}: {value!r}"
        for line, value in literals(path)
        if (isinstance(value, str) and (CODE.fullmatch(value.strip()) or value.strip().lower() in DRUGS))
        or (isinstance(value, int | float) and not isinstance(value, bool) and float(value) in THRESHOLDS)
    ]
    assert not found, "move these to mappings/"


def test_the_check_itself_sees_codes_and_thresholds(tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text(
        '"""44261-6 in prose is fine."""\nTOTAL = "44261-6"\nDRUG = "sertraline"\nDAYS = 42\n', encoding="utf-8"
    )
    with pytest.raises(AssertionError, match="move these"):
        test_reasoning_holds_no_clinical_literal(sample)
    assert {42.0, 28.0, 56.0, 180.0} <= THRESHOLDS
