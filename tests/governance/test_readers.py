"""The readers file: strict, and told without its hashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_hooks.governance.readers import ReadersError, load_readers
from tests.governance.serving import QUICK

HASH = QUICK.hash("some password")


def test_a_readers_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "readers.yaml"
    file.write_text(f"readers:\n  - {{name: a.b, password_hash: '{HASH}', may_switch: true}}\n", encoding="utf-8")
    (reader,) = load_readers(file)
    assert reader.may_switch and HASH not in repr(reader)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("readers: []", "top level"),
        ("people: []", "top level"),
        ("[]", "top level"),
        ("readers: [{name: a, password_hash: hunter2hunter2}]", "readers[0].password_hash"),
        ("readers: [{name: a, password_hash: '$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g'}]", "password_hash"),
        (f"readers: [{{name: 'a:b', password_hash: '{HASH}'}}]", "readers[0].name"),
        (f"readers: [{{name: a, password_hash: '{HASH}', may_switch: 'yes'}}]", "readers[0].may_switch"),
        (f"readers: [{{name: a, password_hash: '{HASH}', admin: true}}]", "readers[0].admin"),
        (f"readers: [{{name: a, password_hash: '{HASH}'}}, {{name: a, password_hash: '{HASH}'}}]", "readers[1].name"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, place: str, tmp_path: Path) -> None:
    file = tmp_path / "readers.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ReadersError) as caught:
        load_readers(file)
    assert place in str(caught.value) and "readers.yaml" in str(caught.value)
    assert "hunter2" not in str(caught.value) and HASH not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReadersError):
        load_readers(tmp_path / "none.yaml")
