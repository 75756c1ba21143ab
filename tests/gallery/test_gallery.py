"""The golden gallery: every kind of card in every form, for every client, and ``docs/cards`` as it should be."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from cds_hooks.commands import gallery as command
from cds_hooks.commands.refusal import Refusal
from cds_hooks.gallery import pictures
from cds_hooks.gallery.cases import Case, Cases, gallery_cases
from cds_hooks.gallery.files import INDEX, MANIFEST, GalleryFiles, stale_files, stale_pictures, write_files
from cds_hooks.gallery.shown import FIRST, Shown
from cds_hooks.gallery.told import NoSuchCardError, card_for, tell
from cds_hooks.trust.profiles import client_profiles
from cds_hooks.wire import Card
from mappings.load import load
from plugin.advice.policy import POLICY
from plugin.resistance.verdict import Value

DIRECTORY = Path(__file__).parents[2] / "docs" / "cards"
KNOWLEDGE = load()
CASES = gallery_cases()
PICTURE = b"a picture"


def cases_of(kind: str) -> list[Case]:
    return [case for case in CASES.cases if case.kind == kind]


@pytest.mark.parametrize("row", POLICY, ids=lambda row: row.kind)
def test_every_kind_is_shown_as_loud_as_it_may_be(row: Any, gallery: tuple[Shown, ...]) -> None:
    said = {one.indicator for one in gallery if one.case.kind == row.kind}
    assert said == set(row.indicators)


def test_every_case_is_of_a_kind_and_each_client_gets_a_card_of_that_kind(gallery: tuple[Shown, ...]) -> None:
    assert {one.case.kind for one in gallery} == {row.kind for row in POLICY}
    for one in gallery:
        assert list(one.looks) == [FIRST, *(name for name in client_profiles() if name != FIRST)]
        for look in one.looks.values():
            card = Card.model_validate_json(look.document)
            assert card.source.topic.code == one.case.kind.replace("-", "")
            assert card.summary in one.summary


def test_each_status_and_each_treatment_that_asks_for_failures_is_shown() -> None:
    told = [tell(case, CASES, KNOWLEDGE).assessment.verdict for case in cases_of("trd-status")]
    assert {verdict.value for verdict in told} == {Value.MET, Value.PROBABLE, Value.INDETERMINATE}
    assert any(verdict.capped is Value.MET for verdict in told)
    assert any(case.unread for case in cases_of("trd-status"))
    asking = {
        procedure
        for option in KNOWLEDGE.clinical.options.values()
        if option.eligibility is not None
        for procedure in option.closes.procedures
    }
    assert {case.procedure for case in cases_of("procedure-support")} == asking


def test_a_case_from_which_its_card_no_longer_arises_is_told() -> None:
    case = cases_of("already-taken")[0].model_copy(update={"takes": ("mirtazapine 15 mg at night",)})
    with pytest.raises(NoSuchCardError, match="already-taken"):
        card_for(tell(case, CASES, KNOWLEDGE), client_profiles()[FIRST], KNOWLEDGE)


def test_a_client_that_shows_fewer_cards_is_told_so() -> None:
    told = tell(cases_of("trd-options")[0], CASES, KNOWLEDGE)
    few = client_profiles()[FIRST].model_copy(update={"cards_at_most": 1})
    assert card_for(told, few, KNOWLEDGE) is None


def test_a_file_of_cases_with_two_of_one_id_or_an_unknown_history_is_refused() -> None:
    case = CASES.cases[0].model_dump()
    for wrong, words in (([case, case], "one id"), ([{**case, "history": "none"}], "no history none")):
        with pytest.raises(ValueError, match=words):
            Cases.model_validate({"told_on": CASES.told_on, "histories": CASES.histories, "cases": tuple(wrong)})


def test_what_was_recorded_by_the_caller_is_told_more_quietly() -> None:
    own = next(case for case in CASES.cases if case.recorded_by_caller)
    other = own.model_copy(update={"recorded_by_caller": False})
    assert [tell(case, CASES, KNOWLEDGE).drafts[0].indicator for case in (own, other)] == ["info", "critical"]


def test_ids_and_versions_are_the_same_every_time_and_no_id_occurs_twice(wanted: GalleryFiles) -> None:
    ids: dict[str, str] = {}
    for name, text in wanted.texts.items():
        case = Path(name).stem
        for found in re.findall(r'"uuid": "([^"]+)"', text):
            assert ids.setdefault(found, case) == case
        assert KNOWLEDGE.content_hash not in text
    assert len(ids) > len(CASES.cases)


def test_the_same_card_is_kept_once_and_every_pair_is_found(wanted: GalleryFiles, gallery: tuple[Shown, ...]) -> None:
    index = wanted.texts[INDEX]
    profiles = list(client_profiles())
    head = next(line for line in index.splitlines() if line.startswith("| case |"))
    assert all(f" {name} " in head for name in profiles)
    for one in gallery:
        row = next(line for line in index.splitlines() if line.startswith(f"| [{one.case.id}](#"))
        cells = [cell.strip() for cell in row.strip("|").split(" | ")][1:]
        assert len(cells) == len(profiles)
        assert all(cells)
        for name, look in one.looks.items():
            kept = wanted.texts[f"{one.document_of(name)}/{one.case.id}.json"]
            assert kept == look.document
            assert wanted.pages[f"{one.picture_of(name)}/{one.case.id}.png"] == look.page
    documents = [text for name, text in wanted.texts.items() if name != INDEX]
    assert len(documents) == len(set(documents)) < len(gallery) * len(profiles)


def test_every_link_of_the_index_leads_somewhere(wanted: GalleryFiles) -> None:
    index = wanted.texts[INDEX]
    for link in re.findall(r"\]\(([^)#]+)\)", index):
        assert link in {*wanted.texts, *wanted.pages} or (DIRECTORY / link).exists(), link
    headings = {line.lstrip("# ") for line in index.splitlines() if line.startswith("#")}
    assert set(re.findall(r"\]\(#([^)]+)\)", index)) <= headings


def test_the_gallery_in_the_documentation_is_current(wanted: GalleryFiles) -> None:
    stale = stale_files(DIRECTORY, wanted)
    assert not stale, f"{stale}; run `make cards` and look at what changed"


def _complete(directory: Path, wanted: GalleryFiles) -> None:
    write_files(directory, wanted, dict.fromkeys(wanted.pages, PICTURE))
    assert not stale_files(directory, wanted)


def test_a_changed_document_and_a_missing_picture_are_stale(tmp_path: Path, wanted: GalleryFiles) -> None:
    _complete(tmp_path, wanted)
    case = CASES.cases[0].id
    (tmp_path / FIRST / f"{case}.json").write_text("{}\n", encoding="utf-8")
    (tmp_path / FIRST / f"{case}.png").unlink()
    stale = stale_files(tmp_path, wanted)
    assert (stale.texts, stale.pictures) == ((f"{FIRST}/{case}.json",), (f"{FIRST}/{case}.png",))


def test_a_picture_taken_from_another_page_is_stale_until_it_is_taken_again(
    tmp_path: Path, wanted: GalleryFiles
) -> None:
    _complete(tmp_path, wanted)
    name = f"{FIRST}/{CASES.cases[0].id}.png"
    restyled = replace(wanted, pages={**wanted.pages, name: wanted.pages[name].replace("35rem", "36rem")})
    assert stale_pictures(tmp_path, restyled) == [name]
    write_files(tmp_path, restyled, {})
    assert stale_pictures(tmp_path, restyled) == [name]
    assert (tmp_path / name).read_bytes() == PICTURE
    write_files(tmp_path, restyled, {name: b"anew"})
    assert not stale_files(tmp_path, restyled)


def test_what_no_longer_belongs_there_is_stale_and_goes_and_nothing_else_does(
    tmp_path: Path, wanted: GalleryFiles
) -> None:
    more = replace(
        wanted,
        texts={**wanted.texts, "generic/gone.json": "{}\n"},
        pages={**wanted.pages, "generic/gone.png": "<p>gone</p>"},
    )
    _complete(tmp_path, more)
    foreign = tmp_path / "generic" / "notes.txt"
    foreign.write_text("mine", encoding="utf-8")
    stale = stale_files(tmp_path, wanted)
    assert stale.texts == ("generic/gone.json", MANIFEST)
    assert stale.pictures == ("generic/gone.png",)
    write_files(tmp_path, wanted, {})
    assert not stale_files(tmp_path, wanted)
    assert not (tmp_path / "generic" / "gone.json").exists()
    assert not (tmp_path / "generic" / "gone.png").exists()
    assert foreign.exists()


@pytest.mark.parametrize("spoiled", ["", "{", '{"texts": 3}', '{"pictures": {}, "more": 1}'])
def test_with_a_spoiled_manifest_every_picture_counts_as_stale(
    spoiled: str, tmp_path: Path, wanted: GalleryFiles
) -> None:
    _complete(tmp_path, wanted)
    (tmp_path / MANIFEST).write_text(spoiled, encoding="utf-8")
    assert stale_pictures(tmp_path, wanted) == list(wanted.pages)


def test_a_manifest_never_makes_the_command_remove_a_file_elsewhere(tmp_path: Path, wanted: GalleryFiles) -> None:
    inside, outside = tmp_path / "cards", tmp_path / "kept.json"
    outside.write_text("{}", encoding="utf-8")
    inside.mkdir()
    (inside / MANIFEST).write_text('{"texts": ["../kept.json"], "pictures": {}}', encoding="utf-8")
    write_files(inside, wanted, {})
    assert outside.exists()


def test_the_command_writes_and_checks_and_tells_what_mends_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wanted: GalleryFiles
) -> None:
    # Made once for all tests here; what is made is tested above.
    monkeypatch.setattr(command, "files_of", lambda _: wanted)
    monkeypatch.setattr(command, "shown", lambda *_: ())
    command.gallery(write=tmp_path)
    assert "add --pictures" in capfd.readouterr().err
    with pytest.raises(typer.Exit) as left:
        command.gallery(check=tmp_path)
    assert left.value.exit_code == command.STALE
    told = capfd.readouterr().err
    assert f"`trd-cds gallery --write {tmp_path} --pictures`" in told
    assert ".png" in told
    _complete(tmp_path, wanted)
    command.gallery(check=tmp_path)
    (tmp_path / INDEX).write_text("old", encoding="utf-8")
    with pytest.raises(typer.Exit):
        command.gallery(check=tmp_path)
    told = capfd.readouterr().err
    assert INDEX in told
    assert told.rstrip().endswith(f"run `trd-cds gallery --write {tmp_path}` and look at what changed")


def test_the_command_needs_one_directory(tmp_path: Path) -> None:
    for given in ({}, {"write": tmp_path, "check": tmp_path}, {"check": tmp_path, "with_pictures": True}):
        with pytest.raises(Refusal):
            command.gallery(**given)


@pytest.mark.parametrize("missing", ["PIL.Image", "playwright.sync_api"])
def test_without_the_libraries_pictures_are_refused_with_the_remedy(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def imported(name: str) -> object:
        if name == missing:
            raise ImportError(name)
        return object()

    monkeypatch.setattr(pictures, "import_module", imported)
    with pytest.raises(pictures.NoPicturesError, match="make setup-browser"):
        list(pictures.pictures({"one": "<article>"}))


def test_without_chromium_pictures_are_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: GalleryFiles
) -> None:
    monkeypatch.setattr(pictures, "import_module", lambda _: object())
    monkeypatch.setattr(command, "files_of", lambda _: wanted)
    monkeypatch.setattr(command, "shown", lambda *_: ())
    with pytest.raises(Refusal, match="make setup-services"):
        command.gallery(write=tmp_path, with_pictures=True, browser=str(tmp_path / "none"))
