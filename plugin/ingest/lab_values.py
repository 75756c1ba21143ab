"""What one element of a result says: an amount in a known unit, a coded word, and where the laboratory's range puts it.

The range is compared with the value as sent, so that "out of range" holds whatever the unit; a value in a unit that
the knowledge does not convert has no amount.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from mappings.domain_schema import Measure
from plugin.amounts import Amount
from plugin.ingest.codings import concept_of, concepts_of, names_any
from plugin.ingest.resources import Json, number, obj, objects, text
from plugin.ingest.vocabulary import plain_code

_BOUNDS = {"<": "<", "<=": "<=", "≤": "<=", ">": ">", ">=": ">=", "≥": ">="}
_WRITTEN = re.compile(r"(?P<bound><=|>=|[<>≤≥])?\s*(?P<number>\d*\.?\d+)\s*(?P<unit>[^\W\d_][^\s,;()]{0,20}|%)?")
_RANGE = re.compile(r"(?P<low>\d*\.?\d+)\s*(?:-|–|to)\s*(?P<high>\d*\.?\d+)\s*(?P<unit>[^\W\d_][^\s,;()]{0,20}|%)?")
# What a laboratory's interpretation means (HL7 observation interpretation).
_INTERPRETED = {
    **dict.fromkeys(("H", "HH", "HU", ">"), "above"),
    **dict.fromkeys(("L", "LL", "LU", "<"), "below"),
    **dict.fromkeys(("A", "AA"), "abnormal"),
    "N": "within",
}
# The kind of range that says what is usual; ranges of other kinds (therapeutic, critical) are passed over.
_USUAL = ("normal",)
_BOOLEAN = {True: "yes", False: "no"}
_SPELLING = str.maketrans(dict.fromkeys("[]{}_^") | {"µ": "u", "μ": "u"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LabValue:
    """One value; the fields are those of `plugin.record.LabResult`."""

    amount: Amount | None = None
    meaning: str = ""
    position: str = ""
    low: float | None = None
    high: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Span:
    """A range as sent, in the unit the value was sent in."""

    low: float | None
    high: float | None


def plain_unit(written: str) -> str:
    """A unit as compared: letter case, brackets, blanks and the spellings of micro make no difference."""
    plain = "".join(written.translate(_SPELLING).lower().split())
    return f"u{plain.removeprefix('mc')}" if plain.startswith("mcg") else plain


def factors_of(measure: Measure) -> Mapping[str, float]:
    """By unit as compared, the factor to the unit of the measure; the newest values of the knowledge hold."""
    known = {plain_unit(c.unit): c.factor.on(date.max).amount for c in measure.conversions}
    return known if measure.unit is None else {**known, plain_unit(measure.unit): 1.0}


def read_value(element: Json, measure: Measure, factors: Mapping[str, float]) -> LabValue | str:
    """The value of an Observation or a component, or why there is none."""
    sent, units = _sent(element)
    meaning, interpreted = _meaning(element, measure), _interpreted(element)
    if sent is None and not meaning and not interpreted:
        return "no readable value"
    spans = list(_spans(element, units, factors))
    placed = {_place(sent, span) for span in spans} if sent is not None else set()
    position = placed.pop() if len(placed) == 1 else ""
    flags = ["interpretation-conflict"] if _conflict(position, interpreted) else []
    factor = _factor(units, factors) if measure.unit is not None else 1.0
    if sent is not None and factor is None:
        flags.append("unit-unknown")
    amount = sent.times(factor) if sent is not None and factor is not None else None
    if amount is not None and not plausible(amount, measure):
        return "its value is not plausible"
    only = spans[0] if len(spans) == 1 and factor is not None else _Span(None, None)
    return LabValue(
        amount=amount,
        meaning=meaning,
        position=position or interpreted,
        low=_scaled(only.low, factor),
        high=_scaled(only.high, factor),
        flags=tuple(flags),
    )


def _sent(element: Json) -> tuple[Amount | None, tuple[str, ...]]:
    """The number as sent with its bound, and the spellings of its unit."""
    quantity = obj(element.get("valueQuantity"))
    units = tuple(unit for unit in (text(quantity.get("code")), text(quantity.get("unit"))) if unit)
    comparator = text(quantity.get("comparator"))
    for plain in (quantity.get("value"), element.get("valueInteger"), element.get("valueDecimal")):
        value = number(plain)
        if value is not None:
            return (Amount(value, _BOUNDS.get(comparator, "")) if comparator in ("", *_BOUNDS) else None), units
    for written in (quantity.get("value"), element.get("valueString")):
        found = _WRITTEN.fullmatch(text(written))
        value = number(found["number"]) if found else None
        if found is not None and value is not None and comparator in ("", found["bound"]):
            bound = _BOUNDS[found["bound"]] if found["bound"] else ""
            return Amount(value, bound), (*units, *((found["unit"],) if found["unit"] else ()))
    return None, units


def _factor(units: tuple[str, ...], factors: Mapping[str, float]) -> float | None:
    """The factor that all known spellings of the unit agree on."""
    found = {factors[plain] for unit in units if (plain := plain_unit(unit)) in factors}
    return found.pop() if len(found) == 1 else None


def _scaled(value: float | None, factor: float | None) -> float | None:
    return None if value is None or factor is None else value * factor


def plausible(amount: Amount, measure: Measure) -> bool:
    """Whether an amount lies in the range of its measure, where one is known."""
    if measure.range is None:
        return True
    limits = measure.range.values[max(measure.range.values)]
    return limits.low <= amount.value <= limits.high


def _spans(element: Json, units: tuple[str, ...], factors: Mapping[str, float]) -> Iterator[_Span]:
    """The usual ranges that can be held against the value."""
    for given in objects(element.get("referenceRange")):
        kind = concept_of(given.get("type"))
        if kind.stated and not any(coding.code in _USUAL for coding in kind.codings):
            continue
        low, high = obj(given.get("low")), obj(given.get("high"))
        bounds = (number(low.get("value")), number(high.get("value")))
        own = tuple(unit for end in (low, high) for unit in (text(end.get("code")), text(end.get("unit"))) if unit)
        if bounds == (None, None) and (written := _RANGE.fullmatch(text(given.get("text")))):
            bounds = (number(written["low"]), number(written["high"]))
            own = (written["unit"],) if written["unit"] else ()
        factor = _to_the_unit_of_the_value(own, units, factors)
        if bounds != (None, None) and factor is not None:
            yield _Span(_scaled(bounds[0], factor), _scaled(bounds[1], factor))


def _to_the_unit_of_the_value(
    own: tuple[str, ...], units: tuple[str, ...], factors: Mapping[str, float]
) -> float | None:
    """One where a unit is not stated or both are the same; None where they differ and cannot be converted."""
    if not own or not units or {plain_unit(unit) for unit in own} & {plain_unit(unit) for unit in units}:
        return 1.0
    from_own, from_value = _factor(own, factors), _factor(units, factors)
    return None if from_own is None or from_value is None else from_own / from_value


def _place(amount: Amount, span: _Span) -> str:
    below = amount.below(span.low) if span.low is not None else False
    above = amount.above(span.high) if span.high is not None else False
    if below or above:
        return "below" if below else "above"
    return "within" if below is False and above is False else ""


def _interpreted(element: Json) -> str:
    said = {
        _INTERPRETED[word.upper()]
        for concept in concepts_of(element.get("interpretation"))
        for word in (*(coding.code for coding in concept.codings), concept.text)
        if word.upper() in _INTERPRETED
    }
    return said.pop() if len(said) == 1 else ""


def _conflict(position: str, interpreted: str) -> bool:
    if not position or not interpreted or position == interpreted:
        return False
    return interpreted != "abnormal" or position == "within"


def _meaning(element: Json, measure: Measure) -> str:
    """The word of the knowledge for a coded or written answer; empty when none or several fit."""
    meanings = {plain_code(answer.code.code): answer.meaning for answer in measure.answers}
    concept = concept_of(element.get("valueCodeableConcept") or element.get("valueCoding"))
    coded = {meanings[code] for coding in concept.codings if (code := plain_code(coding.code)) in meanings}
    truth = element.get("valueBoolean")
    names = (*concept.names, text(element.get("valueString")), _BOOLEAN[truth] if isinstance(truth, bool) else "")
    said = coded or {meaning for meaning in meanings.values() if names_any(names, (meaning,))}
    return said.pop() if len(said) == 1 else ""
