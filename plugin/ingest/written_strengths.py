"""Which strength the words of a medication state: the labelled amount, never the dose to be taken.

A range, a choice or two amounts without an order between them state nothing: the strength then stays unknown.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mappings.load import Knowledge
from mappings.products import Strength, words_of

_NUMBER = r"\d+(?:[.,]\d+)?|[.]\d+"
_BY = r"(?:\d+(?:[.]\d+)?\s*)?(?:ml|hours?|hrs?|h|days?|d)\b"
_PER = r"\s*(?:/|\bper\b)\s*(?P<by>\d+(?:[.]\d+)?)?\s*(?P<what>ml|hours?|hrs?|h|days?|d)\b"
# The second number of a range or a choice is no strength; the amount after the hyphen of "5 mg-10 mg" is one.
_NOT_AFTER = r"(?<![\d.,/])" + "".join(
    f"(?<!{one})"
    for one in (r"\d[-\u2013]", r"\d\s[-\u2013]", r"\d[-\u2013]\s", r"\d\s[-\u2013]\s", r"\d\s(?:to|or)\s")
)
_AMOUNT = re.compile(
    rf"{_NOT_AFTER}(?P<number>{_NUMBER})\s*(?P<mass>milligrams?|micrograms?|mg|mcg|ug|\u00b5g|\u03bcg|g)\b(?:{_PER})?"
)
_NEXT_PART = re.compile(rf"[/+&](?!\s*{_BY})|\band\b")
_JOINED = re.compile(r"\s*(?:[-/+&]|\band\b|\bwith\b)\s*")
_INSTRUCTION = re.compile(r"\b(?:sig|take|takes|taken|taking|give|given|use|apply|swallow|inhale|inject)\b")
# From the first figure of a number only: from each of a thousand figures it would take a thousand times as long.
_COUNT = re.compile(r"(?:(?<!\d)\d+(?:[.,]\d+)?|[.]\d+)\s*([a-z]+)")
_TOKEN = re.compile(r"\d+(?:[.,]\d+)?|[a-z]+|[^\sa-z\d]")
_THOUSANDS = re.compile(r"^\d{1,3},\d{3}$")
_HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class Named:
    """A name found in a text from `start` to `end`, and the drug ids it stands for."""

    start: int
    end: int
    ingredients: tuple[str, ...]


def strengths_of(text: str, named: Sequence[Named], knowledge: Knowledge) -> Iterator[tuple[str, frozenset[Strength]]]:
    """The strength of each named drug: what follows its name, else the only strength of the text.

    Names joined into one (``olanzapine-fluoxetine``) take the amounts behind them in the same order. A number
    without unit counts only where it follows the name, is a labelled strength of the drug and counts nothing.
    """
    lower = text.lower()
    everywhere = frozenset(strengths_in(_INSTRUCTION.split(lower)[0]))
    alone = len({one.ingredients for one in named}) == 1
    starts = sorted(name.start for name in named)
    for group in _groups(lower, named):
        last = group[-1]
        following = bisect_right(starts, last.start)
        after = starts[following] if following < len(starts) else len(lower)
        part = _INSTRUCTION.split(lower[last.end : after])[0]
        if len(group) > 1:
            amounts = list(strengths_in(part))
            if len(amounts) == len(group):
                for one, amount in zip(group, amounts, strict=True):
                    yield one.ingredients[0], frozenset({amount})
            continue
        if len(last.ingredients) != 1:
            continue
        part = _NEXT_PART.split(part)[0]
        given = frozenset(strengths_in(_before_count(part, knowledge))) or frozenset(strengths_in(part))
        if not given and alone and len(everywhere) == 1:
            given = everywhere
        if not given:
            given = _without_unit(part, last.ingredients[0], knowledge)
        if given:
            yield last.ingredients[0], given


def strengths_in(text: str) -> Iterator[Strength]:
    """Every amount with a unit of mass in `text`: mg per unit, per mL, or per 24 hours for ``mg/hr``."""
    for match in _AMOUNT.finditer(text.lower()):
        number = _number(match["number"])
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


def _number(written: str) -> float:
    return float(written.replace(",", "") if _THOUSANDS.match(written) else written.replace(",", "."))


def _groups(text: str, named: Sequence[Named]) -> Iterator[list[Named]]:
    """The names in order; different drugs joined by no more than a hyphen, slash, plus or "and" stay together."""
    group: list[Named] = []
    for name in named:
        joined = (
            group
            and _JOINED.fullmatch(text[group[-1].end : name.start])
            and len(name.ingredients) == 1
            and all(len(one.ingredients) == 1 and one.ingredients != name.ingredients for one in group)
        )
        if group and not joined:
            yield group
            group = []
        group.append(name)
    if group:
        yield group


def _before_count(part: str, knowledge: Knowledge) -> str:
    """`part` up to the first count of tablets or the like."""
    forms = knowledge.products.form_words
    return next((part[: match.start()] for match in _COUNT.finditer(part) if match[1] in forms), part)


def _without_unit(part: str, ingredient: str, knowledge: Knowledge) -> frozenset[Strength]:
    """The number right behind a name (``Zoloft 50``, ``duloxetine DR 60 qd``), if it can only be a strength."""
    products = knowledge.products
    between = {
        *products.salt_words,
        *products.form_words,
        *(word for phrases in knowledge.dosing.releases.values() for phrase in phrases for word in words_of(phrase)),
    }
    timing = {words_of(written)[:1] for code in knowledge.dosing.timing for written in code.written}
    tokens = [found for found in _TOKEN.findall(part) if found not in "()"]
    while tokens and tokens[0] in between:
        tokens.pop(0)
    if not tokens or not tokens[0][0].isdigit() or not (len(tokens) == 1 or (tokens[1],) in timing):
        return frozenset()
    amount = _number(tokens[0])
    return frozenset({Strength(amount, "unit")} if amount in products.labelled.get(ingredient, ()) else ())
