"""Coded concepts as sent, and the words in them.

A CodeableConcept may arrive as one, as a list of them, as a bare Coding or as a plain string; all are read.
Words are looked for at word starts, and never in a sentence that speaks of relatives or denies what it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from plugin.ingest.resources import items, obj, objects, text

# A short word must stand alone ("ect", "rash"); a longer one may begin a longer word ("intoleran", "allerg").
_STEM_LENGTH_MIN = 5
_SENTENCE = re.compile(r"[.;!?\n\r]+")


@dataclass(frozen=True, slots=True)
class Coding:
    """One coding as sent: system URI, code and display, each empty when absent."""

    system: str = ""
    code: str = ""
    display: str = ""


@dataclass(frozen=True, slots=True)
class Concept:
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


def concept_of(value: object) -> Concept:
    """One concept out of a CodeableConcept, a list of them, a Coding, or a string."""
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
            read = Coding(text(coding.get("system")), text(coding.get("code")), text(coding.get("display")))
            if read.code or read.display:
                codings.append(read)
    return Concept(tuple(dict.fromkeys(codings)), next((found for found in texts if found), ""))


def concepts_of(value: object) -> tuple[Concept, ...]:
    """Each concept of a list (or the one sent in its place), those that say nothing left out."""
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
