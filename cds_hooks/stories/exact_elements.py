"""Lines with exact elements: what the shorthand has no word for, said as FHIR has it.

Instead of a sentence a medication may be a mapping of the sentence under ``line`` and, for each kind of record that the
sentence writes, the elements that stand in those records as given, in place of what the sentence would write::

    line: venlafaxine er 75 mg, quantity 60, dispensed 30 on day 90
    dispense: {whenHandedOver: null, whenPrepared: day 90, daysSupply: null}

The kinds are ``order``, ``dispense``, ``statement`` and ``administration``. An element that is null is left out, and a
text ``day N``, at whatever depth, becomes the date of that day. A list of mappings gives the records of that
kind their elements one by one, in the order written; any that remain stay as the sentence wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cds_hooks.fhir_writer import Resource, kept
from cds_hooks.stories.sentences import DAY, Scene, UnreadableLineError, day_numbers

KINDS: Mapping[str, str] = {
    "order": "MedicationRequest",
    "dispense": "MedicationDispense",
    "statement": "MedicationStatement",
    "administration": "MedicationAdministration",
}
EXACT = f"a mapping of line and any of {', '.join(KINDS)}, each a mapping of elements or a list of such"
_DAY = re.compile(DAY)


def sentence_of(line: object) -> object:
    """The sentence of a line; raises UnreadableLineError for a mapping that has none or says more than it may."""
    if not isinstance(line, Mapping):
        return line
    if "line" not in line or set(line) - {"line", *KINDS}:
        raise UnreadableLineError(dict(line), ", ".join(map(str, line)), EXACT)
    return line["line"]


def with_exact_elements(line: object, resources: Sequence[Resource], scene: Scene) -> list[Resource]:
    """The resources that the sentence of `line` wrote, with the exact elements the line gives them.

    Raises UnreadableLineError for elements of a kind of record that the sentence does not write.
    """
    if not isinstance(line, Mapping):
        return list(resources)
    result = list(resources)
    for kind in set(line) - {"line"}:
        places = [place for place, each in enumerate(result) if each["resourceType"] == KINDS[kind]]
        said = line[kind]
        several = said if isinstance(said, Sequence) and not isinstance(said, str) else [said] * len(places)
        if not places or len(several) > len(places) or not all(isinstance(each, Mapping) for each in several):
            raise UnreadableLineError(dict(line), kind, EXACT)
        for place, elements in zip(places, several, strict=False):
            result[place] = kept(**{**result[place], **_dated(elements, scene)})
    return result


def _dated(value: Any, scene: Scene) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _dated(part, scene) for name, part in value.items()}
    if isinstance(value, str) and _DAY.fullmatch(value):
        return scene.day(day_numbers(value)[0]).isoformat()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_dated(part, scene) for part in value]
    return value
