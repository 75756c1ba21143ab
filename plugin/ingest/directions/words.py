"""From the text of directions to symbols: every word or phrase of the language as what it stands for.

The longest phrase wins. A character or word that the language does not hold makes the whole text unclear: nothing is
skipped that is not known to say nothing about the dose.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from mappings.direction_schema import DirectionWords, Limits

_FRACTION_SIGNS = "¼½¾⅐-⅞"
_TOKEN = re.compile(
    rf"(?P<sign>[{_FRACTION_SIGNS}])"
    r"|(?P<figure>\.?[0-9](?:[0-9.,/:]*[0-9])?)"
    rf"|(?P<short>(?:[^\W\d_{_FRACTION_SIGNS}]\.){{2,}})"
    rf"|(?P<word>[^\W\d_{_FRACTION_SIGNS}]+(?:['’][^\W\d_]+)?)"
    r"|(?P<line>[\r\n]+)"
    r"|(?P<other>\S)"
)
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,4})?|\.[0-9]{1,4}")
_RATIO = re.compile(r"([1-9][0-9]?)/([1-9][0-9]?)")
_CLOCK = re.compile(r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]")
_DASHES = str.maketrans({"–": "-", "—": "-", "‑": "-", "’": "'"})

_NEW_LINE = ";"


class UnclearError(ValueError):
    """The text says something that the grammar does not hold, so it is not read at all."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number or a range of numbers; `part` marks a fraction of one, which may follow a whole number."""

    low: float
    high: float
    part: bool = False

    def is_close(self, other: Amount) -> bool:
        """Whether both ends are the same but for the last digits of the arithmetic."""
        return math.isclose(self.low, other.low) and math.isclose(self.high, other.high)

    def times(self, factor: float) -> Amount:
        """The same, so many times."""
        return Amount(self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a word or phrase stands for: its kind (as in `DirectionWords.phrases`), its meaning and how it is spelt."""

    kind: str
    meaning: object = None
    spelt: str = ""

    @property
    def amount(self) -> Amount:
        """The meaning of a number."""
        return cast(Amount, self.meaning)

    @property
    def rate(self) -> float:
        """The meaning of a frequency or count."""
        return cast(float, self.meaning)

    @property
    def unit(self) -> tuple[str, float]:
        """What is counted and the factor to it."""
        return cast("tuple[str, float]", self.meaning)

    @property
    def days(self) -> tuple[str, ...]:
        """The meaning of weekdays."""
        return cast("tuple[str, ...]", self.meaning)


class Lexicon:
    """The words of one language arranged for reading."""

    def __init__(self, words: DirectionWords, limits: Limits, period_days: Mapping[str, float]) -> None:
        self.limits = limits
        self.near_moments = [frozenset(group) for group in words.near_moments]
        self.clock_words = frozenset(" ".join(_tokens(word)) for word in words.roles.get("clock", ()))
        self._dropped = words.dropped
        self._denominators = frozenset(words.denominators)
        self._phrases: dict[tuple[str, ...], Symbol] = {}
        for written, kind, meaning in words.phrases():
            tokens = _tokens(written)
            symbol = Symbol(kind, meaning, " ".join(tokens))
            if kind == "period":
                symbol = Symbol(kind, period_days[cast(str, meaning)], symbol.spelt)
            elif kind in ("number", "fraction"):
                amount = cast(float, meaning)
                symbol = Symbol("number", Amount(amount, amount, part=kind == "fraction"), symbol.spelt)
            self._phrases[tokens] = symbol
        self._longest: dict[str, int] = {}  # phrase by its first word
        for tokens in self._phrases:
            self._longest[tokens[0]] = max(len(tokens), self._longest.get(tokens[0], 0))

    def symbols(self, text: str) -> list[Symbol]:
        """The symbols of a text without those that say nothing. Raises UnclearError at a word that is not known."""
        plain = text.lower()
        for ending in self._dropped:
            plain = plain.replace(ending, "")
        tokens = _tokens(plain)
        found: list[Symbol] = []
        place = 0
        while place < len(tokens):
            symbol, length = self._longest_at(tokens, place)
            place += length
            if symbol.kind != "skip":
                found.append(symbol)
        return found

    def _longest_at(self, tokens: tuple[str, ...], place: int) -> tuple[Symbol, int]:
        for length in range(min(self._longest.get(tokens[place], 0), len(tokens) - place), 0, -1):
            symbol = self._phrases.get(tokens[place : place + length])
            if symbol is not None:
                return symbol, length
        return self._figure(tokens[place]), 1

    def _figure(self, token: str) -> Symbol:
        """A number in digits; anything in figures that is not plainly one is unclear ("0,5", "1.5.2", a date)."""
        if _DECIMAL.fullmatch(token) and float(token) > 0:
            return Symbol("number", Amount(float(token), float(token)), token)
        if _CLOCK.fullmatch(token):
            return Symbol("clock", token, token)
        ratio = _RATIO.fullmatch(token)
        if ratio is not None:
            above, below = int(ratio[1]), int(ratio[2])
            if above < below and below in self._denominators:
                return Symbol("number", Amount(above / below, above / below, part=True), token)
        raise UnclearError


def words_in(text: str) -> frozenset[str]:
    """The single words of a text in lower case."""
    return frozenset(_tokens(text.lower()))


def _tokens(text: str) -> tuple[str, ...]:
    found: list[str] = []
    end = 0
    for match in _TOKEN.finditer(text.translate(_DASHES)):
        written, kind = match[0], match.lastgroup
        glued = match.start() == end and bool(found) and found[-1] != "("
        if kind == "short":
            found.append(written.replace(".", ""))
        elif kind == "line":
            found.append(_NEW_LINE)
        elif kind == "figure" and written[0] == "." and glued:
            found.append("." + written)  # "food.1 tablet": a full stop, or a decimal point
        else:
            found.append(written)
        end = match.end()
    return tuple(found)
