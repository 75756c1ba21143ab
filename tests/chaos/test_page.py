"""The published table of disturbances: current, and every test it names exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.table import PAGE, Behaviour, behaviours, defined_in, main, page


def test_the_page_holds() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run make chaos"


def test_every_disturbance_is_told_once() -> None:
    ids = [one.id for one in behaviours()]
    assert len(ids) == len(set(ids)) > 30
    assert all("|" not in text for one in behaviours() for text in (one.disturbance, one.expected, one.clinician))


@pytest.mark.parametrize("row", list(behaviours()), ids=lambda row: row.id)
def test_every_disturbance_is_shown_by_tests_that_exist(row: Behaviour) -> None:
    assert row.tests, "a behaviour without a test is a wish"
    for named in row.tests:
        path, _, name = named.partition("::")
        assert name in defined_in(path), named


def test_every_test_of_this_folder_shows_some_row() -> None:
    named = {test for row in behaviours() for test in row.tests}
    here = Path(__file__).parent
    own = {
        f"tests/chaos/{file.name}::{test}"
        for file in here.glob("test_*.py")
        if file != Path(__file__)
        for test in defined_in(f"tests/chaos/{file.name}")
    }
    assert own <= named


def test_a_stale_page_is_told_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.chaos.table.PAGE", tmp_path / "chaos.md")
    assert main(["--check"]) == 1
    assert "make chaos" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0
