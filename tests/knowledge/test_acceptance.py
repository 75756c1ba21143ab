"""A version of the knowledge is accepted by a named person, as that very content, and by nobody for any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mappings.load import KnowledgeError, load

BASE = load()
SITE = 'id: st-elsewhere\nname: "St Elsewhere"\naccepted_by: "Dr A. Example"\naccepted_on: 2026-12-01\n'


def entry(version: str = BASE.version, content: str = BASE.content_hash) -> str:
    return f'- {{version: "{version}", hash: "{content}", who: "Dr B", when: 2026-12-02}}\n'


@pytest.fixture
def site(tmp_path: Path) -> Callable[[str], Path]:
    def write(acceptances: str) -> Path:
        (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
        (tmp_path / "acceptances.yaml").write_text(acceptances, encoding="utf-8")
        return tmp_path

    return write


def test_without_a_site_nobody_has_accepted_it() -> None:
    assert BASE.accepted is None


def test_an_overlay_alone_accepts_nothing(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    assert load(site=tmp_path).accepted is None


def test_the_entry_of_this_content_counts(site: Callable[[str], Path]) -> None:
    accepted = load(site=site(entry("0.0.9") + entry())).accepted
    assert accepted is not None
    assert (accepted.who, accepted.when.isoformat(), accepted.version) == ("Dr B", "2026-12-02", BASE.version)


@pytest.mark.parametrize(
    "other", [entry(version="0.0.9"), entry(content="sha256:" + "0" * 64)], ids=["version", "content"]
)
def test_neither_another_version_nor_other_content_does(site: Callable[[str], Path], other: str) -> None:
    assert load(site=site(other)).accepted is None


def test_accepting_changes_no_result(site: Callable[[str], Path], tmp_path: Path) -> None:
    """An acceptance is no part of the content: a result before and after it names the same hash."""
    accepted = load(site=site(entry())).content_hash
    (tmp_path / "acceptances.yaml").unlink()
    load.__globals__["_load_site"].cache_clear()
    assert load(site=tmp_path).content_hash == accepted


@pytest.mark.parametrize(
    "bad",
    [
        '- {version: "0.1.0", hash: "sha256:short", who: "Dr B", when: 2026-12-02}\n',
        f'- {{version: "0.1.0", hash: "{BASE.content_hash}", who: "", when: 2026-12-02}}\n',
        f'- {{version: "0.1.0", hash: "{BASE.content_hash}", when: 2026-12-02}}\n',
        "accepted: yes\n",
    ],
)
def test_an_acceptance_without_content_person_or_day_is_refused(site: Callable[[str], Path], bad: str) -> None:
    with pytest.raises(KnowledgeError, match=r"acceptances\.yaml"):
        load(site=site(bad))
