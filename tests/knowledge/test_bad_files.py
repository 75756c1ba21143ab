"""The museum of bad files: each kind of mistake stops the start and says where it is and how to mend it.

A specimen is a YAML file: `file` of the knowledge is spoilt by `replace`/`with`, `append`, `row` (a further row of a
code table, its manifest kept in step), `content` or `delete`, and `expect` is the message, word for word.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from mappings.integrity import check_integrity
from mappings.load import DIRECTORY, KnowledgeError, load
from mappings.strict_yaml import read_model

MUSEUM = Path(__file__).parent / "bad_files"
SPECIMENS = sorted(MUSEUM.glob("*.yaml"))
EXPECTED = ("file", "place", "problem", "remedy")
READ: dict[tuple[str, Any], Any] = {}
WAYS = ({"replace", "with"}, {"append"}, {"row"}, {"content"}, {"delete"})


def specimen(path: Path) -> dict[str, Any]:
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(read, dict)
    return read


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The data files as links; a specimen puts its own file in the place of a link."""
    target = tmp_path / "mappings"
    shutil.copytree(DIRECTORY, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"), copy_function=os.symlink)
    return target


@pytest.fixture(autouse=True)
def unspoilt_files_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link leads to a packaged file, whose model is frozen: reading it again for every specimen shows nothing new."""

    def read(path: Path, name: str, kind: Any) -> Any:
        if not path.is_symlink():
            return read_model(path, name, kind)
        if (name, kind) not in READ:
            READ[name, kind] = read_model(path, name, kind)
        return READ[name, kind]

    for module in ("load", "clinical", "code_tables"):
        monkeypatch.setattr(f"mappings.{module}.read_model", read)


def put(path: Path, content: str, encoding: str = "utf-8") -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content.encode(encoding))


def spoil(root: Path, told: dict[str, Any]) -> None:
    path = root / told["file"]
    if "delete" in told:
        for victim in path.glob(told["delete"]) if isinstance(told["delete"], str) else [path]:
            victim.unlink()
    elif "content" in told:
        put(path, told["content"])
    else:
        text = path.read_text(encoding="utf-8")
        if "replace" in told:
            assert told["replace"] in text, f"{told['file']} no longer holds what the specimen replaces"
            put(path, text.replace(told["replace"], told["with"], 1), told.get("encoding", "utf-8"))
        elif "append" in told:
            put(path, text + told["append"])
        else:
            put(path, f"{text}{told['row']}\n")
            manifest = root / "codes" / "codes.yaml"
            listed = manifest.read_text(encoding="utf-8")
            counted = re.compile(rf"(?<=^{re.escape(path.name)}:\n)((?:  .*\n)*?  rows: )(\d+)", re.MULTILINE)
            raised, times = counted.subn(lambda found: f"{found[1]}{int(found[2]) + 1}", listed)
            assert times == 1
            put(manifest, raised)


def expected(told: dict[str, str], spoilt: Path) -> dict[str, str]:
    """The message of a specimen, with the line numbers that hold for the file as it is today."""
    original = DIRECTORY / spoilt.relative_to(spoilt.parents[len(Path(told["file"]).parts) - 1])
    if not (original.is_file() and spoilt.is_file()):
        return told
    before, after = (path.read_bytes().splitlines() for path in (original, spoilt))
    shared = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), None)
    changed = (len(before) if shared is None else shared) + 1
    return {
        key: text.format(changed=changed, following=changed + 1) if "line {" in text else text
        for key, text in told.items()
    }


def matches(said: str, wanted: str) -> bool:
    """Whether a part of the message is the expected one; a trailing ellipsis leaves the rest of a long list open."""
    return said.startswith(wanted[:-3]) if wanted.endswith("...") else said == wanted


@pytest.mark.parametrize("path", SPECIMENS, ids=lambda path: path.stem)
def test_a_bad_file_stops_the_start_with_place_and_remedy(copy: Path, path: Path) -> None:
    told = specimen(path)
    spoil(copy, told)
    with pytest.raises(KnowledgeError) as caught:
        check_integrity(load(copy))
    failure = caught.value
    told_so = {key: getattr(failure, key) for key in EXPECTED}
    wanted = expected(told["expect"], copy / told["file"])
    assert all(matches(told_so[key], wanted[key]) for key in EXPECTED), (told_so, wanted)
    assert str(failure) == "{file}: {place}: {problem}; {remedy}".format(**told_so)


def test_the_copy_itself_is_clean(copy: Path) -> None:
    knowledge = load(copy)
    check_integrity(knowledge)
    assert knowledge.content_hash == load().content_hash


def test_every_specimen_is_complete_and_one_of_a_kind() -> None:
    assert len(SPECIMENS) >= 80
    seen: set[str] = set()
    for path in SPECIMENS:
        told = specimen(path)
        assert told["what"].endswith("."), path.name
        assert tuple(told["expect"]) == EXPECTED, path.name
        assert all(told["expect"].values()), path.name
        assert sum(way <= set(told) for way in WAYS) == 1, path.name
        change = repr({key: value for key, value in told.items() if key not in {"what", "expect"}})
        assert change not in seen, path.name
        seen.add(change)


def test_messages_never_hold_a_path_of_this_machine() -> None:
    for path in SPECIMENS:
        assert str(DIRECTORY) not in " ".join(specimen(path)["expect"].values())
