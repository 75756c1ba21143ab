"""Lines about laboratory results.

* ``TSH 9.8 mIU/L on day 150``; ``ferritin <5 ug/L on day 3``; ``nortriptyline level 40 ng/mL on day 30``
* with ``range 0.4 to 4.5`` (the laboratory's own, in the unit of the value) and ``status preliminary``
"""

from __future__ import annotations

import re

from cds_hooks.fhir_writer import Resource, concept, kept, observation, quantity
from cds_hooks.stories.sentences import DAY, NUMBER, Scene, UnreadableLineError, clauses, day_numbers
from mappings.domain_schema import Measure
from plugin.ingest.lab_values import plain_unit

LABS = "NAME [< <= > >=]N UNIT on day N, with [range N to N] [status STATUS]"
_LAB = re.compile(rf"(?P<name>.+?) (?P<bound>[<>]=?)?(?P<value>{NUMBER}) (?P<unit>\S+) on (?P<day>{DAY})")
_RANGE = re.compile(rf"range (?P<low>{NUMBER}) to (?P<high>{NUMBER})")
_STATUS = re.compile(r"status (?P<status>[a-z-]+)")


def write_lab(line: object, scene: Scene) -> list[Resource]:
    """One laboratory observation; a unit that the knowledge knows for the measure is coded, another stays text."""
    text, *rest = clauses(line)
    found = _LAB.fullmatch(text)
    measure = _measure(scene, found["name"]) if found else None
    if found is None or measure is None:
        names = ", ".join(one.id for one in scene.knowledge.clinical.measures.values() if one.kind == "laboratory")
        raise UnreadableLineError(line, text, f"{LABS}; NAME is {names}")
    status, limits = "final", None
    unit, coded = found["unit"], _ucum(measure, found["unit"])
    for part in rest:
        if said := _STATUS.fullmatch(part):
            status = said["status"]
        elif said := _RANGE.fullmatch(part):
            limits = {end: quantity(float(said[end]), unit, ucum=coded) for end in ("low", "high")}
        else:
            raise UnreadableLineError(line, part, LABS)
    value = quantity(float(found["value"]), unit, ucum=coded)
    written = observation(
        id_=scene.new_id("lab"),
        patient_id=scene.patient_id,
        code=concept(scene.coded(measure.codes[0].system, measure.codes[0].code), text=measure.label),
        day=scene.day(day_numbers(found["day"])[0]),
        value=kept(**value, comparator=found["bound"]),
        category="laboratory",
        status=status,
    )
    return [written | kept(referenceRange=[limits] if limits else [])]


def _measure(scene: Scene, name: str) -> Measure | None:
    """The laboratory measure called by its id or its label, hyphens and letter case aside."""
    plain = _plain(name)
    known = scene.knowledge.clinical.measures.values()
    return next((m for m in known if m.kind == "laboratory" and plain in (_plain(m.id), _plain(m.label))), None)


def _plain(name: str) -> str:
    return name.lower().replace("-", " ")


def _ucum(measure: Measure, unit: str) -> str:
    known = (measure.unit or "", *(conversion.unit for conversion in measure.conversions))
    return next((one for one in known if plain_unit(one) == plain_unit(unit)), "")
