"""What one Observation says about a rating scale: its day, its number, a total or the answer to an item.

Numbers arrive as integer, quantity, string or coded answer. The day of an Observation is the one written;
instants are turned into the client's zone (decision 10).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, tzinfo
from typing import NamedTuple

from mappings.schema import Instrument
from plugin.ingest.codings import Concept, concept_of
from plugin.ingest.resources import Json, first_date, instant_in, number, obj, objects, text, time_of_day, written_date
from plugin.ingest.vocabulary import Role, plain_code
from plugin.spans import PartialDate

_ORDINALS = ("ordinalvalue", "itemweight")


class Total(NamedTuple):
    """A total as sent. `group` is the panel or resource it belongs to; `suspect` when sent under the panel's
    code.
    """

    instrument: Instrument
    value: float
    day: date
    order: str
    references: tuple[str, ...]
    group: str = ""
    suspect: bool = False


class Answer(NamedTuple):
    """The answer to one item of one scale.

    `group` is the panel or resource it belongs to, empty when unlinked. `element` tells the places apart that
    answers come from: scales that share an item share the element, and only one of them may use it.
    """

    instrument: Instrument
    item: int
    value: float
    day: date
    order: str
    reference: str
    element: str
    group: str = ""


def when_observed(resource: Json, zone: tzinfo | None) -> tuple[PartialDate | None, str]:
    """Day and time of day: effective dateTime, period (its end, else its start), instant, else issued."""
    period = obj(resource.get("effectivePeriod"))
    for written in (resource.get("effectiveDateTime"), period.get("end"), period.get("start")):
        day = written_date(written)
        if day is not None:
            return day, time_of_day(written)
    for instant in (resource.get("effectiveInstant"), resource.get("issued")):
        day, time = instant_in(instant, zone)
        if day is not None:
            return day, time
    return None, ""


def only_issued(resource: Json) -> bool:
    """Whether an Observation does not say when it was observed, only when it was issued."""
    period = obj(resource.get("effectivePeriod"))
    stated = (resource.get("effectiveDateTime"), period.get("end"), period.get("start"))
    return first_date(*stated, resource.get("effectiveInstant")) is None


def number_in(element: Json, role: Role) -> float | None:
    """The number of an Observation, a component or a questionnaire answer.

    Answers of an item may also be coded, and count by the instrument's scores. A bound ("more than 20") is not a
    number.
    """
    quantity = obj(element.get("valueQuantity"))
    if text(quantity.get("comparator")):
        return None
    plain = _plain_number(element, quantity)
    if plain is not None or role.kind != "item":
        return plain
    for coded in (element.get("valueCodeableConcept"), element.get("valueCoding")):
        read = _scored(concept_of(coded), role.scores) if coded is not None else None
        if read is not None:
            return read
    return ordinal_in(element)


def plain_number_in(element: Json) -> float | None:
    """The number of an element as sent, however it is written; None for a bound."""
    quantity = obj(element.get("valueQuantity"))
    return None if text(quantity.get("comparator")) else _plain_number(element, quantity)


def _plain_number(element: Json, quantity: Json) -> float | None:
    for plain in (
        element.get("valueInteger"),
        quantity.get("value"),
        element.get("valueDecimal"),
        element.get("valueString"),
    ):
        if plain is not None and (read := number(plain)) is not None:
            return read
    return None


def _scored(concept: Concept, scores: Mapping[str, float]) -> float | None:
    for word in (*[coding.code for coding in concept.codings], *concept.names):
        score = scores.get(plain_code(word))
        if score is not None:
            return score
    return None


def ordinal_in(element: Json) -> float | None:
    """The score that the sender attached to a coded answer."""
    coding = obj(element.get("valueCoding"))
    for extension in (*objects(element.get("extension")), *objects(coding.get("extension"))):
        if text(extension.get("url")).lower().endswith(_ORDINALS):
            return number(extension.get("valueDecimal"))
    return None
