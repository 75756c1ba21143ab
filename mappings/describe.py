"""The knowledge in clinical words: every value that an entry states, with its date, sources and confidence.

Nothing here knows a particular file. Statements are found by walking the models, so that new content is shown,
compared and printed on the reference pages without a change of this module; only the wording of a few places is
listed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel

from mappings.values import Code, Reviewed

# Fields that qualify a statement and are none themselves.
QUALIFIERS = frozenset({"cites", "confidence", "note", "since"})
REVIEW = tuple(Reviewed.model_fields)
# What identifies an element of a list, in the order tried.
_KEYS = (
    *("id", "meaning", "code", "list", "what", "number", "name", "written", "system", "label", "display"),
    *("fact", "indicator", "category", "measure", "domain"),
)
_PHRASES = {
    "adequate_dose.default": "default dose",
    "adequate_dose.lenient": "lenient dose",
    "adequate_dose.lenient_geriatric": "lenient dose in old age",
    "adequate_dose.lenient_geriatric.from_age": "lenient dose in old age, from the age of",
    "adequate_days": "adequate duration",
    "published": "published dose",
    "drug_class": "class",
    "except_": "except",
    "last_reviewed": "last looked at",
    "review_by": "to be looked at again by",
}
_UNITS = {"count": "", "h": "hours", "d": "days", "wk": "weeks", "mo": "months", "a": "years"}


@dataclass(frozen=True, slots=True)
class Statement:
    """One value that an entry states, and who says so.

    `place` is the path of fields and keys; `value` its words, several for a list; `since` the effective date of a
    dated value. Citations and confidence are those of the innermost level that has some; `cited_at` is the place of
    the level that cites, empty for the entry as a whole.
    """

    place: tuple[str, ...]
    value: tuple[str, ...]
    unit: str = ""
    since: date | None = None
    cites: tuple[str, ...] = ()
    confidence: str = ""
    note: str = ""
    cited_at: tuple[str, ...] = ()

    @property
    def own(self) -> bool:
        """Whether the citations are those of a part of the entry and not of the whole."""
        return bool(self.cites) and (bool(self.cited_at) or self.since is not None)

    @property
    def text(self) -> str:
        """The value and its unit in words, such as ``50 mg/d``, ``42 days`` or ``50 %``."""
        if self.unit == "share":
            return f"{number(float(self.value[0]) * 100)} %"
        return f"{', '.join(self.value)} {_UNITS.get(self.unit, self.unit)}".strip()


def statements(content: object) -> tuple[Statement, ...]:
    """Everything that `content` states, in the order of its fields."""
    return tuple(_walk(content, (), Statement((), ())))


def number(value: float) -> str:
    """A number without superfluous digits: 50, 37.5."""
    return f"{value:.6g}" if isinstance(value, float) and not value.is_integer() else str(int(value))


def phrase(place: Iterable[str]) -> str:
    """The words for a place, such as ``default dose``."""
    parts = tuple(place)
    if len(parts) == 1 and parts[0] == "published":
        return parts[0]
    for length in range(len(parts), 0, -1):
        known = _PHRASES.get(".".join(parts[:length]))
        if known is not None:
            return ", ".join([known, *(_words(part) for part in parts[length:])])
    return ", ".join(_words(part) for part in parts) or "value"


def in_force(history: Iterable[Statement], day: date) -> Statement | None:
    """The one of several statements of one place that holds on `day`: the latest not after it, else the first.

    A dated value of low confidence never holds; None when there is no other.
    """
    dated = [one for one in history if one.since is None or one.confidence != "low"]
    dated.sort(key=lambda statement: statement.since or date.min)
    past = [statement for statement in dated if statement.since is None or statement.since <= day]
    return past[-1] if past else dated[0] if dated else None


def history_text(history: Iterable[Statement]) -> str:
    """A whole history in one line, oldest first: ``50 mg/d from 2026-11-22; 75 mg/d from 2027-01-01``."""
    dated = sorted(history, key=lambda statement: statement.since or date.min)
    return "; ".join(
        f"{one.text}{f' from {one.since}' if one.since else ''}{' (unverified)' if one.confidence == 'low' else ''}"
        for one in dated
    )


def key_of(element: BaseModel) -> str:
    """What tells an element of a list from its neighbours, such as ``loinc 44261-6`` or ``MGH-ATRQ``."""
    for field in _KEYS:
        value = getattr(element, field, None)
        if isinstance(value, Code):
            return f"{value.system} {value.code}"
        if isinstance(value, tuple) and value:
            value = value[0]
        if isinstance(value, str | int) and value != "":
            system = getattr(element, "system", None) if field == "code" else None
            return f"{system} {value}" if isinstance(system, str) else str(value)
    return ""


def nth(key: str, taken: dict[str, int]) -> str:
    """`key`, numbered from its second occurrence on; a number where an element has no key."""
    taken[key] = taken.get(key, 0) + 1
    if not key:
        return str(taken[key])
    return key if taken[key] == 1 else f"{key} ({taken[key]})"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One plain value of a file whose citations hold for all its values."""

    value: object
    cites: tuple[str, ...]

    @classmethod
    def of(cls, whole: BaseModel, field: str) -> Parameter:
        """The value of `field` of `whole`, a file."""
        return cls(getattr(whole, field), tuple(getattr(whole, "cites", ())))


def _walk(value: object, place: tuple[str, ...], above: Statement) -> Iterator[Statement]:
    if isinstance(value, Parameter):
        yield from _walk(value.value, place, dataclasses.replace(above, cites=value.cites))
    elif isinstance(value, BaseModel):
        yield from _of_model(value, place, _qualified(value, place, above))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(key, date):
                yield from _of_dated(inner, place, dataclasses.replace(above, since=key))
            else:
                yield from _walk(inner, (*place, str(key)), above)
    elif isinstance(value, tuple) and any(isinstance(element, BaseModel) for element in value):
        taken: dict[str, int] = {}
        for element in value:
            name = nth(key_of(element) if isinstance(element, BaseModel) else scalar(element), taken)
            yield from _of_element(element, (*place, name), above)
    elif isinstance(value, tuple):
        if value:
            yield dataclasses.replace(above, place=place, value=tuple(scalar(element) for element in value), unit="")
    elif value is not None and value != "":
        counted = isinstance(value, int | float) and not isinstance(value, bool)
        yield dataclasses.replace(above, place=place, value=(scalar(value),), unit=above.unit if counted else "")


def _of_element(element: object, place: tuple[str, ...], above: Statement) -> Iterator[Statement]:
    """An element of a list: what its place already says is not said again; a bare code says nothing more."""
    told = list(_walk(element, place, above))
    named = [one for one in told if one.place[-1] in {*_KEYS, "system"} and " ".join(one.value) in place[-1]]
    rest = [one for one in told if one not in named]
    yield from rest or [dataclasses.replace(one, place=place, value=()) for one in named[:1]]


def _of_model(model: BaseModel, place: tuple[str, ...], above: Statement) -> Iterator[Statement]:
    for field in type(model).model_fields:
        if field in QUALIFIERS or (field == "unit" and above.unit):
            continue
        yield from _walk(getattr(model, field), place if field in {"values", "amount"} else (*place, field), above)
    yield from _walk(model.__pydantic_extra__ or {}, place, above)


def _of_dated(value: object, place: tuple[str, ...], above: Statement) -> Iterator[Statement]:
    """A value of a history: a plain one, or a model of which one field is the value itself."""
    if isinstance(value, BaseModel):
        above = _qualified(value, place, above)
        plain = [field for field in type(value).model_fields if field not in QUALIFIERS]
        if len(plain) == 1:
            yield from _walk(getattr(value, plain[0]), place, above)
        else:
            yield from _of_model(value, place, above)
    else:
        yield from _walk(value, place, above)


def _qualified(model: BaseModel, place: tuple[str, ...], above: Statement) -> Statement:
    cites = getattr(model, "cites", None)
    confidence = getattr(model, "confidence", None)
    unit = getattr(model, "unit", "")
    since = getattr(model, "since", None)
    return dataclasses.replace(
        above,
        cites=tuple(cites) if cites else above.cites,
        confidence=confidence if isinstance(confidence, str) else above.confidence,
        note=getattr(model, "note", "") or (f"as it stood on {since}" if since is not None else ""),
        unit=unit if isinstance(unit, str) and unit else above.unit,
        cited_at=place if cites else above.cited_at,
    )


def scalar(value: object) -> str:
    """A plain value in words; the parts of a point are joined by a colon."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, tuple):
        return ": ".join(scalar(element) for element in value)
    return str(value)


def _words(part: str) -> str:
    return _PHRASES.get(part, part.replace("_", " ").strip())
