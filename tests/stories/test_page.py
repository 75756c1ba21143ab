"""The published page on the synthetic patients."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_hooks.stories import load_stories
from mappings.load import load
from tests.stories.table import ANY_DAY, PAGE, main, page


def test_the_page_holds() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(load_stories(ANY_DAY, load(), background=False)), "run make stories"


def test_every_story_is_shown_and_every_trap_has_one() -> None:
    stories = load_stories(ANY_DAY, load(), background=False)
    made = page(stories)
    assert all(f"`{story.patient_id}`" in made for story in stories)
    assert "**none**" not in made
    without = [story for story in stories if "item-nine" not in story.expect.traps]
    assert page(without).count("**none**") == 1


def test_a_stale_page_is_told_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.stories.table.PAGE", tmp_path / "stories.md")
    assert main(["--check"]) == 1
    assert "make stories" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0
