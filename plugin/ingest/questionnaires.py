"""Rating scales out of a QuestionnaireResponse: item by item, at any depth.

An item is known by its linkId, by its definition, or by a code; which scale it belongs to is
knowledge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import tzinfo

from mappings.schema import Instrument
from plugin.ingest.codings import concept_of
from plugin.ingest.readings import Answer, Total, number_in
from plugin.ingest.resources import Json, code_word, instant_in, objects, text
from plugin.ingest.vocabulary import Role, ScaleCodes

FINISHED = ("completed", "amended")
NOT_FINISHED = "not finished: its status is neither completed nor amended"
_PARTS = re.compile(r"[/#|?]")
_DEPTH_MAX = 30


def read_questionnaire(
    reference: str, resource: Json, scales: ScaleCodes, zone: tzinfo | None
) -> tuple[list[Total], list[Answer]] | str:
    """The totals and item answers of one QuestionnaireResponse, or why it is not used."""
    met = [(roles, item) for item in items_of(resource) if (roles := _roles(item, scales))]
    if not any(role.kind in ("item", "total") for roles, _ in met for role in roles):
        return "another scale than those this version reads" if met else "not a measure this version reads"
    if not code_word(resource.get("status"), FINISHED):
        return NOT_FINISHED
    day, order = instant_in(resource.get("authored"), None)
    if day is None or day.day is None:
        return "the day of the measure is not known"
    totals: list[Total] = []
    answers: list[Answer] = []
    for place, (roles, item) in enumerate(met):
        for role in roles:
            value = _value(item, role.instrument, scored=role.kind == "item")
            if value is None:
                continue
            if role.kind == "total" and _in_range(value, role.instrument):
                totals.append(
                    Total(
                        instrument=role.instrument,
                        value=value,
                        day=day.day,
                        order=order,
                        references=(reference,),
                        group=reference,
                    )
                )
            elif role.kind == "item":
                answers.append(
                    Answer(
                        instrument=role.instrument,
                        item=role.item,
                        value=value,
                        day=day.day,
                        order=order,
                        reference=reference,
                        element=f"{reference}#{place}",
                        group=reference,
                    )
                )
    return totals, answers


def _in_range(value: float, instrument: Instrument) -> bool:
    return instrument.minimum <= value <= instrument.maximum


def items_of(parent: Json, depth: int = 0) -> Iterator[Json]:
    """All items below `parent`: nested groups and items below answers."""
    if depth > _DEPTH_MAX:
        return
    for item in objects(parent.get("item")):
        yield item
        yield from items_of(item, depth + 1)
        for answer in objects(item.get("answer")):
            yield from items_of(answer, depth + 1)


def bare_codes(item: Json) -> Iterator[str]:
    """What an item's linkId and definition may hold as a code, the last part first."""
    for written in (text(item.get("linkId")), text(item.get("definition"))):
        yield from reversed(_PARTS.split(written))


def _roles(item: Json, scales: ScaleCodes) -> tuple[Role, ...]:
    coded = scales.roles(concept_of(item.get("code")).codings)
    if coded:
        return coded
    return next((roles for part in bare_codes(item) if (roles := scales.roles_of_bare(part))), ())


def _value(item: Json, instrument: Instrument, *, scored: bool) -> float | None:
    found = (number_in(answer, instrument, scored=scored) for answer in objects(item.get("answer")))
    return next((value for value in found if value is not None), None)
