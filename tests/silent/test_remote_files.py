"""Exports behind URLs are found, hashed and read as those in a directory."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from cds_hooks.silent import blocks
from cds_hooks.silent.blocks import blocks_of, pieces_of
from cds_hooks.silent.faults import UnusableRunError
from cds_hooks.silent.inputs import InputFile, find_inputs, hashed
from cds_hooks.silent.remote import fetched, find_files, hash_files, is_url
from tests.silent.exports import ndjson, observation


@pytest.fixture
def export(tmp_path: Path) -> Path:
    place = tmp_path / "export"
    (place / "deeper").mkdir(parents=True)
    (place / "deeper" / "Patient.ndjson").write_bytes(b"{}")
    (place / "manifest.json").write_text("{}")
    (place / "notes.txt").write_text("")
    written = ndjson(observation(number, "a" * (number % 70)) for number in range(300))
    (place / "Observation.ndjson").write_bytes(written.rstrip(b"\n"))
    (place / "Observation.2.ndjson.gz").write_bytes(gzip.compress(written))
    (place / "one.json").write_bytes(b'{"resourceType":"Bundle"}')
    return place


def lines_of(files: tuple[InputFile, ...], place: Path) -> list[bytes]:
    """All lines, each piece read by whoever fetches it."""
    found = []
    for piece in pieces_of(files):
        into = place / str(piece.number)
        into.mkdir(parents=True)
        near = fetched(piece, into)
        for _, file in near.files:
            found += [line for block in blocks_of(near, file) for line in block.lines]
    return found


@pytest.mark.parametrize("piece", [40, 997, 10**6])
def test_a_url_gives_the_files_and_lines_of_the_directory(
    piece: int, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_PIECE", piece)
    monkeypatch.setattr("cds_hooks.silent.remote._BLOCK", 64)
    near = hashed(find_inputs([export], out=tmp_path / "run"), lambda _: None)
    read: list[int] = []
    far = hash_files(find_files([export.as_uri()], out=tmp_path / "run"), read.append)
    assert [(one.name, one.size, one.sha256, one.lines, one.packing) for one in far] == [
        (one.name, one.size, one.sha256, one.lines, one.packing) for one in near
    ]
    assert sum(read) == sum(one.size for one in near)
    assert lines_of(far, tmp_path / "far") == lines_of(near, tmp_path / "near")


def test_a_url_may_name_a_file_and_stand_beside_a_path(export: Path, tmp_path: Path) -> None:
    files = find_files([(export / "one.json").as_uri(), export / "Observation.ndjson"], out=tmp_path / "run")
    assert [one.name for one in files] == ["Observation.ndjson", "one.json"]


def test_only_schemes_make_a_url() -> None:
    assert [one for one in ("s3a://b/c", "file:/c", "a/b:/c", "C:\\d", "export", "s3:x") if is_url(one)] == [
        "s3a://b/c",
        "file:/c",
    ]


def test_a_file_that_changed_is_not_read(export: Path, tmp_path: Path) -> None:
    files = find_files([export.as_uri()], out=tmp_path / "run")
    (export / "one.json").write_bytes(b"{}")
    with pytest.raises(UnusableRunError, match=r"one\.json: has changed"):
        lines_of(files, tmp_path / "far")


def test_unusable_urls_are_refused_without_their_secrets(export: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for url, says in [
        ((tmp_path / "none").as_uri(), "does not exist"),
        ((export / "notes.txt").as_uri(), "is no file of an export"),
        ((tmp_path / "empty").as_uri(), "holds no NDJSON"),
        ("nosuch://user:hunter2@host/export?secret_key=hunter2", "nosuch://host/export: is no URL that Arrow can read"),
    ]:
        with pytest.raises(UnusableRunError, match=says) as fault:
            find_files([url], out=tmp_path / "run")
        assert "hunter2" not in str(fault.value)
