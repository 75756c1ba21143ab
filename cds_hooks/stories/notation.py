"""From a story in sentences to FHIR resources.

A story is a mapping of lists of lines (`medication_lines`, `exact_elements`, `clinical_lines`, `lab_lines` and
`measure_lines` say what they hold), with dates as day offsets from day 0, so that one story can be told of any date::

    patient: {age: 40, sex: female}
    as_of: 190
    medications: ["sertraline 100 mg daily, dispensed 3x30 on day 0"]
    scores: [phq9 18 on day 0, phq9 16 on day 75]

What a story does not mention is not recorded. Outside the notation nothing is guessed: an unreadable line
raises and names what would have been accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from cds_hooks.fhir_writer import Resource, kept, patient
from cds_hooks.stories.clinical_lines import (
    write_allergy,
    write_condition,
    write_measurement,
    write_procedure,
    write_score,
)
from cds_hooks.stories.exact_elements import sentence_of, with_exact_elements
from cds_hooks.stories.lab_lines import write_lab
from cds_hooks.stories.measure_lines import write_answers, write_scale, write_vital
from cds_hooks.stories.medication_lines import read_medication
from cds_hooks.stories.medication_records import write_medication
from cds_hooks.stories.sentences import Scene, UnreadableLineError
from mappings.load import Knowledge

UNSAID: Mapping[str, Any] = {"age": 40, "sex": "female", "family": "Example", "given": "Synthetic"}
HALF_A_YEAR = timedelta(days=182)

Writer = Callable[[object, Scene], list[Resource]]


def _medication(line: object, scene: Scene) -> list[Resource]:
    return with_exact_elements(line, write_medication(read_medication(sentence_of(line), scene), scene), scene)


SECTIONS: Mapping[str, Writer] = {
    "conditions": write_condition,
    "medications": _medication,
    "scores": write_score,
    "measurements": write_measurement,
    "labs": write_lab,
    "answers": write_answers,
    "scales": write_scale,
    "vitals": write_vital,
    "procedures": write_procedure,
    "allergies": write_allergy,
}


def write_story(story: Mapping[str, Any], *, day_zero: date, patient_id: str, knowledge: Knowledge) -> list[Resource]:
    """All resources of one story, the patient first. `story["as_of"]` is the day on which it is told.

    Raises UnreadableLineError for anything that the notation does not know.
    """
    known = {"patient", "as_of", *SECTIONS}
    if unknown := sorted(set(story) - known):
        raise UnreadableLineError(dict.fromkeys(story, "..."), unknown[0], f"the sections {', '.join(sorted(known))}")
    as_of = story.get("as_of")
    if not isinstance(as_of, int):
        raise UnreadableLineError(as_of, "as_of", "the day offset on which the story is told")
    scene = Scene(patient_id, day_zero, knowledge)
    resources = [_patient(story.get("patient") or {}, scene, scene.day(as_of))]
    for section, write in SECTIONS.items():
        lines = story.get(section, ())
        if isinstance(lines, str) or not isinstance(lines, Sequence):
            raise UnreadableLineError(lines, section, "a list of lines")
        for line in lines:
            resources += write(line, scene)
    return resources


def _patient(said: Mapping[str, Any], scene: Scene, as_of: date) -> Resource:
    if unknown := sorted(set(said) - {*UNSAID, "born"}):
        raise UnreadableLineError(dict(said), unknown[0], f"{', '.join(UNSAID)}, born")
    is_ = {**UNSAID, **said}
    last_birthday = as_of - HALF_A_YEAR
    written = patient(
        id_=scene.patient_id,
        birth=last_birthday.replace(year=last_birthday.year - int(is_["age"]), day=min(last_birthday.day, 28)),
        sex=is_["sex"],
        family=is_["family"],
        given=is_["given"],
    )
    # `born` is the birth date as the record has it, whole or in part; empty for none at all.
    return kept(**{**written, "birthDate": said["born"]}) if "born" in said else written
