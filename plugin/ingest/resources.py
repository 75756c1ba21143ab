"""Reading decoded JSON of any shape without ever raising.

FHIR from the field has objects where lists belong, numbers as strings, empty strings and nulls. Each accessor
says what it takes and gives a neutral value (``""``, ``{}``, ``()``, None, False) for everything else, so
that one bad element costs only that element. Nothing here knows a resource type.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from plugin.spans import PartialDate

Json = Mapping[str, Any]
EMPTY: Json = {}

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_NUMBER_LENGTH_MAX = 40
# No name, sentence or note of care is longer; looking for names takes time in proportion to the length.
_TEXT_LENGTH_MAX = 20_000
_BETWEEN = re.compile(r"[\s_-]+")
# Beyond these no quantity of care is meant, and arithmetic on it would overflow.
_LARGEST, _SMALLEST = 1e12, 1e-6
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})(:\d{2})?(?:\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})?$", re.IGNORECASE)
_TIME_OF_DAY = re.compile(r"T(\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)")


def text(value: object) -> str:
    """A string, trimmed; a whole number is written out (codes and ids sometimes travel as numbers); else
    empty. Of a string beyond measure the beginning is read.
    """
    if isinstance(value, str):
        return value.strip() if len(value) <= _TEXT_LENGTH_MAX else value[:_TEXT_LENGTH_MAX].strip()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**_NUMBER_LENGTH_MAX:
        return str(value)
    return ""


def first_text(*values: object) -> str:
    """The first of `values` that holds text."""
    for value in values:
        if found := text(value):
            return found
    return ""


def items(value: object) -> tuple[object, ...]:
    """The elements of a list; any other value but null is a list of one."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def objects(value: object) -> tuple[Json, ...]:
    """The objects in a list, or the one object sent in place of a list."""
    if value is None:
        return ()
    if isinstance(value, dict):
        return (value,)
    return tuple([item for item in items(value) if isinstance(item, Mapping)])


def obj(value: object) -> Json:
    """The object, or the first object of a list; empty when there is none."""
    if isinstance(value, dict):  # by far the most common: spared the search
        return value
    if value is None:
        return EMPTY
    listed = objects(value)
    return listed[0] if listed else EMPTY


def number(value: object) -> float | None:
    """A finite number, also when written as a string; booleans are no numbers."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        written = value.strip()
        if len(written) > _NUMBER_LENGTH_MAX or not _NUMBER.fullmatch(written):
            return None
        read = float(written)
    elif isinstance(value, int | float):
        try:
            read = float(value)
        except OverflowError:
            return None
    else:
        return None
    return read if math.isfinite(read) and abs(read) <= _LARGEST else None


def positive(value: object) -> float | None:
    """A number above zero, large enough to divide by."""
    read = number(value)
    return read if read is not None and read >= _SMALLEST else None


def whole(value: object) -> int | None:
    """A whole number, also as 2.0 or "2"."""
    read = number(value)
    return int(read) if read is not None and read.is_integer() else None


def truth(value: object) -> bool:
    """True for true and "true"; everything else is not a statement."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


class ClosedList:
    """The words that a FHIR code may be. It keeps free text out of everything that prints a status."""

    __slots__ = ("_words",)

    def __init__(self, *words: str) -> None:
        self._words = {_plain(word): word for word in words}

    def __len__(self) -> int:
        return len(self._words)

    def word(self, value: object, default: str = "") -> str:
        """The word that a code, a coding or a concept names, however it is spelt; `default` for anything else."""
        words = self._words
        if isinstance(value, str) and value in words:  # as it should be: spared the search
            return words[value]
        if value is None:
            return default
        codings = objects(value.get("coding")) if isinstance(value, dict) else ()
        if len(codings) == 1 and isinstance(code := codings[0].get("code"), str) and code in words:
            return words[code]  # a concept as it should be
        return self._named_by(value, default)

    def _named_by(self, value: object, default: str) -> str:
        concept = obj(value)
        codings = objects(concept.get("coding"))
        candidates: list[object] = [value, *(coding.get("code") for coding in codings)]
        candidates += [concept.get("code"), concept.get("text")]
        candidates += [coding.get("display") for coding in codings]
        words = self._words
        return next((words[word] for item in candidates if (word := _plain(text(item))) in words), default)


def _plain(word: str) -> str:
    return _BETWEEN.sub("-", word.lower())


def written_date(value: object) -> PartialDate | None:
    """A date, a dateTime or a partial date; the day is the one written, whatever the zone (decision 10)."""
    return PartialDate.parse(value) if isinstance(value, str) and value else None


def first_date(*values: object) -> PartialDate | None:
    """The first of `values` that is a readable date."""
    for value in values:
        if value is not None and (found := written_date(value)) is not None:
            return found
    return None


def instant_in(value: object, zone: tzinfo | None) -> tuple[PartialDate | None, str]:
    """Day and time of day of a FHIR instant in `zone`; as written without a zone or without an offset."""
    moment = moment_of(value)
    if moment is None or zone is None or moment.tzinfo is None:
        return written_date(value), time_of_day(value)
    try:
        local = moment.astimezone(zone)
    except (OverflowError, ValueError):
        return written_date(value), time_of_day(value)
    return PartialDate.exactly(local.date()), local.time().isoformat()


def time_of_day(value: object) -> str:
    """The time of day as written in a dateTime, empty when none is."""
    found = _TIME_OF_DAY.search(value) if isinstance(value, str) and "T" in value else None
    return found.group(1) if found else ""


def moment_of(value: object) -> datetime | None:
    """A dateTime with a time of day; None otherwise. Without an offset the result is naive."""
    found = _INSTANT.match(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    day, minutes, seconds, offset = found.groups()
    zone = "" if offset is None else "+00:00" if offset in "Zz" else offset
    try:
        return datetime.fromisoformat(f"{day}T{minutes}{seconds or ':00'}{zone}")
    except ValueError:
        return None


def moment_rank(value: object) -> float:
    """Seconds by which two `meta.lastUpdated` can be compared; minus infinity when unreadable."""
    moment = moment_of(value)
    if moment is None:
        day = written_date(value)
        moment = None if day is None else datetime(day.earliest.year, day.earliest.month, day.earliest.day, tzinfo=UTC)
    if moment is None:
        return -math.inf
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
