"""What the words shown with a medication say: which drugs, at which strength, in which release form.

Names are compared word by word and in full, so that look-alikes (desvenlafaxine, hydroxyzine) never match; letter
case, salts and the order of words do not matter.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mappings.load import Knowledge
from mappings.products import Strength, without_accents, words_of
from plugin.ingest.written_strengths import Named, strengths_of

_PIECE = re.compile(r"[\w'\u2019.,]+")
_GLUED = re.compile(r"(?<=\d)(\s*(?:mg|mcg|ug|g|ml))(?=[A-Z])")


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
    stated: dict[str, set[Strength]] = {}
    plain = [_plain(text) for text in texts]
    for text in plain:
        named = list(_named(text, knowledge))
        ingredients.update(dict.fromkeys(one for name in named for one in name.ingredients))
        for one, given in strengths_of(text, named, knowledge):
            stated.setdefault(one, set()).update(given)
    strengths = {one: frozenset(given) for one, given in stated.items()}
    wording = Wording(tuple(ingredients), strengths, tuple(words_of(text) for text in plain))
    for drug in knowledge.drugs.values():
        if drug.parts and (drug.id in ingredients or all(wording.say(part) for part in drug.parts)):
            kept = tuple(one for one in wording.ingredients if one not in (*drug.parts, drug.id))
            return Wording((drug.id, *kept), strengths, wording.words)
    return wording


def _plain(text: str) -> str:
    """`text` without what feeds add to words: HTML entities, accents, underscores, a form glued to its unit."""
    return _GLUED.sub(r"\1 ", without_accents(html.unescape(text)).replace("_", " "))


def _named(text: str, knowledge: Knowledge) -> Iterator[Named]:
    """The names of drugs in `text`, the longest name first at each place."""
    index = knowledge.products
    spoken = [(match.start(), match.end(), words_of(match.group())) for match in _PIECE.finditer(text)]
    flat = [(start, end, word) for start, end, words in spoken for word in words]
    at = 0
    while at < len(flat):
        for length in range(min(index.longest_name, len(flat) - at), 0, -1):
            name = tuple(word for _, _, word in flat[at : at + length])
            found = index.combination_names.get(name) or ((index.names[name],) if name in index.names else ())
            known = tuple(one for one in found if one in knowledge.drugs)
            if known:
                yield Named(flat[at][0], flat[at + length - 1][1], known)
                at += length - 1
                break
        at += 1
