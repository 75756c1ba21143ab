"""Coded concepts as sent, and the words in them.

A CodeableConcept may arrive as one, as a list of them, as a bare Coding or as a plain string; all are read.
Words are looked for at word starts, and never in a sentence that speaks of relatives or denies what it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from plugin.ingest.resources import Json, items, obj, objects, text

# A short word must stand alone ("ect", "rash"); a longer one may begin a longer word ("intoleran", "allerg").
_STEM_LENGTH_MIN = 5
_BLANK = re.compile(r"[\s_-]+")
_TOKEN = re.compile(r"[^\W_]+")
_SIEVE_LETTERS = 4
_SENTENCE = re.compile(r"[.;!?\n\r]+")


class Coding(NamedTuple):
    """One coding as sent: system URI, code and display, each empty when absent."""

    system: str = ""
    code: str = ""
    display: str = ""


class Concept(NamedTuple):
    """All codings of an element in the order sent, and its text."""

    codings: tuple[Coding, ...] = ()
    text: str = ""

    @property
    def stated(self) -> bool:
        """Whether anything at all is said."""
        return bool(self.codings or self.text)

    @property
    def names(self) -> tuple[str, ...]:
        """Text and displays, each once."""
        return tuple(dict.fromkeys(name for name in (self.text, *(c.display for c in self.codings)) if name))


_NOTHING = Concept()


def concept_of(value: object) -> Concept:
    """One concept out of a CodeableConcept, a list of them, a Coding, or a string."""
    if not value:
        return _NOTHING
    usual = _usual(value) if isinstance(value, dict) else None
    if usual is not None:
        return usual
    codings: list[Coding] = []
    texts: list[str] = []
    for item in items(value):
        concept = obj(item)
        if not concept:
            texts.append(text(item))
            continue
        texts.append(text(concept.get("text")))
        listed = objects(concept.get("coding"))
        for coding in (*listed, concept):
            code, display = text(coding.get("code")), text(coding.get("display"))
            if code or display:
                codings.append(Coding(text(coding.get("system")), code, display))
    distinct = tuple(dict.fromkeys(codings)) if len(codings) > 1 else tuple(codings)
    return Concept(distinct, next((found for found in texts if found), ""))


def _usual(concept: Json) -> Concept | None:
    """A CodeableConcept or a Coding as it should be, by far the most common; None for every other shape."""
    if "code" in concept or "display" in concept:
        if "coding" in concept or "text" in concept:
            return None
        code, display = text(concept.get("code")), text(concept.get("display"))
        return Concept((Coding(text(concept.get("system")), code, display),)) if code or display else _NOTHING
    listed = concept.get("coding", ())
    if not isinstance(listed, list | tuple):
        return None
    codings = []
    for coding in listed:
        if not isinstance(coding, dict):
            return None
        code, display = text(coding.get("code")), text(coding.get("display"))
        if code or display:
            codings.append(Coding(text(coding.get("system")), code, display))
    distinct = tuple(dict.fromkeys(codings)) if len(codings) > 1 else tuple(codings)
    return Concept(distinct, text(concept["text"]) if "text" in concept else "")


def concepts_of(value: object) -> tuple[Concept, ...]:
    """Each concept of a list (or the one sent in its place), those that say nothing left out."""
    if value is None:
        return ()
    return tuple(concept for item in items(value) if (concept := concept_of(item)).stated)


def sentences_naming(texts: Iterable[str], words: Sequence[str], *, denials: Sequence[str] = ()) -> Iterator[str]:
    """The sentences, in lower case, that name one of `words` and hold none of the phrases in `denials`."""
    if not words:
        return
    wanted = _pattern(tuple(words), stems=True)
    denied = _pattern(tuple(denials), stems=False) if denials else None
    for written in texts:
        for sentence in _SENTENCE.split(written.lower()):
            if wanted.search(sentence) and not (denied and denied.search(sentence)):
                yield sentence.strip()


def names_any(texts: Iterable[str], words: Sequence[str], *, denials: Sequence[str] = ()) -> bool:
    """Whether any text names one of `words` in a sentence free of `denials`."""
    return next(sentences_naming(texts, words, denials=denials), None) is not None


class WordSieve:
    """A quick look whether texts can name any of many words at all, so that most texts are spared the search."""

    def __init__(self, words: Iterable[str]) -> None:
        openings = {part[:_SIEVE_LETTERS] for word in words for part in _BLANK.split(word.strip().lower())[:1]}
        self._whole = frozenset(opening for opening in openings if len(opening) == _SIEVE_LETTERS)
        self._short = tuple(opening for opening in openings if 0 < len(opening) < _SIEVE_LETTERS)
        # A word that does not begin with letters cannot be told by its opening.
        self._blind = any(not opening.isalnum() for opening in openings)

    def may_occur_in(self, texts: Iterable[str]) -> bool:
        """False only when no text names any of the words."""
        if self._blind:
            return True
        for written in texts:
            for token in _TOKEN.findall(written.lower()):
                if token[:_SIEVE_LETTERS] in self._whole or token.startswith(self._short):
                    return True
        return False


@lru_cache(maxsize=512)
def _pattern(words: tuple[str, ...], *, stems: bool) -> re.Pattern[str]:
    """Any of `words` from a word start on, blanks and hyphens alike; whole words unless `stems`."""
    forms = [form for word in sorted(words, key=len, reverse=True) if (form := _form(word, stems=stems))]
    return re.compile(rf"(?<!\w)(?:{'|'.join(forms) or '(?!)'})")


def _form(word: str, *, stems: bool) -> str:
    parts = [re.escape(part) for part in re.split(r"[\s_-]+", word.strip().lower()) if part]
    joined = r"[\s_-]+".join(parts)
    if not parts or (stems and len(word) >= _STEM_LENGTH_MIN) or not word.strip()[-1].isalnum():
        return joined
    return rf"{joined}(?:e?s)?(?!\w)"
