"""The key file: made once, refused when it could be wrong, and changed without losing what was kept."""

from __future__ import annotations

import base64
import os
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from cds_hooks.errors import RecordsUnavailable
from cds_hooks.storage.keys import InstallationKeys, KeyFileError, read_keys
from cds_hooks.storage.records import Records
from cds_hooks.storage.schema_version import settle_key
from cds_hooks.storage.tables import feedback
from tests.storage.places import LATER, NOW, Place, issue, item, unbroken

OLD, NEW = b"k" * 32, b"n" * 32


def _line(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()


def test_a_key_is_made_for_its_owner_only_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "installation.key"
    made = read_keys(file, make=True)
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_keys(file, make=True).mark == made.mark == read_keys(file, make=False).mark
    assert [path.name for path in tmp_path.iterdir()] == ["installation.key"]


def test_workers_that_start_together_have_one_key(tmp_path: Path) -> None:
    file = tmp_path / "installation.key"
    with ThreadPoolExecutor(16) as workers:
        keys = list(workers.map(lambda _: read_keys(file, make=True).mark, range(64)))
    assert len(set(keys)) == 1 and len(list(tmp_path.iterdir())) == 1


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "installation.key"
    read_keys(file, make=True)
    for mode in (0o640, 0o604, 0o660, 0o601):
        file.chmod(mode)
        with pytest.raises(KeyFileError, match="chmod 600"):
            read_keys(file, make=True)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"short\n", b"\xff\xfe\x00", _line(b"a" * 31).encode(), _line(OLD).encode() + b"\nhidden-rest\n"],
    ids=["empty", "blank", "short", "binary", "31 bytes", "second line"],
)
def test_what_is_no_key_is_refused_without_quoting_it_and_stays(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "installation.key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(KeyFileError) as refused:
        read_keys(file, make=True)
    told = "".join(traceback.format_exception(refused.value))
    assert "installation.key" in str(refused.value) and "hidden-rest" not in told and _line(OLD) not in told
    assert file.read_bytes() == content


def test_a_missing_file_or_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        read_keys(tmp_path / "a.key", make=False)
    with pytest.raises(KeyFileError, match="folder"):
        read_keys(tmp_path / "nowhere" / "a.key", make=True)


def test_a_file_system_without_links_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(KeyFileError, match="cannot be made"):
        read_keys(tmp_path / "a.key", make=True)
    assert not list(tmp_path.iterdir())


def test_nothing_of_a_key_is_shown() -> None:
    keys = InstallationKeys.from_keys((OLD, NEW))
    for key in (OLD, NEW):
        assert _line(key) not in repr(keys) and repr(key) not in repr(keys)


def test_names_of_different_things_differ() -> None:
    keys = InstallationKeys.from_keys((OLD,))
    named = [keys.pseudonym(*parts) for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("ab", "c", ""), ("", "ab", "c"))]
    assert len(set(named)) == len(named) and all(len(name) == 64 for name in named)
    assert keys.pseudonym("patient", "\ud800") != keys.pseudonym("patient", "?")


def test_comments_are_sealed_anew_each_time_and_open_again() -> None:
    keys = InstallationKeys.from_keys((OLD,))
    assert keys.seal("she sleeps") != keys.seal("she sleeps")
    assert keys.unseal(keys.seal("she sleeps")) == "she sleeps"
    assert keys.unseal(keys.seal("odd \ud800")) == "odd ?"
    assert InstallationKeys.from_keys((NEW,)).unseal(keys.seal("she sleeps")) is None
    assert keys.unseal(b"junk") is None


def test_a_new_key_keeps_what_the_old_one_wrote(place: Place) -> None:
    async def before(records: Records) -> str:
        card = await issue(records)
        await records.keep_feedback([item(card, comment="an old comment")], {"f": 1}, client="ehr", service="s", at=NOW)
        return card

    async def after(records: Records) -> None:
        await records.prepare(LATER)
        assert await records.database.key_mark() == records.keys.mark
        await unbroken(records, 2)
        await issue(records, LATER)
        await unbroken(records, 3)
        [sealed] = await records.database.read(lambda one: one.scalars(select(feedback.c.comment)).all())
        assert records.keys.unseal(sealed) == "an old comment"

    place.play(before)
    turned = place.with_keys(NEW, OLD)
    turned.play(after)
    assert turned.keys.pseudonym("patient", "p1") != place.keys.pseudonym("patient", "p1")


def test_without_the_old_key_old_marks_do_not_verify(place: Place) -> None:
    place.play(issue)
    place.with_keys(NEW, OLD).play(lambda records: settle_key(records.database, records.keys, NOW))

    async def check(records: Records) -> str:
        return (await records.audit.verify()).broken

    assert "another key" in place.with_keys(NEW).play(check)


def test_a_replica_with_the_old_file_stops_writing_and_breaks_nothing(place: Place) -> None:
    """It could not see whether the head was tampered with: it answers 503 until it has the new file."""

    async def scenario(old: Records) -> None:
        new = place.with_keys(NEW, OLD).records()
        try:
            await issue(old)
            await new.prepare(LATER)
            await issue(old)  # nothing was written under the new key yet
            await issue(new)
            with pytest.raises(RecordsUnavailable):
                await issue(old)
            await unbroken(new, 3)
        finally:
            await new.database.close()

    place.play(scenario)


def test_a_key_known_everywhere_first_is_taken_on_without_a_stop(place: Place) -> None:
    """Two steps: the new key below the old one in every file, then above it."""

    async def scenario(first: Records) -> None:
        second = place.with_keys(NEW, OLD).records()
        try:
            await second.prepare(LATER)
            for records in (first, second, first, second):
                await issue(records)
            await unbroken(first, 4)
            await unbroken(second, 4)
        finally:
            await second.database.close()

    place.with_keys(OLD, NEW).play(scenario)
