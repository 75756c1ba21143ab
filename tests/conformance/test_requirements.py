"""The requirements table, the marks of the tests, the checker's copy and the page must agree: none may claim what
another does not hold.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from cds_hooks.checking.requirements import requirements
from tests.conformance.page import FAMILIES, PAGE, main, page
from tests.conformance.proofs import ROOT, TESTS, Proof, UnreadableMark, proofs, proofs_in
from tests.conformance.table import DUTIES, PACKAGE, SHIPPED, TABLE, Row, judged, rows, shipped

FIXTURES = TESTS / "fixtures" / "requests"


@pytest.fixture(scope="module")
def table() -> dict[str, Row]:
    return {row.id: row for row in rows()}


@pytest.fixture(scope="module")
def shown() -> dict[str, tuple[Proof, ...]]:
    return proofs()


def test_every_row_stands_once_in_its_family(table):
    assert len(rows()) == len(table) > 280
    assert list(dict.fromkeys(row.family for row in rows())) == list(FAMILIES)
    assert [name for name, count in Counter((row.family, row.text) for row in rows()).items() if count > 3] == []


def test_no_number_of_a_family_is_left_out(table):
    """A row that was dropped from the specification's own count would be missed by nobody else."""
    whole = [name for name in FAMILIES if name not in ("EP", "MI", "FN")]
    for family in whole:
        numbers = [int(row.id[len(family) + 1 :][:2]) for row in rows() if row.family == family]
        assert sorted(set(numbers)) == list(range(1, max(numbers) + 1)), family


def test_every_mark_names_a_row(table, shown):
    assert sorted(set(shown) - set(table)) == []


def test_every_duty_has_a_test_or_a_reason(table, shown):
    assert [row.id for row in rows() if row.level in DUTIES and row.id not in shown and not row.reason] == []


def test_every_other_row_has_one_too(table, shown):
    assert [row.id for row in rows() if row.id not in shown and not row.reason] == []


def test_what_is_proved_needs_no_reason(shown):
    assert [row.id for row in rows() if row.id in shown and row.reason] == []


def test_a_duty_of_the_service_in_the_version_it_is_built_for_is_always_proved(shown):
    due = [row for row in rows() if row.level in DUTIES and row.actor != "client" and "2.0.1" in row.version]
    assert len(due) > 40
    assert [row.id for row in due if row.id not in shown] == []


def test_no_duty_rests_on_late_tests_alone(shown):
    """What `make test` leaves out may prove a duty once more, but not alone."""
    assert [
        row.id for row in rows() if row.level in DUTIES and row.id in shown and all(p.late for p in shown[row.id])
    ] == []


def test_every_trap_on_the_wire_has_its_captured_request_and_the_other_way_round(table):
    traps = {f"FN-{name.name[5:7]}" for name in FIXTURES.glob("trap-*.json")}
    assert traps == {name for name in table if name.startswith("FN-") and int(name[3:]) < 20}


def test_reasons_that_point_to_a_page_or_a_row_point_to_one_that_there_is(table):
    told = " ".join(row.reason for row in rows())
    assert set(re.findall(r"[A-Z]{2,3}-\d\d", told)) <= set(table)
    pages = re.findall(r"docs/[a-z-]+\.md", told)
    assert pages
    assert [name for name in pages if not (ROOT / name).exists()] == []


def test_the_checker_words_no_requirement_of_its_own(table):
    """Its rows are a copy of rows of the table, made by `make conformance`; what it adds is weight and remedy."""
    assert SHIPPED.read_text("utf-8") == shipped(), "run make conformance"
    assert tuple(requirements()) == judged()
    assert all(
        (one.level, one.actor, one.text) == (table[i].level, table[i].actor, table[i].text)
        for i, one in requirements().items()
    )
    worded = [
        file.name for file in PACKAGE.rglob("*.csv") if "text" in file.read_text("utf-8").splitlines()[0].split(",")
    ]
    assert worded == [SHIPPED.name]


def test_a_row_that_the_table_does_not_have_cannot_be_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spoilt = tmp_path / "judged.csv"
    spoilt.write_text("id,breach,needs,mend\nZZ-01,fault,,x\n", "utf-8")
    monkeypatch.setattr("tests.conformance.table.JUDGED", spoilt)
    with pytest.raises(KeyError, match="ZZ-01"):
        shipped()


def test_the_page_is_current(shown):
    assert PAGE.read_text("utf-8") == page(rows(), shown), "run make conformance"
    assert main(["--check"]) == 0


def test_a_stale_page_is_told_and_written_anew(tmp_path, monkeypatch, capsys):
    for name in ("PAGE", "SHIPPED"):
        monkeypatch.setattr(f"tests.conformance.page.{name}", tmp_path / name)
    assert main(["--check"]) == 1
    assert capsys.readouterr().err.count("make conformance") == 2
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_the_page_counts_what_lacks_both():
    row = Row(id="ZZ-01", level="SHALL", version="", actor="service", text="Some text", source="Somewhere", reason="")
    with pytest.raises(KeyError, match="ZZ"):
        page([row], {})  # no such family
    counted = page([row.model_copy(update={"id": "TR-99"})], {})
    assert "| SHALL | 1 | 0 | 0 | 1 |" in counted
    proof = Proof("tests/edge/test_x.py", "test_it_holds", late=True)
    assert "[edge/test_x.py › it holds](../tests/edge/test_x.py) *late*" in page(
        [row.model_copy(update={"id": "TR-99"})], {"TR-99": [proof]}
    )


MARKED = """
import pytest
pytestmark = [pytest.mark.proves("A-01"), pytest.mark.deep]

@pytest.mark.proves("A-02", "A-03")
@pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.proves("A-04"))])
def test_one(x): ...

class TestTwo:
    pytestmark = pytest.mark.proves("A-05")
    def test_three(self): ...
    def helper(self): ...

@pytest.mark.proves("A-06")
def helper(): ...
"""


def test_marks_are_read_from_modules_classes_functions_and_cases():
    found = list(proofs_in(MARKED, "x.py"))
    assert {(name, test) for name, test, _ in found} == {
        ("A-01", "test_one"), ("A-02", "test_one"), ("A-03", "test_one"), ("A-04", "test_one"),
        ("A-01", "TestTwo::test_three"), ("A-05", "TestTwo::test_three"),
    }  # fmt: skip
    assert all(late for _, _, late in found)


@pytest.mark.parametrize("argument", ["IDS", "*IDS", "f'A-{1}'", "1"])
def test_a_mark_that_cannot_be_read_is_told(argument):
    with pytest.raises(UnreadableMark, match=r"x\.py:1"):
        list(proofs_in(f"@pytest.mark.proves({argument})\ndef test_x(): ...\n", "x.py"))


def test_the_table_is_where_the_issue_says():
    assert TABLE == ROOT / "tests" / "conformance" / "requirements.csv"
