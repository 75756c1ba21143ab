"""`trd-cds stories list` and `write`: every patient as a file, the same bytes for the same day and seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cds_hooks.fhir_writer import check
from cds_hooks.sandbox import ResourceStore
from cds_hooks.stories import load_stories
from mappings.load import load
from tests.cli.conftest import START, Spoken

Write = Callable[..., Spoken]
DAY = START.isoformat()


def _content(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def test_the_same_day_and_seed_give_the_same_bytes(trd: Write, tmp_path: Path) -> None:
    one, other, third = (tmp_path / name for name in ("one", "other", "third"))
    spoken = trd("stories", "write", one, "--as-of", DAY, "--seed", "5")
    assert spoken.status == 0, spoken.err
    assert trd("stories", "write", other, "--as-of", DAY, "--seed", "5").status == 0
    assert trd("stories", "write", third, "--as-of", DAY, "--seed", "6").status == 0
    assert _content(one) == _content(other) != _content(third)

    stories = load_stories(START, load(), seed=5)
    assert {*_content(one)} == {"index.json", "index.md", *(f"{story.patient_id}.json" for story in stories)}
    held = [json.loads((one / f"{story.patient_id}.json").read_bytes()) for story in stories]
    store = ResourceStore(entry["resource"] for bundle in held for entry in bundle["entry"])
    assert len(store) == sum(len(story.resources) for story in stories)
    assert spoken.out.startswith(f"{len(stories)} patients, {len(store)} resources, told on {DAY}, in ")
    check(held[0])


def test_the_index_says_what_each_teaches_and_what_to_notice(trd: Write, tmp_path: Path) -> None:
    chosen = ("--patient", "gaps-between-refills", "--patient", "synthetic-never-filled")
    assert trd("stories", "write", tmp_path / "two", "--as-of", DAY, *chosen).status == 0
    index = json.loads((tmp_path / "two" / "index.json").read_bytes())
    assert [one["id"] for one in index["stories"]] == ["never-filled", "gaps-between-refills"]
    told = {story.id: story for story in load_stories(START, load())}
    page = (tmp_path / "two" / "index.md").read_text(encoding="utf-8")
    for one in index["stories"]:
        story = told[one["id"]]
        assert (tmp_path / "two" / one["file"]).is_file()
        assert (one["teaching"], tuple(one["notice"])) == (story.teaching, story.notice)
        assert one["expect"]["verdict"] == story.expect.verdict
        assert all(sentence in page for sentence in (story.title, story.teaching, *story.notice))
    assert index["toldOn"] == DAY


def test_a_directory_in_use_is_left_alone_unless_forced(trd: Write, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine", encoding="ascii")
    one = ("stories", "write", tmp_path, "--as-of", DAY, "--patient", "never-filled")
    refused = trd(*one)
    assert (refused.status, [file.name for file in tmp_path.iterdir()]) == (2, ["notes"])
    assert "--force" in refused.err
    assert trd(*one, "--force").status == 0
    assert (tmp_path / "notes").read_text(encoding="ascii") == "mine"
    assert len(_content(tmp_path)) == 4


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--patient", "nobody"), "--patient"),
        (("--as-of", "yesterday"), "--as-of"),
        (("--as-of", "0001-01-01"), "--as-of"),
        (("--seed", "-1"), "--seed"),
    ],
)
def test_what_cannot_be_told_is_refused(arguments: tuple[str, ...], told: str, trd: Write, tmp_path: Path) -> None:
    spoken = trd("stories", "write", tmp_path / "out", *arguments)
    assert spoken.status == 2
    assert told in spoken.err
    assert not (tmp_path / "out").exists()


def test_a_file_is_no_directory(trd: Write, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spoken = trd("stories", "write", tmp_path / "file", "--patient", "never-filled")
    assert (spoken.status, "is a file" in spoken.err) == (2, True)


def test_the_list_names_every_story_with_its_sentence(trd: Write) -> None:
    lines = trd("stories", "list").out.splitlines()
    assert [tuple(line.split(maxsplit=1)) for line in lines] == [
        (story.id, story.teaching) for story in load_stories(START, load(), background=False)
    ]
