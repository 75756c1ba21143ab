"""What the words shown with a medication say: which drugs, at which strength, in which release form.

Names are compared word by word and in full, so that look-alikes (desvenlafaxine, hydroxyzine) never match; letter
case, salts and the order of words do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mappings.load import Knowledge
from mappings.products import Strength, words_of

_NUMBER = r"\d+(?:[.,]\d+)?|[.]\d+"
_PER = r"\s*/\s*(?P<by>\d+(?:[.]\d+)?)?\s*(?P<what>ml|hours?|hrs?|h|days?|d)\b"
_AMOUNT = re.compile(
    rf"(?<![\d.,/-])(?P<number>{_NUMBER})\s*(?P<mass>milligrams?|micrograms?|mg|mcg|ug|\u00b5g|\u03bcg|g)\b(?:{_PER})?"
)
_NEXT_PART = re.compile(r"[/+&](?!\s*(?:\d+(?:[.]\d+)?\s*)?(?:ml|hours?|hrs?|h|days?|d)\b)|\band\b")
_THOUSANDS = re.compile(r"^\d{1,3},\d{3}$")
_HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class _Named:
    start: int
    end: int
    ingredients: tuple[str, ...]


@dataclass(frozen=True)
class Wording:
    """The words shown with one medication: `ingredients` are drug ids in the order named.

    `strengths` holds, per ingredient, every strength that the words give it. `words` are all words of each text.
    """

    ingredients: tuple[str, ...] = ()
    strengths: dict[str, frozenset[Strength]] = field(default_factory=dict)
    words: tuple[tuple[str, ...], ...] = ()

    def say(self, phrase: str) -> bool:
        """Whether some text contains the words of `phrase` one after the other."""
        wanted = words_of(phrase)
        return any(
            wanted == text[at : at + len(wanted)] for text in self.words for at in range(len(text) - len(wanted) + 1)
        )

    def strength_of(self, ingredient: str) -> Strength | None:
        """The one strength that the words give `ingredient`; None without any or with several."""
        given = self.strengths.get(ingredient, frozenset())
        return next(iter(given)) if len(given) == 1 else None

    def release(self, knowledge: Knowledge) -> str:
        """The release form that the words name, empty if none."""
        for release, phrases in knowledge.dosing.releases.items():
            if any(self.say(phrase) for phrase in phrases):
                return release
        return ""


def read_wording(texts: Sequence[str], knowledge: Knowledge) -> Wording:
    """Everything that `texts` (displays and text of one medication) say about drug and strength."""
    ingredients: dict[str, None] = {}
    strengths: dict[str, frozenset[Strength]] = {}
    for text in texts:
        named = list(_named(text, knowledge))
        ingredients.update(dict.fromkeys(one for name in named for one in name.ingredients))
        for one, given in _strengths(text.lower(), named):
            strengths[one] = strengths.get(one, frozenset()) | given
    wording = Wording(tuple(ingredients), strengths, tuple(words_of(text) for text in texts))
    for drug in knowledge.drugs.values():
        if drug.parts and (drug.id in ingredients or all(wording.say(part) for part in drug.parts)):
            kept = tuple(one for one in wording.ingredients if one not in (*drug.parts, drug.id))
            return Wording((drug.id, *kept), strengths, wording.words)
    return wording


def _named(text: str, knowledge: Knowledge) -> Iterator[_Named]:
    """The names of drugs in `text`, the longest name first at each place."""
    index = knowledge.products
    spoken = [(match.start(), match.end(), words_of(match.group())) for match in re.finditer(r"[\w'’.,]+", text)]
    flat = [(start, end, word) for start, end, words in spoken for word in words]
    at = 0
    while at < len(flat):
        for length in range(min(index.longest_name, len(flat) - at), 0, -1):
            name = tuple(word for _, _, word in flat[at : at + length])
            found = index.combination_names.get(name) or ((index.names[name],) if name in index.names else ())
            known = tuple(one for one in found if one in knowledge.drugs)
            if known:
                yield _Named(flat[at][0], flat[at + length - 1][1], known)
                at += length - 1
                break
        at += 1


def _strengths(text: str, named: Sequence[_Named]) -> Iterator[tuple[str, frozenset[Strength]]]:
    """The strength of each named drug: what follows its name, else the only strength of the text."""
    everywhere = frozenset(strengths_in(text))
    for number, name in enumerate(named):
        if len(name.ingredients) != 1:
            continue
        stop = named[number + 1].start if number + 1 < len(named) else len(text)
        part = _NEXT_PART.split(text[name.end : stop])[0]
        given = frozenset(strengths_in(part))
        if not given and len({one.ingredients for one in named}) == 1 and len(everywhere) == 1:
            given = everywhere
        if given:
            yield name.ingredients[0], given


def strengths_in(text: str) -> Iterator[Strength]:
    """Every amount with a unit of mass in `text`: mg per unit, per mL, or per 24 hours for ``mg/hr``."""
    for match in _AMOUNT.finditer(text.lower()):
        written = match["number"]
        number = float(written.replace(",", "") if _THOUSANDS.match(written) else written.replace(",", "."))
        mass = match["mass"]
        if mass.startswith(("mcg", "ug", "micro", "\u00b5", "\u03bc")):
            number /= 1000
        elif mass == "g":
            number *= 1000
        by, what = float(match["by"] or 1), match["what"] or ""
        if what == "ml" and by > 0:
            yield Strength(round(number / by, 6), "mL")
        elif what.startswith("h") and by > 0:
            yield Strength(round(number * _HOURS_A_DAY / by, 6), "unit")
        else:
            yield Strength(round(number, 6), "unit")
