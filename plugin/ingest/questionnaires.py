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
from plugin.ingest.resources import ClosedList, Json, instant_in, objects, text
from plugin.ingest.vocabulary import Role, ScaleCodes

FINISHED = ClosedList("completed", "amended")
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
    if not FINISHED.word(resource.get("status")):
        return NOT_FINISHED
    day, order = instant_in(resource.get("authored"), None)
    if day is None or day.day is None:
        return "the day of the measure is not known"
    totals: list[Total] = []
    answers: list[Answer] = []
    for place, (roles, item) in enumerate(met):
        for role in roles:
            value = _value(item, role)
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
        if "item" in item:
            yield from items_of(item, depth + 1)
        for answer in objects(item.get("answer")):
            if "item" in answer:
                yield from items_of(answer, depth + 1)


def bare_codes(item: Json) -> Iterator[str]:
    """What an item's linkId and definition may hold as a code, the last part first."""
    for written in (text(item.get("linkId")), text(item.get("definition"))):
        if written:
            yield from reversed(_PARTS.split(written))


def _roles(item: Json, scales: ScaleCodes) -> tuple[Role, ...]:
    coded = scales.roles(concept_of(item.get("code")).codings)
    if coded:
        return coded
    for part in bare_codes(item):
        if roles := scales.roles_of_bare(part):
            return roles
    return ()


def _value(item: Json, role: Role) -> float | None:
    for answer in objects(item.get("answer")):
        value = number_in(answer, role)
        if value is not None:
            return value
    return None
