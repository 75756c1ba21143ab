"""Directions for use in words ("sig") as clauses of dose: our own small grammar over the words of the knowledge.

`DirectionsReader.read` either understands every word of a text or none of it. Nothing here judges a dose, and a text
that is not understood says at most that its supply is doubtful.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mappings.direction_schema import DirectionWords
from plugin.ingest.directions.cursor import Cursor
from plugin.ingest.directions.grammar import Grammar, Sentence
from plugin.ingest.directions.numbers import joined
from plugin.ingest.directions.words import Lexicon, Symbol, UnclearError, words_in
from plugin.record import WrittenDose

__all__ = ["Directions", "DirectionsReader"]

_SENTENCES_MAX = 2048  # of one language; together some megabytes at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Directions:
    """What a text says. `doses` is empty when it states no dose ("as directed") or is not `understood`.

    `total_mg` is the stated total in mg a day over all supplies, `cap` the most a day and its unit. `caution` of a text
    not understood: ``as-needed`` or ``other`` when it holds such a word, else ``""``.
    """

    understood: bool
    doses: tuple[WrittenDose, ...] = ()
    total_mg: float | None = None
    cap: tuple[float, str] | None = None
    caution: str = ""


class DirectionsReader:
    """Reads directions in every language that the knowledge holds the words of.

    A text that two languages would read differently is not understood. What a sequence of known words says is kept for
    all texts: it holds words of the knowledge and figures only, nothing else of a text.
    """

    def __init__(self, languages: Iterable[DirectionWords], period_days: Mapping[str, float]) -> None:
        languages = tuple(languages)
        self._lexicons = [
            Lexicon(words, words.limits, period_days) for words in languages if words.limits is not None and words.units
        ]
        self._sentences: list[dict[tuple[str, ...], Sentence | None]] = [{} for _ in self._lexicons]
        self._as_needed = frozenset(word for words in languages for word in words.caution.as_needed)
        self._other = frozenset(word for words in languages for word in words.caution.other)

    def read(self, text: str) -> Directions:
        """What `text` says; never raises."""
        readings = {
            sentence
            for lexicon, kept in zip(self._lexicons, self._sentences, strict=True)
            if (sentence := _sentence(text, lexicon, kept)) is not None
        }
        if len(readings) != 1:
            return Directions(understood=False, caution=self._caution(text))
        sentence = readings.pop()
        return Directions(understood=True, doses=sentence.doses, total_mg=sentence.total_mg, cap=sentence.cap)

    def _caution(self, text: str) -> str:
        words = words_in(text)
        if words & self._as_needed:
            return "as-needed"
        return "other" if words & self._other else ""


def _sentence(text: str, lexicon: Lexicon, kept: dict[tuple[str, ...], Sentence | None]) -> Sentence | None:
    if len(text) > lexicon.limits.characters:
        return None
    try:
        symbols = lexicon.symbols(text)
    except UnclearError:
        return None
    spelt = tuple([symbol.spelt for symbol in symbols])
    known = kept.get(spelt, symbols)  # other threads may empty it between two looks
    if not isinstance(known, list):
        return known
    if len(kept) >= _SENTENCES_MAX:
        kept.clear()
    kept[spelt] = said = _understood(symbols, lexicon)
    return said


def _understood(symbols: Sequence[Symbol], lexicon: Lexicon) -> Sentence | None:
    try:
        return Grammar(Cursor(joined(symbols)), lexicon).sentence()
    except UnclearError:
        return None
