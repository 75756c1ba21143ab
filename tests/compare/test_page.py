"""The published comparison: current, whole, and everything it names exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cds_hooks.__main__ import run
from tests.chaos.table import defined_in
from tests.compare.table import PAGE, ROOT, comparison, main, page

WHOLE = comparison()
NAMED = sorted({one for row in WHOLE.rows for one in row.shows})
FEATURES = 83


def test_the_page_holds() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run make compare"


def test_every_row_is_told_once_and_of_every_project() -> None:
    assert [row.id for row in WHOLE.rows] == list(range(1, FEATURES + 1))
    for row in WHOLE.rows:
        assert len(row.cells) == len(WHOLE.columns), row.id
        assert "|" not in row.feature + row.note


def test_what_is_not_a_plain_yes_says_why() -> None:
    for row in WHOLE.rows:
        assert row.ours == "yes" or len(row.note) > 20, row.id
        assert row.shows, row.id


def _of_kind(start: str) -> Iterator[str]:
    return (one for one in NAMED if one.startswith(start))


@pytest.mark.parametrize("named", [one for one in _of_kind("tests/") if "::" in one])
def test_every_test_named_exists(named: str) -> None:
    path, _, name = named.partition("::")
    assert name in defined_in(path)


def test_every_command_named_exists(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for named in _of_kind("trd-cds "):
        assert run([*named.split()[1:], "--help"]) == 0, named
    capfdbinary.readouterr()


def test_every_target_and_file_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for named in _of_kind("make "):
        assert re.search(rf"^{named.removeprefix('make ')}:", makefile, re.MULTILINE), named
    for named in NAMED:
        if "::" not in named and not named.startswith(("make ", "trd-cds ")):
            assert (ROOT / named).exists(), named


def test_a_stale_page_is_told_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.compare.table.PAGE", tmp_path / "compare.md")
    assert main(["--check"]) == 1
    assert "make compare" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0
