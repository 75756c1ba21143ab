"""The pictures of README and docs: the list is sound, and its page and pictures are those that are committed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cds_hooks.gallery.screens import Screen, Step, index_of, screens
from cds_hooks.stories import DIRECTORY as STORIES
from tests.simulator.browsing import CHROMIUM

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "docs" / "screens"
PNG = b"\x89PNG\r\n\x1a\n"


def test_the_committed_page_and_pictures_are_those_of_the_list() -> None:
    listed = screens()
    assert (DIRECTORY / "README.md").read_text(encoding="utf-8") == index_of(listed), "run `make screens`"
    assert {path.stem for path in DIRECTORY.glob("*.png")} == {one.name for one in listed}
    for one in listed:
        header = (DIRECTORY / f"{one.name}.png").read_bytes()[:24]
        assert header.startswith(PNG)
        assert int.from_bytes(header[16:20], "big") == one.width, one.name
        assert one.whole or int.from_bytes(header[20:24], "big") == one.height, one.name


def test_every_picture_is_of_a_patient_there_is() -> None:
    known = {path.stem for path in STORIES.glob("*.yaml")}
    for one in screens():
        assert any(name in one.path for name in known), one.name


def test_a_step_is_one_thing() -> None:
    with pytest.raises(ValueError, match="one of click, type and wait"):
        Step(click="#a", wait="#b")
    with pytest.raises(ValueError, match="path"):
        Screen(name="a", shows="b", path="https://elsewhere.example/")


@pytest.mark.browser
def test_a_picture_is_taken_of_the_running_demo(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cds_hooks", "screens", "--write", str(tmp_path), "--only", "simulator-phone"]
    done = subprocess.run(  # noqa: S603 - our own module
        [*command, "--browser", CHROMIUM], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "simulator-phone.png").read_bytes().startswith(PNG)
