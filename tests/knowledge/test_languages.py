"""Sentences by language: English ships, another language is complete, and a site may use its own words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mappings.load import KnowledgeError, load
from tests.knowledge.spoiling import edit
from tests.knowledge.test_overlay import SIGNED, SITE

BASE = load()
ENGLISH, FRENCH = "sentences/en.yaml", "sentences/fr.yaml"


def with_french(copy: Path) -> Path:
    """A copy of the knowledge with a second language, word for word that of English."""
    shutil.copy(copy / ENGLISH, copy / FRENCH)
    edit(copy, FRENCH, "id: en", "id: fr")
    return copy


def site(tmp_path: Path, sentences: str) -> Path:
    for name, text in (("site", SITE), ("sentences", SIGNED + sentences)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_english_is_packaged_and_spoken() -> None:
    assert BASE.language == "en"
    assert set(BASE.languages) == {"en"}


def test_a_second_language_with_all_sentences_is_taken(copy: Path) -> None:
    assert set(load(with_french(copy)).languages) == {"en", "fr"}


@pytest.mark.parametrize(
    ("old", "new", "place", "problem"),
    [
        ("unread-summary: {", "unread-summari: {", "unread-summary", "missing"),
        ("id: fr\n", 'id: fr\nodd: {text: "odd"}\n', "odd", "English has no such"),
        ("{list} and {count} more", "{list} and more", "and-more.fields", "count"),
        ('"{list} and {count} more", fields: [count, list]', '"{list}", fields: [list]', "and-more.fields", "count"),
        ("{list} and {count} more", "{list and {count} more", "and-more", "braces"),
    ],
)
def test_a_language_with_other_keys_or_fields_is_refused(
    copy: Path, old: str, new: str, place: str, problem: str
) -> None:
    with_french(copy)
    edit(copy, FRENCH, old, new)
    with pytest.raises(KnowledgeError) as caught:
        load(copy)
    assert (caught.value.file, caught.value.place) == (FRENCH, place)
    assert problem in caught.value.problem


def test_without_english_there_is_nothing_to_say(copy: Path) -> None:
    (with_french(copy) / ENGLISH).unlink()
    with pytest.raises(KnowledgeError, match="there is no such language"):
        load(copy)


def test_a_site_uses_its_own_words_and_its_form_of_dates(tmp_path: Path) -> None:
    own = load(site=site(tmp_path, 'sentences: {date-form: "{day}.{month}.{year}", not-a-checker: "Nur Hinweise."}\n'))
    assert own.sentences["not-a-checker"].text == "Nur Hinweise."
    assert own.sentences["date-form"].text == "{day}.{month}.{year}"
    assert own.sentences["as-of"] == BASE.sentences["as-of"]
    assert own.site is not None
    assert {"sentences/date-form", "sentences/language"} <= {change.path for change in own.site.changes}
    assert own.content_hash != BASE.content_hash


def test_a_site_brings_a_whole_language_or_none(tmp_path: Path) -> None:
    texts = "".join(
        f"  {key}: {sentence.text!r}\n" for key, sentence in BASE.sentences.items() if "'" not in sentence.text
    )
    assert load(site=site(tmp_path, f"language: de\nsentences:\n{texts}")).language == "de"


@pytest.mark.parametrize(
    ("sentences", "place", "problem"),
    [
        ("language: de\n", "sentences.date-form", "sentences have no text"),
        ('sentences: {nonsense: "x"}\n', "sentences.nonsense", "no such sentence"),
        ('sentences: {and-more: "{list}"}\n', "sentences.and-more.fields", "count"),
        ('sentences: {and-more: "{list"}\n', "sentences.and-more", "braces"),
        ('sentences: {and-more: "{list.x} {count}"}\n', "sentences.and-more", "plain name"),
    ],
)
def test_words_of_a_site_that_do_not_fit_are_refused(tmp_path: Path, sentences: str, place: str, problem: str) -> None:
    with pytest.raises(KnowledgeError) as caught:
        load(site=site(tmp_path, sentences))
    assert (caught.value.file, caught.value.place) == ("site/sentences.yaml", place)
    assert problem in caught.value.problem
