"""The catalogue of rules, what the reasoning names, and the published table of rules and vignettes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from mappings.load import load
from mappings.rule_schema import Rule
from tests.vignettes.table import PAGE, exercised, main, page, rows

PLUGIN = Path(__file__).parents[2] / "plugin"
RULES = load().rules
ROWS, EXERCISED = rows(), exercised()
RULE_ID = re.compile(r"[ETAOVPXQ]\d{1,2}")


def named_by_the_reasoning() -> set[str]:
    """Every rule id that stands as a text of its own in the reasoning; the lone S only as the rule of one."""
    found: set[str] = set()
    for path in PLUGIN.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and RULE_ID.fullmatch(node.value):
                found.add(node.value)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason":
                rules = [each.value for each in node.keywords if each.arg == "rule"]
                found.update(str(rule.value) for rule in rules if isinstance(rule, ast.Constant))
    return found


def test_every_rule_the_reasoning_names_is_in_the_catalogue() -> None:
    assert sorted(named_by_the_reasoning() - set(RULES)) == []


def test_a_rule_is_named_by_the_reasoning_exactly_where_the_catalogue_says_so() -> None:
    assert sorted({rule.id for rule in RULES.values() if rule.raised} ^ named_by_the_reasoning()) == []


# Held by unit tests, as a vignette has no words for them: what could not be read, and what stands beside the verdict.
WITHOUT_ROWS = {"P0": "tests/reasoning", "V0": "tests/reasoning, tests/edge", "S": "tests/reasoning"}


def test_every_rule_has_rows_or_tests_of_its_own() -> None:
    assert {rule for rule in RULES if not any(row.startswith(f"{rule}.") for row in ROWS)} == set(WITHOUT_ROWS)
    for rule, folders in WITHOUT_ROWS.items():
        named = [path for folder in folders.split(", ") for path in (PLUGIN.parent / folder).rglob("*.py")]
        assert any(f'"{rule}"' in path.read_text(encoding="utf-8") for path in named), rule


def test_the_page_holds() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(RULES, ROWS, EXERCISED), "run make rules"


@pytest.mark.parametrize("row", sorted(ROWS))
def test_every_row_has_a_vignette(row: str) -> None:
    assert EXERCISED.get(row)


def test_a_row_without_vignettes_shows() -> None:
    rule = Rule(id="E1", title="Title", says="Sentence.", cites=("trd-cds-rules",))
    made = page({"E1": rule}, {"E1.a": "Says a.", "E1.b": "Says b."}, {"E1.a": ["folder/file:case"]})
    assert "| `E1.a` | Says a. | `folder/file:case` |" in made
    assert "| `E1.b` | Says b. | **none** |" in made
    assert "1 rules, 2 rows, 1 of them exercised by 1 vignettes" in made


def test_a_stale_page_is_told_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "rules.md"
    monkeypatch.setattr("tests.vignettes.table.PAGE", written)
    assert main(["--check"]) == 1
    assert "make rules" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0
