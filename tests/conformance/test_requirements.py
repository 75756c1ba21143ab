"""The requirements table and the tests must agree: neither may claim what the other does not hold.

`requirements.csv` has one row for each requirement: `test` is ``not yet`` or the node ids of the tests that check it,
separated by blanks. A test says which rows it checks with ``@pytest.mark.requirement("RS-01", ...)``.
"""

from __future__ import annotations

import ast
import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).parent / "requirements.csv"
COLUMNS = ["id", "level", "actor", "text", "test"]
LEVELS = {"SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT", "MAY", "CONDITIONAL", "NOTE"}
ACTORS = {"service", "client", "both"}
NOT_YET = "not yet"


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))


def marked() -> dict[str, set[str]]:
    """Requirement id → node ids of the tests that carry its marker, read from the sources."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, function in functions_in(ast.parse(path.read_text(encoding="utf-8")).body):
            for requirement in markers_of(function):
                found[requirement].add(f"{path.relative_to(ROOT).as_posix()}::{name}")
    return found


def functions_in(
    body: list[ast.stmt], prefix: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from functions_in(node.body, f"{prefix}{node.name}::")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
            yield prefix + node.name, node


def markers_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.requirement":
            yield from (argument.value for argument in decorator.args if isinstance(argument, ast.Constant))


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, str]]:
    return {row["id"]: row for row in rows()}


def test_the_table_is_well_formed():
    listed = rows()
    ids = [row["id"] for row in listed]
    assert len(ids) == len(set(ids))
    for row in listed:
        assert list(row) == COLUMNS, row
        assert row["level"] in LEVELS, row
        assert row["actor"] in ACTORS, row
        assert row["text"].strip(), row


def test_every_marker_names_a_row(table):
    assert set(marked()) <= set(table)


def test_every_claim_is_a_test_with_the_marker(table):
    carried = marked()
    for identifier, row in table.items():
        if row["test"] != NOT_YET:
            claimed = set(row["test"].split())
            assert claimed <= carried[identifier], f"{identifier}: {claimed - carried[identifier]}"


def test_every_marked_row_claims_a_test(table):
    for identifier in marked():
        assert table[identifier]["test"] not in ("", NOT_YET), f"{identifier} is tested: name the test in the table"


def test_every_duty_of_a_service_is_tested_or_openly_not_yet(table):
    duties = [row for row in table.values() if row["level"].startswith("SHALL") and row["actor"] != "client"]
    assert duties
    assert [row["id"] for row in duties if not row["test"].strip()] == []
