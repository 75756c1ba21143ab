"""The answer to one item of a scale as a fact: its score, the word it stands for, who recorded it and where.

An answer comes as a number, a yes or no, or a coded answer of the knowledge; the ordinal value that a sender attaches
to its own codes is read too. An answer outside the range of the item is no answer.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from mappings.domain_schema import CodedAnswer, DatedRange, Measure
from plugin.ingest.codings import concept_of
from plugin.ingest.readings import Answer, only_issued, ordinal_in, plain_number_in
from plugin.ingest.references import Member, reference_of, references_of
from plugin.ingest.resources import Json, text
from plugin.ingest.vocabulary import plain_code
from plugin.record import ItemAnswer

OUT_OF_RANGE = "its value is outside the range of the item"
_BOOLEAN = {True: "yes", False: "no"}


class Said(NamedTuple):
    """What an answer says: a score, a word of the knowledge, or both."""

    value: float | None
    meaning: str


def read_item(element: Json, measure: Measure, number: int) -> Said | str:
    """The answer in an Observation, a component or a questionnaire answer, or why there is none."""
    answer = _coded(element, measure)
    if answer is not None:
        return Said(_score(answer), answer.meaning)
    value = plain_number_in(element)
    if value is None:
        value = ordinal_in(element)
    if value is None:
        return "no readable value"
    limits = _limits(measure, number)
    if limits is not None and not limits[0] <= value <= limits[1]:
        return OUT_OF_RANGE
    words = {known.meaning for known in measure.answers if _score(known) == value}
    return Said(value, words.pop() if len(words) == 1 else "")


class Origin(NamedTuple):
    """Where an answer comes from: the fields are those of `plugin.record.ItemAnswer`."""

    source: str
    encounter: str
    recorded_by: tuple[str, ...]
    flags: tuple[str, ...]


def origin_of(member: Member) -> Origin:
    """Who recorded the answers in a resource, during which encounter, and how well they are dated."""
    _, kind, resource = member
    asked = kind == "QuestionnaireResponse"
    return Origin(
        source="questionnaire" if asked else "observation",
        encounter=reference_of(resource.get("encounter")),
        recorded_by=references_of(resource.get("author" if asked else "performer")),
        flags=() if asked or not only_issued(resource) else ("issued-only",),
    )


def item_answer(answer: Answer, origin: Origin) -> ItemAnswer:
    """An answer on an instrument of outcome as a fact."""
    return ItemAnswer(
        instrument=answer.instrument.id,
        item=answer.item,
        day=answer.day,
        reference=answer.reference,
        value=answer.value,
        order=answer.order,
        group=answer.group,
        source=origin.source,
        encounter=origin.encounter,
        recorded_by=origin.recorded_by,
        flags=origin.flags,
    )


def _coded(element: Json, measure: Measure) -> CodedAnswer | None:
    """The answer of the knowledge that a code, a display, a written word or a plain yes or no stands for."""
    concept = concept_of(element.get("valueCodeableConcept") or element.get("valueCoding"))
    codes = {plain_code(coding.code) for coding in concept.codings if coding.code}
    words = {name.casefold() for name in (*concept.names, text(element.get("valueString"))) if name}
    truth = element.get("valueBoolean")
    if isinstance(truth, bool):
        words.add(_BOOLEAN[truth])
    by_code = [answer for answer in measure.answers if plain_code(answer.code.code) in codes]
    by_word = [answer for answer in measure.answers if answer.meaning.casefold() in words]
    found = by_code or by_word
    return found[0] if len({(answer.meaning, _score(answer)) for answer in found}) == 1 else None


def _score(answer: CodedAnswer) -> float | None:
    return answer.score.on(date.max).amount if answer.score is not None else None


def _limits(measure: Measure, number: int) -> tuple[float, float] | None:
    own = next((item.range for item in measure.items if item.number == number), None)
    dated: DatedRange | None = own or measure.item_range
    if dated is None:
        return None
    limits = dated.values[max(dated.values)]
    return limits.low, limits.high
